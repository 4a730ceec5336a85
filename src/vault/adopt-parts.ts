import { isRefusal } from "../errors.ts";
import { partsOf } from "../floe/layout.ts";
import { objectKey } from "./object.ts";
import { forgetSession } from "./part-session.ts";
import type { PartedRow } from "./parted.ts";
import type { Vault } from "./vault.ts";

/**
 * Counts as held what was put at addresses and what the store's own list has whole, with the size and the checksum that its address was signed for. Nobody's word
 * is taken for it. Asks the store only where an address was given out for a part that is not held.
 */
export async function adoptParts(
  { database, store, uploads, now }: Pick<Vault, "database" | "store" | "uploads" | "now">,
  row: Pick<PartedRow, "id" | "state" | "size_bytes" | "session" | "assembled_at">,
): Promise<void> {
  if (row.state !== "opening" || row.session === null || row.assembled_at !== null) return;
  const { db } = database;
  const located = await db
    .selectFrom("direct_part")
    .selectAll()
    .where("object", "=", row.id)
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom("object_part")
            .select("part")
            .whereRef("object_part.object", "=", "direct_part.object")
            .whereRef("object_part.part", "=", "direct_part.part"),
        ),
      ),
    )
    .orderBy("part")
    .execute();
  if (located.length === 0) return;
  const candidates = located.map(({ part, sealed_bytes, sealed_sha256: sha256 }) => ({
    part,
    sizeBytes: Number(sealed_bytes),
    sha256,
  }));
  const blob = await store.resume(objectKey(row.id), row.session, partsOf(Number(row.size_bytes)));
  const held = await blob.recognise(candidates).catch(async (error: unknown) => {
    if (!isRefusal(error, "multipart_gone")) throw error;
    await forgetSession({ database, uploads }, row);
    return [];
  });
  const rows = held.flatMap(({ part, tag, sha256 }) => {
    const found = located.find((each) => each.part === part && each.sealed_sha256.equals(sha256));
    if (found === undefined) return [];
    const { object, size_bytes, sealed_bytes, sha256: declared } = found;
    return [{ object, part, size_bytes, sealed_bytes, sha256: declared, tag, received_at: now() }];
  });
  for (let at = 0; at < rows.length; at += 1_000)
    await db
      .insertInto("object_part")
      .values(rows.slice(at, at + 1_000))
      .onConflict((conflict) => conflict.columns(["object", "part"]).doNothing())
      .execute();
}
