import { setImmediate as turn } from "node:timers/promises";
import { type Kysely, sql } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { type Checkpoint, openCheckpoint } from "../merkle/checkpoint.ts";
import type { VerificationKey } from "../merkle/note.ts";
import { type HashReader, inclusionProof, verifyInclusion } from "../merkle/proof.ts";
import { tileWidth } from "../merkle/tile.ts";
import { TileEdge } from "../merkle/tile-edge.ts";
import { hashBytes, leafHash } from "../merkle/tree.ts";
import type { Place } from "./ledger.ts";
import { ProvedLeaves } from "./proved-leaves.ts";
import { openSigned } from "./reigns.ts";
import { edgeAt, hashReader } from "./tiles.ts";

export type Cover = { readonly size: number; readonly root: Buffer; readonly read: HashReader };

type Newest = { readonly checkpoint: Checkpoint; readonly leaves: Buffer | null };

/** Growing costs a hash or two a leaf, a proof of one entry from the tiles some 250: so many leaves are grown over for each who asks. */
const leavesForEach = 128;
const leavesAtMost = 16_384;

/**
 * Proves that an entry is covered, as an auditor would: its bytes lead to the root of a checkpoint that the signer's key signed. That a
 * table says so is not enough, since whoever administers the database writes that too.
 *
 * Those who wait for one checkpoint share the work: the tree's edge is grown over the leaves that came since the last one, and where it leads to
 * the signed root, every one of them is proved to be in its place. The signed root alone is believed, whatever the edge was made of.
 */
export class CoverProof {
  readonly #db: Kysely<Schema>;
  readonly #key: VerificationKey;
  #newest: Cover | null = null;
  #edge = new TileEdge();
  readonly #proved = new ProvedLeaves(leavesAtMost);
  #reading: Promise<Cover> | null = null;
  #asking = 0;

  constructor(db: Kysely<Schema>, key: VerificationKey) {
    this.#db = db;
    this.#key = key;
  }

  /** Throws `record_tampered` where the checkpoint is not the signer's, or does not cover the entry. */
  async assertCovered(place: Pick<Place, "index" | "bytes">): Promise<void> {
    this.#asking += 1;
    try {
      const cover = await this.#cover(place.index);
      const proved = this.#proved.at(place.index);
      if (proved?.equals(leafHash(place.bytes)) === true) return;
      // What is not among the newest leaves, or not as it is there, stands and falls with a proof of its own.
      await assertIncluded(place, cover);
    } finally {
      this.#asking -= 1;
    }
  }

  /** Reads the newest checkpoint for so many who are about to ask, while their places are looked up. What fails here is tried again by those who ask. */
  prepare(asking: number): void {
    if (this.#reading !== null) return;
    this.#asking += asking;
    this.#begin()
      .catch(() => {})
      .finally(() => {
        this.#asking -= asking;
      });
  }

  async #begin(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    await this.#reading;
  }

  /** A checkpoint that covers the index, verified once and then used for all that it covers. Many who ask at once read it once. */
  async #cover(index: number): Promise<Cover> {
    const isCovered = () => this.#newest !== null && this.#newest.size > index;
    // A reading that was under way may have begun before the entry was covered, or before there was any checkpoint; the one after it did not.
    if (!isCovered()) await this.#reading?.catch(() => {});
    if (!isCovered()) await this.#begin();
    if (this.#newest !== null && isCovered()) return this.#newest;
    throw new Refusal("ledger_unavailable", "no signed checkpoint covers the entry yet");
  }

  async #read(): Promise<Cover> {
    // All who were told of one checkpoint ask before it is read.
    await turn();
    const { checkpoint, leaves } = await this.#readNewest();
    if (!this.#grow(checkpoint, leaves)) await this.#restore(checkpoint);
    const { size, root } = checkpoint;
    this.#newest = { size, root, read: hashReader(this.#db, size) };
    return this.#newest;
  }

  /** The newest checkpoint, verified, and the leaf hashes between the edge and it; null for these where they are too many, or none. */
  async #readNewest(): Promise<Newest> {
    const from = this.#edge.size;
    const most = Math.min(leavesForEach * this.#asking, leavesAtMost);
    const { rows } = await sql<{
      size: bigint;
      note: string;
      leaves: Buffer | null;
      rotated: boolean;
    }>`/* ledger.cover */
      select size, note, exists (select from ledger_submission where kind = 'ledger.key-rotated') as rotated, (
        select string_agg(leaf, ''::bytea order by index) from ledger_entry
        where index >= ${from}::bigint and index < size and size - ${from}::bigint <= ${most}::bigint) as leaves
      from ledger_checkpoint order by size desc limit 1`.execute(this.#db);
    const [row] = rows;
    const own = row === undefined ? null : openCheckpoint(row.note, this.#key);
    // After a rotation the newest checkpoint may still be the old key's, or one that the old key had no right to sign any more.
    const opened =
      row === undefined || (own?.verdict === "verified" && !row.rotated)
        ? own
        : await openSigned(this.#db, row.note, this.#key);
    if (
      opened?.verdict !== "verified" ||
      opened.checkpoint.size !== Number(row?.size) ||
      opened.checkpoint.origin !== this.#key.name
    ) {
      throw new Refusal(
        "record_tampered",
        "the newest checkpoint is not signed by the ledger's key",
      );
    }
    return { checkpoint: opened.checkpoint, leaves: row?.leaves ?? null };
  }

  /** Whether the edge, grown over the leaves, leads to the signed root; only then are they proved. */
  #grow({ size, root }: Checkpoint, leaves: Buffer | null): boolean {
    const edge = this.#edge;
    const grown = leaves ?? Buffer.alloc(0);
    if (grown.length !== (size - edge.size) * hashBytes) return false;
    // An edge that was grown the wrong way is of no use to anybody.
    this.#edge = new TileEdge();
    const first = edge.size;
    for (let at = 0; at < grown.length; at += hashBytes)
      edge.append(grown.subarray(at, at + hashBytes));
    if (!edge.root().equals(root)) return false;
    this.#edge = edge;
    this.#proved.add(first, grown);
    return true;
  }

  /** Begins anew with the stored tiles at the checkpoint's edge. Throws `record_tampered` where one is not there, or they do not lead to its root. */
  async #restore({ size, root }: Checkpoint): Promise<void> {
    this.#edge = new TileEdge();
    this.#proved.clear();
    const edge = await edgeAt(this.#db, size);
    if (!edge.root().equals(root)) throw contradicted();
    this.#edge = edge;
    const [last] = edge.partials();
    if (last?.tile.level === 0) this.#proved.add(last.tile.number * tileWidth, last.bytes);
  }
}

function contradicted(): Refusal {
  return new Refusal(
    "record_tampered",
    "the stored entries do not lead to the newest checkpoint's root",
  );
}

/** Throws `record_tampered` where the entry's bytes do not lead to the root, or a tile on their way is not there. */
export async function assertIncluded(
  { index, bytes }: Pick<Place, "index" | "bytes">,
  { size, root, read }: Cover,
): Promise<void> {
  const proof = await inclusionProof(index, size, read);
  if (verifyInclusion({ index, size, leaf: leafHash(bytes), proof, root })) return;
  throw new Refusal(
    "record_tampered",
    "the entry does not lead to the signed checkpoint that should cover it",
  );
}
