import { createHash, randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { canonicalJson } from "../../../src/crypto/canonical-json.ts";
import { newRecipientKeyPair } from "../../../src/crypto/enclosure.ts";
import { Secret } from "../../../src/crypto/secret.ts";
import type { Database } from "../../../src/database/open.ts";
import { authenticate } from "../../../src/identity/authenticate.ts";
import { initialize, trade } from "../../../src/vault/bootstrap.ts";
import { approveClassification, proposeClassification } from "../../../src/vault/classification.ts";
import { releaseEnclosed } from "../../../src/vault/release.ts";
import { createRepository } from "../../../src/vault/repository.ts";
import { commitmentOf } from "../../../src/vault/row.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { releaseStream } from "../../../src/vault/stream.ts";
import { revokeToken } from "../../../src/vault/token.ts";
import { secondsAfter } from "../../../src/vault/vault.ts";
import { type Cast, license, model, stage, unitedStates, usPerson } from "../../support/actors.ts";
import { openMemory } from "../../support/database.ts";
import { entriesOf } from "../../support/ledger.ts";
import { until } from "../../support/until.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

let t: TestVault;
let cast: Cast;
let database: Database;

beforeEach(async () => {
  database = await openMemory();
  t = await startVault({ database });
  cast = await stage(t.vault, { bytes: Buffer.from("the weights") });
});
afterEach(async () => {
  await t.stop();
  await database.close();
});

const tampered = { code: "record_tampered", status: 500 };
const file = { ...model, revision: "main", path: "weights.safetensors", destination: unitedStates };

async function enclosed(caller: Cast["reader"]["caller"], repository = model) {
  const { publicKey } = await newRecipientKeyPair();
  return releaseEnclosed(t.vault, caller, {
    ...repository,
    revision: "main",
    paths: null,
    way: "enclosed",
    recipientKey: publicKey,
    destination: unitedStates,
  });
}

async function verdictOf(caller: Cast["reader"]["caller"]) {
  return (await enclosed(caller)).decided.decision.verdict;
}

async function openedStream() {
  const { stream } = await releaseStream(t.vault, cast.reader.caller, file);
  if (stream === null) throw new Error("the reader's release was not allowed");
  return stream;
}

async function textOf(source: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const piece of source) text += piece.toString("utf8");
  return text;
}

async function readersGrant() {
  return await database.db
    .selectFrom("grant")
    .selectAll()
    .where("principal", "=", cast.reader.principal)
    .executeTakeFirstOrThrow();
}

async function revokeGrant(id: string): Promise<void> {
  await changeStanding(t.vault, cast.first.caller, { noun: "grant", id, change: "revoked" });
}

/** What a submission of the reinstatement would say, without the row by which the sequencer would find it. */
async function slipIn(grant: Awaited<ReturnType<typeof readersGrant>>): Promise<void> {
  const commitment = commitmentOf("grant", grant).toString("hex");
  const body = canonicalJson({ grant: grant.id, state: "active", version: 3, commitment });
  await database.db
    .insertInto("ledger_submission")
    .values({ kind: "grant.reinstated", subject: grant.id, time: t.vault.now(), body })
    .execute();
  await database.db
    .updateTable("grant")
    .set({ state: "active", version: 3 })
    .where("id", "=", grant.id)
    .execute();
}

test("a revoked grant is not put back by a submission that nobody will see", async () => {
  const grant = await readersGrant();
  await revokeGrant(grant.id);
  await slipIn(grant);
  await expect(enclosed(cast.reader.caller)).rejects.toMatchObject(tampered);
});

test("a submission that is neither pending nor entered stops the ledger, until it is gone", async () => {
  await slipIn(await readersGrant());
  await until(async () => {
    const refused = await t.ledger.check().then(
      () => null,
      (error: { readonly code?: string }) => error.code,
    );
    return refused === "record_tampered";
  });
});

test("a revocation whose pending row was deleted stops the grant all the same", async () => {
  const grant = await readersGrant();
  await t.ledger.stop();
  await revokeGrant(grant.id);
  await sql`delete from ledger_pending`.execute(database.db);
  await database.db
    .updateTable("grant")
    .set({ state: "active", version: 1 })
    .where("id", "=", grant.id)
    .execute();
  await expect(enclosed(cast.reader.caller)).rejects.toMatchObject(tampered);
});

test("another secret put behind a token opens nothing, for a reader or an officer", async () => {
  for (const { token } of [cast.reader.caller, cast.second.caller]) {
    const mine = `wv_${randomBytes(32).toString("base64url")}`;
    const hash = createHash("sha256").update(mine).digest();
    await database.db.updateTable("token").set({ hash }).where("id", "=", token).execute();
    const caller = await authenticate(database.db, mine, t.vault.now());
    await expect(enclosed(caller)).rejects.toMatchObject(tampered);
    await expect(releaseStream(t.vault, caller, file)).rejects.toMatchObject(tampered);
    await expect(
      changeStanding(t.vault, caller, {
        noun: "grant",
        id: (await readersGrant()).id,
        change: "revoked",
      }),
    ).rejects.toMatchObject(tampered);
  }
});

