import type { Entry } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { isDigest } from "./verify-body.ts";

/** Follows rotations of the key-encryption key: one at a time, each onto the key that its beginning names, and ended once with its count and digest. */
export class Rotations {
  readonly #findings: Findings;
  readonly #ended = new Set<string>();
  #running: { readonly rotation: string; readonly kek: string } | null = null;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  begin(entry: Entry): void {
    const { index, body } = entry;
    const { rotation, kek } = body;
    if (typeof rotation !== "string" || !isDigest(kek))
      return this.#malformed(entry, "its rotation or its key");
    if (this.#running !== null)
      this.#impossible(
        `rotation ${rotation} began while ${this.#running.rotation} was running`,
        index,
      );
    if (this.#ended.has(rotation) || this.#running?.rotation === rotation)
      this.#impossible(`rotation ${rotation} began again`, index);
    this.#running = { rotation, kek };
  }

  end(entry: Entry): void {
    const { index, kind, body } = entry;
    const { rotation, kek, rewrapped, digest } = body;
    const isWhole =
      typeof rotation === "string" && Number.isSafeInteger(rewrapped) && isDigest(digest);
    if (!isWhole) return this.#malformed(entry, "its rotation, count or digest");
    const running = this.#running;
    if (running?.rotation !== rotation)
      return this.#impossible(`rotation ${rotation} ended and was not running`, index);
    if (kind === "rotation.finished" && kek !== running.kek)
      this.#impossible(`rotation ${rotation} ended on another key than it began for`, index);
    this.#ended.add(rotation);
    this.#running = null;
  }

  #malformed({ index, kind }: Entry, what: string): void {
    this.#findings.add("body_malformed", `${kind} lacks ${what}`, index);
  }

  #impossible(message: string, index: number): void {
    this.#findings.add("change_impossible", message, index);
  }
}
