import { type Kysely, sql } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { withOwnSignatures, withoutMlDsa } from "../merkle/cosignature.ts";
import { inclusionProof } from "../merkle/proof.ts";
import { encodeTlogProof, parseTlogProof } from "../merkle/tlog-proof.ts";
import { cosignedCheckpoint, withCosignatures } from "./cosigned.ts";
import type { Place } from "./ledger.ts";
import { hashReader } from "./tiles.ts";

/** What a caller can keep and verify offline: the entry, its place, and the way from it to a signed checkpoint. */
export type Receipt = {
  readonly index: number;
  /** The entry's bytes, base64. */
  readonly entry: string;
  /** Text of a C2SP `.tlog-proof`. */
  readonly proof: string;
};

/** The newest signed checkpoint, as served; null before the first. */
export async function newestCheckpoint(
  db: Kysely<Schema>,
): Promise<{ readonly size: number; readonly note: string } | null> {
  const row = await db
    .selectFrom("ledger_checkpoint")
    .select(["size", "note"])
    .orderBy("size", "desc")
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : { size: Number(row.size), note: row.note };
}

/**
 * The receipt of an entry under the checkpoint that most witnesses cosigned of those that cover it, which is the newest where none did. Throws
 * `ledger_unavailable` while no checkpoint covers it.
 */
export async function makeReceipt(db: Kysely<Schema>, place: Place): Promise<Receipt> {
  const [receipt] = await makeReceipts(db, [place]);
  if (receipt === undefined) throw new Error("a place has one receipt");
  return receipt;
}

/** The receipts of several entries, all under one checkpoint. Throws as `makeReceipt`. */
export async function makeReceipts(
  db: Kysely<Schema>,
  places: readonly Place[],
): Promise<readonly Receipt[]> {
  const last = Math.max(-1, ...places.map(({ index }) => index));
  return await proveUnder(
    db,
    places,
    (await mostCosigned(db, last)) ?? (await newestCheckpoint(db)),
  );
}

/** The receipt of an entry under the newest checkpoint, with the ledger's own signatures and without those of witnesses, which are any number. Throws as `makeReceipt`. */
export async function makeOwnReceipt(db: Kysely<Schema>, place: Place): Promise<Receipt> {
  const newest = await cosignedCheckpoint(db);
  const own = newest === null ? null : { ...newest, note: withOwnSignatures(newest.note) };
  const [receipt] = await proveUnder(db, [place], own);
  if (receipt === undefined) throw new Error("a place has one receipt");
  return receipt;
}

/** The same receipt without the ledger's signatures of ML-DSA-44, some 3,300 bytes each: as short as can be. */
export function shortened(receipt: Receipt): Receipt {
  const proof = parseTlogProof(receipt.proof);
  if (proof === null) throw new TypeError("this is no receipt");
  const checkpoint = withoutMlDsa(proof.checkpoint);
  return { ...receipt, proof: encodeTlogProof({ ...proof, checkpoint }) };
}

async function proveUnder(
  db: Kysely<Schema>,
  places: readonly Place[],
  checkpoint: { readonly size: number; readonly note: string } | null,
): Promise<readonly Receipt[]> {
  const last = Math.max(-1, ...places.map(({ index }) => index));
  if (checkpoint === null || checkpoint.size <= last) {
    throw new Refusal("ledger_unavailable", "no signed checkpoint covers the entry yet");
  }
  const read = hashReader(db, checkpoint.size);
  const receipts: Receipt[] = [];
  for (const { index, bytes } of places) {
    const hashes = await inclusionProof(index, checkpoint.size, read);
    receipts.push({
      index,
      entry: bytes.toString("base64"),
      proof: encodeTlogProof({ index, hashes, checkpoint: checkpoint.note }),
    });
  }
  return receipts;
}

/** Of the newest cosigned checkpoints that cover an entry, the newest that most witnesses cosigned; null where none did. */
async function mostCosigned(
  db: Kysely<Schema>,
  index: number,
): Promise<{ readonly size: number; readonly note: string } | null> {
  const found = await sql<{ size: bigint; note: string }>`
    select checkpoint.size, checkpoint.note from (
      select size, count(*) as times from (
        select size from ledger_cosignature where size > ${BigInt(index)} order by size desc limit 256
      ) as newest group by size order by times desc, size desc limit 1
    ) as most join ledger_checkpoint as checkpoint using (size)`.execute(db);
  const [row] = found.rows;
  if (row === undefined) return null;
  const checkpoint = { size: Number(row.size), note: row.note };
  return { ...checkpoint, note: await withCosignatures(db, checkpoint) };
}
