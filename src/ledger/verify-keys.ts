import type { VerificationKey } from "../merkle/note.ts";
import { type KeyVerdict, readRotation, Succession, type TreeHead } from "../merkle/rotation.ts";
import type { Entry } from "./entry.ts";
import type { Findings } from "./findings.ts";

/**
 * The keys that a ledger was signed with, around the one that is trusted. A `ledger.key-rotated` entry brings the next: its `statement` is the
 * note of `rotationText`, signed by the key that rules and by the one to come. It is the last entry that the old key's checkpoints cover.
 */
export class SigningKeys {
  #findings: Findings;
  readonly #succession: Succession;
  readonly #origin: string;
  /** The id of the key that the latest rotation named; null before the first. */
  #namedKeyId: string | null = null;
  #isFinished = false;

  constructor(findings: Findings, trusted: VerificationKey, origin: string) {
    this.#findings = findings;
    this.#origin = origin;
    this.#succession = new Succession(trusted, origin);
  }

  get rotations(): number {
    return this.#succession.reigns.length - 1;
  }

  /** Sizes at which a checkpoint was signed, as each rotation shows: the newest that it names, and the one that covers it. */
  get signedSizes(): ReadonlyMap<number, string> {
    return new Map(
      this.#succession.rotations.flatMap(({ head, index }) => {
        const whose = `the key's rotation (entry ${index})`;
        const sizes = [head.size, index + 1].filter((size) => size > 0);
        return sizes.map((size) => [size, whose] as const);
      }),
    );
  }

  /** Holds the ledger to what each old key had signed when it handed over: `goesOnFrom` tells whether it grew from that. */
  async judgeHeads(goesOnFrom: (head: TreeHead) => Promise<boolean>): Promise<void> {
    for (const { head, index } of this.#succession.rotations) {
      if (await goesOnFrom(head)) continue;
      const message = `the ledger does not go on from the ${head.size} entries that its old key had signed when it named the new one: what was before the rotation was rewritten`;
      this.#findings.add("key_rotation_invalid", message, index);
    }
  }

  /** Has what is wrong with entries that come after the verified ones told elsewhere: its report is given out by then. */
  tellTo(findings: Findings): void {
    this.#findings = findings;
  }

  /** Takes `ledger.key-rotated`. */
  rotate({ index, body }: Entry): void {
    const { statement } = body;
    if (!this.#succession.take({ index, statement })) return this.#tell(index);
    this.#namedKeyId = readRotation(statement, this.#origin)?.to.keyId ?? null;
    if (this.#isFinished && this.#succession.strays.includes(index)) this.#tell(index);
  }

  /** Takes `ledger.key-taken-up`: the first entry under a new key, where nothing else was to be its first. */
  takeUp({ index, body }: Entry): void {
    if (this.#namedKeyId !== null && body["keyId"] === this.#namedKeyId) return;
    const message = "another key took the ledger up than the latest rotation before had named";
    this.#findings.add("key_rotation_invalid", message, index);
  }

  /** Names the rotations that led to no trusted key; call it once, after the last entry. One that comes later is named at once. */
  finish(): void {
    this.#isFinished = true;
    for (const index of this.#succession.strays) this.#tell(index);
  }

  /** What the keys say of a checkpoint. */
  judge(bytes: string | Uint8Array): KeyVerdict {
    return this.#succession.open(bytes)?.verdict ?? "unsigned";
  }

  /** What the keys say of the newest checkpoint: one of a key that the trusted one replaced is no longer the newest. */
  judgeNewest(bytes: string | Uint8Array): KeyVerdict {
    return this.#succession.openNewest(bytes)?.verdict ?? "unsigned";
  }

  #tell(index: number): void {
    const message =
      "a new signing key is not named by the old one, does not sign for itself, or was named of a larger ledger";
    this.#findings.add("key_rotation_invalid", message, index);
  }
}
