import type { Entry } from "./entry.ts";
import { type Finding, Findings } from "./findings.ts";
import type { ExpectedChecks } from "./verify-decisions.ts";
import { EntryChecks, type Replayed } from "./verify-entries.ts";
import type { SigningKeys } from "./verify-keys.ts";

export type WatchOptions = {
  readonly checkIds: ExpectedChecks;
  readonly replay?: (entry: Entry) => Replayed;
  /** Findings about entries below are known. */
  readonly toldSize: number;
};

/** What was found since it was last asked: at most a thousand, and how many more there are. */
export type Found = { readonly findings: readonly Finding[]; readonly more: number };

/**
 * Goes on with the verifier's checks of what entries say of one another where `verifyLedger` ended: the same checks, in the same memory, over the
 * entries that come. It holds what the verifier holds, which does not outlast the process; the ledger itself brings it back.
 */
export class EntryWatch {
  readonly #options: WatchOptions;
  #findings: Findings;
  #checks: EntryChecks;
  #keys: SigningKeys | null = null;
  #size = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#findings = new Findings(options.toldSize);
    this.#checks = new EntryChecks(this.#findings, options);
  }

  /** How many entries it has followed. */
  get size(): number {
    return this.#size;
  }

  /** Begins at the first entry: `verifyLedger` gives the checks every entry up to `size`. */
  begin(size: number, keys: SigningKeys): EntryChecks {
    this.#findings = new Findings(this.#options.toldSize);
    this.#checks = new EntryChecks(this.#findings, { ...this.#options, keys });
    [this.#size, this.#keys] = [size, keys];
    return this.#checks;
  }

  /** Takes the entry that follows, whose place in the chain the caller has judged. */
  take(entry: Entry): void {
    this.#keys?.tellTo(this.#findings);
    this.#checks.take(entry, Date.parse(entry.time));
    this.#size = entry.index + 1;
  }

  /** The errors since the last asking. Notices are for whoever verifies the ledger. */
  drain(): Found {
    const { kept, errors } = this.#findings.drain();
    const findings = kept.filter(({ severity }) => severity === "error");
    return { findings, more: errors - findings.length };
  }

  /** Releases that were allowed before an instant, and have no outcome: an honest vault ends every one within minutes of its expiry. */
  *openSince(beforeMs: number): Iterable<{ readonly finding: Finding; readonly atMs: number }> {
    for (const [release, { index, atMs }] of this.#checks.openReleases) {
      if (atMs > beforeMs) continue;
      const message = `release ${release} was allowed at ${new Date(atMs).toISOString()} and has no outcome`;
      yield { finding: { severity: "error", code: "release_open", index, message }, atMs };
    }
  }
}
