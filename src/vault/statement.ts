import { createHash } from "node:crypto";
import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import type { Signer } from "../custody/signer.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { type Entry, parseEntry } from "../ledger/entry.ts";
import { makeOwnReceipt, type Receipt, shortened } from "../ledger/receipt.ts";
import { type EnvelopeJson, preAuthenticationEncoding, signEnvelope } from "../lineage/dsse.ts";
import { isOwnProof, verifyOwnStatement } from "../lineage/prove.ts";
import { inTotoPayloadType, releaseStatement, revisionStatement } from "../lineage/statement.ts";
import { findRevision, manifestOf } from "./find-revision.ts";
import { readRelease } from "./read-release.ts";
import { findVisibleRepository, type RepositoryName } from "./repository.ts";
import type { Vault } from "./vault.ts";

type Stater = Pick<Vault, "database" | "now" | "signer">;

/** What every signer takes; see the port. */
const surelySignedBytes = 4_096;

/**
 * An in-toto statement about a revision in a DSSE envelope, signed with the ledger's key: its files, what it was made from, and the receipt of its
 * commit. Throws `not_found`, `ledger_unavailable` while no checkpoint of this signer covers the entry, and `record_tampered` where what is stored is not what the
 * ledger holds: the ledger's key states nothing on the word of a row.
 */
export async function stateRevision(
  vault: Stater,
  caller: Caller,
  { revision: named, ...wanted }: RepositoryName & { readonly revision: string },
): Promise<EnvelopeJson> {
  const repository = await findVisibleRepository(vault, caller, wanted);
  const row = await findRevision(vault.database.db, repository, named);
  const { files, lineage = null } = manifestOf(row);
  const { receipt } = await enteredAs(vault, row.submission);
  const manifest = sha256Of(row.manifest);
  const bytes = files.reduce((sum, { size }) => sum + BigInt(size), 0n);
  const name = `${repository.namespace}/${repository.name}`;
  const predicate = {
    repository: { id: repository.id, name },
    revision: row.id,
    manifest: { sha256: manifest },
    files: { count: files.length, bytes: bytes.toString() },
    lineage,
  };
  const list = { name: `${name}@${row.id}`, sha256: manifest };
  return await sign(vault.signer, receipt, (ledger, fits) =>
    revisionStatement({ predicate: { ...predicate, ledger }, files, list }, fits),
  );
}

/**
 * The same about a release that the caller may see: the verdict, the files that were decided on, and the place of the decision's entry under a
 * checkpoint. It tells nobody's id, and not the entry's words. Throws as `stateRevision`.
 */
export async function stateRelease(
  vault: Stater,
  caller: Caller,
  id: string,
): Promise<EnvelopeJson> {
  const { repository, revision, submission } = await readRelease(vault, caller, id);
  const { entry, leaf, receipt } = await enteredAs(vault, submission);
  const { decision, objects } = entry.body as DecidedBody;
  const files = await objectsOf(vault, id);
  const isSame =
    entry.body["release"] === id &&
    entry.body["repository"] === repository &&
    entry.body["revision"] === revision &&
    objects.sha256 === sha256Of(canonicalJson(files));
  if (!isSame)
    throw new Refusal("record_tampered", "the release differs from its ledger entry", {
      cause: new Error(`release ${id}`),
    });
  const predicate = {
    release: id,
    repository: { id: repository },
    revision,
    verdict: decision.verdict,
    objects,
  };
  const list = { name: id, sha256: objects.sha256 };
  return await sign(vault.signer, receipt, ({ index, proof }, fits) => {
    const ledger = { index, leaf: leaf.toString("hex"), proof };
    return releaseStatement({ predicate: { ...predicate, ledger }, files, list }, fits);
  });
}

/** What the entry of every decided release has. */
type DecidedBody = { readonly [name: string]: Canonical } & {
  readonly decision: { readonly verdict: "allow" | "deny" | "hold" };
  readonly objects: { readonly count: number; readonly bytes: string; readonly sha256: string };
};

/** The files of a release as its entry's digest lists them. */
async function objectsOf({ database }: Pick<Vault, "database">, release: string) {
  const rows = await database.db
    .selectFrom("release_object")
    .select(["path", "size_bytes", "sha256", "object"])
    .where("release", "=", release)
    .orderBy("position")
    .execute();
  return rows.map(({ path, size_bytes: size, sha256, object }) => ({
    path,
    size: Number(size),
    sha256: sha256.toString("hex"),
    object,
  }));
}

/**
 * Signs the fullest statement that the signer takes, and holds it to what anybody will hold it to. Its checkpoint has the ledger's ML-DSA-44 signature where
 * there is one and the signer takes that much.
 */
async function sign(
  signer: Signer,
  receipt: Receipt,
  payloadFor: (receipt: Receipt, fits: (payload: Buffer) => boolean) => Buffer,
): Promise<EnvelopeJson> {
  const { longestMessage = surelySignedBytes } = signer;
  const fits = (each: Buffer) =>
    preAuthenticationEncoding(inTotoPayloadType, each).length <= longestMessage;
  const whole = payloadFor(receipt, fits);
  const payload = fits(whole) ? whole : payloadFor(shortened(receipt), fits);
  const problem = verifyOwnStatement({ payloadType: inTotoPayloadType, payload }, signer);
  if (problem !== null) throw new Refusal("record_tampered", `nothing is stated of it: ${problem}`);
  return await signEnvelope({ payloadType: inTotoPayloadType, payload }, signer);
}

/** The entry of a submission, with a receipt of the ledger's own signatures alone, since a signer may take little. */
async function enteredAs(
  { database: { db }, signer }: Pick<Vault, "database" | "signer">,
  submission: bigint,
): Promise<{ readonly entry: Entry; readonly leaf: Buffer; readonly receipt: Receipt }> {
  const row = await db
    .selectFrom("ledger_entry")
    .select(["index", "bytes", "leaf"])
    .where("submission", "=", submission)
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("ledger_unavailable", "the entry has no place yet");
  const entry = parseEntry(row.bytes);
  if (entry === null) throw new Refusal("record_tampered", "the ledger holds what is no entry");
  const receipt = await makeOwnReceipt(db, { ...row, index: Number(row.index) });
  if (!isOwnProof(receipt.proof, signer))
    throw new Refusal(
      "ledger_unavailable",
      "the ledger's key was replaced, and no checkpoint that this server's key signed covers the entry yet",
    );
  return { entry, leaf: row.leaf, receipt };
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
