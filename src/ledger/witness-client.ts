import { type AddCheckpoint, encodeAddCheckpoint } from "../merkle/add-checkpoint.ts";
import { type CosignerKey, verifyCosignature } from "../merkle/cosignature.ts";
import { type NoteSignature, parseNote } from "../merkle/note.ts";
import { parseDecimal } from "../merkle/strict-text.ts";

/** What a witness answered to `add-checkpoint` (C2SP tlog-witness). */
export type WitnessReply =
  | { readonly kind: "cosigned"; readonly cosignature: NoteSignature; readonly cosignedAt: Date }
  /** It holds another size than it was told. */
  | { readonly kind: "conflict"; readonly heldSize: number }
  /** What it holds does not lead to the checkpoint. */
  | { readonly kind: "contradicted" }
  /** It does not cosign this, or what it said is no answer of a witness. */
  | { readonly kind: "refused"; readonly why: string }
  /** It did not answer, or not now. */
  | { readonly kind: "unavailable"; readonly why: string };

const longestAnswerBytes = 64 * 1_024;

/** Asks a witness once to cosign. A cosignature is verified before it is given back; those of other keys are ignored. Never throws. */
export async function askWitness(
  witness: { readonly key: CosignerKey; readonly url: string },
  request: AddCheckpoint,
  signal: AbortSignal,
): Promise<WitnessReply> {
  try {
    const answer = await fetch(`${witness.url.replace(/\/$/, "")}/add-checkpoint`, {
      method: "POST",
      body: encodeAddCheckpoint(request),
      redirect: "error",
      signal,
    });
    const text = await readText(answer);
    if (text === null) return { kind: "refused", why: "its answer is too long" };
    return judge(answer.status, text, witness.key, request.checkpoint);
  } catch (error) {
    const cause = Error.isError(error) && Error.isError(error.cause) ? error.cause : error;
    return { kind: "unavailable", why: Error.isError(cause) ? cause.message : String(cause) };
  }
}

function judge(status: number, text: string, key: CosignerKey, checkpoint: string): WitnessReply {
  if (status === 200) return cosigned(text, key, checkpoint);
  if (status === 409) {
    const heldSize = parseDecimal(text.replace(/\n$/, ""));
    return heldSize === null
      ? { kind: "refused", why: "its 409 tells no size" }
      : { kind: "conflict", heldSize };
  }
  if (status === 422) return { kind: "contradicted" };
  if (status === 403)
    return {
      kind: "refused",
      why: "it answered 403: it does not know the key that signed the checkpoint, so give its operator the ledger's key",
    };
  const why = `it answered ${status}`;
  return status >= 500 || status === 429 ? { kind: "unavailable", why } : { kind: "refused", why };
}

function cosigned(lines: string, key: CosignerKey, checkpoint: string): WitnessReply {
  const text = parseNote(checkpoint)?.text ?? "";
  const note = parseNote(`${text}\n${lines}`);
  if (note?.text !== text) return { kind: "refused", why: "its answer is no signature lines" };
  const cosignature = note.signatures.findLast(
    ({ name, keyId }) => name === key.name && keyId === key.keyId,
  );
  if (cosignature === undefined)
    return { kind: "refused", why: "its answer has no cosignature of its key" };
  const found = verifyCosignature({ text, signatures: [cosignature] }, key);
  if (found.verdict !== "verified")
    return { kind: "refused", why: "its cosignature does not verify" };
  const cosignedAt = new Date(found.timestamp * 1_000);
  return Number.isNaN(cosignedAt.getTime())
    ? { kind: "refused", why: "its cosignature has no time that a calendar knows" }
    : { kind: "cosigned", cosignature, cosignedAt };
}

/** Null past the limit. */
async function readText(answer: Response): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer.body ?? []) {
    sizeBytes += chunk.length;
    if (sizeBytes > longestAnswerBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
