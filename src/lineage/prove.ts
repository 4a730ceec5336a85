import { openCheckpoint } from "../merkle/checkpoint.ts";
import { type CosignerKey, judgeCosigned } from "../merkle/cosignature.ts";
import { keyIdOf, type NoteSigner, type VerificationKey } from "../merkle/note.ts";
import { type PlacedRotation, type Reign, reignsFrom } from "../merkle/rotation.ts";
import { parseTlogProof, verifyTlogProof } from "../merkle/tlog-proof.ts";
import { leafHash } from "../merkle/tree.ts";
import { lineageDigest } from "./digest.ts";
import { type Envelope, parseEnvelope, verifyEnvelope } from "./dsse.ts";
import {
  parseStatement,
  type ReleasePredicate,
  type RevisionPredicate,
  revisionPredicateType,
  type Statement,
} from "./statement.ts";

/** A statement that its ledger's key made, about an entry that stands in the ledger; or why it is none. */
export type StatementResult = { readonly statement: Statement } | { readonly refused: string };

/**
 * Verifies a statement offline with the ledger's key, or one that rotations lead to from it: the envelope's signature, the way from the entry to a
 * checkpoint that the same key signed, and that the entry of a commit says what the statement says: revision, manifest, lineage. Where the ledger's ML-DSA-44
 * key is given, it must have signed that checkpoint too; the envelope, no other key signs. Never throws.
 */
export function verifyStatement(
  value: unknown,
  key: VerificationKey,
  rotations: readonly PlacedRotation[] = [],
  mlDsaKey: CosignerKey | null = null,
): StatementResult {
  const envelope = parseEnvelope(value);
  if (envelope === null) return { refused: "it is no DSSE envelope" };
  for (const reign of reignsFrom(key, rotations)) {
    const verdict = verifyEnvelope(envelope, reign.key);
    if (verdict === "forged") return { refused: "its signature under the ledger's key is forged" };
    if (verdict !== "verified") continue;
    const result = judge(envelope, reign.key);
    if ("refused" in result) return result;
    if (!isWithin(reign, result.statement))
      return { refused: "it rests on a checkpoint that its key was not allowed to sign any more" };
    const refused = mlDsaKey === null ? null : problemOfMlDsa(result.statement, mlDsaKey);
    return refused === null ? result : { refused };
  }
  return { refused: "it is not signed by the ledger's key" };
}

/** Whether the checkpoint that the statement rests on is of its key's reign. */
function isWithin({ key, lastSize }: Reign, { predicate }: Statement): boolean {
  const { checkpoint = "" } = parseTlogProof(predicate.ledger.proof) ?? {};
  const opened = openCheckpoint(checkpoint, key);
  return opened !== null && opened.checkpoint.size <= lastSize;
}

function problemOfMlDsa({ predicate }: Statement, key: CosignerKey): string | null {
  const { checkpoint = "" } = parseTlogProof(predicate.ledger.proof) ?? {};
  const { verdict } = judgeCosigned(checkpoint, key);
  if (verdict === "verified") return null;
  return verdict === "forged"
    ? `its checkpoint has a forged signature of the ML-DSA-44 key ${key.keyId}`
    : `its checkpoint is not signed by the ML-DSA-44 key ${key.keyId}`;
}

/** Whether the signer, and not one whose key went before its or followed it, signed the checkpoint that a proof leads to. */
export function isOwnProof(proof: string, signer: Pick<NoteSigner, "name" | "publicKey">): boolean {
  const { checkpoint = "" } = parseTlogProof(proof) ?? {};
  return openCheckpoint(checkpoint, keyOf(signer))?.verdict !== "unsigned";
}

/** Why the signer of a ledger should not sign a statement, by what `verifyStatement` will hold it to; null where nothing stands against it. */
export function verifyOwnStatement(
  stated: Pick<Envelope, "payloadType" | "payload">,
  signer: Pick<NoteSigner, "name" | "publicKey">,
): string | null {
  const result = judge(stated, keyOf(signer));
  return "refused" in result ? result.refused : null;
}

function keyOf({ name, publicKey }: Pick<NoteSigner, "name" | "publicKey">): VerificationKey {
  return { name, publicKey: Buffer.from(publicKey), keyId: keyIdOf(name, publicKey) };
}

function judge(
  stated: Pick<Envelope, "payloadType" | "payload">,
  key: VerificationKey,
): StatementResult {
  const statement = parseStatement(stated);
  if (statement === null) return { refused: "what is signed is no statement of a vault" };
  const refused =
    statement.predicateType === revisionPredicateType
      ? problemOfRevision(statement.predicate, key)
      : problemOfRelease(statement.predicate, key);
  return refused === null ? { statement } : { refused };
}

function problemOfRevision(predicate: RevisionPredicate, key: VerificationKey): string | null {
  const { ledger, lineage, manifest, repository, revision } = predicate;
  const bytes = Buffer.from(ledger.entry, "base64");
  const unproved = problemOfProof({ ...ledger, leaf: leafHash(bytes) }, key);
  if (unproved !== null) return unproved;
  const body = bodyOf(bytes, "revision.committed", ledger.index);
  if (body === null) return "its entry is not the commit of a revision";
  if (!manifest.sha256.startsWith(revision)) return "its revision is not its manifest's";
  const isSame =
    body["revision"] === revision &&
    body["manifest"] === manifest.sha256 &&
    body["repository"] === repository.id;
  if (!isSame) return "its entry commits another revision";
  if (lineage === undefined) return null;
  const stated = lineage === null ? undefined : lineageDigest(lineage);
  return body["lineage"] === stated ? null : "its lineage is not the one that was committed";
}

function problemOfRelease({ ledger }: ReleasePredicate, key: VerificationKey): string | null {
  return problemOfProof({ ...ledger, leaf: Buffer.from(ledger.leaf, "hex") }, key);
}

function problemOfProof(
  given: { readonly index: number; readonly leaf: Buffer; readonly proof: string },
  key: VerificationKey,
): string | null {
  const proof = parseTlogProof(given.proof);
  if (proof?.index !== given.index) return "it holds no inclusion proof of its entry";
  const result = verifyTlogProof(proof, given.leaf, key);
  if (!result.verified) return `its entry is not proved (${result.refused})`;
  return result.checkpoint.origin === key.name ? null : "its entry is of another ledger";
}

/** The body of an entry of that kind and index. Its bytes are proved to be the ledger's, so their form is the ledger's. */
function bodyOf(
  bytes: Buffer,
  kind: string,
  index: number,
): Readonly<Record<string, unknown>> | null {
  const entry: unknown = parseJson(bytes);
  if (!isRecord(entry) || entry["kind"] !== kind || entry["index"] !== index) return null;
  const { body } = entry;
  return isRecord(body) ? body : null;
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
