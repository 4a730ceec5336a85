import type { VerificationKey } from "../merkle/note.ts";
import { consistencyProof, readTiles, verifyConsistency } from "../merkle/proof.ts";
import type { TreeHead } from "../merkle/rotation.ts";
import { hashBytes } from "../merkle/tree.ts";
import { readTile, type TileSource } from "./source.ts";

/**
 * Whether the ledger with the newest root goes on from an older one, by a consistency proof from the source's tiles, which are believed in nothing.
 * False where one of them is not there.
 */
export async function growsFrom(
  older: TreeHead,
  {
    source,
    key,
    newest,
  }: {
    readonly source: TileSource;
    readonly key: VerificationKey;
    readonly newest: TreeHead;
  },
): Promise<boolean> {
  if (older.size > newest.size) return false;
  const missing = new Error("a tile is missing");
  const read = readTiles(newest.size, async (tile) => {
    const bytes = await readTile(source, key, tile);
    if (bytes?.length !== tile.width * hashBytes) throw missing;
    return bytes;
  });
  try {
    const proof = await consistencyProof(older.size, newest.size, read);
    const [oldSize, oldRoot] = [older.size, older.root];
    return verifyConsistency({ oldSize, oldRoot, size: newest.size, root: newest.root, proof });
  } catch (error) {
    if (error === missing) return false;
    throw error;
  }
}
