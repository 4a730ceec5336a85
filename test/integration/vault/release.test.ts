import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { newRecipientKeyPair, releaseInfo } from "../../../src/crypto/enclosure.ts";
import { Secret } from "../../../src/crypto/secret.ts";
import { open as openSealed } from "../../../src/floe/open.ts";
import type { Caller } from "../../../src/identity/authenticate.ts";
import { aadOf, objectKey } from "../../../src/vault/object.ts";
import { releaseEnclosed } from "../../../src/vault/release.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { releaseStream } from "../../../src/vault/stream.ts";
import { sweep } from "../../../src/vault/sweep.ts";
import {
  type Cast,
  grant,
  license,
  model,
  sha256,
  stage,
  unitedStates,
} from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { entriesOf, verified } from "../../support/ledger.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

forEachDatabase("a release", (open) => {
  let t: TestVault;
  let cast: Cast;

  beforeAll(async () => {
    t = await startVault({ database: await open() });
    cast = await stage(t.vault);
  });
  afterAll(async () => {
    await t.stop();
  });

  async function enclosed(caller: Caller) {
    const pair = await newRecipientKeyPair();
    const request = {
      ...model,
      revision: "main",
      paths: null,
      way: "enclosed",
      recipientKey: pair.publicKey,
      destination: unitedStates,
    } as const;
    return { pair, ...(await releaseEnclosed(t.vault, caller, request)) };
  }

  async function streamed(caller: Caller) {
    return releaseStream(t.vault, caller, {
      ...model,
      revision: "main",
      path: "weights.safetensors",
      destination: unitedStates,
    });
  }

  async function collect(source: AsyncIterable<Buffer>): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of source) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  test("to a U.S. person with a grant gives keys that open every file byte for byte, bound to their own entry", async () => {
    const { pair, decided, enclosed: answer } = await enclosed(cast.reader.caller);
    if (answer === null) throw new Error(JSON.stringify(decided.decision));
    using keys = await pair.open(answer.enclosure, releaseInfo(answer.place.leaf));
    const [file] = decided.files;
    if (keys === null || file === undefined) throw new Error("the enclosure does not open");
    expect(keys.sizeBytes).toBe(32);
    using key = new Secret(Buffer.from(keys.expose()));
    const plaintext = await collect(
      openSealed(t.vault.store.read(objectKey(file.object)), { key, aad: aadOf(file.object) }),
    );
    expect(sha256(plaintext)).toBe(sha256(cast.bytes));
    const wrongEntry = await pair.open(answer.enclosure, releaseInfo(Buffer.alloc(32)));
    expect(wrongEntry).toBeNull();
    const kinds = (await entriesOf(t.vault.database))
      .filter(({ body }) => body["release"] === decided.release)
      .map(({ kind }) => kind);
    expect(kinds).toEqual(["release.allowed", "release.delivered"]);
  });

  test("as a stream gives the same bytes, and a range gives its slice under the same release", async () => {
    const whole = await streamed(cast.reader.caller);
    if (whole.stream === null) throw new Error("not allowed");
    const { stream } = whole;
    expect(await collect(stream.read({ start: 1_000_000, end: 2_500_000 }))).toEqual(
      cast.bytes.subarray(1_000_000, 2_500_000),
    );
    const again = await streamed(cast.reader.caller);
    expect(again.stream?.release).toBe(stream.release);
    expect(sha256(await collect(stream.read({ start: 0, end: cast.bytes.length })))).toBe(
      sha256(cast.bytes),
    );
    const row = await t.vault.database.db
      .selectFrom("release")
      .selectAll()
      .where("id", "=", stream.release)
      .executeTakeFirstOrThrow();
    expect(row).toMatchObject({
      state: "delivered",
      streams: 0,
      bytes_delivered: BigInt(cast.bytes.length + 1_500_000),
    });
    const later = await streamed(cast.reader.caller);
    expect(later.stream?.release).not.toBe(stream.release);
  });

  test("a reader who stops in the middle ends the release as failed, with the bytes that left", async () => {
    const { stream } = await streamed(cast.reader.caller);
    if (stream === null) throw new Error("not allowed");
    for await (const piece of stream.read({ start: 0, end: cast.bytes.length })) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    const row = await t.vault.database.db
      .selectFrom("release")
      .selectAll()
      .where("id", "=", stream.release)
      .executeTakeFirstOrThrow();
    expect(row.state).toBe("failed");
    expect(row.bytes_delivered).toBeGreaterThan(0n);
  });

  test("to a foreign person who needs a license is denied with reasons and citations, and the denial is an entry without a key", async () => {
    const { decided, enclosed: answer } = await enclosed(cast.visitor.caller);
    expect(answer).toBeNull();
    expect(decided.decision.verdict).toBe("deny");
    const failed = decided.decision.checks.filter(({ outcome }) => outcome === "fail");
    expect(failed.map(({ check }) => check)).toEqual(["deemed-export-rs"]);
    expect(failed[0]?.citation).toMatch(/742\.6\(a\)\(13\)/);
    const entries = (await entriesOf(t.vault.database)).filter(
      ({ body }) => body["release"] === decided.release,
    );
    expect(entries.map(({ kind }) => kind)).toEqual(["release.denied"]);
    expect(JSON.stringify(entries)).not.toMatch(/"IN"|Visitor|citizen/);
  });

  test("passes once an officer has activated a license, counts its use, and is denied again after its last day", async () => {
    const id = await license(t.vault, cast, {
      persons: [cast.visitor.person],
      validUntil: "2026-12-01",
      releasesAllowed: 5,
    });
    const { enclosed: answer, decided } = await enclosed(cast.visitor.caller);
    expect(decided.decision.verdict).toBe("allow");
    expect(answer).not.toBeNull();
    const row = await t.vault.database.db
      .selectFrom("license")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    expect(row.releases_used).toBe(1);
    const before = t.clock.at;
    t.clock.at = new Date("2026-12-03T00:00:00.000Z");
    expect((await enclosed(cast.visitor.caller)).decided.decision.verdict).toBe("deny");
    t.clock.at = before;
    await changeStanding(t.vault, cast.first.caller, { noun: "license", id, change: "revoked" });
    expect((await enclosed(cast.visitor.caller)).decided.decision.verdict).toBe("deny");
  });

  test("under a license with one release left is allowed once", async () => {
    const id = await license(t.vault, cast, { persons: [cast.visitor.person], releasesAllowed: 1 });
    const verdicts = await Promise.all(
      Array.from(
        { length: 4 },
        async () => (await enclosed(cast.visitor.caller)).decided.decision.verdict,
      ),
    );
    expect(verdicts.filter((verdict) => verdict === "allow")).toHaveLength(1);
    await changeStanding(t.vault, cast.first.caller, { noun: "license", id, change: "revoked" });
  });

  test("never opened is abandoned by the sweeper, which gives the license use back; opened without an outcome is unknown", async () => {
    const id = await license(t.vault, cast, { persons: [cast.visitor.person], releasesAllowed: 2 });
    const never = await streamed(cast.visitor.caller);
    if (never.stream === null) throw new Error("not allowed");
    const opened = await streamed(cast.reader.caller);
    const reading = opened.stream?.read({ start: 0, end: cast.bytes.length });
    await reading?.next();
    t.clock.advance({ seconds: 1_000 });
    await sweep(t.vault);
    const state = async (release: string | undefined) =>
      (
        await t.vault.database.db
          .selectFrom("release")
          .select("state")
          .where("id", "=", release ?? "")
          .executeTakeFirstOrThrow()
      ).state;
    expect(await state(never.stream.release)).toBe("abandoned");
    expect(await state(opened.stream?.release)).toBe("unknown");
    await reading?.return();
    expect(await state(opened.stream?.release)).toBe("unknown");
    const row = await t.vault.database.db
      .selectFrom("license")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    expect(row.releases_used).toBe(0);
    await changeStanding(t.vault, cast.first.caller, { noun: "license", id, change: "revoked" });
  });

  test("beyond the grant's byte budget is refused, and nothing is charged", async () => {
    const budget = await grant(
      t.vault,
      cast.first,
      cast.job.principal,
      BigInt(cast.bytes.length + 10),
    );
    expect((await enclosed(cast.job.caller)).decided.decision.verdict).toBe("allow");
    await expect(enclosed(cast.job.caller)).rejects.toMatchObject({ code: "byte_budget_spent" });
    const row = await t.vault.database.db
      .selectFrom("grant")
      .selectAll()
      .where("id", "=", budget)
      .executeTakeFirstOrThrow();
    expect(row.bytes_used).toBe(BigInt(cast.bytes.length));
  });

  test("to a suspended person is denied and recorded; reinstated, it passes", async () => {
    await changeStanding(t.vault, cast.first.caller, {
      noun: "person",
      id: cast.reader.person,
      change: "suspended",
    });
    const { decided } = await enclosed(cast.reader.caller);
    expect(decided.decision.verdict).toBe("deny");
    await changeStanding(t.vault, cast.first.caller, {
      noun: "person",
      id: cast.reader.person,
      change: "reinstated",
    });
    expect((await enclosed(cast.reader.caller)).decided.decision.verdict).toBe("allow");
  });

  test("a stream stops at its next check when the grant is revoked", async () => {
    const { stream } = await streamed(cast.reader.caller);
    if (stream === null) throw new Error("not allowed");
    const row = await t.vault.database.db
      .selectFrom("grant")
      .select("id")
      .where("principal", "=", cast.reader.principal)
      .executeTakeFirstOrThrow();
    await changeStanding(t.vault, cast.first.caller, {
      noun: "grant",
      id: row.id,
      change: "revoked",
    });
    await expect(collect(stream.read({ start: 0, end: 10 }))).rejects.toMatchObject({
      code: "release_stopped",
    });
    await grant(t.vault, cast.first, cast.reader.principal);
  });

  test("a license edited in the database behind the vault is seen, and no key leaves", async () => {
    const id = await license(t.vault, cast, { persons: [cast.visitor.person] });
    await changeStanding(t.vault, cast.first.caller, { noun: "license", id, change: "revoked" });
    await t.vault.database.db
      .updateTable("license")
      .set({ state: "active" })
      .where("id", "=", id)
      .execute();
    await expect(enclosed(cast.visitor.caller)).rejects.toMatchObject({ code: "record_tampered" });
    await t.vault.database.db
      .updateTable("license")
      .set({ state: "revoked" })
      .where("id", "=", id)
      .execute();
  });

  test("swapped wrapped keys fail to open", async () => {
    const { db } = t.vault.database;
    const rows = await db
      .selectFrom("person")
      .select(["id", "wrapped_key"])
      .where("id", "in", [cast.reader.person, cast.visitor.person])
      .execute();
    const object = await db
      .selectFrom("object")
      .select(["id", "wrapped_key"])
      .executeTakeFirstOrThrow();
    await db
      .updateTable("object")
      .set({ wrapped_key: rows[0]?.wrapped_key ?? Buffer.alloc(0) })
      .where("id", "=", object.id)
      .execute();
    await expect(enclosed(cast.reader.caller)).rejects.toMatchObject({
      code: "wrapped_key_rejected",
    });
    await db
      .updateTable("object")
      .set({ wrapped_key: object.wrapped_key })
      .where("id", "=", object.id)
      .execute();
  });

  test("names in its entry the denied-party list that it was screened against, by its digest", async () => {
    const { decided } = await enclosed(cast.reader.caller);
    const entries = await entriesOf(t.vault.database);
    const made = entries.find(({ body }) => body["release"] === decided.release);
    const { screening } = decided.facts;
    expect(made?.body["screeningList"]).toMatch(/^[0-9a-f]{64}$/);
    expect(made?.body["screeningList"]).toBe(screening?.list.digest);
  });

  test("the whole ledger verifies after all of this, with nothing but notices", async () => {
    const report = await verified(t);
    expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(report.verified).toBe(true);
    expect(report.releases).toMatchObject({ abandoned: 1, unknown: 1 });
  });
});
