import type { Checkpoint } from "../merkle/checkpoint.ts";
import type { FindingCode, Findings } from "./findings.ts";
import { tellGap, wordsOf } from "./verify-checkpoints.ts";
import type { SigningKeys } from "./verify-keys.ts";
import { type KeptInSeries, type SeriesReport, statedBy } from "./verify-series.ts";

/** The series of an older copy of the ledger, under the name that findings call it by. */
export type KeptSeries = {
  readonly name: string;
  /** By their sizes; null for one that cannot be read. */
  readonly checkpoints: AsyncIterable<KeptInSeries | null>;
};

export type KeptSubject = {
  readonly keys: SigningKeys;
  readonly keyName: string;
  readonly newest: Checkpoint;
  readonly findings: Findings;
  /** Whether the ledger grew from it; asked by size, in order. Null where that cannot be told. */
  readonly grewFrom: ((older: Checkpoint) => Promise<boolean>) | null;
  /** The sizes, both of them included, between which the newer series has to hold each that was kept; null where there is none. */
  readonly bounds: { readonly from: number; readonly until: number } | null;
  /** Where what was kept is claimed to be all: how many entries a batch has at most, and the sizes that were kept besides. */
  readonly claim: { readonly most: number; readonly besides: readonly number[] } | null;
};

type Head = Pick<Checkpoint, "size" | "root">;

/**
 * Holds a ledger to an older copy's series, along the newer one: each signed checkpoint of the older series is a state that the ledger grew from, and is
 * in the newer series too. Holds one checkpoint at a time. What is to be said of neighbours alike is one finding.
 */
export class KeptAlong {
  readonly #name: string;
  readonly #subject: KeptSubject;
  readonly #signed: AsyncGenerator<Checkpoint>;
  readonly #steps: Steps | null;
  /** The next one; undefined before the first was read, null behind the last. */
  #next: Checkpoint | null | undefined;
  /** The checkpoint of the newer series that is at hand. */
  #verified: string | null = null;
  #count = 0;
  #held = 0;
  #run: Run | null = null;

  constructor({ name, checkpoints }: KeptSeries, subject: KeptSubject) {
    this.#name = name;
    this.#subject = subject;
    this.#signed = this.#inOrder(checkpoints);
    this.#steps = subject.claim === null ? null : new Steps(subject.claim, subject.findings);
  }

  /** Judges those up to a checkpoint of the newer series, which a key of the ledger signed and which comes after all that were given before. */
  async upTo(reached: Head, note: string): Promise<void> {
    this.#verified = note;
    for (let each = await this.#peek(); each !== null; each = await this.#step()) {
      if (each.size > reached.size) return;
      if (each.size < reached.size) {
        await this.#lack(each);
        continue;
      }
      if (each.root.equals(reached.root)) this.#end();
      else this.#fork(each, "the series");
      // The next one is read when the newer series has gone on: most are the same, and need no second look at their signature.
      this.#next = undefined;
      return;
    }
  }

  /** Judges those behind the newer series, or all where there is none, and says how many states of the ledger all were of. */
  async finish(): Promise<SeriesReport> {
    const { newest } = this.#subject;
    for (let each = await this.#peek(); each !== null; each = await this.#step()) {
      if (each.size <= newest.size) await this.#lack(each);
      else
        this.#tell(
          "rolled_back",
          each.size,
          `the ledger has ${newest.size} entries; ${this.#nameOf(each)} shows that it had more: its tail was deleted, or an older state was put back`,
        );
    }
    this.#end();
    this.#steps?.reach(newest.size);
    return { checkpoints: this.#held };
  }

