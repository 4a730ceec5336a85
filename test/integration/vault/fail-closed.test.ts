import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { newRecipientKeyPair } from "../../../src/crypto/enclosure.ts";
import type { Database } from "../../../src/database/open.ts";
import { Refusal, type RefusalCode } from "../../../src/errors.ts";
import { findRevision, manifestOf } from "../../../src/vault/find-revision.ts";
import { releaseEnclosed } from "../../../src/vault/release.ts";
import { findRepository } from "../../../src/vault/repository.ts";
import { commitRevision } from "../../../src/vault/revision.ts";
import { releaseStream } from "../../../src/vault/stream.ts";
import { sweep } from "../../../src/vault/sweep.ts";
import { openUpload, putFile } from "../../../src/vault/upload.ts";
import { type Cast, chunked, model, sha256, stage, unitedStates } from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { type Faulty, failing, withFaults } from "../../support/faults.ts";
import { entriesOf, verified } from "../../support/ledger.ts";
import { until } from "../../support/until.ts";
import { startVault, type TestAdapters, type TestVault } from "../../support/vault.ts";

type Broken = "custodian" | "store" | "signer";

const codes: Record<Broken, RefusalCode> = {
  custodian: "custodian_unavailable",
  store: "store_unavailable",
  signer: "signer_unavailable",
};

