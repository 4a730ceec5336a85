import { rename } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { RefusalCode } from "../../../src/errors.ts";
import { Api } from "../../support/api.ts";
import {
  type ClonedDatabase,
  cloneDatabase,
  describePostgres,
  hasPostgres,
} from "../../support/database.ts";
import { Gate } from "../../support/gate.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";

const green = {
  database: "ok",
  store: "ok",
  custodian: "ok",
  signer: "ok",
  sequencer: "ok",
  screening: "ok",
} as const;

type Checks = Readonly<Record<string, string>>;

async function readyz(server: TestServer): Promise<{ status: number; checks: Checks }> {
  const { status, json } = await new Api(server.url, null).ask("GET", "/readyz");
  return { status, checks: json["checks"] as Checks };
}

/** What readyz says once it says `status`: it goes on saying for a second what it found before. */
async function saying(server: TestServer, status: number): Promise<Checks> {
  await until(async () => (await readyz(server)).status === status);
  return (await readyz(server)).checks;
}

let server: TestServer;
let clone: ClonedDatabase | null = null;
let gate: Gate | null = null;

beforeAll(async () => {
  if (hasPostgres) {
    clone = await cloneDatabase();
    gate = new Gate(clone.url);
    await gate.open();
  }
  server = await startTestServer({ env: gate === null ? {} : { DATABASE_URL: gate.url } });
});
afterAll(async () => {
  await server.stop();
  await gate?.shut();
  await clone?.drop();
});

/** Breaks one part under the running server, which must be the only one that readyz is red about, and puts it back. */
async function expectRed(
  part: keyof typeof green,
  code: RefusalCode,
  { breaks, mends }: { readonly breaks: () => Promise<void>; readonly mends: () => Promise<void> },
): Promise<void> {
  expect(await saying(server, 200)).toEqual(green);
  await breaks();
  try {
    expect(await saying(server, 503)).toEqual({ ...green, [part]: code });
  } finally {
    await mends();
  }
  expect(await saying(server, 200)).toEqual(green);
}

/** A file or folder of the data folder that is away for a time. */
function away(name: string) {
  const [here, there] = [join(server.folder, name), join(server.folder, `${name}.away`)];
  return {
    breaks: async () => await rename(here, there),
    mends: async () => await rename(there, here),
  };
}

test("readyz is red of the custodian while the key that wraps is away", async () => {
  await expectRed("custodian", "custodian_unavailable", away("kek"));
});

test("readyz is red of the signer while the ledger's key is away", async () => {
  await expectRed("signer", "signer_unavailable", away("ledger-key.pem"));
});

test("readyz is red of the store while its folder is away", async () => {
  await expectRed("store", "store_unavailable", away("store"));
});

test("readyz is red of the sequencer while it cannot keep its lease", async () => {
  const { database } = server.vault;
  await expectRed("sequencer", "ledger_unavailable", {
    breaks: async () => {
      await database.runScript(`
        create function refuse_lease() returns trigger language plpgsql as $$ begin raise exception 'no lease'; end $$;
        create trigger no_lease before insert or update on ledger_lease for each row execute function refuse_lease();`);
      server.vault.ledger.wake();
    },
    mends: async () => {
      await database.runScript(
        "drop trigger no_lease on ledger_lease; drop function refuse_lease()",
      );
    },
  });
});

describePostgres("with a database that is a server of its own", () => {
  test("readyz is red of the sequencer while no node holds its lease", async () => {
    const { database } = server.vault;
    await expectRed("sequencer", "ledger_unavailable", {
      // A node that took the lease and stands still: its time is over, and no other gets it.
      breaks: async () => {
        await database.runScript(`
          create function stand_still() returns trigger language plpgsql as $$ begin return null; end $$;
          update ledger_lease set holder = 'another node', fence = fence + 1, expires_at = now() - interval '1 minute';
          create trigger stand_still before insert or update on ledger_lease for each row execute function stand_still();`);
      },
      mends: async () => {
        await database.runScript(
          "drop trigger stand_still on ledger_lease; drop function stand_still()",
        );
        server.vault.ledger.wake();
      },
    });
  });

  test("readyz is red of the database while it is down, and not of what does without it", async () => {
    expect(await saying(server, 200)).toEqual(green);
    await gate?.shut();
    try {
      const { sequencer, ...others } = await saying(server, 503);
      expect({ ...others, sequencer: "ok" }).toEqual({
        ...green,
        database: "database_unavailable",
      });
      // It keeps its lease in the database.
      expect(["ok", "database_unavailable", "ledger_unavailable"]).toContain(sequencer);
    } finally {
      await gate?.open();
    }
    expect(await saying(server, 200)).toEqual(green);
  });
});
