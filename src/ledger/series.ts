import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { withAllCosignatures } from "./cosigned.ts";

/** A signed checkpoint as the database keeps it, with the cosignatures that it has so far. */
export type SeriesCheckpoint = {
  readonly size: number;
  readonly note: string;
  /** DER of the RFC 3161 TimeStampResp about the note's text; null where none was asked for. */
  readonly timestamp: Buffer | null;
};

export type SeriesPage = {
  /** Only larger ones; null for all. */
  readonly after: number | null;
  readonly limit: number;
  /** Only those that a time-stamping authority stamped. */
  readonly isStamped: boolean;
};

/**
 * A page of the checkpoints that were ever signed, by their sizes. None is ever removed, so that a place in the series stays one to go on from;
 * a database that was rebuilt keeps none from before but the stamped ones and the newest.
 */
export async function readSeries(
  db: Kysely<Schema>,
  { after, limit, isStamped }: SeriesPage,
): Promise<readonly SeriesCheckpoint[]> {
  const rows = await db
    .selectFrom("ledger_checkpoint")
    .leftJoin("ledger_timestamp", "ledger_timestamp.size", "ledger_checkpoint.size")
    .select(["ledger_checkpoint.size", "note", "response"])
    .$if(after !== null, (query) => query.where("ledger_checkpoint.size", ">", BigInt(after ?? 0)))
    .$if(isStamped, (query) => query.where("response", "is not", null))
    .orderBy("ledger_checkpoint.size")
    .limit(limit)
    .execute();
  const checkpoints = rows.map(({ size, note, response }) => ({
    size: Number(size),
    note,
    timestamp: response,
  }));
  const cosigned = await withAllCosignatures(db, checkpoints);
  return checkpoints.map((each) => ({ ...each, note: cosigned.get(each.size) ?? each.note }));
}
