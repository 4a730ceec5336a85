import { maximumEntryBytes, tileWidth } from "./tile.ts";

/** An entry bundle of C2SP tlog-tiles: u16be length | entry, repeated. Throws a RangeError for an entry over 65,535 bytes or over 256 of them. */
export function encodeBundle(entries: readonly Uint8Array[]): Buffer {
  if (entries.length > tileWidth) throw new RangeError(`${entries.length} entries in one bundle`);
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if (entry.length > maximumEntryBytes) {
      throw new RangeError(`an entry of ${entry.length} bytes is over ${maximumEntryBytes}`);
    }
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16BE(entry.length);
    parts.push(length, entry);
  }
  return Buffer.concat(parts);
}

/** The entries of a bundle, as views on its bytes; null where the bytes end inside an entry or hold over 256 entries. */
export function parseBundle(bytes: Uint8Array): Buffer[] | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries: Buffer[] = [];
  for (let at = 0; at < buffer.length; ) {
    if (entries.length === tileWidth || buffer.length - at < 2) return null;
    const end = at + 2 + buffer.readUInt16BE(at);
    if (end > buffer.length) return null;
    entries.push(buffer.subarray(at + 2, end));
    at = end;
  }
  return entries;
}