  /** One that the newer series does not have: of another past, or signed and left out. */
  async #lack(kept: Checkpoint): Promise<void> {
    const { newest, grewFrom, bounds } = this.#subject;
    const { size, root } = kept;
    if (size === newest.size) {
      if (!root.equals(newest.root)) return this.#fork(kept, "the newest");
    } else if (grewFrom !== null && !(await grewFrom(kept))) {
      const message = `the first ${size} entries are not those that ${this.#nameOf(kept)} signs`;
      return this.#tell("history_rewritten", size, message);
    }
    if (bounds === null || size < bounds.from || size > bounds.until) return this.#end();
    const message = `the series lacks the checkpoint of ${size} entries, which was signed: ${this.#name} shows it`;
    this.#tell("checkpoints_missing", size, message);
  }

  #fork(kept: Checkpoint, rival: string): void {
    const message = `two checkpoints of ${kept.size} entries have different roots: ${this.#nameOf(kept)} and ${rival}`;
    this.#tell("fork", kept.size, message);
  }

  async #peek(): Promise<Checkpoint | null> {
    return this.#next === undefined ? await this.#step() : this.#next;
  }

  async #step(): Promise<Checkpoint | null> {
    const { done, value } = await this.#signed.next();
    this.#next = done === true ? null : value;
    if (this.#next !== null) this.#steps?.reach(this.#next.size);
    return this.#next;
  }

  /** Those that a key of the ledger signed, once a size: nothing that another wrote into the file is held against the ledger. */
  async *#inOrder(checkpoints: KeptSeries["checkpoints"]): AsyncGenerator<Checkpoint> {
    let last: Checkpoint | null = null;
    for await (const kept of checkpoints) {
      this.#count += 1;
      const checkpoint = kept === null ? null : statedBy(kept.checkpoint);
      if (kept === null || checkpoint === null) {
        const message = `number ${this.#count} of ${this.#name} is no signed checkpoint`;
        this.#tell("series_malformed", null, message);
        continue;
      }
      const { size, root } = checkpoint;
      const invalid = this.#invalidity(kept.checkpoint, checkpoint);
      if (invalid !== null)
        this.#tell("older_checkpoint_invalid", size, `${this.#nameOf(checkpoint)} ${invalid}`);
      else if (last !== null && size < last.size)
        this.#tell(
          "series_malformed",
          size,
          `${this.#nameOf(checkpoint)} stands behind the one of ${last.size}`,
        );
      else if (last?.size !== size) {
        last = checkpoint;
        this.#held += 1;
        yield checkpoint;
      } else if (!root.equals(last.root))
        this.#tell("fork", size, `two checkpoints of ${size} entries in ${this.#name} differ`);
    }
  }

  #invalidity(note: string, { origin }: Checkpoint): string | null {
    if (note === this.#verified) return null;
    const { keys, keyName, newest } = this.#subject;
    const verdict = keys.judge(note);
    if (verdict !== "verified") return wordsOf(verdict, keyName);
    return origin === newest.origin ? null : `is of ${origin}`;
  }

  #nameOf({ size }: Checkpoint): string {
    return `the checkpoint of ${size} entries in ${this.#name}`;
  }

  #tell(code: FindingCode, size: number | null, message: string): void {
    if (this.#run?.code !== code) {
      this.#end();
      this.#run = { code, message, more: 0, size };
      return;
    }
    this.#run = { ...this.#run, more: this.#run.more + 1, size: size ?? this.#run.size };
  }

  /** Adds the finding about the neighbours alike, where there are any. */
  #end(): void {
    if (this.#run === null) return;
    const { code, message, more, size } = this.#run;
    const upTo = size === null ? "" : `, up to ${size} entries`;
    const others = more === 0 ? "" : `; so it is with ${more} more after it${upTo}`;
    this.#subject.findings.add(code, `${message}${others}`);
    this.#run = null;
  }
}

/** Neighbours of which the same is to be said: the words of the first, how many more, and the size of the last. */
type Run = {
  readonly code: FindingCode;
  readonly message: string;
  readonly more: number;
  readonly size: number | null;
};

/** The steps from one kept checkpoint to the next, with those that were kept besides between them. */
class Steps {
  readonly #bounds: { readonly most: number; readonly findings: Findings };
  readonly #besides: readonly number[];
  #at = 0;
  #last = 0;

  constructor({ most, besides }: NonNullable<KeptSubject["claim"]>, findings: Findings) {
    this.#bounds = { most, findings };
    this.#besides = besides.toSorted((one, other) => one - other);
  }

  reach(size: number): void {
    for (let beside = this.#besides[this.#at]; ; beside = this.#besides[this.#at]) {
      if (beside === undefined || beside >= size) break;
      this.#go(beside);
      this.#at += 1;
    }
    this.#go(size);
  }

  #go(size: number): void {
    tellGap(this.#last, size, this.#bounds);
    this.#last = Math.max(this.#last, size);
  }
}
