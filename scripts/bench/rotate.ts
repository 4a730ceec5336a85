import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { Secret } from "../../src/crypto/secret.ts";
import { loadCryptoki } from "../../src/custody/cryptoki.ts";
import type { Custodian } from "../../src/custody/custodian.ts";
import { openPkcs11Custodian } from "../../src/custody/pkcs11-custodian.ts";
import { makeKeys } from "../../src/custody/pkcs11-provision.ts";
import { Pkcs11Token } from "../../src/custody/pkcs11-token.ts";
import { openSoftCustodian } from "../../src/custody/soft-custodian.ts";
import { migrate } from "../../src/database/migrate.ts";
import { type Database, openPglite } from "../../src/database/open.ts";
import { transact } from "../../src/database/transact.ts";
import { submit } from "../../src/ledger/submit.ts";
import { personContext } from "../../src/vault/person.ts";
import { type Rewrapper, rewrapKeys } from "../../src/vault/rewrap.ts";
import { configureSoftHsm, findSoftHsm, makeToken } from "../../test/support/softhsm.ts";
import { type Figure, figure, type Measurement } from "./measure.ts";
import { type Resources, temporaryFolder } from "./resources.ts";

const migrations = fileURLToPath(new URL("../../migrations", import.meta.url));
const keys = 5_000;

type Rotatable = { readonly older: Custodian; readonly newer: Custodian };

/** Keys a second that a whole pass re-wraps, database and all, against the custodian's re-wraps alone: with the soft key, and with SoftHSM where it and pkcs11js are built. */
export async function rotate(
  measurement: Measurement,
  resources: Resources,
): Promise<readonly Figure[]> {
  const folder = await temporaryFolder(resources);
  const figures = [await measure("rotate", await softKeys(folder), measurement, resources)];
  const token = await softHsmKeys(folder, resources);
  if (typeof token === "string") measurement.progress(`  rotate-softhsm is left out: ${token}`);
  else figures.push(await measure("rotate-softhsm", token, measurement, resources));
  return figures;
}

async function measure(
  name: string,
  { older, newer }: Rotatable,
  { scale, progress }: Measurement,
  resources: Resources,
): Promise<Figure> {
  const count = Math.max(100, Math.round(keys * scale));
  const database = await openPglite({ folder: null });
  await resources.keep(async () => await database.close());
  await migrate(database, migrations);
  const wraps = await fill(database, older, count);
  await begin(database, newer);
  const alone = await rateOf(count, async () => {
    for (let at = 0; at < wraps.length; at += 16)
      await Promise.all(
        wraps
          .slice(at, at + 16)
          .map(({ id, wrapped }) => newer.rewrap(wrapped, personContext(id), older.keyId)),
      );
  });
  const vault: Rewrapper = {
    database,
    custodian: newer,
    ledger: { wake: () => {} } as Rewrapper["ledger"],
    now: () => new Date(),
    node: "bench",
    limits: { rewrapsPerSecond: 100_000, backupRetentionDays: 0 } as Rewrapper["limits"],
  };
  const pass = await rateOf(count, async () => {
    const { rewrapped, isFinished } = await rewrapKeys(vault);
    if (rewrapped !== count || !isFinished)
      throw new Error(`the pass re-wrapped ${rewrapped} of ${count}`);
  });
  progress(`  ${name}: a pass ${pass.toFixed(0)} keys/s, the custodian alone ${alone.toFixed(0)}`);
  return figure(name, "keys/s", { value: pass, baseline: alone });
}

async function rateOf(count: number, work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return count / ((performance.now() - startedAt) / 1_000);
}

/** Persons with keys of their own, as bare as the schema lets them be. */
async function fill(database: Database, older: Custodian, count: number) {
  const wraps: { readonly id: string; readonly wrapped: Buffer }[] = [];
  using dataKey = new Secret(Buffer.alloc(32, 7));
  for (let made = 0; made < count; made += 1) {
    const id = randomUUID();
    wraps.push({ id, wrapped: (await older.wrap(dataKey, personContext(id))).wrapped });
  }
  await transact(database.db, async (tx) => {
    const time = new Date();
    const submission = await submit(tx, { kind: "person.recorded", time, body: {} });
    for (let at = 0; at < wraps.length; at += 500)
      await tx
        .insertInto("person")
        .values(
          wraps.slice(at, at + 500).map(({ id, wrapped }) => ({
            id,
            state: "active" as const,
            version: 1,
            facts: Buffer.alloc(64),
            wrapped_key: wrapped,
            custodian_key: older.keyId,
            commitment: Buffer.alloc(32),
            submission,
            created_at: time,
          })),
        )
        .execute();
  });
  return wraps;
}

async function begin(database: Database, { keyId }: Custodian): Promise<void> {
  const id = randomUUID();
  await sql`insert into principal (id, issuer, subject, person, created_at)
    select ${id}::uuid, 'bench', 'bench', id, now() from person limit 1`.execute(database.db);
  await sql`insert into custody_rotation (id, kek, state, begun_by, begun_at, digest, submission)
    select ${randomUUID()}::uuid, ${keyId}, 'running', ${id}::uuid, now(), ${Buffer.alloc(32)}, max(id) from ledger_submission`.execute(
    database.db,
  );
}

async function softKeys(folder: string): Promise<Rotatable> {
  const options = { file: join(folder, "kek"), mayMake: true, environment: "development" };
  const older = await openSoftCustodian(options);
  const newer = await openSoftCustodian(options);
  await newer.renew();
  return { older, newer };
}

/** Or why there is none. */
async function softHsmKeys(folder: string, resources: Resources): Promise<Rotatable | string> {
  const found = findSoftHsm(folder);
  if ("absent" in found) return found.absent;
  process.env["SOFTHSM2_CONF"] = await configureSoftHsm(folder);
  try {
    const cryptoki = await loadCryptoki(found.library);
    const { label, pinFile } = await makeToken(found, "bench");
    const token = new Pkcs11Token({
      ...{ cryptoki, label, pinFile, slot: null, sessions: 16, timeoutMs: 10_000 },
    });
    await resources.keep(async () => await token.close());
    for (const wrapping of ["kek", "kek-2"]) await makeKeys(token, { wrapping, signing: null });
    return {
      older: await openPkcs11Custodian({ token, keyLabel: "kek" }),
      newer: await openPkcs11Custodian({ token, keyLabel: "kek-2", unwrapLabels: ["kek"] }),
    };
  } catch (error) {
    return Error.isError(error) ? error.message : String(error);
  }
}
