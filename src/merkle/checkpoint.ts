import {
  type NoteSigner,
  type NoteVerdict,
  parseNote,
  signNote,
  type VerificationKey,
  verifyNote,
} from "./note.ts";
import { parseBase64, parseDecimal } from "./strict-text.ts";
import { hashBytes } from "./tree.ts";

/** The body of a C2SP tlog-checkpoint: what a log says of itself at one size. */
export type Checkpoint = {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
  /** Opaque lines after the root, in order; ours has none. */
  readonly extensions: readonly string[];
};

export type OpenedCheckpoint = { readonly checkpoint: Checkpoint; readonly verdict: NoteVerdict };

/**
 * The note text: origin, size, base64 root and extension lines, one a line. Throws a TypeError for what `parseCheckpoint` would refuse, and for
 * an origin that begins as what is signed for a DSSE envelope.
 */
export function encodeCheckpoint(
  checkpoint: Omit<Checkpoint, "extensions"> & Partial<Checkpoint>,
): string {
  const { origin, size, root, extensions = [] } = checkpoint;
  const text = `${[origin, size, root.toString("base64"), ...extensions].join("\n")}\n`;
  const parsed = parseCheckpoint(text);
  const isEnvelope = origin.startsWith("DSSEv1 ");
  if (isEnvelope || parsed?.origin !== origin || parsed.extensions.length !== extensions.length) {
    throw new TypeError(
      "the checkpoint has an empty or broken line, a size or a root that it cannot have",
    );
  }
  return text;
}

/** The checkpoint in a note's text; null for leading zeros, a root that is not canonical base64 of 32 bytes, or an empty line. */
export function parseCheckpoint(text: string): Checkpoint | null {
  if (!text.endsWith("\n")) return null;
  const [origin, sizeText, rootText, ...extensions] = text.slice(0, -1).split("\n");
  const size = parseDecimal(sizeText ?? "");
  const root = parseBase64(rootText ?? "");
  if (origin === undefined || origin === "" || size === null) return null;
  if (root?.length !== hashBytes || extensions.includes("")) return null;
  return { origin, size, root, extensions };
}

/** A signed checkpoint, as it is served. The signer's name is its key name; the origin is the log's. */
export async function signCheckpoint(
  checkpoint: Omit<Checkpoint, "extensions">,
  signer: NoteSigner,
): Promise<string> {
  return signNote(encodeCheckpoint(checkpoint), signer);
}

/** A served checkpoint and what the key says of it; null where it is no note or no checkpoint. Only `verified` may be relied on. */
export function openCheckpoint(
  bytes: Uint8Array | string,
  key: VerificationKey,
): OpenedCheckpoint | null {
  const note = parseNote(bytes);
  const checkpoint = note === null ? null : parseCheckpoint(note.text);
  if (note === null || checkpoint === null) return null;
  return { checkpoint, verdict: verifyNote(note, key) };
}
