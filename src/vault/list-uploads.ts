import { plaintextPartsOf } from "../floe/layout.ts";
import type { Caller } from "../identity/authenticate.ts";
import { findRepository, type RepositoryName } from "./repository.ts";
import type { Vault } from "./vault.ts";

const listLimit = 20;

/** The caller's newest uploads into a repository that are still open, with what each holds: what a client that lost its memory goes on with. */
export async function listUploads(
  { database, now }: Pick<Vault, "database" | "now">,
  caller: Caller,
  wanted: RepositoryName,
) {
  const { db } = database;
  const repository = await findRepository(db, wanted);
  const uploads = await db
    .selectFrom("upload")
    .select(["id", "expires_at"])
    .where("repository", "=", repository.id)
    .where("principal", "=", caller.principal)
    .where("state", "=", "open")
    .where("expires_at", ">", now())
    .orderBy("created_at", "desc")
    .orderBy("id")
    .limit(listLimit)
    .execute();
  const ids = uploads.map(({ id }) => id);
  if (ids.length === 0) return [];
  const files = await db
    .selectFrom("upload_file")
    .innerJoin("object", "object.id", "upload_file.object")
    .select(["upload_file.upload", "upload_file.path", "object.id"])
    .select(["object.size_bytes", "object.sha256"])
    .where("upload_file.upload", "in", ids)
    .orderBy("upload_file.path")
    .execute();
  const parted = await db
    .selectFrom("parted_object")
    .innerJoin("object", "object.id", "parted_object.object")
    .select(["object.upload", "object.id", "parted_object.path"])
    .select(["parted_object.size_bytes", "parted_object.sha256"])
    .select((select) =>
      select
        .selectFrom("object_part")
        .select((held) => held.fn.countAll<bigint>().as("count"))
        .whereRef("object_part.object", "=", "object.id")
        .as("held"),
    )
    .where("object.upload", "in", ids)
    .where("object.state", "=", "opening")
    .orderBy("parted_object.path")
    .orderBy("object.id")
    .execute();
  return uploads.map(({ id, expires_at: expiresAt }) => ({
    upload: id,
    expiresAt,
    files: files
      .filter(({ upload }) => upload === id)
      .map((file) => ({
        path: file.path,
        size: Number(file.size_bytes),
        sha256: file.sha256?.toString("hex") ?? "",
        object: file.id,
      })),
    objects: parted
      .filter(({ upload }) => upload === id)
      .map((object) => ({
        object: object.id,
        path: object.path,
        size: Number(object.size_bytes),
        sha256: object.sha256.toString("hex"),
        parts: plaintextPartsOf(Number(object.size_bytes)).parts,
        held: Number(object.held ?? 0n),
      })),
  }));
}