test("a token's entry tells no hash by which its row could be found", async () => {
  const issued = (await entriesOf(database)).filter(({ kind }) => kind === "token.issued");
  const rows = await database.db.selectFrom("token").select("hash").execute();
  expect(issued).toHaveLength(rows.length);
  for (const { hash } of rows) expect(JSON.stringify(issued)).not.toContain(hash.toString("hex"));
});

test("a superseded classification is not put back in force", async () => {
  for (const eccn of ["EAR99", "4E091"]) {
    const { classification } = await proposeClassification(t.vault, cast.first.caller, model, {
      jurisdiction: "EAR",
      eccn,
      paragraph: null,
      basis: "self",
      datasheet: {},
    });
    await approveClassification(t.vault, cast.second.caller, model, classification);
  }
  expect(await verdictOf(cast.visitor.caller)).toBe("deny");
  await sql`update classification set state = 'superseded' where state = 'approved'`.execute(
    database.db,
  );
  await sql`update classification set state = 'approved' where eccn = 'EAR99'`.execute(database.db);
  await expect(enclosed(cast.visitor.caller)).rejects.toMatchObject(tampered);
});

test("a repository that was renamed behind the vault takes no other's license", async () => {
  const small = { namespace: "lab", name: "small" };
  await createRepository(t.vault, cast.job.caller, small);
  const scope = { repositories: ["lab/small"] };
  await license(t.vault, cast, { persons: [cast.visitor.person], scope });
  await sql`update repository set name = 'away' where name = 'small'`.execute(database.db);
  await sql`update repository set name = 'small' where name = 'model'`.execute(database.db);
  await expect(enclosed(cast.visitor.caller, small)).rejects.toMatchObject(tampered);
});

test("a bootstrap token made again in the database makes nobody an officer", async () => {
  const text = `wvb_${randomBytes(32).toString("base64url")}`;
  const hash = createHash("sha256").update(text).digest();
  await database.db.updateTable("bootstrap_token").set({ used_at: null, hash }).execute();
  const traded = trade(t.vault, {
    bootstrapToken: new Secret(Buffer.from(text)),
    facts: usPerson,
    expiresAt: secondsAfter(t.vault.now(), 86_400),
  });
  await expect(traded).rejects.toMatchObject(tampered);
  expect(await initialize(t.vault)).toBeNull();
});

test("a live stream does not outlive its grant's revocation, whatever the grant's row says afterwards", async () => {
  const grant = await readersGrant();
  const stream = await openedStream();
  await revokeGrant(grant.id);
  await database.db
    .updateTable("grant")
    .set({ state: "active", version: grant.version, submission: grant.submission })
    .where("id", "=", grant.id)
    .execute();
  await expect(textOf(stream.read({ start: 0, end: 5 }))).rejects.toMatchObject({
    code: "release_stopped",
  });
});

test("nor by a release row that names no grant", async () => {
  const grant = await readersGrant();
  const stream = await openedStream();
  await revokeGrant(grant.id);
  await database.db
    .updateTable("release")
    .set({ grant: null })
    .where("id", "=", stream.release)
    .execute();
  await expect(textOf(stream.read({ start: 0, end: 5 }))).rejects.toMatchObject({
    code: "release_stopped",
  });
});

test("nor its token's revocation, whatever the token's row says afterwards", async () => {
  const stream = await openedStream();
  expect(await textOf(stream.read({ start: 0, end: 3 }))).toBe("the");
  await revokeToken(t.vault, cast.first.caller, cast.reader.caller.token);
  await database.db
    .updateTable("token")
    .set({ revoked_at: null })
    .where("id", "=", cast.reader.caller.token)
    .execute();
  await expect(textOf(stream.read({ start: 0, end: 5 }))).rejects.toMatchObject({
    code: "release_stopped",
  });
});

test("a counted license is counted from what was submitted, and not from rows that can be deleted", async () => {
  const id = await license(t.vault, cast, { persons: [cast.visitor.person], releasesAllowed: 1 });
  expect(await verdictOf(cast.visitor.caller)).toBe("allow");
  expect(await verdictOf(cast.visitor.caller)).toBe("deny");
  await sql`alter table release_license disable trigger append_only`.execute(database.db);
  await sql`delete from release_license`.execute(database.db);
  await sql`update license set releases_used = 0 where id = ${id}`.execute(database.db);
  await expect(enclosed(cast.visitor.caller)).rejects.toMatchObject(tampered);
});
