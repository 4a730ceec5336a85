import { createHash, randomUUID } from "node:crypto";
import { transact } from "../database/transact.ts";
import { isRefusal, Refusal } from "../errors.ts";
import { partsOf } from "../floe/layout.ts";
import { StreamPlaces } from "../floe/place.ts";
import { Sealer } from "../floe/seal.ts";
import { sealSegments } from "../floe/seal-segments.ts";
import type { Caller } from "../identity/authenticate.ts";
import { assertOpens } from "./assert-opens.ts";
import { recordAs } from "./caller.ts";
import { filePath } from "./name.ts";
import { aadOf, objectContext, objectKey, removeObject } from "./object.ts";
import { findRepository, type RepositoryName } from "./repository.ts";
import { assertNotShredded } from "./shredded.ts";
import { secondsAfter, type Tx, type Vault } from "./vault.ts";

/** 5 TiB: what one object of a store can be at the most. */
export const fileLimitBytes = 5 * 2 ** 40;

export type FileRequest = {
  readonly upload: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** SHA-256 in hex, where the client declares it. */
  readonly sha256?: string;
  /** No chunk is read again once the next is asked for. */
  readonly source: AsyncIterable<Uint8Array>;
};

export type UploadedFile = {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly object: string;
};

/** Opens an upload: files go into it, one commit ends it, and after its time the sweeper does. Throws `shredded` for a repository that was. */
export async function openUpload(
  vault: Pick<Vault, "database" | "ledger" | "now" | "limits">,
  caller: Caller,
  wanted: RepositoryName,
): Promise<{ readonly upload: string; readonly expiresAt: Date }> {
  const repository = await findRepository(vault.database.db, wanted);
  const [id, now] = [randomUUID(), vault.now()];
  const expiresAt = secondsAfter(now, vault.limits.uploadHours * 3_600);
  await recordAs(vault, caller, async (tx) => {
    await tx
      .insertInto("upload")
      .values({
        id,
        repository: repository.id,
        principal: caller.principal,
        state: "open",
        revision: null,
        created_at: now,
        expires_at: expiresAt,
      })
      .execute();
    // The row holds its repository: whoever shreds it comes after and ends the upload, or came before and is seen here.
    await assertNotShredded(tx, repository.id, () => []);
  });
  return { upload: id, expiresAt };
}

/**
 * Takes one file as a stream and seals it. The answer means that the sealed bytes are durable, that their beginning and end open
 * with the key as it will be unwrapped later, and that a commit can name the file. A failure leaves nothing that a commit could name.
 */
export async function putFile(
  vault: Vault,
  caller: Caller,
  request: FileRequest,
): Promise<UploadedFile> {
  const path = filePath(request.path);
  if (request.sizeBytes > fileLimitBytes)
    throw new Refusal("payload_too_large", "a file may have 5 TiB at the most");
  const upload = await openUploadOf(vault, caller, request.upload);
  const id = randomUUID();
  const { dataKey, wrapped, keyId } = await vault.custodian.generate(
    objectContext(id, upload.repository),
  );
  using key = dataKey;
  using sealer = new Sealer({ key, aad: aadOf(id) });
  const object = {
    id,
    repository: upload.repository,
    wrapped_key: wrapped,
    custodian_key: keyId,
    header: sealer.header,
  } as const;
  await transact(vault.database.db, async (tx) => {
    // A shredding ends the upload first: no key is kept that it did not find.
    const { state } = await lockUpload(tx, caller, request.upload);
    if (state !== "open") throw new Refusal("upload_closed", "the upload was ended");
    await tx
      .insertInto("object")
      .values({
        ...object,
        upload: request.upload,
        state: "opening",
        size_bytes: null,
        object_bytes: null,
        sha256: null,
        lease_until: lease(vault),
        created_at: vault.now(),
        sealed_at: null,
      })
      .execute();
  });
  try {
    const { sha256, objectBytes } = await sealInto(vault, { id, caller, sealer }, request);
    const sealed = {
      ...object,
      size_bytes: BigInt(request.sizeBytes),
      object_bytes: BigInt(objectBytes),
      sha256,
    };
    await assertOpens(vault, sealed);
    await recordAs(
      vault,
      caller,
      async (tx) => await keepFile(tx, { caller, request, path, sealed, now: vault.now() }),
    );
    return { path, size: request.sizeBytes, sha256: sha256.toString("hex"), object: id };
  } catch (error) {
    await discard(vault, id);
    throw error;
  }
}

