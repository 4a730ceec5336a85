import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import { type Entry, encodeEntry } from "../../../src/ledger/entry.ts";
import type { TileSource } from "../../../src/ledger/source.ts";
import { encodeBundle } from "../../../src/merkle/bundle.ts";
import { signCheckpoint } from "../../../src/merkle/checkpoint.ts";
import { encodeVerificationKey } from "../../../src/merkle/note.ts";
import { tilePath, tilesOf } from "../../../src/merkle/tile.ts";
import { TileEdge } from "../../../src/merkle/tile-edge.ts";
import { leafHash } from "../../../src/merkle/tree.ts";

export type Recorded = Pick<Entry, "kind" | "body"> & {
  /** Its own time, where it is not its place's. */
  readonly time?: string;
};

/** A ledger as files by path, in the layout of C2SP tlog-tiles. */
export type Files = Map<string, Buffer>;

export const ledgerName = "vault.example/ledger";

/** DER of a PKCS#8 key up to the 32 bytes of an Ed25519 seed (RFC 8410, section 7). */
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

export type FixedSigner = {
  readonly name: string;
  readonly publicKey: Buffer;
  readonly verificationKey: string;
  readonly sign: (message: Uint8Array) => Promise<Buffer>;
};

/** A signer whose seed is 32 times one byte: for test ledgers only, where everybody may know the key. */
export function fixedSigner(seedByte: number, name = ledgerName): FixedSigner {
  const key: KeyObject = createPrivateKey({
    key: Buffer.concat([pkcs8Prefix, Buffer.alloc(32, seedByte)]),
    format: "der",
    type: "pkcs8",
  });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  const publicKey = spki.subarray(spki.length - 32);
  return {
    name,
    publicKey,
    verificationKey: encodeVerificationKey(name, publicKey),
    sign: async (message) => sign(null, message, key),
  };
}

/** Entries with their indexes, chain and times: a second apart from the start of 2026, where they have none of their own. */
export function encodeAll(records: readonly Recorded[]): readonly Buffer[] {
  let previous = "";
  return records.map(({ kind, body, time: own }, index) => {
    const time = own ?? new Date(Date.UTC(2026, 0, 1) + index * 1_000).toISOString();
    const bytes = encodeEntry({ index, previous, time, kind, body });
    previous = leafHash(bytes).toString("hex");
    return bytes;
  });
}

/** The files of a log of these entries, whatever they are, signed at their number. */
export async function filesOf(
  entries: readonly Buffer[],
  signer: FixedSigner,
  origin = signer.name,
): Promise<Files> {
  const files: Files = new Map();
  const edge = new TileEdge();
  const filled = entries.flatMap((entry) => edge.append(leafHash(entry)));
  for (const { tile, bytes } of [...filled, ...edge.partials()]) files.set(tilePath(tile), bytes);
  for (const tile of tilesOf(entries.length)) {
    if (tile.level !== "entries") continue;
    const bundle = entries.slice(tile.number * 256, tile.number * 256 + tile.width);
    files.set(tilePath(tile), encodeBundle(bundle));
  }
  const checkpoint = { origin, size: entries.length, root: edge.root() };
  files.set("checkpoint", Buffer.from(await signCheckpoint(checkpoint, signer)));
  return files;
}

/** Reads a ledger from memory. */
export function memorySource(files: ReadonlyMap<string, Buffer>): TileSource {
  return {
    checkpoint: async () => files.get("checkpoint") ?? null,
    tile: async (path) => files.get(path) ?? null,
  };
}
