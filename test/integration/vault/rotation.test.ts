import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { Secret } from "../../../src/crypto/secret.ts";
import type { Custodian } from "../../../src/custody/custodian.ts";
import { openSoftCustodian } from "../../../src/custody/soft-custodian.ts";
import { openSoftSigner } from "../../../src/custody/soft-signer.ts";
import { Refusal } from "../../../src/errors.ts";
import { assertKeysBelong } from "../../../src/vault/begun.ts";
import { completeParted } from "../../../src/vault/complete-parted.ts";
import { beginParted } from "../../../src/vault/parted.ts";
import { openPerson, personContext } from "../../../src/vault/person.ts";
import { putPart } from "../../../src/vault/put-part.ts";
import { chained, rewrapKeys } from "../../../src/vault/rewrap.ts";
import { beginRotation, custodyStatus, digestOf } from "../../../src/vault/rotate.ts";
import { releaseStream } from "../../../src/vault/stream.ts";
import { openTermKey } from "../../../src/vault/terms.ts";
import { abortUpload, openUpload } from "../../../src/vault/upload.ts";
import type { Vault } from "../../../src/vault/vault.ts";
import {
  type Cast,
  chunked,
  model,
  stage,
  unitedStates,
  uploadRevision,
} from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { failing, withFaults } from "../../support/faults.ts";
import { bodiesOf, verified } from "../../support/ledger.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

const wanted = {
  ...model,
  revision: "main",
  path: "weights.safetensors",
  destination: unitedStates,
};

