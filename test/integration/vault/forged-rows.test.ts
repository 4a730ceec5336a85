import { createHash, randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { canonicalJson } from "../../../src/crypto/canonical-json.ts";
import { newRecipientKeyPair } from "../../../src/crypto/enclosure.ts";
import type { Custodian } from "../../../src/custody/custodian.ts";
import type { Database } from "../../../src/database/open.ts";
import { transact } from "../../../src/database/transact.ts";
import { submit } from "../../../src/ledger/submit.ts";
import { approveClassification, proposeClassification } from "../../../src/vault/classification.ts";
import { makeGrant } from "../../../src/vault/grant.ts";
import { releaseEnclosed } from "../../../src/vault/release.ts";
import { createRepository } from "../../../src/vault/repository.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { releaseStream } from "../../../src/vault/stream.ts";
import { sweep } from "../../../src/vault/sweep.ts";
import { secondsAfter } from "../../../src/vault/vault.ts";
import { type Cast, license, model, stage, unitedStates } from "../../support/actors.ts";
import { openMemory } from "../../support/database.ts";
import { entriesOf } from "../../support/ledger.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

let t: TestVault;
let cast: Cast;
let database: Database;
const custodian = { beforeUnwrap: async (_context: unknown): Promise<void> => {} };

beforeEach(async () => {
  custodian.beforeUnwrap = async () => {};
  database = await openMemory();
  t = await startVault({
    database,
    limits: { releaseMinutes: 1_440 },
    wrap: (adapters) => ({ ...adapters, custodian: watched(adapters.custodian) }),
  });
  cast = await stage(t.vault, { bytes: Buffer.from("the weights") });
});
afterEach(async () => {
  await t.stop();
  await database.close();
});

function watched(real: Custodian): Custodian {
  return {
    keyId: real.keyId,
    generate: async (context) => real.generate(context),
    wrap: async (key, context) => real.wrap(key, context),
    check: async () => real.check(),
    unwrap: async (wrapped, context, kek) => {
      await custodian.beforeUnwrap(context);
      return real.unwrap(wrapped, context, kek);
    },
    rewrap: async (wrapped, context, kek) => real.rewrap(wrapped, context, kek),
    renew: async () => real.renew(),
  };
}

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

async function readAll(source: AsyncIterable<Buffer>): Promise<number> {
  let bytes = 0;
  for await (const piece of source) bytes += piece.length;
  return bytes;
}

/** An EAR99 repository of its own, with a grant for the visitor, who needs a license for the model. */
async function openSideDoor() {
  const side = { namespace: "lab", name: "side" };
  const { repository } = await createRepository(t.vault, cast.job.caller, side);
  const { classification } = await proposeClassification(t.vault, cast.first.caller, side, {
    jurisdiction: "EAR",
    eccn: "EAR99",
    paragraph: null,
    basis: "counsel",
    datasheet: {},
  });
  await approveClassification(t.vault, cast.second.caller, side, classification);
  const now = t.vault.now();
  await makeGrant(t.vault, cast.first.caller, {
    ...side,
    principal: cast.visitor.principal,
    purpose: "side",
    validFrom: now,
    validUntil: secondsAfter(now, 9_999),
    bytesAllowed: null,
  });
  const { manifest } = await database.db
    .selectFrom("revision")
    .select("manifest")
    .executeTakeFirstOrThrow();
  const forged = canonicalJson({ ...JSON.parse(manifest.toString("utf8")), repository });
  const digest = createHash("sha256").update(forged).digest("hex");
  return { side, repository, forged, digest, id: digest.slice(0, 40) };
}

test("a revision slipped into another repository releases nothing of the first", async () => {
  const { side, repository, forged, id } = await openSideDoor();
  const { submission } = await database.db
    .selectFrom("revision")
    .select("submission")
    .executeTakeFirstOrThrow();
  await database.db
    .insertInto("revision")
    .values({
      repository,
      id,
      parent: null,
      manifest: forged,
      created_by: cast.job.principal,
      created_at: t.vault.now(),
      submission,
    })
    .execute();
  await database.db
    .updateTable("repository")
    .set({ head: id })
    .where("id", "=", repository)
    .execute();
  await expect(enclosed(cast.visitor.caller, side)).rejects.toMatchObject(tampered);
});

test("not even with an entry of its own: the custodian's context is the repository that was decided on", async () => {
  const { side, repository, forged, digest, id } = await openSideDoor();
  await transact(database.db, async (tx) => {
    const submission = await submit(tx, {
      kind: "revision.committed",
      subject: repository,
      time: t.vault.now(),
      body: { repository, revision: id, manifest: digest, parent: null },
    });
    await tx
      .insertInto("revision")
      .values({
        repository,
        id,
        parent: null,
        manifest: forged,
        created_by: cast.job.principal,
        created_at: t.vault.now(),
        submission,
      })
      .execute();
  });
  await database.db
    .updateTable("repository")
    .set({ head: id })
    .where("id", "=", repository)
    .execute();
  await expect(enclosed(cast.visitor.caller, side)).rejects.toMatchObject({
    code: "wrapped_key_rejected",
  });
});

test("another's live release, made to look like one's own, opens no stream", async () => {
  const denied = await releaseStream(t.vault, cast.visitor.caller, file);
  const mine = await database.db
    .selectFrom("release")
    .select("reuse_key")
    .where("id", "=", denied.decided?.release ?? "")
    .executeTakeFirstOrThrow();
  const theirs = await releaseStream(t.vault, cast.reader.caller, file);
  await database.db
    .updateTable("release")
    .set({ reuse_key: mine.reuse_key })
    .where("id", "=", theirs.stream?.release ?? "")
    .execute();
  await expect(releaseStream(t.vault, cast.visitor.caller, file)).rejects.toMatchObject(tampered);
});

test("a release that has ended, or whose time is over, is not revived by its row", async () => {
  const first = await releaseStream(t.vault, cast.reader.caller, file);
  await readAll(
    first.stream?.read({ start: 0, end: cast.bytes.length }) ?? (async function* () {})(),
  );
  const revive = async () =>
    database.db
      .updateTable("release")
      .set({ state: "opening", outcome: null, expires_at: secondsAfter(t.vault.now(), 9_999) })
      .where("id", "=", first.stream?.release ?? "")
      .execute();
  await revive();
  const again = await releaseStream(t.vault, cast.reader.caller, file);
  expect(again.stream?.release).not.toBe(first.stream?.release);
});

test("a checkpoint row that nobody signed covers nothing, and no byte leaves under it", async () => {
  const sent = async () => {
    const { stream } = await releaseStream(t.vault, cast.reader.caller, file);
    return await readAll(stream?.read({ start: 0, end: 5 }) ?? (async function* () {})());
  };
  await entriesOf(database);
  const forged = {
    size: 1_000_000n,
    root: Buffer.alloc(32),
    note: "forged",
    fence: 1n,
    signed_at: t.vault.now(),
  };
  await database.db.insertInto("ledger_checkpoint").values(forged).execute();
  await expect(sent()).rejects.toMatchObject({
    status: expect.any(Number),
    code: expect.stringMatching(/record_tampered|ledger_unavailable/),
  });
});

test("a grant revoked while the custodian is slow stops the keys, and the ledger shows no delivery after it", async () => {
  const { id } = await database.db
    .selectFrom("grant")
    .select("id")
    .where("principal", "=", cast.reader.principal)
    .executeTakeFirstOrThrow();
  custodian.beforeUnwrap = async (context) => {
    if (!JSON.stringify(context).includes("weightvault:object")) return;
    custodian.beforeUnwrap = async () => {};
    await changeStanding(t.vault, cast.first.caller, { noun: "grant", id, change: "revoked" });
  };
  await expect(enclosed(cast.reader.caller)).rejects.toMatchObject({
    code: "release_stopped",
    status: 403,
  });
  const kinds = (await entriesOf(database)).map(({ kind }) => kind).slice(-3);
  expect(kinds).toEqual(["release.allowed", "grant.revoked", "release.failed"]);
});

test("a counter of uses that was set back is seen, and keeps the sweeper from nothing", async () => {
  const id = await license(t.vault, cast, { persons: [cast.visitor.person], releasesAllowed: 1 });
  const first = await releaseStream(t.vault, cast.visitor.caller, file);
  await database.db.updateTable("license").set({ releases_used: 0 }).where("id", "=", id).execute();
  await expect(enclosed(cast.visitor.caller)).rejects.toMatchObject(tampered);
  const other = await releaseStream(t.vault, cast.reader.caller, file);
  t.clock.advance({ seconds: 3_600 });
  await sweep(t.vault);
  const states = await database.db
    .selectFrom("release")
    .select(["id", "state"])
    .where("id", "in", [first.stream?.release ?? "", other.stream?.release ?? ""])
    .execute();
  expect(states.map(({ state }) => state)).toEqual(["abandoned", "abandoned"]);
});

test("a stream does not go on under another license than the one whose use was counted", async () => {
  const first = await license(t.vault, cast, {
    persons: [cast.visitor.person],
    validUntil: "2026-11-23",
  });
  await license(t.vault, cast, { persons: [cast.visitor.person], validUntil: "2027-11-24" });
  const { stream } = await releaseStream(t.vault, cast.visitor.caller, file);
  const counted = await database.db.selectFrom("release_license").select("license").execute();
  expect(counted).toEqual([{ license: first }]);
  t.clock.at = new Date("2026-11-24T00:30:00.000Z");
  await expect(
    readAll(stream?.read({ start: 0, end: 5 }) ?? (async function* () {})()),
  ).rejects.toMatchObject({ code: "release_stopped" });
  expect((await enclosed(cast.visitor.caller)).decided.decision.verdict).toBe("allow");
});

test("a newer denied-party list stops a live release, which is then decided on it", async () => {
  const { stream } = await releaseStream(t.vault, cast.reader.caller, file);
  const screening = t.vault.screening();
  if (screening === null) throw new Error("no list");
  Object.assign(t.vault, {
    screening: () => ({
      ...screening,
      list: { ...screening.list, digest: "ff".repeat(32) },
      match: () => [{ source: "DPL", entry: randomUUID() }],
    }),
  });
  await expect(
    readAll(stream?.read({ start: 0, end: 5 }) ?? (async function* () {})()),
  ).rejects.toMatchObject({ code: "release_stopped" });
  expect((await enclosed(cast.reader.caller)).decided.decision.verdict).toBe("deny");
});
