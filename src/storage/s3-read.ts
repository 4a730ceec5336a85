import { setTimeout as sleep } from "node:timers/promises";
import { GetObjectCommand, type GetObjectCommandOutput, type S3Client } from "@aws-sdk/client-s3";
import { Refusal } from "../errors.ts";
import { isMissing, isTaken, onS3, statusOf } from "./s3-failure.ts";
import { withPatience } from "./s3-patience.ts";

export type S3Object = {
  readonly client: S3Client;
  readonly bucket: string;
  readonly key: string;
  /** What a write gives the object for whoever reads it from the bucket; left out, the store's own. */
  readonly headers?: { readonly ContentType: string; readonly CacheControl: string };
};

type Range = { readonly start: number; readonly end: number };

const mostResumptions = 5;

/**
 * The bytes of a blob, or of a range of it. A connection that is cut is taken up again where it broke, of the same bytes: the entity tag
 * of the first answer has to hold for every further one. Throws `object_missing`, and `object_corrupt` where the blob is shorter than the
 * range or is another one now.
 */
export async function* readObject(
  object: S3Object,
  range: Range | null,
): AsyncGenerator<Buffer, void, undefined> {
  let at = range?.start ?? 0;
  let end = range?.end ?? Number.POSITIVE_INFINITY;
  let etag: string | undefined;
  for (let resumptions = 0; at < end; ) {
    const before = at;
    const { body, total, tag } = await begin(object, { start: at, end, etag });
    etag ??= tag;
    end = Math.min(end, range?.end ?? total);
    if (end > total) throw shorter(object.key);
    try {
      for await (const chunk of body) {
        const wanted = chunk.subarray(0, end - at);
        at += wanted.length;
        if (wanted.length > 0) yield wanted;
      }
    } catch (error) {
      await pauseOrThrow(error, resumptions);
    } finally {
      body.destroy();
    }
    resumptions = at > before ? 0 : resumptions + 1;
    if (at < end && resumptions > mostResumptions)
      throw new Refusal("store_unavailable", "the object store cuts its answers short");
    if (at >= total) return;
  }
}

async function pauseOrThrow(error: unknown, resumptions: number): Promise<void> {
  if (resumptions >= mostResumptions)
    throw new Refusal("store_unavailable", "the object store cuts its answers short", {
      cause: error,
    });
  await sleep(50 * 2 ** resumptions * (0.5 + Math.random()));
}

type Wanted = Range & { readonly etag: string | undefined };

async function begin(
  { client, bucket, key }: S3Object,
  { start, end, etag }: Wanted,
): Promise<{ body: BodyStream; total: number; tag: string | undefined }> {
  const isWhole = start === 0 && end === Number.POSITIVE_INFINITY;
  const last = end === Number.POSITIVE_INFINITY ? "" : end - 1;
  const answer = await onS3(async () => {
    try {
      const command = new GetObjectCommand({
        Bucket: bucket,
        Key: key,
        ...(isWhole ? {} : { Range: `bytes=${start}-${last}` }),
        ...(etag === undefined ? {} : { IfMatch: etag }),
      });
      return await withPatience(async (abortSignal) => await client.send(command, { abortSignal }));
    } catch (error) {
      if (isMissing(error)) throw missing(key, error);
      if (statusOf(error) === 416) throw shorter(key);
      if (isTaken(error))
        throw new Refusal("object_corrupt", `the blob ${key} was replaced while it was read`, {
          cause: error,
        });
      throw error;
    }
  });
  const body = answer.Body as BodyStream | undefined;
  if (body === undefined) throw new Refusal("store_unavailable", "the object store sent no body");
  try {
    return { body, total: totalOf(answer, { isWhole, start }), tag: answer.ETag };
  } catch (error) {
    body.destroy();
    throw error;
  }
}

export type BodyStream = AsyncIterable<Buffer> & { destroy(): unknown };

/** The first bytes of an answer, at most so many; what comes after them is not read. */
export async function firstOf(body: BodyStream, mostBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let leftBytes = mostBytes;
  try {
    for await (const chunk of body) {
      chunks.push(chunk.subarray(0, leftBytes));
      leftBytes -= chunk.length;
      if (leftBytes <= 0) break;
    }
  } finally {
    body.destroy();
  }
  return Buffer.concat(chunks);
}

/** The blob's size as the answer tells it; an answer to another range than was asked for is none. */
function totalOf(
  { ContentRange: contentRange, ContentLength: contentLength }: GetObjectCommandOutput,
  { isWhole, start }: { readonly isWhole: boolean; readonly start: number },
): number {
  if (isWhole && contentLength !== undefined) return contentLength;
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(contentRange ?? "") ?? [];
  if (total !== undefined && Number(from) === start) return Number(total);
  throw new Refusal("store_unavailable", "the object store answers another range than was asked");
}

export function missing(key: string, cause?: unknown): Refusal {
  return new Refusal("object_missing", `there is no blob ${key}`, { cause });
}

export function shorter(key: string): Refusal {
  return new Refusal("object_corrupt", `the blob ${key} is shorter than it should be`);
}
