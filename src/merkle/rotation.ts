import { type Checkpoint, openCheckpoint } from "./checkpoint.ts";
import {
  encodeNote,
  encodeVerificationKey,
  type NoteSigner,
  parseNote,
  parseVerificationKey,
  signNote,
  type VerificationKey,
  verifyNote,
} from "./note.ts";
import { parseBase64, parseDecimal } from "./strict-text.ts";
import { emptyRoot, hashBytes } from "./tree.ts";

/** `retired` is a checkpoint that covers more than the key that signed it was allowed to. */
export type KeyVerdict = "verified" | "unsigned" | "forged" | "retired";

export type SignedCheckpoint = { readonly checkpoint: Checkpoint; readonly verdict: KeyVerdict };

/** What a checkpoint says of the tree. */
export type TreeHead = Pick<Checkpoint, "size" | "root">;

/** One key is followed by another, and both have said so, of a log that goes on from `head`, which the old one had signed. */
export type Rotation = {
  readonly from: VerificationKey;
  readonly to: VerificationKey;
  readonly head: TreeHead;
};

/** A log before its first checkpoint. */
export const nothingSigned: TreeHead = { size: 0, root: emptyRoot };

/** A rotation's statement and the index of the entry that carries it. */
export type PlacedRotation = { readonly index: number; readonly statement: unknown };

export type TakenRotation = Rotation & { readonly index: number };

/** A key, and the largest size that it may sign: infinite for the one that rules. */
export type Reign = { readonly key: VerificationKey; readonly lastSize: number };

/** A log without end of rotations among strangers' keys must not fill the memory, or the day, of who checks it. */
const mostEarlier = 1_000;

const rotationTitle = "weightvault/ledger-key-rotation/v2";

/**
 * The text of a rotation's statement, which both keys sign as a C2SP signed note: the old one says who follows it, and the new one that it
 * is held by whom it names. `head` is of a checkpoint of the old key: the statement means nothing in a log that does not go on from it, so that
 * whoever gets hold of a key later cannot write another past before the rotation.
 */
export function rotationText(
  origin: string,
  oldKey: string,
  newKey: string,
  { size, root }: TreeHead,
): string {
  const lines = [rotationTitle, origin, oldKey, newKey, size, root.toString("base64")];
  return `${lines.join("\n")}\n`;
}

/** The statement by which `from` hands the log of its name over to `to`. Throws a TypeError where the two keys have different names: a log keeps its own. */
export async function signRotation(
  from: NoteSigner,
  to: NoteSigner,
  head: TreeHead,
): Promise<string> {
  if (from.name !== to.name) throw new TypeError("a log keeps its name when its key is replaced");
  const [oldKey, newKey] = [from, to].map((each) =>
    encodeVerificationKey(each.name, each.publicKey),
  );
  const text = rotationText(from.name, oldKey ?? "", newKey ?? "", head);
  const signed = [await signNote(text, from), await signNote(text, to)];
  return encodeNote({
    text,
    signatures: signed.flatMap((note) => parseNote(note)?.signatures ?? []),
  });
}

/** What a statement says of the log; null where it is none, or is not signed by both keys. */
export function readRotation(statement: unknown, origin: string): Rotation | null {
  const note = typeof statement === "string" ? parseNote(statement) : null;
  const [title, log, oldText = "", newText = "", sizeText = "", rootText = "", ...rest] =
    note?.text.split("\n") ?? [];
  const [size, root] = [parseDecimal(sizeText), parseBase64(rootText)];
  const [from, to] = [parseVerificationKey(oldText), parseVerificationKey(newText)];
  if (note === null || from === null || to === null || rest.join() !== "") return null;
  if (title !== rotationTitle || log !== origin || from.name !== to.name) return null;
  if (isSameKey(from, to) || size === null || root?.length !== hashBytes) return null;
  const isSigned = [from, to].every((key) => verifyNote(note, key) === "verified");
  return isSigned ? { from, to, head: { size, root } } : null;
}

/**
 * The keys that a log was signed with, as the rotations in it tell, around one that is trusted: those that follow it, each named by the one
 * before, and those that went before it, each of which the next has confirmed. A rotation's entry is the last that the old key's
 * checkpoints cover.
 */
export class Succession {
  readonly #origin: string;
  readonly #trusted: VerificationKey;
  #reigns: readonly Reign[];
  /** Rotations that lead to each other, and not yet to the trusted key. */
  #earlier: readonly TakenRotation[] = [];
  #taken: readonly TakenRotation[] = [];

  constructor(trusted: VerificationKey, origin: string) {
    this.#trusted = trusted;
    this.#origin = origin;
    this.#reigns = [{ key: trusted, lastSize: Number.POSITIVE_INFINITY }];
  }

