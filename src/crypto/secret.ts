import { timingSafeEqual } from "node:crypto";
import { inspect } from "node:util";

/**
 * Key bytes that cannot slip into a log, an error or a JSON body: every way of printing gives `[secret]`.
 * `using secret = ...` wipes the bytes at the end of the block; a wiped secret refuses to be read.
 */
export class Secret {
  #bytes: Buffer | null;

  /** Takes over `bytes`: the caller must not keep or reuse them. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get sizeBytes(): number {
    return this.expose().length;
  }

  /** The bytes themselves, not a copy, for the call that needs them and no longer. */
  expose(): Buffer {
    if (this.#bytes === null) throw new Error("the secret was wiped");
    return this.#bytes;
  }

  equals(other: Secret): boolean {
    const mine = this.expose();
    const theirs = other.expose();
    return mine.length === theirs.length && timingSafeEqual(mine, theirs);
  }

  wipe(): void {
    this.#bytes?.fill(0);
    this.#bytes = null;
  }

  [Symbol.dispose](): void {
    this.wipe();
  }

  toJSON(): string {
    return "[secret]";
  }

  toString(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}
