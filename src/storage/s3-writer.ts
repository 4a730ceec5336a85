import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { BlobWriter, Parts } from "./blob-store.ts";
import { refusalOf } from "./s3-failure.ts";
import { type Lock, lockPresent } from "./s3-lock.ts";
import { sha256Of, ungarbled, type WrittenPart, writeOnce } from "./s3-once.ts";
import type { S3Object } from "./s3-read.ts";

/** How many parts are on their way while the next is filled: with it, what a writer holds in memory. */
const mostInFlight = 2;
const mostParts = 10_000;
const smallestBuffer = 64 * 1024;

type Sent = WrittenPart & { readonly partNumber: number; readonly etag: string };

/**
 * One blob on its way in. What fits into the first part is one conditional PUT; more is a multipart upload, whose completion is the
 * conditional one. Each part travels with its SHA-256, which the store checks. Nothing is visible before `complete`, and with a lock
 * nothing ever without it: the write that makes the blob carries it.
 */
export class S3Writer implements BlobWriter {
  readonly #object: S3Object;
  readonly #parts: Parts;
  readonly #lock: Lock | null;
  readonly #sent: Sent[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  readonly #spare: Buffer[] = [];
  #filling: Buffer = Buffer.alloc(0);
  #filledBytes = 0;
  #sizeBytes = 0;
  #begun = 0;
  #uploadId: Promise<string> | null = null;
  #failure: { readonly error: unknown } | null = null;
  #isEnded = false;

  constructor(
    object: S3Object,
    { parts, lock }: { readonly parts: Parts; readonly lock: Lock | null },
  ) {
    this.#object = object;
    this.#parts = parts;
    this.#lock = lock;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#assertOpen();
    for (let from = 0; from < bytes.length; ) {
      // Only a part that is followed by something is sent here: the last one is `complete`'s.
      if (this.#filledBytes === this.#partBytes) await this.#send();
      const room = this.#makeRoom(bytes.length - from);
      const taken = bytes.subarray(from, from + room);
      this.#filling.set(taken, this.#filledBytes);
      this.#filledBytes += taken.length;
      this.#sizeBytes += taken.length;
      from += taken.length;
    }
  }

  async complete(): Promise<{ readonly sizeBytes: number }> {
    this.#assertOpen();
    this.#isEnded = true;
    try {
      if (this.#begun === 0) await this.#putWhole();
      else await this.#finish();
      return { sizeBytes: this.#sizeBytes };
    } catch (error) {
      await this.#discard();
      throw refusalOf(error);
    }
  }

  async abort(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    await this.#discard();
  }

  get #partBytes(): number {
    return this.#begun === 0 ? this.#parts.firstBytes : this.#parts.nextBytes;
  }

  /** Room in the buffer for some of the bytes; it grows with a small blob and never beyond a part. */
  #makeRoom(wantedBytes: number): number {
    const needed = Math.min(this.#partBytes, this.#filledBytes + wantedBytes);
    if (needed > this.#filling.length) {
      const doubled = Math.max(smallestBuffer, this.#filling.length * 2, needed);
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#partBytes, doubled));
      this.#filling.copy(grown, 0, 0, this.#filledBytes);
      this.#filling = grown;
    }
    return Math.min(this.#filling.length, this.#partBytes) - this.#filledBytes;
  }

  /** Sends the filled part behind the caller's back, and waits while too many are on their way. */
  async #send(): Promise<void> {
    const part = this.#filling.subarray(0, this.#filledBytes);
    const buffer = this.#filling;
    this.#begun += 1;
    const partNumber = this.#begun;
    if (partNumber > mostParts)
      throw new RangeError(`a blob of more than ${mostParts} parts needs greater ones`);
    const sending = this.#upload(partNumber, part)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#inFlight.delete(sending);
        if (buffer.length >= this.#parts.nextBytes) this.#spare.push(buffer);
      });
    this.#inFlight.add(sending);
    while (this.#inFlight.size >= mostInFlight) await Promise.race(this.#inFlight);
    this.#throwFailure();
    this.#filling = this.#spare.pop() ?? Buffer.alloc(0);
    this.#filledBytes = 0;
  }

  async #upload(partNumber: number, part: Buffer): Promise<void> {
    const { client, bucket, key } = this.#object;
    this.#uploadId ??= this.#begin();
    const [uploadId, digest] = await Promise.all([this.#uploadId, sha256Of(part)]);
    const command = new UploadPartCommand({
      Bucket: bucket,
      Key: key,
      UploadId: uploadId,
      PartNumber: partNumber,
      Body: part,
      ContentLength: part.length,
      ChecksumSHA256: digest,
    });
    const { ETag: etag } = await ungarbled(async () => await client.send(command));
    if (etag === undefined) throw new Error("the object store gave a part no entity tag");
    this.#sent.push({ partNumber, sizeBytes: part.length, sha256: digest, etag });
  }

  async #begin(): Promise<string> {
    const { client, bucket, key, headers } = this.#object;
    const { UploadId: uploadId } = await client.send(
      new CreateMultipartUploadCommand({
        Bucket: bucket,
        Key: key,
        ChecksumAlgorithm: "SHA256",
        ...headers,
        ...this.#lock,
      }),
    );
    if (uploadId === undefined) throw new Error("the object store began an upload without an id");
    return uploadId;
  }

  async #putWhole(): Promise<void> {
    const { client, bucket, key, headers } = this.#object;
    const bytes = this.#filling.subarray(0, this.#filledBytes);
    const part = { partNumber: 1, sizeBytes: bytes.length, sha256: await sha256Of(bytes) };
    const isKept = await writeOnce(this.#object, [part], async () => {
      const command = new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: bytes,
        ContentLength: bytes.length,
        ChecksumSHA256: part.sha256,
        IfNoneMatch: "*",
        ...headers,
        ...this.#lock,
      });
      await ungarbled(async () => await client.send(command));
    });
    if (!isKept) await this.#lockPresent();
  }

  async #finish(): Promise<void> {
    if (this.#filledBytes > 0) await this.#send();
    await Promise.all(this.#inFlight);
    this.#throwFailure();
    const { client, bucket, key } = this.#object;
    const parts = this.#sent.toSorted((one, other) => one.partNumber - other.partNumber);
    const uploadId = await this.#uploadId;
    if (uploadId === null) throw new Error("parts were sent without an upload");
    const isKept = await writeOnce(this.#object, parts, async () => {
      await client.send(
        new CompleteMultipartUploadCommand({
          Bucket: bucket,
          Key: key,
          UploadId: uploadId,
          IfNoneMatch: "*",
          MultipartUpload: {
            Parts: parts.map(({ partNumber, etag, sha256: checksum }) => ({
              PartNumber: partNumber,
              ETag: etag,
              ChecksumSHA256: checksum,
            })),
          },
        }),
      );
    });
    if (isKept) return;
    await this.#discard();
    await this.#lockPresent();
  }

  async #lockPresent(): Promise<void> {
    if (this.#lock !== null) await lockPresent(this.#object, this.#lock);
  }

  /** Parts that are on their way would come after the abort and stay, so they are waited for. What fails here, the sweep finds. */
  async #discard(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    this.#filling = Buffer.alloc(0);
    this.#spare.length = 0;
    if (this.#uploadId === null) return;
    const { client, bucket, key } = this.#object;
    try {
      const UploadId = await this.#uploadId;
      await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId }));
    } catch {
      // An upload that never began, or is gone already.
    }
  }

  #assertOpen(): void {
    if (!this.#isEnded) return this.#throwFailure();
    throw new Error("the blob is already complete or aborted");
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw refusalOf(this.#failure.error);
  }
}
