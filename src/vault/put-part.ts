import { createHash, type Hash } from "node:crypto";
import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { transact } from "../database/transact.ts";
import { isRefusal, Refusal } from "../errors.ts";
import { headerBytes, overheadBytes, plaintextPartsOf, segmentCount } from "../floe/layout.ts";
import { StreamPlaces } from "../floe/place.ts";
import { Sealer } from "../floe/seal.ts";
import { sealSegments } from "../floe/seal-segments.ts";
import type { Caller } from "../identity/authenticate.ts";
import type { HeldPart, MultipartBlob, PartWriter } from "../storage/blob-store.ts";
import { recordAs } from "./caller.ts";
import { aadOf, unwrapKey } from "./object.ts";
import { forgetSession, sessionOf } from "./part-session.ts";
import {
  assertOpen,
  isCompleting,
  type ObjectAddress,
  type PartedRow,
  partedOf,
} from "./parted.ts";
import { discard, lockUpload } from "./upload.ts";
import type { Tx, Vault } from "./vault.ts";

export type PartRequest = ObjectAddress & {
  readonly part: number;
  readonly sizeBytes: number;
  /** SHA-256 of the part's plaintext, in hex. */
  readonly sha256: string;
  /** No chunk is read again once the next is asked for. */
  readonly source: AsyncIterable<Uint8Array>;
};

export type TakenPart = { readonly part: number; readonly size: number; readonly sha256: string };

/**
 * Takes one part of a file as a stream, seals its segments in the pool's threads as they come, and holds it to its size and digest. The answer means that
 * the store holds the part durably. A part that is held already is taken again without harm: with the same digest it is read, checked
 * and left as it is; with another it takes the earlier one's place. A failure leaves the part not held, to be sent again.
 */
export async function putPart(
  vault: Vault,
  caller: Caller,
  request: PartRequest,
): Promise<TakenPart> {
  const row = await partedOf(vault.database.db, caller, request);
  assertOpen(row, vault.now());
  const place = placeOf(row, request);
  const fileBytes = Number(row.size_bytes);
  if (await isHeld(vault.database.db, request)) {
    await check(request);
    return taken(request);
  }
  // One unwrapping a part, of 16 MiB at the least: a key that stayed in memory between parts would outlive the caller's right to send.
  using key = await unwrapKey(vault, row, row.repository);
  using sealer = new Sealer({ key, aad: aadOf(row.id), header: row.header });
  await claim(vault, request);
  const hash = vault.uploads.digestBefore(row.id, request.part);
  let held: HeldPart;
  try {
    const stored = await store(vault, row, { request, place, sealer, fileBytes, hash });
    ({ held } = stored);
    await keep(vault, caller, { request, header: row.header, ...stored });
  } catch (error) {
    // The sweeper may have looked for a session before this part began one.
    await discard(vault, row.id, ["removed"]);
    throw error;
  }
  if (hash !== null) vault.uploads.keepDigest(row.id, { hash, part: held.part, tag: held.tag });
  return taken(request);
}

export type Place = {
  readonly sealedBytes: number;
  readonly firstSegment: number;
};

/** Where a part lies in its object. Throws `part_out_of_range`, and `size_mismatch` where it has not the size that its place has. */
export function placeOf(
  row: Pick<PartedRow, "size_bytes">,
  { part, sizeBytes }: Pick<PartRequest, "part" | "sizeBytes">,
): Place {
  const fileBytes = Number(row.size_bytes);
  const { partBytes, parts, segments } = plaintextPartsOf(fileBytes);
  if (part < 1 || part > parts)
    throw new Refusal("part_out_of_range", `the file has parts 1 to ${parts}`, {
      members: { parts },
    });
  const expected = part < parts ? partBytes : fileBytes - (parts - 1) * partBytes;
  if (sizeBytes !== expected)
    throw new Refusal("size_mismatch", `part ${part} has ${expected} bytes, not ${sizeBytes}`, {
      members: { expected },
    });
  const header = part === 1 ? headerBytes : 0;
  return {
    sealedBytes: header + sizeBytes + segmentCount(sizeBytes) * overheadBytes,
    firstSegment: (part - 1) * segments,
  };
}

async function isHeld(db: Kysely<Schema>, { object, part, sha256 }: PartRequest): Promise<boolean> {
  const row = await db
    .selectFrom("object_part")
    .select("sha256")
    .where("object", "=", object)
    .where("part", "=", part)
    .executeTakeFirst();
  return row?.sha256.toString("hex") === sha256.toLowerCase();
}

/** The part is not held from here on: new bytes take its place in the store. Throws `conflict` while the file is being completed. */
async function claim({ database, now }: Vault, { object, part }: PartRequest): Promise<void> {
  await transact(database.db, async (tx) => {
    await lockOpen(tx, object, now());
    await tx
      .deleteFrom("object_part")
      .where("object", "=", object)
      .where("part", "=", part)
      .execute();
  });
}

/** Locks a file whose parts still come. Throws `conflict` once it is, or was, completed. */
export async function lockOpen(tx: Tx, object: string, now: Date): Promise<void> {
  const row = await tx
    .selectFrom("parted_object")
    .select(["assembled_at", "completing_until"])
    .where("object", "=", object)
    .forUpdate()
    .executeTakeFirstOrThrow();
  if (row.assembled_at !== null)
    throw new Refusal("conflict", "the file's parts are put together: complete it, or begin anew");
  if (isCompleting(row, now)) throw new Refusal("conflict", "the file is just being completed");
}

