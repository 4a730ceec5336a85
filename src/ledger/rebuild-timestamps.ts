import { sql, type Transaction } from "kysely";
import type { Schema } from "../database/schema.ts";
import { parseNote } from "../merkle/note.ts";
import { treeRoot } from "../merkle/proof.ts";
import type { Succession } from "../merkle/rotation.ts";
import type { TileSource } from "./source.ts";
import type { KeptTimestamp } from "./source-timestamps.ts";
import { hashReader } from "./tiles.ts";

/** How many stamps are in the database again, and how many are not, since they are none of this ledger. */
export type RebuiltTimestamps = { readonly kept: number; readonly refused: number };

/**
 * Brings back the stamped checkpoints of a ledger whose entries and tiles are there again, and its newest checkpoint. One counts where a key of the ledger signed the
 * checkpoint, the entries lead to its root and the authority's answer is about its text; whether the authority truly signed that is judged, as ever, by
 * whoever relies on it. What else lies in the place is left out and fails nothing: a store's administrator may have put it there.
 */
export async function rebuildTimestamps(
  tx: Transaction<Schema>,
  source: TileSource,
  {
    keys,
    origin,
    size,
  }: { readonly keys: Succession; readonly origin: string; readonly size: number },
): Promise<RebuiltTimestamps> {
  const { readStampedAt } = await import("./timestamp-token.ts");
  let [kept, refused] = [0, 0];
  for await (const stamp of source.timestamps?.() ?? []) {
    const root = await rootOf(tx, stamp, { keys, origin, size });
    const text = parseNote(stamp.checkpoint)?.text ?? "";
    const stampedAt = root === null ? null : readStampedAt(stamp.response, text);
    if (root === null || stampedAt === null) {
      refused += 1;
      continue;
    }
    const of = BigInt(stamp.size);
    await tx
      .insertInto("ledger_checkpoint")
      .values({
        size: of,
        root,
        note: stamp.checkpoint.toString("utf8"),
        fence: 0n,
        signed_at: sql<Date>`now()`,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await tx
      .insertInto("ledger_timestamp")
      .values({ size: of, response: stamp.response, stamped_at: stampedAt })
      .execute();
    kept += 1;
  }
  return { kept, refused };
}

/** The root of the stamped checkpoint, if it is a state of this ledger that one of its keys signed; null otherwise. */
async function rootOf(
  tx: Transaction<Schema>,
  { size: of, checkpoint }: KeptTimestamp,
  {
    keys,
    origin,
    size,
  }: { readonly keys: Succession; readonly origin: string; readonly size: number },
): Promise<Buffer | null> {
  const opened = keys.open(checkpoint);
  if (opened?.verdict !== "verified" || opened.checkpoint.origin !== origin) return null;
  const { root, size: signedSize } = opened.checkpoint;
  if (signedSize !== of || of > size) return null;
  return (await treeRoot(of, hashReader(tx, of))).equals(root) ? root : null;
}
