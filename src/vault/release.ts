import {
  type Enclosure,
  enclose,
  isRecipientKey,
  kemId,
  releaseInfo,
} from "../crypto/enclosure.ts";
import type { Secret } from "../crypto/secret.ts";
import { isRefusal, Refusal } from "../errors.ts";
import type { Facts } from "../export-control/facts.ts";
import type { Caller } from "../identity/authenticate.ts";
import { parseEntry } from "../ledger/entry.ts";
import type { Place } from "../ledger/ledger.ts";
import { makeReceipt, type Receipt } from "../ledger/receipt.ts";
import {
  type DecidedRelease,
  decideRelease,
  type ReleaseFile,
  type ReleaseRequest,
} from "./decide.ts";
import { unwrapKey } from "./object.ts";
import { endRelease, isUnended, lockRelease } from "./outcome.ts";
import { assertStands } from "./recheck.ts";
import { shareRulebook } from "./rulebook.ts";
import { record, secondsAfter, type Vault } from "./vault.ts";

/** Keys of the listed files, in that order, enclosed for the recipient and bound to the entry in the receipt. */
export type EnclosedRelease = {
  readonly enclosure: Enclosure & { readonly kem: number };
  readonly receipt: Receipt | null;
  readonly place: Place;
};

export type ReleaseAnswer = {
  readonly decided: DecidedRelease;
  readonly enclosed: EnclosedRelease | null;
};

const unwrapsAtOnce = 16;

/**
 * Decides, records and only then releases the keys of the wanted files, enclosed for the recipient's key. The steps are those of the
 * design: the decision commits with its entry; the entry is waited for; what it rests on is checked again; the custodian unwraps; the
 * delivery commits; the answer leaves. Whatever fails on the way, no key leaves. A denial is an answer, not an error.
 */
export async function releaseEnclosed(
  vault: Vault,
  caller: Caller,
  request: ReleaseRequest & { readonly recipientKey: Buffer },
): Promise<ReleaseAnswer> {
  if (!(await isRecipientKey(request.recipientKey)))
    throw new Refusal("invalid_recipient_key", "the recipient key is not a point of P-256");
  const decided = await decideRelease(vault, caller, request);
  if (decided.decision.verdict !== "allow") return { decided, enclosed: null };
  const place = await settle(vault, caller, decided);
  await openRelease(vault, decided.release, decided.facts);
  const { enclosure, receipt } = await orFail(vault, decided.release, async () => {
    const made = await encloseKeys(vault, decided, request.recipientKey, place);
    return {
      enclosure: made,
      receipt:
        vault.limits.releaseAfter === "entry" ? null : await makeReceipt(vault.database.db, place),
    };
  });
  await orFail(vault, decided.release, async () => await deliver(vault, decided));
  return { decided, enclosed: { enclosure: { ...enclosure, kem: kemId }, receipt, place } };
}

/**
 * Waits until the decision's entry is recorded as far as the configuration asks; the ledger has then proved it under a checkpoint of its
 * own signer. Throws `record_tampered` where what stands at its place is not the allowance of this release to this caller.
 */
export async function settle(
  { ledger, limits }: Pick<Vault, "ledger" | "limits">,
  caller: Caller,
  { release, submission }: Pick<DecidedRelease, "release" | "submission">,
): Promise<Place> {
  const { releaseAfter: after, releaseWaitMs: timeoutMs } = limits;
  const place = await ledger.settle(submission, { after, timeoutMs });
  const entry = parseEntry(place.bytes);
  const isIt =
    entry?.kind === "release.allowed" &&
    entry.body["release"] === release &&
    entry.body["principal"] === caller.principal;
  if (!isIt)
    throw new Refusal(
      "record_tampered",
      "the ledger holds another entry in place of this release's",
    );
  return place;
}

/** `allowed` becomes `opening`, if all that it rests on still stands. Throws `release_stopped`. */
async function openRelease(vault: Vault, id: string, facts: Facts): Promise<void> {
  await record(vault, async (tx) => {
    await shareRulebook(tx);
    const row = await lockRelease(tx, id);
    if (row?.state !== "allowed")
      throw new Refusal("release_stopped", "the release was ended meanwhile");
    await assertStands(tx, vault, row, facts);
    const now = vault.now();
    await tx
      .updateTable("release")
      .set({
        state: "opening",
        node: vault.node,
        lease_until: secondsAfter(now, vault.limits.leaseSeconds),
      })
      .where("id", "=", id)
      .execute();
  });
}

async function encloseKeys(
  vault: Vault,
  { files, repository }: Pick<DecidedRelease, "files" | "repository">,
  recipientKey: Buffer,
  place: Place,
): Promise<Enclosure> {
  const keys: Secret[] = [];
  try {
    for (let at = 0; at < files.length; at += unwrapsAtOnce) {
      keys.push(...(await unwrapAll(vault, files.slice(at, at + unwrapsAtOnce), repository.id)));
    }
    return await enclose(recipientKey, releaseInfo(place.leaf), keys);
  } finally {
    for (const key of keys) key.wipe();
  }
}

/** All keys of a few files, or none: what was unwrapped before a failure is wiped. */
async function unwrapAll(
  vault: Vault,
  files: readonly ReleaseFile[],
  repository: string,
): Promise<Secret[]> {
  const rows = await vault.database.db
    .selectFrom("object")
    .selectAll()
    .where(
      "id",
      "in",
      files.map(({ object }) => object),
    )
    .execute();
  const byId = new Map(rows.map((row) => [row.id, row]));
  const settled = await Promise.allSettled(
    files.map(async ({ object }) => {
      const row = byId.get(object);
      if (row === undefined)
        throw new Refusal("object_missing", "an object of the revision has no row");
      return await unwrapKey(vault, row, repository);
    }),
  );
  const failed = settled.find((result) => result.status === "rejected");
  const keys = settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  if (failed === undefined) return keys;
  for (const key of keys) key.wipe();
  throw failed.reason;
}

/** The delivery is on record before the first byte of the answer, if what it rests on still stands: the custodian may have been slow. */
async function deliver(
  vault: Vault,
  { release: id, facts }: Pick<DecidedRelease, "release" | "facts">,
): Promise<void> {
  await record(vault, async (tx) => {
    await shareRulebook(tx);
    const row = await lockRelease(tx, id);
    if (row?.state !== "opening")
      throw new Refusal("release_stopped", "the release was ended meanwhile");
    await assertStands(tx, vault, row, facts);
    await endRelease(
      tx,
      { ...row, bytes_delivered: row.bytes_total },
      { outcome: "delivered", now: vault.now() },
    );
    await tx
      .updateTable("release")
      .set({ bytes_delivered: row.bytes_total })
      .where("id", "=", id)
      .execute();
  });
}

/** Runs a step that hands out nothing itself; where it fails, the release ends as failed, or the sweeper ends it later. */
async function orFail<Result>(
  vault: Vault,
  id: string,
  step: () => Promise<Result>,
): Promise<Result> {
  try {
    return await step();
  } catch (error) {
    const reason = isRefusal(error) ? error.code : "internal";
    await record(vault, async (tx) => {
      const row = await lockRelease(tx, id);
      if (row !== null && isUnended(row))
        await endRelease(tx, row, { outcome: "failed", reason, now: vault.now() });
    }).catch(() => {});
    throw error;
  }
}
