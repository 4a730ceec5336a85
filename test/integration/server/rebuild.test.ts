import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { openPglite, openPostgres } from "../../../src/database/open.ts";
import { folderSource } from "../../../src/ledger/source-folder.ts";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { parseNote } from "../../../src/merkle/note.ts";
import { weightvault } from "../../e2e/command.ts";
import { createBareDatabase, hasPostgres } from "../../support/database.ts";
import { bodiesOf, storedLedger, verified } from "../../support/ledger.ts";
import { submitMany } from "../../support/log.ts";
import { startTestServer } from "../../support/server.ts";
import { unsignedStamp } from "../../support/timestamp/unsigned.ts";
import { anyPlace, bootstrapTokenIn, embeddedPlace, tell } from "./served.ts";

const stampedAt = new Date("2026-11-23T09:00:00.000Z");

test("the ledger of a vault whose database is lost is made again by the command, from what the server published alone, and keeps its vault's identity and its one first entry", async () => {
  await using lost = await anyPlace();
  const server = await startTestServer(lost);
  const { verificationKey: key } = server;
  await tell(server.url, await server.bootstrapToken());
  await server.stop();
  const published = join(lost.folder, "store", "blobs", "ledger");
  const before = await verifyLedger(folderSource(published), { verificationKey: key });
  expect(before).toMatchObject({ verified: true, findings: [] });

  await using empty = await embeddedPlace();
  const bare = hasPostgres ? await createBareDatabase() : null;
  const env = { ...empty.env, ...(bare === null ? {} : { DATABASE_URL: bare.url }) };
  try {
    // The store that the settings name is empty as well, and has nothing to make a ledger from.
    const rebuild = async (...from: readonly string[]) =>
      await weightvault(["ledger", "rebuild", ...from, "--ledger-key", key, "--json"], { env });
    expect((await rebuild()).code).toBe(5);
    // A certificate that timestamps are to be held to is one, or nothing is rebuilt.
    const none = join(empty.folder, "authority.pem");
    await writeFile(none, "no PEM");
    const held = await rebuild("--from", published, "--timestamp-certificate", none);
    expect(JSON.parse(held.stdout)).toMatchObject({
      code: "failed",
      detail: expect.stringContaining(`${none} holds no certificate in PEM`),
    });
    const made = await rebuild("--from", published);
    expect({ code: made.code, said: JSON.parse(made.stdout) }).toEqual({
      code: 0,
      said: {
        size: before.size,
        rootHex: before.rootHex,
        timestamps: { kept: 0, refused: 0, unvouched: 0, unread: 0, isCut: false, isUntold: false },
      },
    });
    const database =
      bare === null
        ? await openPglite({ folder: join(empty.folder, "database") })
        : openPostgres({ url: bare.url, poolSize: 2 });
    try {
      const source = storedLedger(database);
      expect(await source.checkpoint()).toEqual(await readFile(join(published, "checkpoint")));
      expect(await verifyLedger(source, { verificationKey: key })).toEqual(before);
    } finally {
      await database.close();
    }
    // It is not made over one that is there.
    const twice = await rebuild("--from", published);
    expect([twice.code, JSON.parse(twice.stdout)]).toMatchObject([1, { code: "conflict" }]);
    // Under the same key and beside the same store the ledger goes on.
    for (const name of ["kek", "ledger-key.pem", "store"])
      await cp(join(lost.folder, name), join(empty.folder, name), { recursive: true });
    const again = await startTestServer({ env, folder: empty.folder });
    try {
      const { vault } = again;
      const { db } = vault.database;
      const first = await db.selectFrom("vault").select("id").executeTakeFirstOrThrow();
      const entries = await bodiesOf(vault.database, "vault.initialized");
      expect(entries).toEqual([{ vault: first.id }]);
      await submitMany(vault.database, 1);
      vault.ledger.wake();
      const after = await verified({ vault, verificationKey: key });
      expect(after).toMatchObject({ verified: true, findings: [] });
      expect(after.size).toBeGreaterThan(before.size ?? 0);
    } finally {
      await again.stop();
    }
  } finally {
    await bare?.drop();
  }
});

test("a rebuild from a vault's address brings back every timestamp that it hands an auditor", async () => {
  await using place = await anyPlace();
  const server = await startTestServer(place);
  try {
    const { auditor } = await tell(server.url, await bootstrapTokenIn(place.folder));
    const { db } = server.vault.database;
    const signed = await db.selectFrom("ledger_checkpoint").select(["size", "note"]).execute();
    const stamps = signed.map(({ size, note }) => ({
      size,
      response: unsignedStamp(parseNote(note)?.text ?? "", stampedAt),
      stamped_at: stampedAt,
    }));
    expect(stamps.length).toBeGreaterThan(1);
    await db.insertInto("ledger_timestamp").values(stamps).execute();
    await using empty = await embeddedPlace();
    const bare = hasPostgres ? await createBareDatabase() : null;
    const file = join(empty.folder, "token");
    await writeFile(file, auditor.token, { mode: 0o600 });
    const from = ["--from", `${server.url}/ledger/`, "--token-file", file];
    const env = { ...empty.env, ...(bare === null ? {} : { DATABASE_URL: bare.url }) };
    try {
      const key = ["--ledger-key", server.verificationKey];
      const made = await weightvault(["ledger", "rebuild", ...from, ...key, "--json"], { env });
      const none = { refused: 0, unvouched: 0, unread: 0, isCut: false, isUntold: false };
      expect({ code: made.code, said: JSON.parse(made.stdout) }).toMatchObject({
        code: 0,
        said: { timestamps: { ...none, kept: stamps.length } },
      });
      const database =
        bare === null
          ? await openPglite({ folder: join(empty.folder, "database") })
          : openPostgres({ url: bare.url, poolSize: 2 });
      try {
        const kept = database.db.selectFrom("ledger_timestamp").selectAll().orderBy("size");
        const bySize = stamps.toSorted((one, other) => Number(one.size - other.size));
        expect(await kept.execute()).toEqual(bySize);
      } finally {
        await database.close();
      }
    } finally {
      await bare?.drop();
    }
  } finally {
    await server.stop();
  }
});
