import { parseBase64, parseDecimal, parseUtf8 } from "./strict-text.ts";
import { hashBytes } from "./tree.ts";

/** The body of C2SP tlog-witness's `add-checkpoint`: a checkpoint, and the proof that it grew from the one that the witness holds. */
export type AddCheckpoint = {
  readonly oldSize: number;
  readonly proof: readonly Buffer[];
  /** The signed checkpoint, verbatim. */
  readonly checkpoint: string;
};

/** A client must not send more. */
const maximumProofHashes = 63;

/** The content type under which a witness tells the size that it holds. */
export const sizeContentType = "text/x.tlog.size";

export function encodeAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): string {
  const hashes = proof.map((each) => `${each.toString("base64")}\n`);
  return `old ${oldSize}\n${hashes.join("")}\n${checkpoint}`;
}

/** The request from its bytes, nothing of it verified; null for a malformed line, a hash that is not canonical base64 of 32 bytes, or over 63 of them. */
export function parseAddCheckpoint(bytes: Uint8Array | string): AddCheckpoint | null {
  const text = parseUtf8(bytes);
  const split = text?.indexOf("\n\n") ?? -1;
  if (text === null || split < 0) return null;
  const [oldLine = "", ...hashLines] = text.slice(0, split).split("\n");
  const oldSize = oldLine.startsWith("old ") ? parseDecimal(oldLine.slice("old ".length)) : null;
  if (oldSize === null || hashLines.length > maximumProofHashes) return null;
  const proof: Buffer[] = [];
  for (const line of hashLines) {
    const hash = parseBase64(line);
    if (hash?.length !== hashBytes) return null;
    proof.push(hash);
  }
  return { oldSize, proof, checkpoint: text.slice(split + 2) };
}
