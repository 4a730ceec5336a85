import { randomUUID } from "node:crypto";
import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { plaintextPartsOf } from "../floe/layout.ts";
import { Sealer } from "../floe/seal.ts";
import type { Caller } from "../identity/authenticate.ts";
import { adoptParts } from "./adopt-parts.ts";
import { recordAs } from "./caller.ts";
import { filePath } from "./name.ts";
import { aadOf, objectContext } from "./object.ts";
import { sessionOf } from "./part-session.ts";
import { discard, fileLimitBytes, lockUpload, openUploadOf } from "./upload.ts";
import type { Vault } from "./vault.ts";

export type PartedRequest = {
  readonly upload: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** SHA-256 of the whole file, in hex. */
  readonly sha256: string;
};

export type ObjectAddress = { readonly upload: string; readonly object: string };

/** A file that comes by parts, as its sender sees it. */
export type PartedObject = {
  readonly object: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly state: "open" | "proving" | "sealed";
  /** Plaintext bytes of every part but the last. */
  readonly partBytes: number;
  readonly parts: number;
  readonly held: readonly {
    readonly part: number;
    readonly size: number;
    readonly sha256: string;
  }[];
  /** How far the verifying read has come. */
  readonly provedBytes: number;
  /** Of a sealed file whose parts did not pass through the vault: whose word its digest is, or what a read of it found. Null for others. */
  readonly digest: "declared" | "proved" | "refuted" | null;
};

/**
 * Begins a file that comes by parts, or finds the one of the same upload, path, size and digest that was begun before. Its header is made
 * and stored here, before any segment, so that whoever resumes seals under it.
 */
export async function beginParted(
  vault: Vault,
  caller: Caller,
  request: PartedRequest,
): Promise<{ readonly isNew: boolean; readonly object: PartedObject }> {
  const path = filePath(request.path);
  if (request.sizeBytes > fileLimitBytes)
    throw new Refusal("payload_too_large", "a file may have 5 TiB at the most");
  const upload = await openUploadOf(vault, caller, request.upload);
  const begun = await findBegun(vault.database.db, { ...request, path });
  const id =
    begun ?? (await insert(vault, caller, { ...request, path, repository: upload.repository }));
  const address = { upload: request.upload, object: id };
  const row = await partedOf(vault.database.db, caller, address);
  if (row.state === "opening" && row.assembled_at === null) await sessionOf(vault, row);
  return { isNew: begun === null, object: await readParted(vault, caller, address) };
}

/** What has come of a file. Throws `not_found`, and `upload_closed` where it was given up. */
export async function readParted(
  vault: Pick<Vault, "database" | "now" | "store" | "uploads">,
  caller: Caller,
  address: ObjectAddress,
): Promise<PartedObject> {
  const { db } = vault.database;
  const row = await partedOf(db, caller, address);
  if (row.state !== "opening" && row.state !== "sealed") throw ended(row);
  await adoptParts(vault, row);
  const held = await db
    .selectFrom("object_part")
    .select(["part", "size_bytes", "sha256"])
    .where("object", "=", row.id)
    .orderBy("part")
    .execute();
  const { partBytes, parts } = plaintextPartsOf(Number(row.size_bytes));
  return {
    object: row.id,
    path: row.path,
    size: Number(row.size_bytes),
    sha256: row.sha256.toString("hex"),
    state: row.state === "sealed" ? "sealed" : isCompleting(row, vault.now()) ? "proving" : "open",
    partBytes,
    parts,
    held: held.map((each) => ({
      part: each.part,
      size: Number(each.size_bytes),
      sha256: each.sha256.toString("hex"),
    })),
    provedBytes: Number(row.proved_bytes),
    digest: digestOf(row),
  };
}

function digestOf({ declared_at, read_at, failure }: PartedRow): PartedObject["digest"] {
  if (declared_at === null) return null;
  if (read_at === null) return "declared";
  return failure === null ? "proved" : "refuted";
}

/** Gives one file up; what of it the store holds goes at once, or with the next sweep. */
export async function abortParted(
  vault: Pick<Vault, "database" | "ledger" | "store" | "now" | "uploads">,
  caller: Caller,
  address: ObjectAddress,
): Promise<void> {
  await recordAs(vault, caller, async (tx) => {
    await lockUpload(tx, caller, address.upload);
    const row = await partedOf(tx, caller, address);
    if (row.state === "sealed") throw new Refusal("upload_closed", "the file is sealed already");
  });
  vault.uploads.forget(address.object);
  await discard(vault, address.object);
}

