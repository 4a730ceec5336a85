import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { newRecipientKeyPair } from "../../../src/crypto/enclosure.ts";
import type { Database } from "../../../src/database/open.ts";
import { isOutage } from "../../../src/database/transact.ts";
import { isRefusal } from "../../../src/errors.ts";
import { findRevision, manifestOf } from "../../../src/vault/find-revision.ts";
import { objectKey } from "../../../src/vault/object.ts";
import { releaseEnclosed } from "../../../src/vault/release.ts";
import { findRepository } from "../../../src/vault/repository.ts";
import { commitRevision } from "../../../src/vault/revision.ts";
import { releaseStream } from "../../../src/vault/stream.ts";
import { sweep } from "../../../src/vault/sweep.ts";
import { openUpload, putFile, type UploadedFile } from "../../../src/vault/upload.ts";
import { type Cast, chunked, model, stage, unitedStates } from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { entriesOf, verified } from "../../support/ledger.ts";
import { type Breakable, type Outage, withOutages } from "../../support/outages.ts";
import { until } from "../../support/until.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

/** Every statement is tried: some 45 of an upload and its commit, 57 of an enclosed release, 54 of a streamed one. */
const step = 1;

forEachDatabase("with the database down from any statement on", (open) => {
  let raw: Database;
  let breakable: Breakable;
  let t: TestVault;
  let cast: Cast;
  /** The releases of which a key or a byte was given out. */
  const givenOut = new Set<string>();
  /** What was given out to its end. */
  const whole = { keys: 0, streams: 0 };

  beforeAll(async () => {
    raw = await open();
    breakable = withOutages(raw);
    t = await startVault({ database: breakable.database, limits: { releaseWaitMs: 1_000 } });
    cast = await stage(t.vault, { bytes: randomBytes(1_500_000) });
  });
  afterAll(async () => {
    await t.stop();
  });

  /** Takes the database down at each statement of the work, and then after each commit of it, until the work passes untouched. */
  async function atEachStatement(
    work: () => Promise<void>,
    check: () => Promise<void>,
  ): Promise<Record<Outage["when"], number>> {
    const tried = { before: 0, "after-commit": 0 };
    for (const when of ["before", "after-commit"] as const) {
      for (let nth = 1; ; nth += when === "before" ? step : 1) {
        breakable.arm({ nth, when });
        const failure: unknown = await breakable.counted(work).then(
          () => null,
          (error: unknown) => error,
        );
        const wasDown = breakable.restore();
        if (!wasDown) expect(failure).toBeNull();
        if (failure !== null && !isOutage(failure) && !isRefusal(failure))
          throw new Error(`neither an outage nor a refusal: ${when} ${nth}`, { cause: failure });
        await recovered();
        await check();
        await assertLedgerHolds();
        if (!wasDown) break;
        tried[when] += 1;
      }
    }
    return tried;
  }

  async function recovered(): Promise<void> {
    t.ledger.wake();
    await until(async () =>
      t.ledger.check().then(
        () => true,
        () => false,
      ),
    );
  }

  /** Every release is ended by the sweeper, the ledger verifies, and whatever was given out has its allowance and counts as gone. */
  async function assertLedgerHolds(): Promise<void> {
    t.clock.advance({ seconds: 1_200 });
    await sweep(t.vault);
    const report = await verified(t);
    expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(report.releases.open).toBe(0);
    const entries = await entriesOf(raw);
    for (const release of givenOut) {
      const kinds = entries
        .filter(({ body }) => body["release"] === release)
        .map(({ kind }) => kind);
      expect(kinds[0]).toBe("release.allowed");
      expect(["release.delivered", "release.failed", "release.unknown"]).toContain(kinds[1]);
    }
    givenOut.clear();
  }

  /** Whether the ledger has the allowance by now, and under a checkpoint. */
  async function isRecorded(release: string): Promise<boolean> {
    const checkpoint = raw.db
      .selectFrom("ledger_checkpoint")
      .select(({ fn }) => fn.max("size").as("size"));
    const row = await raw.db
      .selectFrom("ledger_entry")
      .innerJoin("ledger_submission", "ledger_submission.id", "ledger_entry.submission")
      .select("ledger_entry.index")
      .where("ledger_submission.kind", "=", "release.allowed")
      .where("ledger_submission.subject", "=", release)
      .where("ledger_entry.index", "<", checkpoint)
      .executeTakeFirst();
    return row !== undefined;
  }

  async function noteGivenOut(release: string): Promise<void> {
    givenOut.add(release);
    expect(await isRecorded(release)).toBe(true);
  }

  async function takeKeys(): Promise<void> {
    const { publicKey } = await newRecipientKeyPair();
    const { decided, enclosed } = await releaseEnclosed(t.vault, cast.reader.caller, {
      ...model,
      revision: cast.revision,
      paths: null,
      way: "enclosed",
      recipientKey: publicKey,
      destination: unitedStates,
    });
    expect(enclosed).not.toBeNull();
    await noteGivenOut(decided.release);
    whole.keys += 1;
  }

  async function takeStream(): Promise<void> {
    const { stream } = await releaseStream(t.vault, cast.reader.caller, {
      ...model,
      revision: cast.revision,
      path: "weights.safetensors",
      destination: unitedStates,
    });
    if (stream === null) throw new Error("not allowed");
    let at = 0;
    for await (const piece of stream.read({ start: 0, end: cast.bytes.length })) {
      await noteGivenOut(stream.release);
      expect(piece.equals(cast.bytes.subarray(at, at + piece.length))).toBe(true);
      at += piece.length;
    }
    expect(at).toBe(cast.bytes.length);
    whole.streams += 1;
  }

  test("of an enclosed release, no key is answered without its recorded allow", async () => {
    const tried = await atEachStatement(takeKeys, async () => {});
    expect(tried.before).toBeGreaterThan(20 / step);
    // The decision, the opening and the delivery.
    expect(tried["after-commit"]).toBe(3);
    // Only where nothing was down: the delivery's commit comes last.
    expect(whole.keys).toBe(2);
  }, 120_000);

  test("of a streamed release, no byte leaves without its recorded allow", async () => {
    const tried = await atEachStatement(takeStream, async () => {});
    expect(tried.before).toBeGreaterThan(20 / step);
    // The decision, the beginning and the end.
    expect(tried["after-commit"]).toBe(3);
    expect(whole.streams).toBeGreaterThan(1);
  }, 120_000);

  test("for the sequencer alone, an allow that is decided and not recorded gives out no key and no byte", async () => {
    for (const take of [takeKeys, takeStream]) {
      const allowed = await countAllowed(raw);
      breakable.starve();
      await expect(breakable.counted(take)).rejects.toMatchObject({ code: "ledger_unavailable" });
      expect(await countAllowed(raw)).toBe(allowed + 1);
      expect(givenOut).toEqual(new Set());
      breakable.restore();
      await recovered();
      await assertLedgerHolds();
    }
  });

  test("of an upload and its commit, nothing acknowledged is lost and no half revision is visible", async () => {
    const bytes = randomBytes(20_000);
    let head = cast.revision;
    let upload = "";
    let file: UploadedFile | null = null;
    let revision: string | null = null;
    const commit = async (acknowledged: UploadedFile) =>
      (
        await commitRevision(t.vault, cast.job.caller, {
          ...model,
          upload,
          parent: head,
          message: "",
          files: [acknowledged],
        })
      ).revision;
    const work = async () => {
      [file, revision] = [null, null];
      upload = (await openUpload(t.vault, cast.job.caller, model)).upload;
      const put = { upload, path: "more.bin", sizeBytes: bytes.length, source: chunked(bytes) };
      file = await putFile(t.vault, cast.job.caller, put);
      revision = await commit(file);
    };
    const check = async () => {
      const known = [head, ...(await childrenOf(raw, head))];
      const present = (await findRepository(raw.db, model)).head ?? "";
      expect(known).toContain(present);
      if (revision !== null) expect(present).toBe(revision);
      await assertWhole(present);
      if (file === null) return;
      // What was acknowledged can be committed still, and where the commit came to pass unheard, it is the same one.
      const committed = await commit(file);
      if (present !== head) expect(committed).toBe(present);
      await assertWhole(committed);
      expect(await contentOf(committed)).toEqual(bytes);
      head = committed;
    };
    const tried = await atEachStatement(work, check);
    expect(tried.before).toBeGreaterThan(20 / step);
    expect(tried["after-commit"]).toBeGreaterThanOrEqual(3);
    await assertNothingElseStored();
  }, 120_000);

  /** A revision that is visible has its files, sealed, and its entry. */
  async function assertWhole(id: string): Promise<void> {
    const row = await findRevision(raw.db, await findRepository(raw.db, model), id);
    const { files } = manifestOf(row);
    const listed = await raw.db
      .selectFrom("revision_file")
      .innerJoin("object", "object.id", "revision_file.object")
      .select(["revision_file.path", "object.state"])
      .where("revision_file.revision", "=", id)
      .orderBy("revision_file.path")
      .execute();
    expect(listed).toEqual(files.map(({ path }) => ({ path, state: "sealed" })));
    const submission = await raw.db
      .selectFrom("ledger_submission")
      .select("kind")
      .where("id", "=", row.submission)
      .executeTakeFirst();
    expect(submission?.kind).toBe("revision.committed");
  }

  async function contentOf(revision: string): Promise<Buffer> {
    const { stream } = await releaseStream(t.vault, cast.reader.caller, {
      ...model,
      revision,
      path: "more.bin",
      destination: unitedStates,
    });
    const pieces: Buffer[] = [];
    const end = stream?.file.size ?? 0;
    for await (const piece of stream?.read({ start: 0, end }) ?? [])
      pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces);
  }

  async function assertNothingElseStored(): Promise<void> {
    t.clock.advance({ days: 8 });
    await sweep(t.vault);
    await sweep(t.vault);
    const named = await raw.db.selectFrom("revision_file").select("object").distinct().execute();
    const stored: string[] = [];
    for await (const key of t.vault.store.list("objects/")) stored.push(key);
    expect(stored.toSorted()).toEqual(named.map(({ object }) => objectKey(object)).toSorted());
  }
});

async function childrenOf({ db }: Database, parent: string): Promise<readonly string[]> {
  const rows = await db.selectFrom("revision").select("id").where("parent", "=", parent).execute();
  return rows.map(({ id }) => id);
}

/** The releases that were decided as allowed, whether the ledger has their entries or not. */
async function countAllowed({ db }: Database): Promise<number> {
  return (await db.selectFrom("release").select("id").where("verdict", "=", "allow").execute())
    .length;
}
