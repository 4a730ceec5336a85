import { type Checkpoint, openCheckpoint } from "./checkpoint.ts";
import type { VerificationKey } from "./note.ts";
import { verifyInclusion } from "./proof.ts";
import { parseBase64, parseDecimal, parseUtf8 } from "./strict-text.ts";
import { hashBytes } from "./tree.ts";

/** A C2SP tlog-proof: all that shows, offline, that a log of a known key holds an entry. */
export type TlogProof = {
  readonly index: number;
  /** From the leaf's sibling to the root's child. */
  readonly hashes: readonly Buffer[];
  /** The signed checkpoint, verbatim. */
  readonly checkpoint: string;
  /** Bytes for the application, authenticated by nothing. */
  readonly extra?: Buffer;
};

/** What a proof shows; only with `verified` may its checkpoint be relied on. */
export type TlogProofResult =
  | { readonly verified: true; readonly checkpoint: Checkpoint }
  | {
      readonly verified: false;
      readonly refused: "malformed_checkpoint" | "unsigned" | "forged" | "not_included";
    };

const firstLine = "c2sp.org/tlog-proof@v1";

/** An inclusion path in a tree of at most 2^53-1 leaves is no longer. */
const maximumHashes = 53;

/** The text of a `.tlog-proof` file. */
export function encodeTlogProof({ index, hashes, checkpoint, extra }: TlogProof): string {
  const lines = [
    firstLine,
    ...(extra === undefined ? [] : [`extra ${extra.toString("base64")}`]),
    `index ${index}`,
    ...hashes.map((hash) => hash.toString("base64")),
  ];
  return `${lines.join("\n")}\n\n${checkpoint}`;
}

/** A proof from its bytes, nothing of it verified; null for a malformed line, a hash that is not canonical base64 of 32 bytes, or over 53 of them. */
export function parseTlogProof(bytes: Uint8Array | string): TlogProof | null {
  const text = parseUtf8(bytes);
  const split = text?.indexOf("\n\n") ?? -1;
  if (text === null || split < 0) return null;
  const [first, ...lines] = text.slice(0, split).split("\n");
  if (first !== firstLine) return null;
  const extraText = lines[0]?.startsWith("extra ")
    ? lines.shift()?.slice("extra ".length)
    : undefined;
  const extra = extraText === undefined ? undefined : parseBase64(extraText);
  const [indexLine, ...hashLines] = lines;
  const index = parseDecimal(/^index ([0-9]+)$/.exec(indexLine ?? "")?.[1] ?? "");
  if (index === null || extra === null || hashLines.length > maximumHashes) return null;
  const hashes: Buffer[] = [];
  for (const line of hashLines) {
    const hash = parseBase64(line);
    if (hash?.length !== hashBytes) return null;
    hashes.push(hash);
  }
  const checkpoint = text.slice(split + 2);
  return { index, hashes, checkpoint, ...(extra === undefined ? {} : { extra }) };
}

/** Whether the proof shows the leaf to be in the log of that key. The caller compares the origin where the key serves more than one log. */
export function verifyTlogProof(
  proof: TlogProof,
  leaf: Uint8Array,
  key: VerificationKey,
): TlogProofResult {
  const opened = openCheckpoint(proof.checkpoint, key);
  if (opened === null) return { verified: false, refused: "malformed_checkpoint" };
  const { checkpoint, verdict } = opened;
  if (verdict !== "verified") return { verified: false, refused: verdict };
  const { size, root } = checkpoint;
  return verifyInclusion({ index: proof.index, size, leaf, proof: proof.hashes, root })
    ? { verified: true, checkpoint }
    : { verified: false, refused: "not_included" };
}