export type PartedRow = Awaited<ReturnType<typeof partedOf>>;

/** The row of a file of the caller's, with its upload's state. Throws `not_found`. */
export async function partedOf(
  db: Kysely<Schema>,
  caller: Caller,
  { upload, object }: ObjectAddress,
) {
  const row = await db
    .selectFrom("parted_object")
    .innerJoin("object", "object.id", "parted_object.object")
    .innerJoin("upload", "upload.id", "object.upload")
    .select([
      "object.id",
      "object.repository",
      "object.upload",
      "object.state",
      "object.wrapped_key",
      "object.custodian_key",
      "object.header",
      "parted_object.path",
      "parted_object.size_bytes",
      "parted_object.sha256",
      "parted_object.session",
      "parted_object.assembled_at",
      "parted_object.completing_until",
      "parted_object.proved_bytes",
      "parted_object.failure",
      "parted_object.declared_at",
      "parted_object.read_at",
      "upload.state as upload_state",
      "upload.expires_at",
    ])
    .where("object.id", "=", object)
    .where("upload.id", "=", upload)
    .where("upload.principal", "=", caller.principal)
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "the upload has no such object by parts");
  return row;
}

/** Throws `upload_closed` unless the file and its upload are open, or the refusal that ended it. */
export function assertOpen(row: PartedRow, now: Date): void {
  if (row.state !== "opening") throw ended(row);
  if (row.upload_state !== "open" || row.expires_at <= now)
    throw new Refusal("upload_closed", "the upload is not open any more");
}

/** Whether a completion is under way, here or on another node, that has not fallen silent. */
export function isCompleting(
  { completing_until: until }: Pick<PartedRow, "completing_until">,
  now: Date,
): boolean {
  return until !== null && until > now;
}

function ended({ failure }: PartedRow): Refusal {
  if (failure === "digest_mismatch")
    return new Refusal("digest_mismatch", "the whole file does not have the declared SHA-256");
  if (failure === "object_corrupt")
    return new Refusal("object_corrupt", "what the store put together does not open: send it anew");
  return new Refusal("upload_closed", "the file was given up: begin it anew");
}

type Wanted = PartedRequest & { readonly path: string };

async function findBegun(db: Kysely<Schema>, wanted: Wanted): Promise<string | null> {
  const row = await db
    .selectFrom("parted_object")
    .innerJoin("object", "object.id", "parted_object.object")
    .select("object.id")
    .where("object.upload", "=", wanted.upload)
    .where("object.state", "in", ["opening", "sealed"])
    .where("parted_object.failure", "is", null)
    .where("parted_object.path", "=", wanted.path)
    .where("parted_object.size_bytes", "=", BigInt(wanted.sizeBytes))
    .where("parted_object.sha256", "=", Buffer.from(wanted.sha256, "hex"))
    .orderBy("object.created_at", "desc")
    .orderBy("object.id")
    .limit(1)
    .executeTakeFirst();
  return row?.id ?? null;
}

async function insert(
  vault: Vault,
  caller: Caller,
  wanted: Wanted & { readonly repository: string },
): Promise<string> {
  const id = randomUUID();
  const context = objectContext(id, wanted.repository);
  const { dataKey, wrapped, keyId } = await vault.custodian.generate(context);
  using key = dataKey;
  using sealer = new Sealer({ key, aad: aadOf(id) });
  const { header } = sealer;
  return await recordAs(vault, caller, async (tx) => {
    const upload = await lockUpload(tx, caller, wanted.upload);
    if (upload.state !== "open") throw new Refusal("upload_closed", "the upload was ended");
    const other = await findBegun(tx, wanted);
    if (other !== null) return other;
    await tx
      .insertInto("object")
      .values({
        id,
        repository: wanted.repository,
        upload: wanted.upload,
        state: "opening",
        wrapped_key: wrapped,
        custodian_key: keyId,
        header,
        size_bytes: null,
        object_bytes: null,
        sha256: null,
        // A part may come as long as the upload is open.
        lease_until: upload.expires_at,
        created_at: vault.now(),
        sealed_at: null,
      })
      .execute();
    await tx
      .insertInto("parted_object")
      .values({
        object: id,
        path: wanted.path,
        size_bytes: BigInt(wanted.sizeBytes),
        sha256: Buffer.from(wanted.sha256, "hex"),
        session: null,
        assembled_at: null,
        completing_until: null,
        failure: null,
      })
      .execute();
    return id;
  });
}