forEachDatabase("fail closed", (open) => {
  let t: TestVault;
  let cast: Cast;
  const faulty: Partial<Record<Broken, Faulty<object>>> = {};

  beforeAll(async () => {
    const wrap = (adapters: TestAdapters): TestAdapters => {
      const custodian = withFaults(adapters.custodian);
      const store = withFaults(adapters.store);
      const signer = withFaults(adapters.signer);
      Object.assign(faulty, { custodian, store, signer });
      return {
        database: adapters.database,
        custodian: custodian.port,
        store: store.port,
        signer: signer.port,
      };
    };
    t = await startVault({ database: await open(), wrap, limits: { releaseWaitMs: 400 } });
    cast = await stage(t.vault, { bytes: randomBytes(2_500_000) });
  });
  afterAll(async () => {
    await t.stop();
  });

  /** Fails every call from the nth of the work's calls to one adapter, before or after it is made, for each n that the work gets to. */
  async function atEachCall(
    broken: Broken,
    work: () => Promise<unknown>,
    check: (failure: Refusal) => Promise<void>,
  ): Promise<number> {
    const target = faulty[broken];
    if (target === undefined) throw new Error("not wrapped");
    let tried = 0;
    for (const when of ["before", "after"] as const) {
      for (let nth = 1; ; nth += 1) {
        let happened = false;
        const act = () => {
          happened = true;
          failing(new Refusal(codes[broken], "armed"))();
        };
        target.arm({ nth, when, act });
        const failure = await work().then(
          () => null,
          (error: unknown) => error,
        );
        target.disarm();
        if (!happened) break;
        tried += 1;
        // A signature that failed once is made at the next attempt, so the work may still succeed.
        if (failure === null && broken === "signer") continue;
        if (!(failure instanceof Refusal))
          throw new Error(`not a refusal at call ${nth}: ${String(failure)}`, { cause: failure });
        await check(failure);
      }
    }
    return tried;
  }

  async function takeKeys() {
    const { publicKey } = await newRecipientKeyPair();
    return releaseEnclosed(t.vault, cast.reader.caller, {
      ...model,
      revision: "main",
      paths: null,
      way: "enclosed",
      recipientKey: publicKey,
      destination: unitedStates,
    });
  }

  let plaintextBytes = 0;
  async function takeStream() {
    const { stream } = await releaseStream(t.vault, cast.reader.caller, {
      ...model,
      revision: "main",
      path: "weights.safetensors",
      destination: unitedStates,
    });
    if (stream === null) throw new Error("not allowed");
    for await (const piece of stream.read({ start: 0, end: cast.bytes.length }))
      plaintextBytes += piece.length;
  }

  async function upload(bytes: Buffer) {
    const { upload: id } = await openUpload(t.vault, cast.job.caller, model);
    const file = await putFile(t.vault, cast.job.caller, {
      upload: id,
      path: "more.bin",
      sizeBytes: bytes.length,
      source: chunked(bytes),
    });
    return { id, file };
  }

  /** Every release that was not refused is allowed in the ledger first, and every outcome is on record once the sweeper has run. */
  async function assertLedgerHolds(): Promise<void> {
    t.clock.advance({ seconds: 3_600 });
    await sweep(t.vault);
    const report = await verified(t);
    expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(report.releases.open).toBe(0);
  }

  test.each(["custodian", "store"] as const)(
    "with the %s failing at any call of an upload, nothing can be committed and no object stays",
    async (broken) => {
      const bytes = randomBytes(2_200_000);
      const tried = await atEachCall(
        broken,
        async () => upload(bytes),
        async (failure) => {
          expect(failure.code).toBe(codes[broken]);
        },
      );
      expect(tried).toBeGreaterThan(3);
      t.clock.advance({ seconds: 3_600 * 24 * 8 });
      await sweep(t.vault);
      await sweep(t.vault);
      const kept = await t.vault.database.db
        .selectFrom("object")
        .select("id")
        .where("state", "in", ["sealed", "opening"])
        .execute();
      expect(kept).toHaveLength(1);
      const stored: string[] = [];
      for await (const key of t.vault.store.list("objects/")) stored.push(key);
      expect(stored).toHaveLength(1);
    },
  );

  test("with the custodian failing at any call of an enclosed release, no key is answered", async () => {
    const tried = await atEachCall("custodian", takeKeys, async (failure) => {
      expect(failure.code).toBe("custodian_unavailable");
    });
    expect(tried).toBeGreaterThan(2);
    await assertLedgerHolds();
  });

  test.each(["custodian", "store"] as const)(
    "with the %s failing at any call of a stream, only verified bytes left, each under a recorded allow",
    async (broken) => {
      const before = plaintextBytes;
      await atEachCall(broken, takeStream, async (failure) => {
        expect(failure.code).toBe(codes[broken]);
      });
      await assertLedgerHolds();
      const outcomes = await t.vault.database.db
        .selectFrom("release")
        .select(({ fn }) => fn.sum<string>("bytes_delivered").as("bytes"))
        .where("way", "=", "stream")
        .executeTakeFirstOrThrow();
      expect(BigInt(plaintextBytes)).toBeGreaterThan(BigInt(before) - 1n);
      expect(BigInt(outcomes.bytes)).toBe(BigInt(plaintextBytes));
    },
  );

  test("with the signer refusing, no key and no byte leaves; when it signs again, they do", async () => {
    const signer = faulty.signer;
    const sent = plaintextBytes;
    let refusals = 0;
    const refuse = () => {
      refusals += 1;
      signer?.arm({ method: "sign", nth: 1, when: "before", act: refuse });
      failing(new Refusal("signer_unavailable", "armed"))();
    };
    signer?.arm({ method: "sign", nth: 1, when: "before", act: refuse });
    await expect(takeKeys()).rejects.toMatchObject({ code: "ledger_unavailable" });
    await expect(takeStream()).rejects.toMatchObject({ code: "ledger_unavailable" });
    expect(refusals).toBeGreaterThan(0);
    expect(plaintextBytes).toBe(sent);
    signer?.disarm();
    await until(async () =>
      t.ledger.check().then(
        () => true,
        () => false,
      ),
    );
    expect((await takeKeys()).enclosed).not.toBeNull();
    await assertLedgerHolds();
  });

  test("with the ledger's insert refused, nothing is decided, released, committed or changed", async () => {
    const { database } = t.vault;
    const { id, file } = await upload(Buffer.from("pending"));
    const releases = await countReleases(database);
    await database.runScript(`
      create function refuse_insert() returns trigger language plpgsql as $$ begin raise exception 'no room' using errcode = 'disk_full'; end $$;
      create trigger no_room before insert on ledger_submission for each row execute function refuse_insert();`);
    const sent = plaintextBytes;
    await expect(takeKeys()).rejects.toThrow(/no room/);
    await expect(takeStream()).rejects.toThrow(/no room/);
    const head = (await findRepository(database.db, model)).head;
    const commit = async () =>
      commitRevision(t.vault, cast.job.caller, {
        ...model,
        upload: id,
        parent: head,
        message: "",
        files: [file],
      });
    await expect(commit()).rejects.toThrow(/no room/);
    expect((await findRepository(database.db, model)).head).toBe(head);
    expect(await countReleases(database)).toBe(releases);
    expect(plaintextBytes).toBe(sent);
    await database.runScript(
      "drop trigger no_room on ledger_submission; drop function refuse_insert()",
    );
    const { revision } = await commit();
    expect((await commit()).revision).toBe(revision);
    await assertLedgerHolds();
  });

  test("whatever failed before, the acknowledged revision still opens byte for byte", async () => {
    const repository = await findRepository(t.vault.database.db, model);
    const manifest = manifestOf(await findRevision(t.vault.database.db, repository, cast.revision));
    expect(manifest.files[0]?.sha256).toBe(sha256(cast.bytes));
    const { stream } = await releaseStream(t.vault, cast.reader.caller, {
      ...model,
      revision: cast.revision,
      path: "weights.safetensors",
      destination: unitedStates,
    });
    const pieces: Buffer[] = [];
    for await (const piece of stream?.read({ start: 0, end: cast.bytes.length }) ?? [])
      pieces.push(piece);
    expect(sha256(Buffer.concat(pieces))).toBe(sha256(cast.bytes));
    const allowed = (await entriesOf(t.vault.database)).filter(
      ({ kind }) => kind === "release.allowed",
    );
    expect(allowed.length).toBeGreaterThan(5);
  });
});

async function countReleases(database: Database): Promise<number> {
  return (await database.db.selectFrom("release").select("id").execute()).length;
}