  /** Oldest first; the last one rules. */
  get reigns(): readonly Reign[] {
    return this.#reigns;
  }

  /** Those that the reigns follow from, in the log's order. Whether the log goes on from the head of each is for who has its tree. */
  get rotations(): readonly TakenRotation[] {
    return this.#taken;
  }

  /** The indexes of rotations that led to no key that is known. */
  get strays(): readonly number[] {
    return this.#earlier.map(({ index }) => index);
  }

  /** Takes the next rotation, in the log's order; false where it is none of this log, its old key does not rule, or its head is of a larger log. */
  take({ index, statement }: PlacedRotation): boolean {
    const rotation = readRotation(statement, this.#origin);
    if (rotation === null || this.#hasRuled(rotation.to)) return false;
    if (rotation.head.size > index) return false;
    const ruling = this.#reigns.at(-1)?.key ?? this.#trusted;
    if (isSameKey(rotation.from, ruling)) {
      const ended = { key: ruling, lastSize: index + 1 };
      this.#reigns = [...this.#reigns.slice(0, -1), ended, rulingFrom(rotation.to)];
      this.#taken = [...this.#taken, { ...rotation, index }];
      return true;
    }
    const before = this.#earlier.at(-1);
    const isAfter = before === undefined || isSameKey(before.to, rotation.from);
    const isAgain = this.#earlier.some(({ from }) => isSameKey(from, rotation.to));
    if (this.#reigns.length > 1 || !isAfter || isAgain || this.#earlier.length >= mostEarlier)
      return false;
    this.#earlier = [...this.#earlier, { ...rotation, index }];
    if (!isSameKey(rotation.to, this.#trusted)) return true;
    const past = this.#earlier.map((each) => ({ key: each.from, lastSize: each.index + 1 }));
    this.#reigns = [...past, rulingFrom(this.#trusted)];
    this.#taken = this.#earlier;
    this.#earlier = [];
    return true;
  }

  /** A checkpoint and what the keys say of it; null where it is no note or no checkpoint. */
  open(bytes: string | Uint8Array): SignedCheckpoint | null {
    let unsigned: SignedCheckpoint | null = null;
    for (const { key, lastSize } of this.#reigns.toReversed()) {
      const opened = openCheckpoint(bytes, key);
      if (opened === null) return null;
      const { checkpoint, verdict } = opened;
      if (verdict === "verified")
        return { checkpoint, verdict: checkpoint.size > lastSize ? "retired" : "verified" };
      if (verdict === "forged") return opened;
      unsigned = opened;
    }
    return unsigned;
  }

  /**
   * As `open`, of the newest checkpoint there is: whoever trusts a key knows that those before it were replaced, and takes what they sign for old. One
   * who has such a key could otherwise have the statement stand at the end of entries of their own making.
   */
  openNewest(bytes: string | Uint8Array): SignedCheckpoint | null {
    const opened = this.open(bytes);
    if (opened?.verdict !== "verified") return opened;
    const at = this.#reigns.findIndex(({ key }) => isSameKey(key, this.#trusted));
    const isNew = this.#reigns
      .slice(at)
      .some(({ key }) => openCheckpoint(bytes, key)?.verdict === "verified");
    return isNew ? opened : { ...opened, verdict: "retired" };
  }

  /** While nothing leads to the trusted key, a rotation may lead to it. */
  #hasRuled(key: VerificationKey): boolean {
    return this.#reigns.length > 1 && this.#reigns.some((reign) => isSameKey(reign.key, key));
  }
}

/** The succession that rotations in the log's order make around a trusted key; those that lead nowhere are left out. */
export function successionOf(
  trusted: VerificationKey,
  rotations: readonly PlacedRotation[],
): Succession {
  const succession = new Succession(trusted, trusted.name);
  for (const rotation of rotations) succession.take(rotation);
  return succession;
}

/**
 * The trusted key and those that follow it, for what was signed just now. Not those before it: who pins a key may do so because the one before was
 * stolen, and where that one's reign ended is told here by whoever answers, and proved by nothing.
 */
export function reignsFrom(
  trusted: VerificationKey,
  rotations: readonly PlacedRotation[],
): readonly Reign[] {
  const { reigns } = successionOf(trusted, rotations);
  return reigns.slice(reigns.findIndex(({ key }) => isSameKey(key, trusted)));
}

export function isSameKey(one: VerificationKey, other: VerificationKey): boolean {
  return one.name === other.name && one.publicKey.equals(other.publicKey);
}

function rulingFrom(key: VerificationKey): Reign {
  return { key, lastSize: Number.POSITIVE_INFINITY };
}
