import { createHash } from "node:crypto";
import { canonicalJson } from "../crypto/canonical-json.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { submit } from "../ledger/submit.ts";
import type { Lineage, StatedLineage } from "../lineage/form.ts";
import { recordAs } from "./caller.ts";
import { declaredOf } from "./digest.ts";
import { type Manifest, type ManifestFile, manifestOf } from "./find-revision.ts";
import { lineageMembers, resolveLineage } from "./lineage.ts";
import { filePath } from "./name.ts";
import { recordSignature } from "./record-signature.ts";
import type { RepositoryName } from "./repository.ts";
import { actedBy } from "./row.ts";
import { assertNotShredded } from "./shredded.ts";
import { endParted, lockUpload } from "./upload.ts";
import type { Tx, Vault } from "./vault.ts";

export type CommitRequest = RepositoryName & {
  readonly upload: string;
  /** The revision that this one follows; null for the first. It must be the head. */
  readonly parent: string | null;
  readonly message: string;
  /** Every file of the new revision: uploaded in this upload, or unchanged from the parent. */
  readonly files: readonly {
    readonly path: string;
    readonly size: number;
    readonly sha256: string;
  }[];
  /** What it was made from; null or absent where nothing is stated. */
  readonly lineage?: StatedLineage | null;
  /** The text of an OpenSSF Model Signing bundle over all its files. */
  readonly modelSignature?: string | null;
};

/**
 * Makes a revision of what was uploaded, whole or not at all, and moves the head to it. Committing the same upload again with the same
 * content gives the same revision, so that a client that lost the answer can ask again. A model signature that does not hold commits nothing.
 * Throws `shredded` for a file of the parent that is gone.
 */
export async function commitRevision(
  vault: Pick<Vault, "database" | "ledger" | "now" | "modelSigners">,
  caller: Caller,
  request: CommitRequest,
): Promise<{ readonly revision: string; readonly manifest: Manifest }> {
  assertDistinct(request.files.map((file) => filePath(file.path)));
  // Bases never change and are never removed, so they are found before anything is locked.
  const stated = request.lineage ?? null;
  const lineage = stated === null ? null : await resolveLineage(vault, caller, stated);
  return await recordAs(vault, caller, async (tx) => {
    const upload = await lockUpload(tx, caller, request.upload);
    const repository = await lockRepository(tx, request, upload.repository);
    if (upload.state === "committed" && upload.revision !== null)
      return await sameCommit(tx, upload.revision, { ...request, repository, lineage });
    if (upload.state !== "open")
      throw new Refusal("upload_closed", `the upload is ${upload.state}`);
    if (repository.head !== request.parent) {
      throw new Refusal("parent_moved", "the head is not the commit's parent", {
        members: { head: repository.head },
      });
    }
    const files = await resolveFiles(tx, repository.id, request);
    await assertNotShredded(tx, repository.id, () => files.map(({ object }) => object));
    const { parent, message } = request;
    const manifest = {
      repository: repository.id,
      parent,
      message,
      createdAt: vault.now().toISOString(),
      createdBy: caller.principal,
      files,
      ...(lineage === null ? {} : { lineage }),
    };
    const revision = await insertRevision(tx, caller, { manifest, now: vault.now() });
    if (request.modelSignature != null) {
      const bundle = Buffer.from(request.modelSignature, "utf8");
      const named = { repository: repository.id, revision };
      await recordSignature(tx, { vault, caller, revision: named, files, bundle });
    }
    await tx
      .updateTable("repository")
      .set({ head: revision })
      .where("id", "=", repository.id)
      .execute();
    await tx
      .updateTable("upload")
      .set({ state: "committed", revision })
      .where("id", "=", request.upload)
      .execute();
    await endParted(tx, request.upload, vault.now());
    return { revision, manifest };
  });
}

async function lockRepository(tx: Tx, { namespace, name }: RepositoryName, id: string) {
  const row = await tx
    .selectFrom("repository")
    .select(["id", "head"])
    .where("namespace", "=", namespace)
    .where("name", "=", name)
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "the repository has no such upload");
  return row;
}

