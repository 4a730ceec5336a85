import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from "@aws-sdk/client-s3";
import { Refusal } from "../errors.ts";
import { assertRange, isBlobKey, segmentsOf } from "./blob-key.ts";
import {
  type BlobAddress,
  type BlobKey,
  type BlobStore,
  type BlobWriter,
  type CreateOptions,
  longestTaggedBytes,
  type MultipartBlob,
  type Parts,
  type TaggedBlob,
} from "./blob-store.ts";
import { Room } from "./room.ts";
import { assertConditional } from "./s3-conditional.ts";
import { isConflict, isMissing, isTaken, onS3 } from "./s3-failure.ts";
import { listNames } from "./s3-list.ts";
import { locateObject } from "./s3-locate.ts";
import { assertLocks, lockFrom, type Retention } from "./s3-lock.ts";
import { beginMultipart, S3Multipart } from "./s3-multipart.ts";
import { sha256Of } from "./s3-once.ts";
import { withPatience } from "./s3-patience.ts";
import {
  type BodyStream,
  firstOf,
  missing,
  readObject,
  type S3Object,
  shorter,
} from "./s3-read.ts";
import { abortUpload, unfinishedUploads } from "./s3-uploads.ts";
import { S3Writer } from "./s3-writer.ts";

export type S3StoreOptions = {
  readonly bucket: string;
  /** Every key of the store begins with it and a slash; empty for the whole bucket. */
  readonly prefix: string;
  readonly region: string;
  /** Null for AWS itself. */
  readonly endpoint: string | null;
  /** Addresses as `endpoint/bucket/key`, for servers that have no name for each bucket. */
  readonly isPathStyle: boolean;
  /** Multipart uploads that nobody finished are aborted at the start when they are older. */
  readonly sweepOlderThanMs: number;
  /** What the parts that wait to be whole may hold in memory together; 256 MiB where it is left out. A greater part has the room alone. */
  readonly partMemoryBytes?: number;
  /** How long an address of an object lives at the most; 0, and none is given out. */
  readonly addressSeconds: number;
  /** How blobs that are created as `isRetained` are locked; null, or left out: not at all. */
  readonly retention?: Retention | null;
  /** What whoever reads a blob from the bucket is told of it; null for a blob that nobody is to read there. */
  readonly headersOf?: (
    key: BlobKey,
  ) => { readonly contentType: string; readonly cacheControl: string } | null;
  readonly now: () => Date;
  /** Left out, the AWS SDK's chain finds them: environment, profile, container, instance. */
  readonly credentials?: S3ClientConfig["credentials"];
};

/** Where the length of a blob is not known beforehand. */
const usualParts: Parts = { firstBytes: 16 * 2 ** 20, nextBytes: 16 * 2 ** 20 };

const connectMs = 5_000;
const silenceMs = 30_000;
const usualPartMemoryBytes = 256 * 2 ** 20;

/**
 * A blob store in an S3 bucket. Refuses a server that does not refuse a conditional write, since then nothing would be write-once, and,
 * where a retention is asked for, a bucket in which it would not hold.
 * Unfinished uploads of others are left alone while they are young: any number of nodes share the bucket.
 */
export async function openS3Store(options: S3StoreOptions): Promise<BlobStore & { close(): void }> {
  const store = new S3Store(options);
  try {
    await store.assertFit();
    await store.sweep(options.now().getTime() - options.sweepOlderThanMs);
    return store;
  } catch (error) {
    store.close();
    throw error;
  }
}

class S3Store implements BlobStore {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #above: string;
  readonly #addressSeconds: number;
  readonly #retention: Retention | null;
  readonly #now: () => Date;
  readonly #room: Room;
  readonly #headersOf: NonNullable<S3StoreOptions["headersOf"]>;

