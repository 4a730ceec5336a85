import type { Kysely } from "kysely";
import type { Signer } from "../custody/signer.ts";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { type Checkpoint, parseCheckpoint } from "../merkle/checkpoint.ts";
import { keyIdOf, parseNote, type VerificationKey } from "../merkle/note.ts";
import { treeRoot } from "../merkle/proof.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { newestCheckpoint } from "./receipt.ts";
import { openSigned } from "./reigns.ts";
import { hashReader } from "./tiles.ts";

/** The ledger in the blob store lies below this, in the layout of C2SP tlog-tiles. */
export const publishedPrefix = "ledger/";

export type Published = {
  readonly checkpoint: Checkpoint;
  /** As it is there, with whatever cosignatures it has. */
  readonly note: string;
  readonly tag: string;
};

export type PublishedIn = {
  /** Where the rotations of the key stand. */
  readonly db: Kysely<Schema>;
  readonly store: BlobStore;
  /** The key of this node's signer. */
  readonly key: VerificationKey;
};

/**
 * The checkpoint in the store; null where none was published. Throws `ledger_diverged` for one that neither the key signed nor, within its
 * reign, one that the ledger's rotations lead to from it: the store is trusted with nothing.
 */
export async function readPublished({ db, store, key }: PublishedIn): Promise<Published | null> {
  const blob = await store.readTagged(`${publishedPrefix}checkpoint`);
  if (blob === null) return null;
  const opened = await openSigned(db, blob.bytes, key);
  if (opened?.verdict !== "verified" || opened.checkpoint.origin !== key.name)
    throw diverged(
      opened?.verdict === "retired"
        ? `the checkpoint in the blob store covers ${opened.checkpoint.size} entries and is signed by a key of this ledger that had been replaced by then`
        : "the checkpoint in the blob store is not signed by this ledger's key",
      opened?.verdict === "retired"
        ? "Whoever holds the old key signed on with it: keep that checkpoint as evidence, put the signed one back, and destroy the old key."
        : "Somebody replaced it, the store is another vault's, or the database is of a time before the ledger's key was replaced: put the signed checkpoint back, name this vault's own store and key, or restore the newest state.",
    );
  const note = blob.bytes.toString("utf8");
  return { checkpoint: opened.checkpoint, note, tag: blob.tag };
}

/** `assertContinues` with what is in the store now, for the start. */
export async function assertPublishedFrom({
  db,
  store,
  signer: { name, publicKey },
}: {
  readonly db: Kysely<Schema>;
  readonly store: BlobStore;
  readonly signer: Pick<Signer, "name" | "publicKey">;
}): Promise<void> {
  const key = { name, publicKey, keyId: keyIdOf(name, publicKey) };
  await assertPublishedGrewOn({ db, store, key });
}

/** The same for a key. */
export async function assertPublishedGrewOn(place: PublishedIn): Promise<void> {
  await assertContinues(place.db, await readPublished(place));
}

/**
 * Refuses (`ledger_diverged`) a database that is not what the published checkpoint grew to: the start, every change of the lease and every
 * reconnection ask. The message says what was done, and the remedy.
 */
export async function assertContinues(
  db: Kysely<Schema>,
  published: Published | null,
): Promise<void> {
  if (published === null) return;
  const { size, root } = published.checkpoint;
  const newest = await newestCheckpoint(db);
  if (newest === null)
    throw diverged(
      `the blob store holds a checkpoint of ${size} entries and the database holds none: it is empty, or not this vault's`,
      "Name the right database, restore it, or rebuild its ledger with `weightvault ledger rebuild`.",
    );
  if (newest.size < size)
    throw diverged(
      `the published checkpoint has ${size} entries and the database's newest has ${newest.size}: an older state of the database was put back, by a backup or by a failover to a replica that lagged`,
      "Restore the newest state, or rebuild the ledger from what was published; replication must be synchronous.",
    );
  const isSame = newest.size === size && rootIn(newest.note)?.equals(root) === true;
  if (isSame || (newest.size > size && (await treeRoot(size, hashReader(db, size))).equals(root)))
    return;
  throw diverged(
    newest.size === size
      ? `the published checkpoint and the database's newest have ${size} entries both and different roots: two databases were written under one key`
      : `the database's first ${size} entries are not the ones that were published: they were rewritten, or two databases were written under one key`,
    "Keep both as evidence, find out which one releases stand in, and go on from that one alone.",
  );
}

/** Who signed it is asked where the ledger is taken over. */
function rootIn(note: string): Buffer | null {
  return parseCheckpoint(parseNote(note)?.text ?? "")?.root ?? null;
}

export function diverged(what: string, remedy: string): Refusal {
  return new Refusal("ledger_diverged", `${what}. ${remedy}`);
}
