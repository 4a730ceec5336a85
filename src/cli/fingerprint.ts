import { createHash, type Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { plaintextPartsOf } from "../floe/layout.ts";
import { openRegularFile } from "../ledger/source-file.ts";
import { Failure } from "./failure.ts";
import type { Source } from "./sources.ts";

/** What a file holds: the SHA-256 of the whole and of each part that it would be sent in, in hex. */
export type Fingerprint = {
  readonly sha256: string;
  readonly parts: readonly string[];
  /** When the file was changed last; it is sent only as it was read. */
  readonly changedMs: number;
};

/** Reads a file once, from its beginning to its end. Throws where it has another size than stated, or changes meanwhile. */
export async function fingerprint(
  source: Source,
  onBytes: (bytes: number) => void,
): Promise<Fingerprint> {
  const { partBytes } = plaintextPartsOf(source.sizeBytes);
  await using handle = await openSource(source);
  const before = await handle.stat();
  const whole = createHash("sha256");
  const parts: string[] = [];
  let part: Hash = createHash("sha256");
  let filledBytes = 0;
  for await (const chunk of streamOf(handle, 0, source.sizeBytes)) {
    whole.update(chunk);
    for (let from = 0; from < chunk.length; ) {
      const taken = chunk.subarray(from, from + partBytes - filledBytes);
      part.update(taken);
      from += taken.length;
      filledBytes += taken.length;
      if (filledBytes < partBytes) continue;
      parts.push(part.digest("hex"));
      part = createHash("sha256");
      filledBytes = 0;
    }
    onBytes(chunk.length);
  }
  if (filledBytes > 0 || parts.length === 0) parts.push(part.digest("hex"));
  const after = await handle.stat();
  if (after.size !== source.sizeBytes || after.mtimeMs !== before.mtimeMs) throw changed(source);
  return { sha256: whole.digest("hex"), parts, changedMs: before.mtimeMs };
}

/** The bytes of a file from `start` to `end` (exclusive). Throws where the file was changed since it was read. */
export async function* readSource(
  source: Source,
  { start, end, changedMs }: { readonly start: number; readonly end: number; changedMs: number },
): AsyncGenerator<Buffer, void, undefined> {
  await using handle = await openUnchanged(source, changedMs);
  yield* streamOf(handle, start, end);
}

/** Opens a file as it was when it was read. Throws where it was changed since. */
export async function openUnchanged(source: Source, changedMs: number): Promise<FileHandle> {
  const handle = await openSource(source);
  const { size, mtimeMs } = await handle.stat();
  if (size === source.sizeBytes && mtimeMs === changedMs) return handle;
  await handle.close();
  throw changed(source);
}

async function* streamOf(handle: FileHandle, start: number, end: number) {
  if (start === end) return;
  const options = { autoClose: false, highWaterMark: 2 ** 20, start, end: end - 1 };
  yield* handle.createReadStream(options) as AsyncIterable<Buffer>;
}

async function openSource({ file }: Source): Promise<FileHandle> {
  const handle = await openRegularFile(file);
  if (handle === null) throw new Failure("failed", `${file} is no longer a regular file`);
  return handle;
}

/** What a file that changed under our hands is told as. */
export function changed({ file }: Source): Failure {
  return new Failure("failed", `${file} changed while it was uploaded`);
}
