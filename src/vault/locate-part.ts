import type { Secret } from "../crypto/secret.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { recordAs } from "./caller.ts";
import { sessionOf } from "./part-session.ts";
import type { ObjectAddress } from "./parted.ts";
import { placeOf } from "./put-part.ts";
import { lockSealable } from "./upload-key.ts";
import { secondsAfter, type Vault } from "./vault.ts";

/** One part that its uploader has sealed. Both digests are in hex: of the part's plaintext, and of what it was sealed to. */
export type SealedPart = ObjectAddress & {
  readonly part: number;
  /** Of the plaintext. */
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly sealedSha256: string;
};

/** Where the part is put, with which headers, until an instant. */
export type PartPlace = {
  readonly url: Secret;
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAt: Date;
};

/** An hour: what a store gives out at the most. The setting shortens it. */
const mostSeconds = 3_600;

/**
 * An address at which one sealed part can be put into the store, for whom the file's key was handed to. The store refuses other bytes than those of the
 * stated digest and of the size that the part has. It is made when asked for; no entry, no row and no log line holds it. The part is not held from here on until
 * the store's list has it. Throws as `releaseUploadKey`, `part_out_of_range`, `size_mismatch`, and `conflict` where no key was handed out.
 */
export async function locatePart(
  vault: Pick<Vault, "database" | "ledger" | "store" | "now">,
  caller: Caller,
  request: SealedPart,
): Promise<PartPlace> {
  const { part } = request;
  const sealedSha256 = Buffer.from(request.sealedSha256, "hex");
  const { row, sealedBytes } = await recordAs(vault, caller, async (tx) => {
    const locked = await lockSealable(tx, vault, caller, request);
    const place = placeOf(locked, request);
    if (locked.handOuts.length === 0)
      throw new Refusal("conflict", "the file's key was handed out to nobody");
    await tx
      .deleteFrom("object_part")
      .where("object", "=", locked.id)
      .where("part", "=", part)
      .execute();
    await tx
      .deleteFrom("direct_part")
      .where("object", "=", locked.id)
      .where("part", "=", part)
      // Nothing comes at these addresses any more, and what came is about to be replaced.
      .where("located_at", "<=", secondsAfter(vault.now(), -mostSeconds))
      .execute();
    const located = {
      size_bytes: BigInt(request.sizeBytes),
      sha256: Buffer.from(request.sha256, "hex"),
      sealed_bytes: BigInt(place.sealedBytes),
      located_at: vault.now(),
    };
    await tx
      .insertInto("direct_part")
      .values({ object: locked.id, part, sealed_sha256: sealedSha256, ...located })
      .onConflict((conflict) =>
        conflict.columns(["object", "part", "sealed_sha256"]).doUpdateSet(located),
      )
      .execute();
    return { row: locked, sealedBytes: place.sealedBytes };
  });
  const blob = await sessionOf(vault, row);
  const now = vault.now();
  const address = await blob.locate(
    { part, sizeBytes: sealedBytes, sha256: sealedSha256 },
    mostSeconds,
  );
  if (address === null)
    throw new Refusal("direct_unavailable", "the vault's store gives no addresses out");
  const { url, headers, seconds } = address;
  return { url, headers, expiresAt: secondsAfter(now, seconds) };
}
