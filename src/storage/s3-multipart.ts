import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { isRefusal, Refusal } from "../errors.ts";
import type {
  AddressedPart,
  HeldPart,
  MultipartBlob,
  PartAddress,
  Parts,
  PartWriter,
  RecognisedPart,
} from "./blob-store.ts";
import { assertFills, assertNamed, partPlace, partsMissing } from "./parts.ts";
import type { Room } from "./room.ts";
import { codeOf, isMissing, onS3, refusalOf } from "./s3-failure.ts";
import { goingOn } from "./s3-list.ts";
import { locatePart } from "./s3-locate.ts";
import { sha256Of, ungarbled, writeOnce } from "./s3-once.ts";
import type { S3Object } from "./s3-read.ts";

export type MultipartOptions = {
  readonly object: S3Object;
  readonly session: string;
  readonly parts: Parts;
  readonly room: Room;
  /** How long an address of a part lives at the most; 0, and none is given out. */
  readonly addressSeconds: number;
};

/** Begins a multipart upload whose parts carry their SHA-256, and gives its id. */
export async function beginMultipart({ client, bucket, key }: S3Object): Promise<string> {
  const { UploadId: session } = await client.send(
    new CreateMultipartUploadCommand({ Bucket: bucket, Key: key, ChecksumAlgorithm: "SHA256" }),
  );
  if (session === undefined) throw new Error("the object store began an upload without an id");
  return session;
}

/**
 * A blob that comes by parts as a multipart upload of the store's. A part's tag is its entity tag and the SHA-256 with which it was sent,
 * since the completion states both and the list of parts of some servers gives the first alone.
 */
export class S3Multipart implements MultipartBlob {
  readonly session: string;
  readonly #options: MultipartOptions;

  constructor(options: MultipartOptions) {
    this.session = options.session;
    this.#options = options;
  }

  async put(part: number, sizeBytes: number): Promise<PartWriter> {
    const { parts, room } = this.#options;
    partPlace(parts, part, sizeBytes);
    const leave = await room.take(sizeBytes);
    try {
      return new S3PartWriter({
        sizeBytes,
        send: async (bytes) => await this.#send(part, bytes),
        onEnd: leave,
      });
    } catch (error) {
      // No memory for it: the room stays everybody's.
      leave();
      throw error;
    }
  }