  constructor({ bucket, prefix, region, endpoint, isPathStyle, ...options }: S3StoreOptions) {
    const { credentials, addressSeconds } = options;
    this.#addressSeconds = addressSeconds;
    this.#retention = options.retention ?? null;
    this.#now = options.now;
    this.#headersOf = options.headersOf ?? (() => null);
    if (prefix !== "") segmentsOf(prefix);
    this.#room = new Room(options.partMemoryBytes ?? usualPartMemoryBytes);
    this.#bucket = bucket;
    this.#above = prefix === "" ? "" : `${prefix}/`;
    this.#client = new S3Client({
      region,
      forcePathStyle: isPathStyle,
      maxAttempts: 4,
      // Each write carries its SHA-256 already; what comes back is held to its own tags, in its own time.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      requestHandler: { connectionTimeout: connectMs, socketTimeout: silenceMs },
      ...(endpoint === null ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials }),
    });
    reuseDigests(this.#client);
  }

  async create(
    key: BlobKey,
    { parts = usualParts, isRetained = false }: CreateOptions = {},
  ): Promise<BlobWriter> {
    const lock =
      isRetained && this.#retention !== null ? lockFrom(this.#retention, this.#now()) : null;
    return new S3Writer(this.#object(key), { parts, lock });
  }

  async begin(key: BlobKey, parts: Parts): Promise<MultipartBlob> {
    const object = this.#object(key);
    const session = await onS3(async () => await beginMultipart(object));
    return this.#multipart(object, session, parts);
  }

  async resume(key: BlobKey, session: string, parts: Parts): Promise<MultipartBlob> {
    return this.#multipart(this.#object(key), session, parts);
  }

  async abandon(key: BlobKey): Promise<void> {
    const object = this.#object(key);
    await onS3(async () => {
      for await (const upload of unfinishedUploads(object, object.key))
        if (upload.Key === object.key) await abortUpload(object, upload);
    });
  }

  async *read(
    key: BlobKey,
    range?: { readonly start: number; readonly end: number },
  ): AsyncGenerator<Buffer, void, undefined> {
    const object = this.#object(key);
    if (range !== undefined) assertRange(range);
    if (range !== undefined && range.start === range.end) {
      // S3 has no empty ranges.
      const found = await this.stat(key);
      if (found === null) throw missing(key);
      if (range.end > found.sizeBytes) throw shorter(key);
      return;
    }
    yield* readObject(object, range ?? null);
  }

  async stat(key: BlobKey): Promise<{ readonly sizeBytes: number } | null> {
    const { bucket, key: name } = this.#object(key);
    return await onS3(async () => {
      try {
        const command = new HeadObjectCommand({ Bucket: bucket, Key: name });
        const { ContentLength: sizeBytes } = await withPatience(
          async (abortSignal) => await this.#client.send(command, { abortSignal }),
        );
        if (sizeBytes === undefined) throw new Error("the object store told no length");
        return { sizeBytes };
      } catch (error) {
        if (!isMissing(error)) throw error;
        await this.#assertBucket();
        return null;
      }
    });
  }

  async readTagged(key: BlobKey): Promise<TaggedBlob | null> {
    const { bucket, key: name } = this.#object(key);
    return await onS3(async () => {
      try {
        const command = new GetObjectCommand({ Bucket: bucket, Key: name });
        const { Body: body, ETag: tag } = await withPatience(
          async (abortSignal) => await this.#client.send(command, { abortSignal }),
        );
        if (body === undefined || tag === undefined)
          throw new Error("the object store sent a blob without its bytes or its entity tag");
        return { bytes: await firstOf(body as BodyStream, longestTaggedBytes + 1), tag };
      } catch (error) {
        if (!isMissing(error)) throw error;
        await this.#assertBucket();
        return null;
      }
    });
  }

  async replace(key: BlobKey, bytes: Uint8Array, ifMatch: string | null): Promise<string> {
    const { bucket, key: name, headers } = this.#object(key);
    const body = Buffer.from(bytes);
    const command = new PutObjectCommand({
      Bucket: bucket,
      Key: name,
      ...headers,
      Body: body,
      ContentLength: body.length,
      ChecksumSHA256: await sha256Of(body),
      ...(ifMatch === null ? { IfNoneMatch: "*" } : { IfMatch: ifMatch }),
    });
    return await onS3(async () => {
      try {
        const { ETag: tag } = await this.#client.send(command);
        if (tag === undefined) throw new Error("the object store gave a blob no entity tag");
        return tag;
      } catch (error) {
        if (!isTaken(error) && !isConflict(error) && !isMissing(error)) throw error;
        // The answer to an attempt that succeeded may have been lost, and the next one refused.
        const present = await this.readTagged(key);
        if (present?.bytes.equals(body) === true && present.tag !== ifMatch) return present.tag;
        throw new Refusal("precondition_failed", `the blob ${key} is not the one to be replaced`, {
          cause: error,
        });
      }
    });
  }

  async remove(key: BlobKey): Promise<void> {
    const { bucket, key: name } = this.#object(key);
    await onS3(async () => {
      await this.#client
        .send(new DeleteObjectCommand({ Bucket: bucket, Key: name }))
        .catch((error: unknown) => {
          if (!isMissing(error)) throw error;
        });
    });
  }

  async locate(key: BlobKey, mostSeconds: number): Promise<BlobAddress | null> {
    const seconds = Math.min(mostSeconds, this.#addressSeconds);
    return seconds < 1 ? null : await onS3(() => locateObject(this.#object(key), seconds));
  }

  async *list(prefix: string): AsyncGenerator<BlobKey, void, undefined> {
    const above = prefix.split("/").slice(0, -1);
    if (above.length > 0) segmentsOf(above.join("/"));
    const place = { client: this.#client, bucket: this.#bucket };
    for await (const name of listNames(place, `${this.#above}${prefix}`)) {
      const key = name.slice(this.#above.length);
      if (isBlobKey(key) && !key.startsWith(ownPrefix)) yield key;
    }
  }

  /** Begins an upload and drops it, which takes the right to write and leaves no object behind. */
  async check(): Promise<void> {
    const { key: name } = this.#own(probe);
    await onS3(async () => {
      const begun = await this.#client.send(
        new CreateMultipartUploadCommand({ Bucket: this.#bucket, Key: name }),
      );
      await this.#client.send(
        new AbortMultipartUploadCommand({
          Bucket: this.#bucket,
          Key: name,
          UploadId: begun.UploadId,
        }),
      );
    });
  }

  /** Refuses a server or a bucket that would not keep what this store promises. */
  async assertFit(): Promise<void> {
    if (this.#retention !== null) {
      const { mode, days } = this.#retention;
      const lock = lockFrom(this.#retention, this.#now());
      await assertLocks(this.#own(`${ownPrefix}object-lock-${mode}-${days}`), lock);
    }
    await assertConditional(this.#own(probe));
  }

  async sweep(beforeMs: number): Promise<void> {
    const place = this.#own("");
    await onS3(async () => {
      for await (const upload of unfinishedUploads(place, place.key)) {
        const { Initiated: begunAt } = upload;
        if (begunAt !== undefined && begunAt.getTime() <= beforeMs)
          await abortUpload(place, upload);
      }
    });
  }

  close(): void {
    this.#client.destroy();
  }

  /** A missing object and a missing bucket answer HEAD alike, and only the second is an outage. */
  async #assertBucket(): Promise<void> {
    await this.#client.send(new ListObjectsV2Command({ Bucket: this.#bucket, MaxKeys: 1 }));
  }

  #multipart(object: S3Object, session: string, parts: Parts): MultipartBlob {
    const [room, addressSeconds] = [this.#room, this.#addressSeconds];
    return new S3Multipart({ object, session, parts, room, addressSeconds });
  }

  #object(key: BlobKey): S3Object {
    segmentsOf(key);
    const told = this.#headersOf(key);
    if (told === null) return this.#own(key);
    const headers = { ContentType: told.contentType, CacheControl: told.cacheControl };
    return { ...this.#own(key), headers };
  }

  /** Also of names that are no blob's. */
  #own(name: string): S3Object {
    return { client: this.#client, bucket: this.#bucket, key: `${this.#above}${name}` };
  }
}

/** The store's own object, not a blob: no blob's key begins with it. */
const ownPrefix = ".weightvault/";
const probe = `${ownPrefix}conditional-writes`;

/** A request's signature covers its body by a digest; one that travels as a checksum already is not made a second time. */
function reuseDigests(client: S3Client): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const { ChecksumSHA256: digest } = args.input as { readonly ChecksumSHA256?: string };
      const { headers } = args.request as { readonly headers: Record<string, string> };
      if (digest !== undefined)
        headers["x-amz-content-sha256"] = Buffer.from(digest, "base64").toString("hex");
      return await next(args);
    },
    { step: "build", name: "reuseDigests" },
  );
}