/** Gives up an upload; its objects go with the next sweep. */
export async function abortUpload(
  vault: Pick<Vault, "database" | "ledger" | "now">,
  caller: Caller,
  id: string,
): Promise<void> {
  await recordAs(vault, caller, async (tx) => {
    const row = await lockUpload(tx, caller, id);
    if (row.state === "committed") throw new Refusal("upload_closed", "the upload was committed");
    await tx.updateTable("upload").set({ state: "aborted" }).where("id", "=", id).execute();
    await endParted(tx, id, vault.now());
  });
}

/** The files that an upload holds now. */
export async function listUpload(vault: Pick<Vault, "database">, caller: Caller, id: string) {
  const upload = await vault.database.db
    .selectFrom("upload")
    .selectAll()
    .where("id", "=", id)
    .where("principal", "=", caller.principal)
    .executeTakeFirst();
  if (upload === undefined) throw new Refusal("not_found", "there is no such upload of yours");
  const files = await vault.database.db
    .selectFrom("upload_file")
    .innerJoin("object", "object.id", "upload_file.object")
    .select(["upload_file.path", "object.id", "object.size_bytes", "object.sha256"])
    .where("upload_file.upload", "=", id)
    .orderBy("upload_file.path")
    .execute();
  return {
    upload: id,
    state: upload.state,
    revision: upload.revision,
    expiresAt: upload.expires_at,
    files: files.map((file) => ({
      path: file.path,
      size: Number(file.size_bytes),
      sha256: file.sha256?.toString("hex") ?? "",
      object: file.id,
    })),
  };
}

/** Locks an upload of the caller's. Throws `not_found`. */
export async function lockUpload(tx: Tx, caller: Caller, id: string) {
  const row = await tx
    .selectFrom("upload")
    .selectAll()
    .where("id", "=", id)
    .where("principal", "=", caller.principal)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "there is no such upload of yours");
  return row;
}

/** The upload is over: its unfinished files are the sweeper's from now on. */
export async function endParted(tx: Tx, upload: string, now: Date): Promise<void> {
  await tx
    .updateTable("object")
    .set({ lease_until: now })
    .where("upload", "=", upload)
    .where("state", "=", "opening")
    .where("id", "in", (from) => from.selectFrom("parted_object").select("object"))
    .execute();
}

/** An upload of the caller's that still takes files. Throws `not_found` and `upload_closed`. */
export async function openUploadOf(
  vault: Pick<Vault, "database" | "now">,
  caller: Caller,
  id: string,
) {
  const row = await vault.database.db
    .selectFrom("upload")
    .selectAll()
    .where("id", "=", id)
    .where("principal", "=", caller.principal)
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "there is no such upload of yours");
  if (row.state !== "open" || row.expires_at <= vault.now())
    throw new Refusal("upload_closed", "the upload is not open any more");
  return row;
}

/** Hashes and seals the source into the store. Whatever goes wrong, the writer is aborted and nothing is visible. */
async function sealInto(
  vault: Vault,
  { id, caller, sealer }: { readonly id: string; readonly caller: Caller; readonly sealer: Sealer },
  { upload, source, sizeBytes, sha256 }: FileRequest,
) {
  const hash = createHash("sha256");
  const { store, pool } = vault;
  const writer = await store.create(objectKey(id), { parts: partsOf(sizeBytes) });
  const stopped: { by: Refusal | null } = { by: null };
  const look = async () => {
    stopped.by ??= await refusalOf(async () => await renew(vault, { id, caller, upload }));
  };
  const renewal = setInterval(() => void look(), vault.limits.leaseSeconds * 333);
  try {
    await writer.write(sealer.header);
    using places = new StreamPlaces(counted(source, sizeBytes, stopped));
    await sealSegments(sealer, {
      pool,
      plaintextBytes: sizeBytes,
      read: places.read,
      write: async (segment) => await writer.write(segment),
      isAppending: true,
      take: (plaintext) => hash.update(plaintext),
    });
    await places.end();
    const digest = hash.digest();
    if (sha256 !== undefined && digest.toString("hex") !== sha256.toLowerCase()) {
      throw new Refusal("digest_mismatch", "the bytes that came do not have the declared SHA-256");
    }
    const completed = await writer.complete();
    return { sha256: digest, objectBytes: completed.sizeBytes };
  } catch (error) {
    await writer.abort();
    throw error;
  } finally {
    clearInterval(renewal);
  }
}

