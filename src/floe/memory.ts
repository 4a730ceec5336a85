import { isArrayBuffer } from "node:util/types";

/**
 * Frees the memory of bytes that nobody will read again; they are empty afterwards. The collector would free them too, but buffers that
 * outlive two collections of young objects are left to the full ones, and every few dozen MiB of them make it go through the whole heap:
 * that was a third of what an upload cost. Leaves alone a view that shares its memory with anything else.
 */
export function giveBack(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes;
  const isAlone = isArrayBuffer(buffer) && buffer.byteLength === byteLength;
  if (isAlone && byteLength > 0) buffer.transfer(0);
}
