import { createPrivateKey, createPublicKey, hash, sign } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import { signCheckpoint } from "../../src/merkle/checkpoint.ts";
import { encodeVerificationKey } from "../../src/merkle/note.ts";
import { maximumTileBytes, tileHash, tilePath, tileWidth } from "../../src/merkle/tile.ts";
import { TileEdge } from "../../src/merkle/tile-edge.ts";
import { hashBytes } from "../../src/merkle/tree.ts";
import { story, type Told, timeAt } from "./ledger-story.ts";

export type WrittenLog = {
  readonly folder: string;
  readonly verificationKey: string;
  readonly size: number;
  /** Of all entries together. */
  readonly entryBytes: number;
};

const name = "bench.example/ledger";

/** DER of a PKCS#8 key up to the 32 bytes of an Ed25519 seed (RFC 8410, section 7). The measured log's key may be known to everybody. */
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * Writes a vault's log of `size` entries into the folder, in the layout of C2SP tlog-tiles, bundle by bundle: the records of `story`. Ten
 * million are some ten gigabytes.
 */
export async function writeLog(folder: string, size: number): Promise<WrittenLog> {
  const write = writerInto(folder);
  const edge = new TileEdge();
  const next = story();
  const bundle = new BundleWriter();
  let entryBytes = 0;
  for (let index = 0; index < size; index += 1) {
    entryBytes += bundle.add(index, next(index));
    if ((index + 1) % tileWidth !== 0 && index + 1 < size) continue;
    const number = Math.floor(index / tileWidth);
    const width = (index % tileWidth) + 1;
    const { bytes, leaves } = bundle.take();
    write(tilePath({ level: "entries", number, width }), bytes);
    const filled =
      width === tileWidth
        ? edge.appendTile(leaves, tileHash(leaves))
        : hashesOf(leaves).flatMap((leaf) => edge.append(leaf));
    for (const { tile, bytes: hashes } of filled) write(tilePath(tile), hashes);
    // A subject that only computes would keep an interruption waiting for ever.
    if (number % 64 === 0) await breathe();
  }
  for (const { tile, bytes } of edge.partials()) write(tilePath(tile), bytes);
  const signer = signerOf();
  const checkpoint = await signCheckpoint({ origin: name, size, root: edge.root() }, signer);
  write("checkpoint", Buffer.from(checkpoint));
  const verificationKey = encodeVerificationKey(name, signer.publicKey);
  return { folder, verificationKey, size, entryBytes };
}

/** An entry bundle of C2SP tlog-tiles as it grows, in memory that the next one uses again. */
class BundleWriter {
  readonly #bytes = Buffer.allocUnsafe(maximumTileBytes);
  readonly #leaves = Buffer.allocUnsafe(tileWidth * hashBytes);
  #end = 0;
  #width = 0;
  #previous = "";

  /** Gives the entry's size. */
  add(index: number, { kind, body }: Told): number {
    const time = timeAt(index);
    const text = `{"body":${body},"index":${index},"kind":"${kind}","previous":"${this.#previous}","time":"${time}"}`;
    const start = this.#end + 2;
    const sizeBytes = this.#bytes.write(text, start, "latin1");
    // The byte before the entry is that of RFC 6962's leaf hash, until it is one of the entry's length.
    this.#bytes[start - 1] = 0;
    this.#previous = hash("sha256", this.#bytes.subarray(start - 1, start + sizeBytes));
    this.#bytes.writeUInt16BE(sizeBytes, this.#end);
    this.#leaves.write(this.#previous, this.#width * hashBytes, "hex");
    this.#end = start + sizeBytes;
    this.#width += 1;
    return sizeBytes;
  }

  /** The bundle and its leaf hashes, which last until the next entry is added. */
  take(): { readonly bytes: Buffer; readonly leaves: Buffer } {
    const bytes = this.#bytes.subarray(0, this.#end);
    const leaves = this.#leaves.subarray(0, this.#width * hashBytes);
    this.#end = 0;
    this.#width = 0;
    return { bytes, leaves };
  }
}

function hashesOf(leaves: Buffer): readonly Buffer[] {
  return Array.from({ length: leaves.length / hashBytes }, (_, place) =>
    leaves.subarray(place * hashBytes, (place + 1) * hashBytes),
  );
}

function writerInto(folder: string): (path: string, bytes: Uint8Array) => void {
  const made = new Set<string>();
  return (path, bytes) => {
    const file = join(folder, path);
    const above = dirname(file);
    if (!made.has(above)) mkdirSync(above, { recursive: true });
    made.add(above);
    writeFileSync(file, bytes);
  };
}

function signerOf() {
  const key = createPrivateKey({
    key: Buffer.concat([pkcs8Prefix, Buffer.alloc(32, 7)]),
    format: "der",
    type: "pkcs8",
  });
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  return { name, publicKey, sign: async (message: Uint8Array) => sign(null, message, key) };
}