async function insertRevision(
  tx: Tx,
  caller: Caller,
  { manifest, now }: { readonly manifest: Manifest; readonly now: Date },
): Promise<string> {
  const bytes = canonicalJson(manifest);
  const digest = createHash("sha256").update(bytes).digest("hex");
  const id = digest.slice(0, 40);
  const bytesTotal = manifest.files.reduce((sum, file) => sum + BigInt(file.size), 0n);
  const declared = await declaredOf(
    tx,
    manifest.files.map(({ object }) => object),
  );
  const submission = await submit(tx, {
    kind: "revision.committed",
    subject: manifest.repository,
    time: now,
    body: {
      repository: manifest.repository,
      revision: id,
      parent: manifest.parent,
      manifest: digest,
      ...lineageMembers(manifest.lineage ?? null),
      ...actedBy(caller),
      files: { count: manifest.files.length, bytes: bytesTotal.toString() },
      ...(declared.length === 0 ? {} : { declared: [...declared] }),
    },
  });
  const { repository, parent, createdBy } = manifest;
  await tx
    .insertInto("revision")
    .values({
      repository,
      id,
      parent,
      manifest: bytes,
      created_by: createdBy,
      created_at: now,
      submission,
    })
    .execute();
  const rows = manifest.files.map((file) => ({
    repository,
    revision: id,
    path: file.path,
    object: file.object,
    size_bytes: BigInt(file.size),
    sha256: Buffer.from(file.sha256, "hex"),
  }));
  for (let at = 0; at < rows.length; at += 1_000)
    await tx
      .insertInto("revision_file")
      .values(rows.slice(at, at + 1_000))
      .execute();
  return id;
}

/** Finds each named file in the upload, else unchanged in the parent, and locks its object against the sweeper. */
async function resolveFiles(
  tx: Tx,
  repository: string,
  request: CommitRequest,
): Promise<ManifestFile[]> {
  const uploaded = await tx
    .selectFrom("upload_file")
    .innerJoin("object", "object.id", "upload_file.object")
    .select(["upload_file.path", "object.id as object", "object.size_bytes", "object.sha256"])
    .where("upload_file.upload", "=", request.upload)
    .where("object.state", "=", "sealed")
    .forShare()
    .execute();
  const kept =
    request.parent === null
      ? []
      : await tx
          .selectFrom("revision_file")
          .select(["path", "object", "size_bytes", "sha256"])
          .where("repository", "=", repository)
          .where("revision", "=", request.parent)
          .execute();
  const known = new Map([...kept, ...uploaded].map((file) => [file.path, file]));
  return request.files
    .map(({ path, size, sha256 }) => {
      const file = known.get(path);
      if (file === undefined)
        throw new Refusal(
          "file_not_uploaded",
          `${JSON.stringify(path)} is neither in the upload nor in the parent`,
        );
      if (Number(file.size_bytes) !== size)
        throw new Refusal(
          "size_mismatch",
          `${JSON.stringify(path)} has ${file.size_bytes} bytes, not ${size}`,
        );
      if (file.sha256?.toString("hex") !== sha256.toLowerCase())
        throw new Refusal("digest_mismatch", `${JSON.stringify(path)} has another SHA-256`);
      return { path, size, sha256: sha256.toLowerCase(), object: file.object };
    })
    .sort((one, other) => (one.path < other.path ? -1 : 1));
}

async function sameCommit(
  tx: Tx,
  revision: string,
  request: Omit<CommitRequest, "lineage"> & {
    readonly repository: { readonly id: string };
    readonly lineage: Lineage | null;
  },
) {
  const row = await tx
    .selectFrom("revision")
    .selectAll()
    .where("repository", "=", request.repository.id)
    .where("id", "=", revision)
    .executeTakeFirstOrThrow();
  const manifest = manifestOf(row);
  const given = new Map(
    request.files.map((file) => [file.path, `${file.size} ${file.sha256.toLowerCase()}`]),
  );
  const isSame =
    manifest.parent === request.parent &&
    manifest.message === request.message &&
    canonicalJson(manifest.lineage ?? null).equals(canonicalJson(request.lineage)) &&
    manifest.files.length === given.size &&
    manifest.files.every((file) => given.get(file.path) === `${file.size} ${file.sha256}`) &&
    (await hasSignature(tx, row, request.modelSignature ?? null));
  if (!isSame)
    throw new Refusal("upload_closed", "the upload was committed with other content", {
      members: { revision },
    });
  return { revision, manifest };
}

/** Whether the bundle that goes with a repeated commit is the revision's already: one that was not verified then is not taken for verified now. */
async function hasSignature(
  tx: Tx,
  { repository, id }: { readonly repository: string; readonly id: string },
  bundle: string | null,
): Promise<boolean> {
  if (bundle === null) return true;
  const found = await tx
    .selectFrom("model_signature")
    .select("digest")
    .where("repository", "=", repository)
    .where("revision", "=", id)
    .where("digest", "=", createHash("sha256").update(bundle, "utf8").digest())
    .executeTakeFirst();
  return found !== undefined;
}

function assertDistinct(paths: readonly string[]): void {
  const seen = new Set<string>();
  for (const path of paths) {
    if (seen.has(path))
      throw new Refusal("invalid_request", `the commit names ${JSON.stringify(path)} twice`);
    seen.add(path);
  }
  for (const path of paths) {
    const parents = path
      .split("/")
      .slice(0, -1)
      .map((_, depth, segments) => segments.slice(0, depth + 1).join("/"));
    const taken = parents.find((parent) => seen.has(parent));
    if (taken !== undefined)
      throw new Refusal("invalid_path", `${JSON.stringify(taken)} is a file and a folder`);
  }
}
