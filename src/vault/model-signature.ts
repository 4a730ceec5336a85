import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { type Submitted, submittedAs } from "../ledger/outbox.ts";
import type { ModelSignature } from "../lineage/model-signature.ts";
import { recordAs } from "./caller.ts";
import { findRevision, manifestOf } from "./find-revision.ts";
import { type AttachedSignature, digestOf, recordSignature } from "./record-signature.ts";
import { findRepository, findVisibleRepository, type RepositoryName } from "./repository.ts";
import type { Vault } from "./vault.ts";

type At = RepositoryName & { readonly revision: string };
type Reader = Pick<Vault, "database" | "now">;

const mostSignatures = 16;

/**
 * Attaches a bundle to a revision that the caller committed: verified against all its files, stored byte for byte, and recorded in an entry of its
 * own. Sending the same bundle again changes nothing. Throws `model_signature_invalid`, `model_signature_untrusted`, `not_found`, and `conflict` where
 * somebody else committed the revision.
 */
export async function attachSignature(
  vault: Pick<Vault, "database" | "ledger" | "now" | "modelSigners">,
  caller: Caller,
  { revision: name, ...wanted }: At,
  bundle: Buffer,
): Promise<AttachedSignature> {
  return await recordAs(vault, caller, async (tx) => {
    const repository = await findRepository(tx, wanted);
    await tx.selectFrom("repository").where("id", "=", repository.id).forUpdate().execute();
    const row = await findRevision(tx, repository, name);
    const { createdBy, files } = manifestOf(row);
    if (createdBy !== caller.principal)
      throw new Refusal("conflict", "a revision's signature is attached by who committed it");
    const revision = { repository: repository.id, revision: row.id };
    const before = await signaturesOf(tx, revision);
    const known = before.find((each) => each.bundle === digestOf(bundle));
    if (known !== undefined) return known;
    if (before.length >= mostSignatures)
      throw new Refusal("conflict", `a revision has ${mostSignatures} signatures at the most`);
    return await recordSignature(tx, { vault, caller, revision, files, bundle });
  });
}

/** The signatures of a revision that the caller may know of, oldest first. Throws `not_found`, and `record_tampered` for a row without its entry. */
export async function listSignatures(
  vault: Reader,
  caller: Caller,
  at: At,
): Promise<readonly AttachedSignature[]> {
  const { db } = vault.database;
  return await signaturesOf(db, await visibleRevision(vault, caller, at));
}

/** A bundle by its SHA-256, byte for byte as it was sent. Throws as `listSignatures`. */
export async function readSignature(
  vault: Reader,
  caller: Caller,
  { bundle: digest, ...at }: At & { readonly bundle: string },
): Promise<Buffer> {
  const { repository, revision } = await visibleRevision(vault, caller, at);
  const row = await vault.database.db
    .selectFrom("model_signature")
    .select("bundle")
    .where("repository", "=", repository)
    .where("revision", "=", revision)
    .where("digest", "=", Buffer.from(digest, "hex"))
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "the revision has no such signature");
  if (digestOf(row.bundle) !== digest) throw tampered();
  return row.bundle;
}

async function visibleRevision(vault: Reader, caller: Caller, { revision: name, ...wanted }: At) {
  const repository = await findVisibleRepository(vault, caller, wanted);
  const { id } = await findRevision(vault.database.db, repository, name);
  return { repository: repository.id, revision: id };
}

async function signaturesOf(
  db: Kysely<Schema>,
  { repository, revision }: { readonly repository: string; readonly revision: string },
): Promise<readonly AttachedSignature[]> {
  const rows = await db
    .selectFrom("model_signature")
    .select(["digest", "attached_by", "attached_at", "submission"])
    .where("repository", "=", repository)
    .where("revision", "=", revision)
    .orderBy("submission")
    .execute();
  const found: AttachedSignature[] = [];
  for (const { digest, attached_by: attachedBy, attached_at: attachedAt, submission } of rows) {
    const entry = await submittedAs(db, { id: submission, subject: repository });
    const bundle = digest.toString("hex");
    const signature = signatureOf(entry, { revision, bundle });
    if (signature === null) throw tampered();
    found.push({ ...signature, bundle, attachedBy, attachedAt });
  }
  return found;
}

/** What the entry says of a signature; null where it is not that one's. */
function signatureOf(
  entry: Submitted | null,
  { revision, bundle }: { readonly revision: string; readonly bundle: string },
): ModelSignature | null {
  const body = entry?.kind === "revision.signed" ? entry.body : null;
  if (body?.["revision"] !== revision || body["bundle"] !== bundle) return null;
  const files = body["files"] as Pick<ModelSignature, "covered" | "ignored">;
  return {
    keyFingerprint: String(body["key"]),
    trust: body["trust"] === "certificate" ? "certificate" : "key",
    covered: files.covered,
    ignored: files.ignored,
  };
}

function tampered(): Refusal {
  return new Refusal("record_tampered", "a model signature differs from its ledger entry");
}
