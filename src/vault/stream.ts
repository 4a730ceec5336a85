import { transact } from "../database/transact.ts";
import { isRefusal, Refusal } from "../errors.ts";
import type { Facts } from "../export-control/facts.ts";
import type { Caller } from "../identity/authenticate.ts";
import { historyOf } from "../ledger/outbox.ts";
import {
  allowedBody,
  chargeGrant,
  type DecidedRelease,
  decideRelease,
  findWanted,
  type ReleaseFile,
  type ReleaseRequest,
  reuseKey,
} from "./decide.ts";
import { openEvidence } from "./evidence.ts";
import { readPlaintext, unwrapKey } from "./object.ts";
import { endRelease, isUnended, lockRelease } from "./outcome.ts";
import { assertStands } from "./recheck.ts";
import { settle } from "./release.ts";
import { rulebookIn, shareRulebook } from "./rulebook.ts";
import { record, secondsAfter, type Tx, type Vault } from "./vault.ts";

export type ByteRange = { readonly start: number; readonly end: number };

/** An allowed and recorded release of one file, ready to be streamed in ranges. */
export type OpenStream = {
  readonly release: string;
  readonly file: ReleaseFile;
  /** Verified plaintext of the range, checked again every 64 MiB. Whoever stops reading ends the release as failed. */
  read(range: ByteRange): AsyncGenerator<Buffer, void, undefined>;
};

export type StreamAnswer =
  | { readonly decided: DecidedRelease; readonly stream: null }
  | { readonly decided: null; readonly stream: OpenStream };

const recheckEveryBytes = 64 * 2 ** 20;
const recheckEveryMs = 20_000;

type StreamRequest = Omit<ReleaseRequest, "way" | "recipientKey" | "paths"> & {
  readonly path: string;
};

/**
 * Decides and records the release of one file as a decrypted stream, or finds the caller's live release of the same file: later ranges
 * within its time are checked again, but make no further entry. No byte leaves before the entry is recorded.
 */
export async function releaseStream(
  vault: Vault,
  caller: Caller,
  { path, ...rest }: StreamRequest,
): Promise<StreamAnswer> {
  const request: ReleaseRequest = { ...rest, paths: [path], way: "stream", recipientKey: null };
  const live = await findLive(vault, caller, request);
  const found = live ?? (await decideRelease(vault, caller, request));
  if (found.decision.verdict !== "allow") return { decided: found as DecidedRelease, stream: null };
  await settle(vault, caller, found);
  const { release, facts, repository } = found;
  const [file] = found.files;
  if (file === undefined) throw new Error("a stream's release has no file");
  return {
    decided: null,
    stream: {
      release,
      file,
      read: (range) => readRange(vault, { release, repository: repository.id, facts, file, range }),
    },
  };
}

type LiveRelease = Pick<
  DecidedRelease,
  "release" | "repository" | "facts" | "files" | "decision" | "submission"
>;

async function findLive(
  vault: Vault,
  caller: Caller,
  request: ReleaseRequest,
): Promise<LiveRelease | null> {
  const wanted = await findWanted(vault, request);
  const row = await vault.database.db
    .selectFrom("release")
    .select("id")
    .where("reuse_key", "=", reuseKey(caller, request, wanted))
    .where("state", "in", ["allowed", "opening"])
    .where("is_broken", "=", false)
    .where("outcome", "is", null)
    .where("expires_at", ">", vault.now())
    .orderBy("created_at", "desc")
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return null;
  const { facts, decision, commitment } = await openEvidence(vault, row.id);
  const { site, country } = facts.destination;
  if (site !== request.destination.site || country !== request.destination.country) return null;
  // One that another rulebook allowed would be stopped at its first byte: it is decided anew instead.
  const { digest } = await transact(vault.database.db, async (tx) => {
    await shareRulebook(tx);
    return await rulebookIn(tx, vault);
  });
  if (decision.rulebook !== digest) return null;
  const allowed = await readAllowed(vault, row.id);
  const asked = allowedBody(caller, {
    ...request,
    ...wanted,
    release: row.id,
    evidence: commitment,
  });
  if (
    allowed === null ||
    Object.entries(asked).some(
      ([name, value]) => JSON.stringify(allowed.body[name]) !== JSON.stringify(value),
    )
  ) {
    throw new Refusal("record_tampered", "the release differs from its ledger entry");
  }
  const isOver =
    allowed.hasOutcome ||
    secondsAfter(allowed.time, vault.limits.releaseMinutes * 60) <= vault.now();
  if (isOver) return null;
  return {
    release: row.id,
    repository: wanted.repository,
    facts,
    files: wanted.files,
    decision,
    submission: allowed.id,
  };
}

