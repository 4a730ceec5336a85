import { readSync, writeSync } from "node:fs";

/** Where something lies in a file that is open in this process, whichever of its threads opened it. */
export type FilePlace = { readonly descriptor: number; readonly offset: number };

/** Fills all of `into` and keeps its thread until it has. Throws where the file ends too early. */
export function readPlace(into: Uint8Array, { descriptor, offset }: FilePlace): void {
  for (let doneBytes = 0; doneBytes < into.length; ) {
    const leftBytes = into.length - doneBytes;
    const readBytes = readSync(descriptor, into, doneBytes, leftBytes, offset + doneBytes);
    if (readBytes === 0) throw new Error("the file became shorter while it was read");
    doneBytes += readBytes;
  }
}

/** Writes all of `bytes` and keeps its thread until it has. */
export function writePlace(bytes: Uint8Array, { descriptor, offset }: FilePlace): void {
  for (let doneBytes = 0; doneBytes < bytes.length; ) {
    const leftBytes = bytes.length - doneBytes;
    doneBytes += writeSync(descriptor, bytes, doneBytes, leftBytes, offset + doneBytes);
  }
}
