import { webcrypto } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { HeadObjectCommand } from "@aws-sdk/client-s3";
import { isRefusal, Refusal } from "../errors.ts";
import { codeOf, isConflict, isDenied, isGarbled, isMissing, isTaken } from "./s3-failure.ts";
import { readObject, type S3Object } from "./s3-read.ts";

const conflictAttempts = 6;
const garbledAttempts = 3;

/** What was written of a blob, one after the other; the SHA-256 is in base64. */
export type WrittenPart = { readonly sizeBytes: number; readonly sha256: string };

/**
 * Writes under the condition that the name is free. Where it is not, the same bytes are success: the answer to a write that succeeded
 * may have been lost. False where the blob was there already. Throws `already_exists` for other bytes.
 */
export async function writeOnce(
  object: S3Object,
  parts: readonly WrittenPart[],
  write: () => Promise<void>,
): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await write();
      return true;
    } catch (error) {
      // An upload that is gone was completed by an earlier attempt, or aborted by somebody else.
      const isGone = codeOf(error) === "NoSuchUpload";
      const isOver = isTaken(error) || isGone || (await isLocked(object, error));
      if (!isOver && !(isConflict(error) && attempt < conflictAttempts)) throw error;
      if (isOver) {
        await assertSame(object, parts, error);
        return false;
      }
      await sleep(20 * 2 ** attempt * (0.5 + Math.random()));
    }
  }
}

/** A server that keeps no versions denies to write over a locked blob before it looks at the condition. */
async function isLocked({ client, bucket, key }: S3Object, error: unknown): Promise<boolean> {
  if (!isDenied(error)) return false;
  try {
    await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    return true;
  } catch (cause) {
    if (isMissing(cause) || isDenied(cause)) return false;
    throw cause;
  }
}

/** In base64, made in the thread pool: the hash of a part does not hold up the event loop. */
export async function sha256Of(bytes: Buffer): Promise<string> {
  const digest = await webcrypto.subtle.digest("SHA-256", bytes as Buffer<ArrayBuffer>);
  return Buffer.from(digest).toString("base64");
}

/** Sends once more what arrived with other bytes than it has. */
export async function ungarbled<Result>(send: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send();
    } catch (error) {
      if (!isGarbled(error) || attempt === garbledAttempts) throw error;
    }
  }
}

/** Reads what is there by parts and compares it with what was sent. */
async function assertSame(
  object: S3Object,
  parts: readonly WrittenPart[],
  cause: unknown,
): Promise<void> {
  let start = 0;
  for (const part of parts) {
    const end = start + part.sizeBytes;
    if (!(await holds(object, { start, end }, part.sha256))) throw taken(cause);
    start = end;
  }
  if (await reaches(object, start + 1)) throw taken(cause);
}

async function holds(
  object: S3Object,
  range: { readonly start: number; readonly end: number },
  expected: string,
): Promise<boolean> {
  if (range.start === range.end) return true;
  const bytes = Buffer.allocUnsafeSlow(range.end - range.start);
  let at = 0;
  try {
    for await (const chunk of readObject(object, range)) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
  } catch (error) {
    if (isRefusal(error, "object_corrupt")) return false;
    throw error;
  }
  return (await sha256Of(bytes)) === expected;
}

async function reaches(object: S3Object, end: number): Promise<boolean> {
  try {
    for await (const chunk of readObject(object, { start: end - 1, end }))
      if (chunk.length > 0) return true;
    return false;
  } catch (error) {
    if (isRefusal(error, "object_corrupt")) return false;
    throw error;
  }
}

function taken(cause: unknown): Refusal {
  return new Refusal("already_exists", "the name is taken, with other bytes", { cause });
}