/** The source, as long as it is as long as was declared and nobody stopped it. */
async function* counted(
  source: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  stopped: { readonly by: Refusal | null },
): AsyncGenerator<Uint8Array, void, undefined> {
  let received = 0;
  for await (const chunk of source) {
    if (stopped.by !== null) throw stopped.by;
    received += chunk.length;
    if (received > sizeBytes)
      throw new Refusal("size_mismatch", `more than the declared ${sizeBytes} bytes came`);
    yield chunk;
  }
  if (received < sizeBytes)
    throw new Refusal("upload_interrupted", `${received} of ${sizeBytes} declared bytes came`);
}

type KeptFile = {
  readonly caller: Caller;
  readonly request: Pick<FileRequest, "upload">;
  readonly path: string;
  readonly sealed: {
    readonly id: string;
    readonly size_bytes: bigint;
    readonly object_bytes: bigint;
    readonly sha256: Buffer;
  };
  readonly now: Date;
};

/** The object becomes sealed and the upload names it, if the upload is still open and the sweeper did not take the object for dead. */
export async function keepFile(
  tx: Tx,
  { caller, request, path, sealed, now }: KeptFile,
): Promise<void> {
  const upload = await lockUpload(tx, caller, request.upload);
  if (upload.state !== "open")
    throw new Refusal("upload_closed", "the upload was ended while the file came");
  const { id, size_bytes, object_bytes, sha256 } = sealed;
  const kept = await tx
    .updateTable("object")
    .set({ state: "sealed", size_bytes, object_bytes, sha256, sealed_at: now })
    .where("id", "=", id)
    .where("state", "=", "opening")
    .returning("id")
    .executeTakeFirst();
  if (kept === undefined)
    throw new Refusal("upload_closed", "the upload was silent for too long and was swept");
  await tx
    .insertInto("upload_file")
    .values({ upload: request.upload, path, object: id })
    .onConflict((conflict) => conflict.columns(["upload", "path"]).doUpdateSet({ object: id }))
    .execute();
}

/**
 * Best effort: what cannot be removed now, the sweeper removes when the lease has run out. An object already sealed stays; the bytes of one
 * that the sweeper took for dead go, since it looked for them before they were complete. With `removed` alone, one that still comes is left to come.
 */
export async function discard(
  vault: Pick<Vault, "database" | "store">,
  id: string,
  states: readonly ("opening" | "removed")[] = ["opening", "removed"],
): Promise<void> {
  try {
    const { db } = vault.database;
    await db
      .updateTable("object")
      .set({ state: "removing" })
      .where("id", "=", id)
      .where("state", "in", states)
      .execute();
    const row = await db
      .selectFrom("object")
      .select("state")
      .where("id", "=", id)
      .executeTakeFirst();
    if (row?.state === "removing") await removeObject(vault, id);
  } catch {
    // The first failure is the one to report.
  }
}

function lease({ now, limits }: Pick<Vault, "now" | "limits">): Date {
  return secondsAfter(now(), limits.leaseSeconds);
}

/** Says that the object is still being written, if whoever writes it may still do so: a checkpoint takes hours, and a token ends in between. */
async function renew(
  vault: Vault,
  { id, caller, upload }: { readonly id: string; readonly caller: Caller; readonly upload: string },
): Promise<void> {
  await vault.database.db
    .updateTable("object")
    .set({ lease_until: lease(vault) })
    .where("id", "=", id)
    .execute();
  await recordAs(vault, caller, async () => {});
  await openUploadOf(vault, caller, upload);
}

/** The refusal of a caller; null where the work succeeds, and where something else is out of order, which the end of the upload will tell. */
async function refusalOf(work: () => Promise<void>): Promise<Refusal | null> {
  try {
    await work();
    return null;
  } catch (error) {
    return isRefusal(error) && error.status < 500 ? error : null;
  }
}
