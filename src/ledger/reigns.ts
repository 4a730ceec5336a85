import { type Kysely, sql, type Transaction } from "kysely";
import type { Signer } from "../custody/signer.ts";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { openCheckpoint } from "../merkle/checkpoint.ts";
import { encodeVerificationKey, keyIdOf, type VerificationKey } from "../merkle/note.ts";
import { treeRoot } from "../merkle/proof.ts";
import {
  isSameKey,
  type PlacedRotation,
  type Reign,
  readRotation,
  type SignedCheckpoint,
  successionOf,
  type TreeHead,
} from "../merkle/rotation.ts";
import type { Pending } from "./batch.ts";
import { parseEntry } from "./entry.ts";
import { newestCheckpoint } from "./receipt.ts";
import { hashReader } from "./tiles.ts";

export const rotationKind = "ledger.key-rotated";

/** Any number that nothing else locks. */
const rotationLock = 7_318_009_027n;

/** One rotation is submitted at a time, whoever asks, and none while a key is taken up; held until the transaction ends. */
export async function lockRotations(tx: Transaction<Schema>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${rotationLock}::bigint)`.execute(tx);
}

/** The rotations that are entries, in their order. Whether they are true is for who reads them: each is signed by the keys that it names. */
export async function readRotations(db: Kysely<Schema>): Promise<readonly PlacedRotation[]> {
  const { rows } = await sql<{ index: bigint; bytes: Buffer }>`/* ledger.rotations */
    select entry.index, entry.bytes from ledger_submission as submission
    join ledger_entry as entry on entry.submission = submission.id
    where submission.kind = 'ledger.key-rotated' order by entry.index`.execute(db);
  return rows.map(({ index, bytes }) => ({
    index: Number(index),
    statement: parseEntry(bytes)?.body["statement"],
  }));
}

/**
 * A checkpoint and what the ledger's keys say of it: this node's own, and those that rotations in the ledger lead from it, both ways. A
 * database cannot invent one of them, since the key next to it has signed for it.
 */
export async function openSigned(
  db: Kysely<Schema>,
  bytes: string | Uint8Array,
  own: VerificationKey,
): Promise<SignedCheckpoint | null> {
  const opened = openCheckpoint(bytes, own);
  if (opened === null || opened.verdict === "forged") return opened;
  const rotations = await readRotations(db);
  return rotations.length === 0 ? opened : successionOf(own, rotations).open(bytes);
}

/**
 * Up to which size a node's key may sign now; infinite where no rotation names it as the old one. Throws `signer_refused` for a key that was
 * replaced, and for a new one whose time has not come: the old key's checkpoint has to cover the rotation first.
 */
export async function reignOf(db: Kysely<Schema>, own: VerificationKey): Promise<number> {
  const rotations = await readRotations(db);
  if (rotations.length === 0) return Number.POSITIVE_INFINITY;
  const { reigns } = successionOf(own, rotations);
  const at = reigns.findIndex(({ key }) => isSameKey(key, own));
  const [before, mine, after] = [reigns[at - 1], reigns[at], reigns[at + 1]];
  const signedSize = (await newestCheckpoint(db))?.size ?? 0;
  if (before !== undefined && signedSize < before.lastSize)
    throw refused(
      `the ledger's key is being replaced by this node's, and no checkpoint of the old key covers the rotation (entry ${before.lastSize - 1}) yet: run \`weightvault ledger rotate-key\` with the old key's settings again`,
    );
  if (mine === undefined || after === undefined) return Number.POSITIVE_INFINITY;
  if (signedSize >= mine.lastSize) throw retired(after.key, mine.lastSize);
  return mine.lastSize;
}

/**
 * Refuses (`record_tampered`) a ledger that does not go on from what each replaced key had signed when it named the next: whoever has a key that
 * was replaced could otherwise have this node sign on another past.
 */
