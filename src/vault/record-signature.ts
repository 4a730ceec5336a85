import { createHash } from "node:crypto";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { submit } from "../ledger/submit.ts";
import {
  type ModelSignature,
  type SignedFile,
  verifyModelSignature,
} from "../lineage/model-signature.ts";
import { actedBy } from "./row.ts";
import type { Tx, Vault } from "./vault.ts";

/** A model signature of a revision, as its ledger entry has it. */
export type AttachedSignature = ModelSignature & {
  /** SHA-256 of the bundle's bytes, hex. */
  readonly bundle: string;
  readonly attachedBy: string;
  readonly attachedAt: Date;
};

/** Verifies a bundle against a revision's files, and puts it and its entry into the caller's transaction. Throws as `attachSignature`. */
export async function recordSignature(
  tx: Tx,
  {
    vault: { modelSigners, now },
    caller,
    revision,
    files,
    bundle,
  }: {
    readonly vault: Pick<Vault, "modelSigners" | "now">;
    readonly caller: Caller;
    readonly revision: { readonly repository: string; readonly revision: string };
    readonly files: readonly SignedFile[];
    readonly bundle: Buffer;
  },
): Promise<AttachedSignature> {
  const at = now();
  const judged = verifyModelSignature(bundle, { files, signers: modelSigners, at });
  if ("refused" in judged)
    throw new Refusal(
      `model_signature_${judged.verdict}`,
      `the model signature: ${judged.refused}`,
    );
  const digest = digestOf(bundle);
  const { keyFingerprint, trust, covered, ignored } = judged;
  const submission = await submit(tx, {
    kind: "revision.signed",
    subject: revision.repository,
    time: at,
    body: {
      ...revision,
      bundle: digest,
      key: keyFingerprint,
      trust,
      verdict: "verified",
      files: { covered, ignored },
      ...actedBy(caller),
    },
  });
  await tx
    .insertInto("model_signature")
    .values({
      ...revision,
      digest: Buffer.from(digest, "hex"),
      bundle,
      attached_by: caller.principal,
      attached_at: at,
      submission,
    })
    .execute();
  return { ...judged, bundle: digest, attachedBy: caller.principal, attachedAt: at };
}

/** SHA-256, hex: how a bundle is named. */
export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
