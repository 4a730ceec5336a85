import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { z } from "zod";
import { segmentCapacityBytes } from "../floe/layout.ts";
import { readRegularFile } from "../ledger/source-file.ts";

export type Target = {
  /** Where the file goes in the end. */
  readonly place: string;
  /** Where it is written until it is verified. */
  readonly partial: string;
  /** Says beside it how much of it was verified. */
  readonly state: string;
};

/** What tells a partial file from one of another revision. */
export type Identity = { readonly object: string; readonly sha256: string; readonly size: number };

const hex = z.string().regex(/^[0-9a-f]{64}$/);
const kept = z.strictObject({
  object: z.uuid(),
  sha256: hex,
  size: z.int().min(0),
  verifiedBytes: z.int().min(1),
  verifiedSha256: hex,
});

export type Kept = z.output<typeof kept>;

/** What is digested at once: whole segments, so that a later run goes on where one begins. */
export const readBytes = segmentCapacityBytes();
const stateLimitBytes = 4_096;

/** How much of a file a later run would find verified, as far as can be told without digesting it. */
export async function keptBytes(target: Target, identity: Identity): Promise<number> {
  const state = await readState(target.state);
  return state !== null && isOf(state, identity) ? state.verifiedBytes : 0;
}

/** What a run before kept; null where there is nothing that this program could have written. */
export async function readState(file: string): Promise<Kept | null> {
  try {
    const bytes = await readRegularFile(file, stateLimitBytes);
    return bytes === null ? null : kept.parse(JSON.parse(bytes.toString("utf8")));
  } catch {
    return null;
  }
}

/** Whether it is of this very file, and says what can be. */
export function isOf(
  { verifiedBytes, ...state }: Kept,
  { object, sha256, size }: Identity,
): boolean {
  return (
    state.object === object &&
    state.sha256 === sha256 &&
    state.size === size &&
    (verifiedBytes === size || (verifiedBytes < size && verifiedBytes % readBytes === 0))
  );
}

/** The partial file with its beginning digested; null where it is not what the state says, or others could read or write it. */
export async function resume(
  partial: string,
  { verifiedBytes, verifiedSha256 }: Kept,
): Promise<{ readonly file: FileHandle; readonly digest: Hash } | null> {
  const flags = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const file = await open(partial, flags).catch(() => null);
  if (file === null) return null;
  try {
    const found = await file.stat();
    const isOurs =
      found.isFile() &&
      found.nlink === 1 &&
      (process.platform === "win32" || (found.mode & 0o077) === 0) &&
      (process.getuid === undefined || found.uid === process.getuid());
    const digest = isOurs ? await digestOf(file, verifiedBytes) : null;
    if (digest?.copy().digest("hex") === verifiedSha256) {
      await file.truncate(verifiedBytes);
      return { file, digest };
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return null;
}

/** The digest of a file's first bytes; null where it has fewer. */
async function digestOf(file: FileHandle, sizeBytes: number): Promise<Hash | null> {
  const digest = createHash("sha256");
  const buffer = Buffer.allocUnsafeSlow(readBytes);
  for (let at = 0; at < sizeBytes; ) {
    const wanted = Math.min(readBytes, sizeBytes - at);
    const filled = buffer.subarray(0, wanted);
    if (!(await fill(file, filled, at))) return null;
    digest.update(filled);
    at += wanted;
  }
  return digest;
}

/** Fills the buffer from an offset of the file on; false where the file ends before. */
export async function fill(file: FileHandle, buffer: Uint8Array, offset: number): Promise<boolean> {
  for (let done = 0; done < buffer.length; ) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, offset + done);
    if (bytesRead === 0) return false;
    done += bytesRead;
  }
  return true;
}
