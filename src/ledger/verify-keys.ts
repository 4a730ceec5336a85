import { openCheckpoint } from "../merkle/checkpoint.ts";
import {
  parseNote,
  parseVerificationKey,
  type VerificationKey,
  verifyNote,
} from "../merkle/note.ts";
import type { Entry } from "./entry.ts";
import type { Findings } from "./findings.ts";

/** `retired` is a checkpoint that covers more than the key that signed it was allowed to. */
export type KeyVerdict = "verified" | "unsigned" | "forged" | "retired";

type Reign = {
  readonly key: VerificationKey;
  /** The largest size that it may sign. */
  lastSize: number;
};

const rotationTitle = "weightvault/ledger-key-rotation/v1";

/**
 * The text of a rotation's statement, which both keys sign as a C2SP signed note: the old one says who follows it, and the new one that it
 * is held by whom it names.
 */
export function rotationText(origin: string, oldKey: string, newKey: string): string {
  return `${[rotationTitle, origin, oldKey, newKey].join("\n")}\n`;
}

/**
 * The keys that a ledger was signed with, beginning with the one that is trusted. A `ledger.key-rotated` entry brings the next: its
 * `statement` is the note of `rotationText`, signed by the key that rules and by the one to come. It is the last entry that the old key's
 * checkpoints cover.
 */
export class SigningKeys {
  readonly #findings: Findings;
  readonly #origin: string;
  readonly #reigns: Reign[];

  constructor(findings: Findings, trusted: VerificationKey, origin: string) {
    this.#findings = findings;
    this.#origin = origin;
    this.#reigns = [{ key: trusted, lastSize: Number.POSITIVE_INFINITY }];
  }

  get rotations(): number {
    return this.#reigns.length - 1;
  }

  /** Takes `ledger.key-rotated`. */
  rotate({ index, body }: Entry): void {
    const { statement } = body;
    const ruling = this.#reigns.at(-1);
    if (ruling === undefined) return;
    const next = typeof statement === "string" ? this.#nextOf(statement, ruling.key) : null;
    if (next === null) {
      const message = "a new signing key is not named by the old one, or does not sign for itself";
      this.#findings.add("key_rotation_invalid", message, index);
      return;
    }
    ruling.lastSize = index + 1;
    this.#reigns.push({ key: next, lastSize: Number.POSITIVE_INFINITY });
  }

  /** What the keys say of a checkpoint of that size. */
  judge(bytes: string | Uint8Array, size: number): KeyVerdict {
    for (const { key, lastSize } of this.#reigns.toReversed()) {
      const verdict = openCheckpoint(bytes, key)?.verdict ?? "unsigned";
      if (verdict === "forged") return "forged";
      if (verdict === "verified") return size > lastSize ? "retired" : "verified";
    }
    return "unsigned";
  }

  #nextOf(statement: string, ruling: VerificationKey): VerificationKey | null {
    const note = parseNote(statement);
    const [title, origin, oldText = "", newText = "", ...rest] = note?.text.split("\n") ?? [];
    const [named, next] = [parseVerificationKey(oldText), parseVerificationKey(newText)];
    if (note === null || named === null || next === null || rest.join() !== "") return null;
    const isOfThis = title === rotationTitle && origin === this.#origin;
    const isFromRuling = named.keyId === ruling.keyId && named.publicKey.equals(ruling.publicKey);
    const isNew = !this.#reigns.some(({ key }) => key.publicKey.equals(next.publicKey));
    const isSigned = [ruling, next].every((key) => verifyNote(note, key) === "verified");
    return isOfThis && isFromRuling && isNew && isSigned ? next : null;
  }
}