forEachDatabase("a rotation of the key-encryption key", (open) => {
  let t: TestVault;
  let cast: Cast;
  let old: string;

  const changed = (parts: Partial<Vault>): Vault => ({ ...t.vault, ...parts });
  const finish = async (vault: Vault = t.vault) => {
    const failures: unknown[] = [];
    const done = await rewrapKeys(vault, { onFailure: (error) => failures.push(error) });
    return { ...done, failures };
  };
  /** Every key of the vault opens: an object's, every person's and the index's. */
  const assertReadable = async (vault: Vault = t.vault) => {
    const answer = await releaseStream(vault, cast.reader.caller, wanted);
    const pieces: Buffer[] = [];
    for await (const piece of answer.stream?.read({ start: 0, end: cast.bytes.length }) ?? [])
      pieces.push(Buffer.from(piece));
    expect(Buffer.concat(pieces).equals(cast.bytes)).toBe(true);
    for (const { id } of await vault.database.db.selectFrom("person").select("id").execute())
      (await openPerson(vault, id)).key.wipe();
    (await openTermKey(vault)).wipe();
  };
  const keksOf = async () =>
    (await custodyStatus(t.vault)).uses.map(({ kek, ...counts }) => [kek, counts]);
  const errors = async () =>
    (await verified(t)).findings.filter(({ severity }) => severity === "error");

  beforeAll(async () => {
    t = await startVault({ database: await open() });
    cast = await stage(t.vault, { bytes: Buffer.from("weights") });
    (await openTermKey(t.vault)).wipe();
    old = t.vault.custodian.keyId;
  });
  afterAll(async () => await t.stop());

  test("re-wraps the keys of objects, persons and records, and the ledger tells its beginning and its end with count and digest", async () => {
    const before = await t.vault.database.db.selectFrom("object").selectAll().execute();
    const begun = await beginRotation(t.vault, cast.first.caller);
    expect(begun.kek).not.toBe(old);
    const running = (await custodyStatus(t.vault)).rotation;
    expect(running).toMatchObject({ state: "running", rewrapped: 0n, left: begun.keys });
    await assertReadable();

    const { rewrapped, isFinished } = await finish();
    expect({ rewrapped, isFinished }).toEqual({ rewrapped: begun.keys, isFinished: true });
    await assertReadable();
    const after = await t.vault.database.db.selectFrom("object").selectAll().execute();
    expect(after.map(({ custodian_key }) => custodian_key)).toEqual([begun.kek]);
    expect(after[0]?.wrapped_key?.equals(before[0]?.wrapped_key ?? Buffer.alloc(0))).toBe(false);
    expect(after[0]?.header.equals(before[0]?.header ?? Buffer.alloc(0))).toBe(true);
    expect((await keksOf()).map(([kek]) => kek)).toEqual([begun.kek]);
    expect((await custodyStatus(t.vault)).rotation).toMatchObject({
      state: "finished",
      left: 0,
      restorableUntil: "2026-12-28",
    });

    const rows = await t.vault.database.db
      .selectFrom("rewrapped_key")
      .selectAll()
      .where("rotation", "=", begun.rotation)
      .orderBy("position")
      .execute();
    const digest = rows.reduce<Buffer>((so, row) => chained(so, row), Buffer.alloc(32));
    const [first] = await bodiesOf(t.vault.database, "rotation.begun");
    expect(first).toMatchObject({
      rotation: begun.rotation,
      kek: digestOf(begun.kek),
      by: cast.first.principal,
      keys: { object: 1, person: begun.keys - 2, term: 1 },
    });
    expect(await bodiesOf(t.vault.database, "rotation.finished")).toEqual([
      {
        rotation: begun.rotation,
        kek: digestOf(begun.kek),
        rewrapped: begun.keys,
        rejected: 0,
        digest: digest.toString("hex"),
        restorableUntil: "2026-12-28",
      },
    ]);
    expect(await errors()).toEqual([]);
  });

  test("the vault starts without the older key's file when nothing is wrapped under it any more", async () => {
    await rm(join(t.folder, "kek"));
    const custodian = await openSoftCustodian({
      file: join(t.folder, "kek"),
      mayMake: false,
      environment: "development",
    });
    const { database, store } = t.vault;
    const signer = await openSoftSigner({
      file: join(t.folder, "ledger-key.pem"),
      mayMake: false,
      name: "test.example/ledger",
      environment: "development",
    });
    await assertKeysBelong({ database, custodian, store, signer });
    await assertReadable(changed({ custodian }));
  });

  test("uploads during a rotation are under the new key", async () => {
    const { kek } = await beginRotation(t.vault, cast.first.caller);
    const revision = await uploadRevision(
      t.vault,
      cast.job,
      { "weights.safetensors": cast.bytes },
      cast.revision,
    );
    cast = { ...cast, revision };
    const newest = await t.vault.database.db
      .selectFrom("object")
      .innerJoin("revision_file", "revision_file.object", "object.id")
      .select("object.custodian_key")
      .where("revision_file.revision", "=", revision)
      .execute();
    expect(newest).toEqual([{ custodian_key: kek }]);
    expect(await finish()).toMatchObject({ isFinished: true });
    await assertReadable();
  });

  test("a file by parts whose key was generated before a rotation names the key that it is wrapped under", async () => {
    const custodian = withFaults(t.vault.custodian);
    const before = t.vault.custodian.keyId;
    const act = async () => void (await beginRotation(t.vault, cast.first.caller));
    custodian.arm({ method: "generate", nth: 1, when: "after", act });
    const vault = changed({ custodian: custodian.port });
    const { caller } = cast.job;
    const { upload } = await openUpload(vault, caller, model);
    const bytes = Buffer.from("late");
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const sizeBytes = bytes.length;
    const file = { upload, path: "late.bin", sizeBytes, sha256 };
    const { object } = await beginParted(vault, caller, file);
    const { custodian_key: kek } = await vault.database.db
      .selectFrom("object")
      .select("custodian_key")
      .where("id", "=", object.object)
      .executeTakeFirstOrThrow();
    expect(kek).toBe(before);
    const at = { upload, object: object.object };
    await putPart(vault, caller, { ...at, part: 1, sizeBytes, sha256, source: chunked(bytes) });
    expect(await finish()).toMatchObject({ isFinished: true, failures: [] });
    expect(await completeParted(vault, caller, at, 60_000)).toMatchObject({ state: "sealed" });
    await abortUpload(vault, caller, upload);
  });

  test("a second rotation beside a running one is refused", async () => {
    await beginRotation(t.vault, cast.first.caller);
    await expect(beginRotation(t.vault, cast.first.caller)).rejects.toMatchObject({
      code: "conflict",
    });
    expect(await finish()).toMatchObject({ isFinished: true });
  });

  test("a custodian that makes no keys is not rotated onto the key that everything is under", async () => {
    const { port } = withFaults(t.vault.custodian);
    const fixed = { ...own(port), renew: async () => null };
    await expect(
      beginRotation(changed({ custodian: fixed }), cast.first.caller),
    ).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("configure the new key") as unknown,
    });
    expect((await custodyStatus(t.vault)).rotation?.state).toBe("finished");
  });

  describe("a pass", () => {
    test("that dies after any call of the custodian or any statement leaves every key readable, and the next goes on", async () => {
      await beginRotation(t.vault, cast.first.caller);
      const total = (await custodyStatus(t.vault)).rotation?.left ?? 0;
      expect(total).toBeGreaterThan(4);
      for (const when of ["before", "after"] as const)
        for (let nth = 1; nth <= total; nth += 3) {
          const faulty = withFaults(t.vault.custodian);
          const down = new Refusal("custodian_unavailable", "down on purpose");
          faulty.arm({ method: "rewrap", nth, when, act: failing(down) });
          const dying = changed({
            custodian: own(faulty.port),
            limits: { ...t.vault.limits, rewrapsPerSecond: 2 },
          });
          // A batch of two: what was made before the fault is kept, the rest is for later.
          const stopping = new AbortController();
          stopping.abort();
          await rewrapKeys(dying, { signal: stopping.signal });
          await rewrapKeys(changed({ custodian: own(faulty.port) })).catch((error: unknown) =>
            expect(error).toBe(down),
          );
          await assertReadable();
        }
      await finish();
      expect((await custodyStatus(t.vault)).rotation).toMatchObject({ state: "finished", left: 0 });
      expect(await errors()).toEqual([]);
    });

    test("replaces the keys of a batch in one statement", async () => {
      const { db } = t.vault.database;
      await beginRotation(t.vault, cast.first.caller);
      expect((await custodyStatus(t.vault)).rotation?.left).toBeGreaterThan(6);
      await sql`create sequence updates`.execute(db);
      await sql`create function count_update() returns trigger language plpgsql as $$ begin perform nextval('updates'); return null; end $$`.execute(
        db,
      );
      for (const table of ["object", "person", "term_key"])
        await sql`create trigger count_update after update on ${sql.table(table)} for each statement execute function count_update()`.execute(
          db,
        );
      expect(await finish()).toMatchObject({ isFinished: true });
      const { rows } = await sql<{ last_value: unknown }>`select last_value from updates`.execute(
        db,
      );
      await sql`drop function count_update cascade`.execute(db);
      await sql`drop sequence updates`.execute(db);
      expect(rows.map(({ last_value: last }) => Number(last))).toEqual([3]);
      await assertReadable();
      expect(await errors()).toEqual([]);
    });

    test("that loses its transaction replaces nothing, and counts nothing", async () => {
      await beginRotation(t.vault, cast.first.caller);
      const before = await custodyStatus(t.vault);
      await sql`create function fail_journal() returns trigger language plpgsql as $$ begin raise exception 'on purpose'; end $$`.execute(
        t.vault.database.db,
      );
      await sql`create trigger fail_journal before insert on rewrapped_key for each row execute function fail_journal()`.execute(
        t.vault.database.db,
      );
      await expect(rewrapKeys(t.vault)).rejects.toThrow("on purpose");
      await sql`drop trigger fail_journal on rewrapped_key`.execute(t.vault.database.db);
      await sql`drop function fail_journal`.execute(t.vault.database.db);
      expect(await custodyStatus(t.vault)).toEqual(before);
      await assertReadable();
      expect(await finish()).toMatchObject({ isFinished: true });
    });

    test("of a node is not joined by another's while its lease lasts, and is taken over after it", async () => {
      await beginRotation(t.vault, cast.first.caller);
      const { db } = t.vault.database;
      await sql`update custody_rotation set holder = 'other', lease_until = clock_timestamp() + interval '1 hour' where state = 'running'`.execute(
        db,
      );
      expect(await finish()).toMatchObject({ rewrapped: 0, isFinished: false });
      await sql`update custody_rotation set lease_until = clock_timestamp() - interval '1 second' where state = 'running'`.execute(
        db,
      );
      expect(await finish()).toMatchObject({ isFinished: true });
    });

    test("that was overtaken replaces nothing", async () => {
      await beginRotation(t.vault, cast.first.caller);
      const { rotation } = await custodyStatus(t.vault);
      const { custodian } = t.vault;
      const overtaken: Custodian = {
        ...own(custodian),
        rewrap: async (...asked) => {
          await sql`update custody_rotation set holder = 'other' where state = 'running'`.execute(
            t.vault.database.db,
          );
          return await custodian.rewrap(...asked);
        },
      };
      expect(await rewrapKeys(changed({ custodian: overtaken }))).toMatchObject({
        rewrapped: 0,
        isFinished: false,
      });
      expect((await custodyStatus(t.vault)).rotation?.left).toBe(rotation?.left);
      await sql`update custody_rotation set lease_until = null where state = 'running'`.execute(
        t.vault.database.db,
      );
      expect(await finish()).toMatchObject({ isFinished: true });
    });

    test.each([
      ["under the new key", "after"],
      ["under the same one", "before"],
    ] as const)(
      "keeps off a key that was wrapped anew %s while it asked the custodian",
      async (_, made) => {
        const id = cast.visitor.person;
        const { custodian, database } = t.vault;
        const opened = await openPerson(t.vault, id);
        const wrapAgain = async () =>
          await custodian.wrap(new Secret(Buffer.from(opened.key.expose())), personContext(id));
        const older = await wrapAgain();
        await beginRotation(t.vault, cast.first.caller);
        const again = made === "before" ? older : await wrapAgain();
        const slow: Custodian = {
          ...own(custodian),
          rewrap: async (wrapped, context, kek) => {
            const rewrapped = await custodian.rewrap(wrapped, context, kek);
            if (context["weightvault:person"] === id)
              await database.db
                .updateTable("person")
                .set({ wrapped_key: again.wrapped, custodian_key: again.keyId })
                .where("id", "=", id)
                .execute();
            return rewrapped;
          },
        };
        const left = (await custodyStatus(t.vault)).rotation?.left ?? 0;
        expect(await rewrapKeys(changed({ custodian: slow }))).toMatchObject({
          rewrapped: left - 1,
        });
        const row = await database.db
          .selectFrom("person")
          .select("wrapped_key")
          .where("id", "=", id)
          .executeTakeFirstOrThrow();
        expect(row.wrapped_key?.equals(again.wrapped)).toBe(true);
        await finish();
        await assertReadable();
      },
    );
  });

  test("a wrap that does not open stays as it is, is told, and is counted in the end", async () => {
    await beginRotation(t.vault, cast.first.caller);
    const { db } = t.vault.database;
    const row = await db
      .selectFrom("object")
      .select(["id", "wrapped_key"])
      .orderBy("created_at")
      .orderBy("id")
      .limit(1)
      .executeTakeFirstOrThrow();
    const damaged = Buffer.from(row.wrapped_key ?? []);
    damaged.writeUInt8(damaged.readUInt8(5) ^ 1, 5);
    await db.updateTable("object").set({ wrapped_key: damaged }).where("id", "=", row.id).execute();
    const done = await finish();
    expect(done).toMatchObject({ isFinished: true });
    expect(done.failures).toMatchObject([
      { message: `the key of object ${row.id} was not re-wrapped` },
    ]);
    expect((await bodiesOf(t.vault.database, "rotation.finished")).at(-1)).toMatchObject({
      rejected: 1,
    });
    const { wrapped_key: left } = await db
      .selectFrom("object")
      .select("wrapped_key")
      .where("id", "=", row.id)
      .executeTakeFirstOrThrow();
    expect(left?.equals(damaged)).toBe(true);
    await db
      .updateTable("object")
      .set({ wrapped_key: row.wrapped_key })
      .where("id", "=", row.id)
      .execute();
    await beginRotation(t.vault, cast.first.caller);
    expect(await finish()).toMatchObject({ isFinished: true, failures: [] });
  });

  test("a disabled older key stalls the rotation, keeps no other key from being re-wrapped, and goes on when it is enabled", async () => {
    await beginRotation(t.vault, cast.first.caller);
    const { custodian } = t.vault;
    const disabled: Custodian = {
      ...own(custodian),
      rewrap: async (wrapped, context, kek) => {
        if ("weightvault:object" in context)
          throw new Refusal("custodian_refused", "the key is disabled");
        return await custodian.rewrap(wrapped, context, kek);
      },
    };
    const done = await finish(changed({ custodian: disabled }));
    expect(done).toMatchObject({ isFinished: false });
    expect(done.failures).toHaveLength(1);
    const { rotation } = await custodyStatus(t.vault);
    expect(rotation).toMatchObject({ state: "running" });
    expect(rotation?.left).toBeGreaterThan(0);
    expect(await finish()).toMatchObject({ isFinished: true });
  });

  test("another primary supersedes a rotation that is under way, and the ledger verifies", async () => {
    const { rotation } = await beginRotation(t.vault, cast.first.caller);
    await t.vault.custodian.renew();
    expect(await finish()).toMatchObject({ rewrapped: 0, isFinished: false });
    await beginRotation(t.vault, cast.first.caller);
    expect(await bodiesOf(t.vault.database, "rotation.superseded")).toMatchObject([
      { rotation, rewrapped: 0 },
    ]);
    expect(await finish()).toMatchObject({ isFinished: true });
    await assertReadable();
    expect(await errors()).toEqual([]);
  });

  test("what a rotation replaced is only added to", async () => {
    const { db } = t.vault.database;
    await expect(sql`delete from rewrapped_key`.execute(db)).rejects.toThrow("append-only");
    await expect(sql`update rewrapped_key set position = 0`.execute(db)).rejects.toThrow(
      "append-only",
    );
  });
});

/** A custodian's methods as own members, so that some can be replaced. */
function own(custodian: Custodian): Custodian {
  return {
    keyId: custodian.keyId,
    generate: async (context) => await custodian.generate(context),
    wrap: async (dataKey, context) => await custodian.wrap(dataKey, context),
    unwrap: async (...asked) => await custodian.unwrap(...asked),
    rewrap: async (...asked) => await custodian.rewrap(...asked),
    renew: async () => await custodian.renew(),
    check: async () => await custodian.check(),
  };
}