export async function assertGoesOn(db: Kysely<Schema>, own: VerificationKey): Promise<void> {
  const { rotations } = successionOf(own, await readRotations(db));
  for (const { head, index } of rotations) {
    if (await isPrefix(db, head)) continue;
    throw new Refusal(
      "record_tampered",
      `the stored entries do not go on from the ${head.size} that the ledger's old key had signed when it named the new one (entry ${index}): the ledger is not continued`,
    );
  }
}

async function isPrefix(db: Kysely<Schema>, { size, root }: TreeHead): Promise<boolean> {
  return (await treeRoot(size, hashReader(db, size))).equals(root);
}

/**
 * Whether a signer's key signed the newest checkpoint, or the key before it did and handed the ledger over; also where there is none yet.
 * Throws as `reignOf`.
 */
export async function isSignedBy(
  db: Kysely<Schema>,
  { name, publicKey }: Pick<Signer, "name" | "publicKey">,
): Promise<boolean> {
  const own = { name, publicKey, keyId: keyIdOf(name, publicKey) };
  await reignOf(db, own);
  const newest = await newestCheckpoint(db);
  if (newest === null) return true;
  return (await openSigned(db, newest.note, own))?.verdict === "verified";
}

/** What a node says that holds a key which another has replaced. */
function retired(by: VerificationKey, lastSize: number): Refusal {
  return refused(
    `the ledger's key was replaced (entry ${lastSize - 1}) by ${encodeVerificationKey(by.name, by.publicKey)}, and this node holds an older one, which signs nothing more: start it with the new key's settings; if \`weightvault ledger rotate-key\` was interrupted, run it again`,
  );
}

/** `statement` is the note by which the key before named this one; null for the first. */
export type ToldReign = Reign & { readonly firstSize: number; readonly statement: string | null };

/** The keys of the ledger with the sizes that each may sign, oldest first, as a node with its own key knows them. */
export async function allReigns(
  db: Kysely<Schema>,
  own: VerificationKey,
): Promise<readonly ToldReign[]> {
  const rotations = await readRotations(db);
  const { reigns } = successionOf(own, rotations);
  return reigns.map((reign, at) => {
    const before = reigns[at - 1]?.lastSize ?? 0;
    const named = rotations.find(({ index }) => index + 1 === before)?.statement;
    return {
      ...reign,
      firstSize: at === 0 ? 0 : before + 1,
      statement: typeof named === "string" ? named : null,
    };
  });
}

/** Pending submissions that this node may give a place, and whether the last of them ends its key's reign. */
export type Batch = { readonly pending: readonly Pending[]; readonly isLast: boolean };

/**
 * The pending submissions up to the first rotation, which is the last entry that the old key's checkpoints cover. Throws `record_tampered` for a
 * rotation that does not go on from this node's key: only somebody behind the vault's back submits one.
 */
export async function upToRotation(
  db: Kysely<Schema>,
  pending: readonly Pending[],
  own: VerificationKey,
): Promise<Batch> {
  const at = pending.findIndex(({ kind }) => kind === rotationKind);
  const rotation = pending[at];
  if (rotation === undefined) return { pending, isLast: false };
  const succession = successionOf(own, await readRotations(db));
  const statement = statementOf(rotation.body);
  const signedSize = (await newestCheckpoint(db))?.size ?? 0;
  const named = readRotation(statement, own.name);
  if (
    named === null ||
    !isSameKey(named.from, own) ||
    named.head.size > signedSize ||
    !succession.take({ index: signedSize, statement }) ||
    !(await isPrefix(db, named.head))
  )
    throw new Refusal(
      "record_tampered",
      "a submission would replace the ledger's key, and is not signed by the key that rules and by a new one, of this ledger: it was not made by the vault, and the ledger is not continued",
      { cause: new Error(`submission ${rotation.id}`) },
    );
  return { pending: pending.slice(0, at + 1), isLast: true };
}

/** The statement in a submission's body; undefined where there is none. */
export function statementOf(body: Uint8Array): unknown {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
    return typeof parsed === "object" && parsed !== null && "statement" in parsed
      ? parsed.statement
      : undefined;
  } catch {
    return undefined;
  }
}

function refused(message: string): Refusal {
  return new Refusal("signer_refused", message);
}
