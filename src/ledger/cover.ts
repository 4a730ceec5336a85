import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { openCheckpoint } from "../merkle/checkpoint.ts";
import type { VerificationKey } from "../merkle/note.ts";
import { type HashReader, inclusionProof, verifyInclusion } from "../merkle/proof.ts";
import { leafHash } from "../merkle/tree.ts";
import type { Place } from "./ledger.ts";
import { newestCheckpoint } from "./receipt.ts";
import { openSigned } from "./reigns.ts";
import { hashReader } from "./tiles.ts";

export type Cover = { readonly size: number; readonly root: Buffer; readonly read: HashReader };

/**
 * Proves that an entry is covered, as an auditor would: its bytes lead to the root of a checkpoint that the signer's key signed. That a
 * table says so is not enough, since whoever administers the database writes that too.
 */
export class CoverProof {
  readonly #db: Kysely<Schema>;
  readonly #key: VerificationKey;
  #newest: Cover | null = null;
  #reading: Promise<Cover> | null = null;

  constructor(db: Kysely<Schema>, key: VerificationKey) {
    this.#db = db;
    this.#key = key;
  }

  /** Throws `record_tampered` where the checkpoint is not the signer's, or does not cover the entry. */
  async assertCovered(place: Pick<Place, "index" | "bytes">): Promise<void> {
    await assertIncluded(place, await this.#cover(place.index));
  }

  /** A checkpoint that covers the index, verified once and then used for all that it covers. Many who ask at once read it once. */
  async #cover(index: number): Promise<Cover> {
    // A reading that was under way may have begun before the entry was covered; the one after it did not.
    for (let reading = 0; reading < 2; reading += 1) {
      if (this.#newest !== null && this.#newest.size > index) return this.#newest;
      this.#reading ??= this.#read().finally(() => {
        this.#reading = null;
      });
      this.#newest = await this.#reading;
    }
    if (this.#newest !== null && this.#newest.size > index) return this.#newest;
    throw new Refusal("ledger_unavailable", "no signed checkpoint covers the entry yet");
  }

  async #read(): Promise<Cover> {
    const checkpoint = await newestCheckpoint(this.#db);
    const own = checkpoint === null ? null : openCheckpoint(checkpoint.note, this.#key);
    // After a rotation the newest checkpoint may still be the old key's.
    const opened =
      checkpoint === null || own?.verdict === "verified"
        ? own
        : await openSigned(this.#db, checkpoint.note, this.#key);
    if (
      opened?.verdict !== "verified" ||
      opened.checkpoint.size !== checkpoint?.size ||
      opened.checkpoint.origin !== this.#key.name
    ) {
      throw new Refusal(
        "record_tampered",
        "the newest checkpoint is not signed by the ledger's key",
      );
    }
    const { size, root } = opened.checkpoint;
    return { size, root, read: hashReader(this.#db, size) };
  }
}

/** Throws `record_tampered` where the entry's bytes do not lead to the root. */
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