  async list(): Promise<readonly HeldPart[]> {
    const { client, ...named } = this.#named;
    const held: HeldPart[] = [];
    const goesOn = goingOn();
    let marker: string | undefined;
    do {
      const page = await this.#inSession(
        async () => await client.send(new ListPartsCommand({ ...named, PartNumberMarker: marker })),
      );
      for (const { PartNumber: part, Size: sizeBytes, ETag: etag, ChecksumSHA256 } of page.Parts ??
        [])
        if (part !== undefined && sizeBytes !== undefined && etag !== undefined)
          held.push({ part, sizeBytes, tag: tagOf(etag, ChecksumSHA256 ?? "") });
      marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
      if (marker !== undefined) goesOn(marker);
    } while (marker !== undefined);
    return held.sort((one, other) => one.part - other.part);
  }

  async locate(part: AddressedPart, mostSeconds: number): Promise<PartAddress | null> {
    const { object, parts, session, addressSeconds } = this.#options;
    partPlace(parts, part.part, part.sizeBytes);
    const seconds = Math.min(mostSeconds, addressSeconds);
    if (seconds < 1) return null;
    return await onS3(async () => await locatePart(object, session, part, seconds));
  }

  async recognise(candidates: readonly AddressedPart[]): Promise<readonly RecognisedPart[]> {
    const held = await this.list();
    return held.flatMap(({ part, sizeBytes, ...each }) => {
      const { etag, sha256 } = readTag(each.tag);
      const of = candidates.filter((each) => each.part === part && each.sizeBytes === sizeBytes);
      // A list without checksums says nothing of which of several it is; of one alone the completion tells, which states its checksum.
      const found =
        sha256 === "" && of.length === 1
          ? of[0]
          : of.find((each) => each.sha256.toString("base64") === sha256);
      if (found === undefined) return [];
      const tag = tagOf(etag, found.sha256.toString("base64"));
      return [{ part, sizeBytes, tag, sha256: found.sha256 }];
    });
  }

  async complete(parts: readonly HeldPart[]): Promise<{ readonly sizeBytes: number }> {
    const sizeBytes = assertNamed(this.#options.parts, parts);
    await this.#assertHeld(parts);
    const { client, ...named } = this.#named;
    const sent = parts.map(({ part, sizeBytes: partBytes, tag }) => ({
      part,
      sizeBytes: partBytes,
      ...readTag(tag),
    }));
    const command = new CompleteMultipartUploadCommand({
      ...named,
      IfNoneMatch: "*",
      MultipartUpload: {
        Parts: sent.map(({ part, etag, sha256 }) => ({
          PartNumber: part,
          ETag: etag,
          ChecksumSHA256: sha256,
        })),
      },
    });
    const isKept = await onS3(
      async () =>
        await writeOnce(this.#options.object, sent, async () => {
          await client.send(command).catch(async (error: unknown) => {
            // A part that came anew since the list was read.
            if (codeOf(error) === "InvalidPart") await this.#assertHeld(parts);
            throw error;
          });
        }),
    ).catch((error: unknown) => {
      // Nothing lies there either, so that the session was aborted and not completed.
      if (isRefusal(error, "object_missing")) throw gone(error);
      throw error;
    });
    if (!isKept) await this.abort();
    return { sizeBytes };
  }

  async abort(): Promise<void> {
    const { client, ...named } = this.#named;
    await onS3(async () => {
      await client.send(new AbortMultipartUploadCommand(named)).catch((error: unknown) => {
        if (codeOf(error) !== "NoSuchUpload" && !isMissing(error)) throw error;
      });
    });
  }

  /** Throws `parts_missing`. A session that is gone may have been completed, which the completion finds out. */
  async #assertHeld(parts: readonly HeldPart[]): Promise<void> {
    const held = await this.list().catch((error: unknown) => {
      if (isRefusal(error, "multipart_gone")) return null;
      throw error;
    });
    const missing =
      held === null
        ? null
        : partsMissing(parts, held, (one, other) => readTag(one).etag === readTag(other).etag);
    if (missing !== null) throw missing;
  }

  async #send(part: number, bytes: Buffer): Promise<HeldPart> {
    const { client, ...named } = this.#named;
    const sha256 = await sha256Of(bytes);
    const command = new UploadPartCommand({
      ...named,
      PartNumber: part,
      Body: bytes,
      ContentLength: bytes.length,
      ChecksumSHA256: sha256,
    });
    const { ETag: etag } = await this.#inSession(
      async () => await ungarbled(async () => await client.send(command)),
    );
    if (etag === undefined)
      throw refusalOf(new Error("the object store gave a part no entity tag"));
    return { part, sizeBytes: bytes.length, tag: tagOf(etag, sha256) };
  }

  get #named() {
    const { object, session } = this.#options;
    const { client, bucket, key } = object;
    return { client, Bucket: bucket, Key: key, UploadId: session };
  }

  async #inSession<Result>(work: () => Promise<Result>): Promise<Result> {
    return await onS3(async () => {
      try {
        return await work();
      } catch (error) {
        if (codeOf(error) === "NoSuchUpload") throw gone(error);
        throw error;
      }
    });
  }
}

type S3PartOptions = {
  readonly sizeBytes: number;
  readonly send: (bytes: Buffer) => Promise<HeldPart>;
  readonly onEnd: () => void;
};

/** One part, kept in memory until it is whole: the store is told its SHA-256 before its bytes. */
class S3PartWriter implements PartWriter {
  readonly #options: S3PartOptions;
  #buffer: Buffer | null;
  #filledBytes = 0;

  constructor(options: S3PartOptions) {
    this.#options = options;
    this.#buffer = Buffer.allocUnsafeSlow(options.sizeBytes);
  }

  async write(bytes: Uint8Array): Promise<void> {
    const buffer = this.#open();
    if (this.#filledBytes + bytes.length > buffer.length) {
      await this.abort();
      throw new RangeError(`the part was announced with ${buffer.length} bytes`);
    }
    buffer.set(bytes, this.#filledBytes);
    this.#filledBytes += bytes.length;
  }

  async complete(): Promise<HeldPart> {
    const buffer = this.#open();
    try {
      assertFills(this.#filledBytes, buffer.length);
      return await this.#options.send(buffer);
    } finally {
      await this.abort();
    }
  }

  async abort(): Promise<void> {
    this.#buffer = null;
    this.#options.onEnd();
  }

  #open(): Buffer {
    if (this.#buffer === null) throw new Error("the part is already complete or aborted");
    return this.#buffer;
  }
}

function tagOf(etag: string, sha256: string): string {
  return `${etag} ${sha256}`;
}

function readTag(tag: string): { readonly etag: string; readonly sha256: string } {
  const [etag = "", sha256 = ""] = tag.split(" ");
  return { etag, sha256 };
}

function gone(cause: unknown): Refusal {
  return new Refusal("multipart_gone", "the store has no such session", { cause });
}