type Sealing = {
  readonly request: PartRequest;
  readonly place: Place;
  readonly sealer: Sealer;
  readonly fileBytes: number;
  /** The digest of all the file's bytes before, which goes on here. */
  readonly hash: Hash | null;
};

type Stored = { readonly blob: MultipartBlob; readonly held: HeldPart };

async function store(vault: Vault, row: PartedRow, sealing: Sealing): Promise<Stored> {
  const { request, place } = sealing;
  let session = row.session;
  try {
    const blob = await sessionOf(vault, row);
    ({ session } = blob);
    const writer = await blob.put(request.part, place.sealedBytes);
    try {
      await sealInto(vault, writer, sealing);
      return { blob, held: await writer.complete() };
    } finally {
      await writer.abort();
    }
  } catch (error) {
    if (isRefusal(error, "multipart_gone")) await forgetSession(vault, { id: row.id, session });
    throw error;
  }
}

async function sealInto(
  vault: Vault,
  writer: PartWriter,
  { request, place, sealer, fileBytes, hash }: Sealing,
) {
  const { firstSegment } = place;
  if (request.part === 1) await writer.write(sealer.header);
  using places = new StreamPlaces(checked(request));
  await sealSegments(sealer, {
    pool: vault.pool,
    plaintextBytes: fileBytes,
    positions: { start: firstSegment, end: firstSegment + segmentCount(request.sizeBytes) },
    read: places.read,
    write: async (segment) => await writer.write(segment),
    isAppending: true,
    take: (plaintext) => hash?.update(plaintext),
  });
  await places.end();
}

/** The part's bytes on their way; throws at their end unless they were as many as announced and have the declared digest. */
async function* checked({ source, sizeBytes, sha256 }: PartRequest) {
  const hash = createHash("sha256");
  let received = 0;
  for await (const chunk of source) {
    received += chunk.length;
    if (received > sizeBytes)
      throw new Refusal("size_mismatch", `more than the part's ${sizeBytes} bytes came`);
    hash.update(chunk);
    yield chunk;
  }
  if (received < sizeBytes)
    throw new Refusal("upload_interrupted", `${received} of the part's ${sizeBytes} bytes came`);
  if (hash.digest("hex") !== sha256.toLowerCase())
    throw new Refusal("digest_mismatch", "the part does not have the declared SHA-256");
}

async function check(request: PartRequest): Promise<void> {
  for await (const _ of checked(request)) continue;
}

type Keeping = Stored & {
  readonly request: PartRequest;
  /** What it was sealed under. */
  readonly header: Buffer;
};

/**
 * Of the same part twice at once, the store tells which one stayed. The other takes nothing from it: it is held too where it had the same bytes, and
 * refused with `conflict` where it had not.
 */
async function keep(vault: Vault, caller: Caller, keeping: Keeping): Promise<void> {
  const { request, header, blob, held } = keeping;
  const kept = async (over: string | null) =>
    await recordAs(vault, caller, async (tx) => {
      return await keepPart(tx, caller, { request, header, held, over, now: vault.now() });
    });
  const other = await kept(null);
  if (other === null) return;
  const staying = (await blob.list()).find(({ part }) => part === held.part);
  // A store's list may tell no more than the beginning of a tag.
  const stays = (tag: string) => staying !== undefined && tag.startsWith(staying.tag.trimEnd());
  const isHeldToo = stays(held.tag)
    ? (await kept(other.tag)) === null
    : stays(other.tag) && other.sha256.toString("hex") === request.sha256.toLowerCase();
  if (!isHeldToo) throw new Refusal("conflict", "the same part came anew meanwhile");
}

type Other = { readonly tag: string; readonly sha256: Buffer };

type Kept = Pick<Keeping, "request" | "header"> & {
  readonly held: HeldPart;
  /** The tag that the part may have there already. */
  readonly over: string | null;
  readonly now: Date;
};

/**
 * Says that the part is held, if the upload is still open and nobody began to complete the file meanwhile. Null then; another one that
 * came meanwhile where there is one.
 */
async function keepPart(tx: Tx, caller: Caller, kept: Kept): Promise<Other | null> {
  const { request, header, held, over, now } = kept;
  const { object, part, sizeBytes, sha256 } = request;
  await lockUpload(tx, caller, request.upload);
  await lockOpen(tx, object, now);
  const row = await partedOf(tx, caller, request);
  assertOpen(row, now);
  // The first hand-out of the file's key made another one.
  if (!row.header.equals(header))
    throw new Refusal("conflict", "the file is sealed under another key meanwhile");
  const other = await tx
    .selectFrom("object_part")
    .select(["tag", "sha256"])
    .where("object", "=", object)
    .where("part", "=", part)
    .executeTakeFirst();
  if (other !== undefined && other.tag !== over) return other;
  const values = {
    size_bytes: BigInt(sizeBytes),
    sha256: Buffer.from(sha256, "hex"),
    sealed_bytes: BigInt(held.sizeBytes),
    tag: held.tag,
    received_at: now,
  };
  await tx
    .insertInto("object_part")
    .values({ object, part, ...values })
    .onConflict((conflict) => conflict.columns(["object", "part"]).doUpdateSet(values))
    .execute();
  return null;
}

function taken({ part, sizeBytes, sha256 }: PartRequest): TakenPart {
  return { part, size: sizeBytes, sha256: sha256.toLowerCase() };
}
