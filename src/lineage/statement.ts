import { z } from "zod";
import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import type { Envelope } from "./dsse.ts";
import { keptLineageForm } from "./form.ts";

export const inTotoPayloadType = "application/vnd.in-toto+json";
export const inTotoStatementType = "https://in-toto.io/Statement/v1";

/** What docs/lineage.md describes under these names. */
export const revisionPredicateType = "urn:weightvault:statement:revision:v1";
export const releasePredicateType = "urn:weightvault:statement:release:v1";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const index = z.int().min(0);

/** An in-toto ResourceDescriptor, of its many members those that a subject needs. */
const subjectForm = z.strictObject({ name: z.string(), digest: z.strictObject({ sha256 }) });
const amountForm = z.strictObject({ count: z.int().min(0), bytes: z.string().regex(/^[0-9]+$/) });

/**
 * `files`: every file is a subject. `list`: the one subject is what lists them (the manifest of a revision, the object list of a release), where a
 * statement of them all is longer than the ledger's signer takes.
 */
const subjectKind = z.enum(["files", "list"]);

const revisionPredicateForm = z.strictObject({
  repository: z.strictObject({ id: z.uuid(), name: z.string() }),
  revision: z.string().regex(/^[0-9a-f]{40}$/),
  manifest: z.strictObject({ sha256 }),
  files: amountForm,
  subjects: subjectKind,
  /** Null where none was stated; absent from a statement over the list, whose manifest holds it. */
  lineage: keptLineageForm.nullable().exactOptional(),
  /** The entry of the commit: its bytes in base64, and the C2SP tlog-proof of its place. */
  ledger: z.strictObject({ index, entry: z.base64(), proof: z.string() }),
});

const releasePredicateForm = z.strictObject({
  release: z.uuid(),
  repository: z.strictObject({ id: z.uuid() }),
  revision: z.string().regex(/^[0-9a-f]{40}$/),
  verdict: z.enum(["allow", "deny", "hold"]),
  objects: amountForm.extend({ sha256 }),
  subjects: subjectKind,
  /** The place of the decision's entry: its leaf hash, hex, and the tlog-proof, which has the checkpoint. The entry's words are not in it. */
  ledger: z.strictObject({ index, leaf: sha256, proof: z.string() }),
});

/** An in-toto Statement v1 of ours. */
export const statementForm = z.discriminatedUnion("predicateType", [
  z.strictObject({
    _type: z.literal(inTotoStatementType),
    subject: z.array(subjectForm).min(1),
    predicateType: z.literal(revisionPredicateType),
    predicate: revisionPredicateForm,
  }),
  z.strictObject({
    _type: z.literal(inTotoStatementType),
    subject: z.array(subjectForm).min(1),
    predicateType: z.literal(releasePredicateType),
    predicate: releasePredicateForm,
  }),
]);

export type Statement = z.output<typeof statementForm>;
export type RevisionPredicate = z.output<typeof revisionPredicateForm>;
export type ReleasePredicate = z.output<typeof releasePredicateForm>;

type Made<Predicate> = {
  /** Without `subjects`, which follows from how it fits. */
  readonly predicate: Omit<Predicate, "subjects">;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
  /** What lists the files, for a statement that could not name them all. */
  readonly list: { readonly name: string; readonly sha256: string };
};

/** The payload of a statement of a revision: over its files where `fits` takes it, else over its manifest. Canonical JSON (RFC 8785). */
export function revisionStatement(
  { predicate, files, list }: Made<RevisionPredicate>,
  fits: (payload: Buffer) => boolean,
): Buffer {
  const { lineage, ...others } = predicate;
  return choose({ predicateType: revisionPredicateType, files, list }, fits, (subjects) =>
    subjects === "list" || lineage === undefined
      ? { ...others, subjects }
      : { ...others, lineage, subjects },
  );
}

/** The payload of a statement of a release: over the files that were decided on, else over the digest of their list. */
export function releaseStatement(
  { predicate, files, list }: Made<ReleasePredicate>,
  fits: (payload: Buffer) => boolean,
): Buffer {
  return choose({ predicateType: releasePredicateType, files, list }, fits, (subjects) => ({
    ...predicate,
    subjects,
  }));
}

function choose(
  {
    predicateType,
    files,
    list,
  }: { readonly predicateType: string } & Pick<Made<unknown>, "files" | "list">,
  fits: (payload: Buffer) => boolean,
  predicateOf: (subjects: "files" | "list") => Canonical,
): Buffer {
  const encode = (subjects: "files" | "list") =>
    canonicalJson({
      _type: inTotoStatementType,
      subject:
        subjects === "list"
          ? [{ name: list.name, digest: { sha256: list.sha256 } }]
          : files.map(({ path, sha256: digest }) => ({ name: path, digest: { sha256: digest } })),
      predicateType,
      predicate: predicateOf(subjects),
    });
  const whole = encode("files");
  return fits(whole) ? whole : encode("list");
}

/** The statement in an envelope, nothing of it verified; null for another payload, for another predicate and for one that is not as described. */
export function parseStatement({
  payloadType,
  payload,
}: Pick<Envelope, "payloadType" | "payload">): Statement | null {
  if (payloadType !== inTotoPayloadType) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(payload);
    return statementForm.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
