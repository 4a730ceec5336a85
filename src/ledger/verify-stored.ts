import { tileWidth } from "../merkle/tile.ts";
import { hashBytes } from "../merkle/tree.ts";
import { ReadingRoom } from "./source-file.ts";
import { readStoredTile } from "./source-folder.ts";
import { type BundleDigest, BundleDigester, type BundleWork } from "./verify-digest.ts";

/** A full bundle that is a file of a folder, with its leaf tile: a thread reads them itself. */
export type StoredBundle = {
  readonly folder: string;
  readonly number: number;
  readonly isParsed: boolean;
};

/** The digest of a stored bundle, null where it is missing, and the size of its leaf tile, null where that is. */
export type StoredDigest = {
  readonly digest: BundleDigest | null;
  readonly leafBytes: number | null;
};

/** Digests bundles, those that it is handed and those that it reads, with memory that it reads into again and again. */
export class StoredDigester {
  readonly #digester = new BundleDigester();
  readonly #bundleRoom = new ReadingRoom();
  readonly #leafRoom = new ReadingRoom();

  digest(work: BundleWork, room?: ArrayBuffer): BundleDigest {
    return this.#digester.digest(work, room);
  }

  /** Refuses as the folder's source does, where a file cannot be read. */
  digestStored({ folder, number, isParsed }: StoredBundle, room?: ArrayBuffer): StoredDigest {
    const width = tileWidth;
    const bundle = readStoredTile(folder, { level: "entries", number, width }, this.#bundleRoom);
    const leaves = readStoredTile(folder, { level: 0, number, width }, this.#leafRoom);
    const leafBytes = leaves?.length ?? null;
    const leafTile = leafBytes === width * hashBytes ? leaves : null;
    if (bundle === null) return { digest: null, leafBytes };
    return { digest: this.digest({ bundle, width, leafTile, isParsed }, room), leafBytes };
  }
}