/** What was submitted of a release: a row counts as allowed, and as still open, by its entries and not by itself. */
async function readAllowed({ database }: Pick<Vault, "database">, release: string) {
  const [decided, ...ended] = await historyOf(database.db, release);
  if (decided?.kind !== "release.allowed") return null;
  return { ...decided, hasOutcome: ended.length > 0 };
}

type Reading = {
  readonly release: string;
  /** The id of the repository that was decided on. */
  readonly repository: string;
  readonly facts: Facts;
  readonly file: ReleaseFile;
  readonly range: ByteRange;
};

async function* readRange(vault: Vault, reading: Reading): AsyncGenerator<Buffer, void, undefined> {
  await beginRange(vault, reading);
  const progress = { sent: 0, isComplete: false, reason: "interrupted" };
  try {
    const object = await vault.database.db
      .selectFrom("object")
      .selectAll()
      .where("id", "=", reading.file.object)
      .executeTakeFirstOrThrow();
    using key = await unwrapKey(vault, object, reading.repository);
    let checkedBytes = 0;
    let checkedAt = performance.now();
    for await (const bytes of readPlaintext(vault, object, { key, ...reading.range })) {
      const isDue =
        progress.sent - checkedBytes >= recheckEveryBytes ||
        performance.now() - checkedAt >= recheckEveryMs;
      if (isDue) {
        await recheck(vault, reading);
        checkedBytes = progress.sent;
        checkedAt = performance.now();
      }
      // Counted before they are handed over: a byte that may have left is a byte that left.
      progress.sent += bytes.length;
      yield bytes;
    }
    progress.isComplete = true;
  } catch (error) {
    progress.reason = isRefusal(error) ? error.code : "internal";
    throw error;
  } finally {
    await endRange(vault, reading.release, progress);
  }
}

/** Checks, charges the range to the grant's budget, and registers the stream, before its first byte. */
async function beginRange(vault: Vault, { release, facts, range }: Reading): Promise<void> {
  const bytes = BigInt(range.end - range.start);
  await record(vault, async (tx) => {
    await shareRulebook(tx);
    const row = await lockRelease(tx, release);
    const now = vault.now();
    if (row === null || !isUnended(row) || row.is_broken || row.expires_at <= now) {
      throw new Refusal("release_stopped", "the release was ended meanwhile");
    }
    await assertStands(tx, vault, row, facts);
    await chargeGrant(tx, await grantOf(tx, facts), bytes);
    await tx
      .updateTable("release")
      .set({
        state: "opening",
        node: vault.node,
        streams: row.streams + 1,
        bytes_charged: row.bytes_charged + bytes,
        lease_until: secondsAfter(now, vault.limits.leaseSeconds),
      })
      .where("id", "=", release)
      .execute();
  });
}

/** The grant that was decided on, which is locked with its release; the release's row could name another, or none. */
async function grantOf(tx: Tx, { grant }: Facts) {
  return await tx
    .selectFrom("grant")
    .selectAll()
    .where("id", "=", grant?.id ?? null)
    .executeTakeFirstOrThrow();
}

async function recheck(vault: Vault, { release, facts }: Reading): Promise<void> {
  await record(vault, async (tx) => {
    await shareRulebook(tx);
    const row = await lockRelease(tx, release);
    if (row?.state !== "opening" || row.is_broken)
      throw new Refusal("release_stopped", "the release was ended meanwhile");
    await assertStands(tx, vault, row, facts);
    const lease_until = secondsAfter(vault.now(), vault.limits.leaseSeconds);
    await tx.updateTable("release").set({ lease_until }).where("id", "=", release).execute();
  });
}

/**
 * The last stream out ends a release that broke, or that gave out as many bytes as it is about; otherwise it stays open for further
 * ranges until its time is over. When this cannot be written, the lease runs out and the sweeper counts the release as delivered.
 */
async function endRange(
  vault: Vault,
  id: string,
  { sent, isComplete, reason }: { sent: number; isComplete: boolean; reason: string },
): Promise<void> {
  await record(vault, async (tx) => {
    const row = await lockRelease(tx, id);
    if (row?.state !== "opening") return;
    const now = vault.now();
    const streams = row.streams - 1;
    const bytes_delivered = row.bytes_delivered + BigInt(sent);
    const is_broken = row.is_broken || !isComplete;
    const ended = { ...row, streams, bytes_delivered, is_broken };
    // With no stream left it lives until its time is over, and then the sweeper ends it as delivered.
    const lease_until = streams === 0 ? row.expires_at : row.lease_until;
    await tx
      .updateTable("release")
      .set({ streams, bytes_delivered, is_broken, lease_until })
      .where("id", "=", id)
      .execute();
    if (streams > 0) return;
    if (is_broken) await endRelease(tx, ended, { outcome: "failed", reason, now });
    else if (bytes_delivered >= row.bytes_total)
      await endRelease(tx, ended, { outcome: "delivered", now });
  }).catch(() => {});
}
