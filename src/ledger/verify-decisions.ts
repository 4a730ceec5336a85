import type { Canonical } from "../crypto/canonical-json.ts";
import type { EntryBody } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { objectOf } from "./verify-body.ts";

export const verdicts = { allowed: "allow", denied: "deny", held: "hold" } as const;

const outcomesOfAllow: readonly Canonical[] = ["pass", "covered", "not-applicable"];

/** The ids of the checks that every decision lists, or a function that tells whether a decision's are those of the vault. */
export type ExpectedChecks = readonly string[] | ((ids: readonly Canonical[]) => boolean);

type Decided = {
  readonly release: string;
  readonly word: keyof typeof verdicts;
  readonly decision: EntryBody | null;
  readonly index: number;
};

/** Holds a recorded decision against itself: its verdict against the kind of its entry, and its checks against its verdict. */
export class Decisions {
  readonly #findings: Findings;
  readonly #isEveryCheck: ((ids: readonly Canonical[]) => boolean) | null;

  /** `checks` are those that a decision has to list, in their order, or what tells whether it does; null for any. */
  constructor(findings: Findings, checks: ExpectedChecks | null) {
    this.#findings = findings;
    const exact = typeof checks === "function" ? null : JSON.stringify(checks);
    this.#isEveryCheck =
      checks === null || typeof checks === "function"
        ? checks
        : (ids) => JSON.stringify(ids) === exact;
  }

  check({ release, word, decision, index }: Decided): void {
    if (decision?.["verdict"] !== verdicts[word]) {
      const verdict = JSON.stringify(decision?.["verdict"] ?? null);
      const message = `release ${release} is recorded as ${word} on the verdict ${verdict}`;
      this.#findings.add("verdict_mismatch", message, index);
    }
    const checks = decision?.["checks"];
    const names = Array.isArray(checks) ? checks.map(nameOf) : [];
    const distinct = new Set(names.map((name) => JSON.stringify(name)));
    if (distinct.size < names.length) {
      const message = `release ${release} lists a check more than once`;
      this.#findings.add("check_repeated", message, index);
    }
    if (this.#isEveryCheck === null || this.#isEveryCheck(names)) return;
    const message = `release ${release} was decided on other checks than those of the vault`;
    this.#findings.add("checks_mismatch", message, index);
  }

  /** An allow rests on checks that all held. */
  checkAllow(
    release: string,
    checks: readonly Canonical[],
    licenses: readonly string[],
    index: number,
  ): void {
    if (checks.length === 0) {
      this.#findings.add("check_failed", `release ${release} was allowed on no check`, index);
    }
    for (const item of checks) {
      const outcome = objectOf(item)?.["outcome"] ?? null;
      const name = JSON.stringify(nameOf(item));
      if (!outcomesOfAllow.includes(outcome)) {
        const message = `release ${release} was allowed although ${name} is ${JSON.stringify(outcome)}`;
        this.#findings.add("check_failed", message, index);
      } else if (outcome === "covered" && licenses.length === 0 && !namesException(item)) {
        const message = `release ${release} has ${name} covered and names no license`;
        this.#findings.add("license_missing", message, index);
      }
    }
  }
}

/** Whether a check says which license exceptions cover it: by their symbols, in older entries by their rows in the rulebook. */
function namesException(check: Canonical): boolean {
  const exceptions = objectOf(check)?.["exceptions"];
  return (
    Array.isArray(exceptions) &&
    exceptions.length > 0 &&
    exceptions.every((each) => typeof each === "string" && each.startsWith("exception-"))
  );
}

function nameOf(check: Canonical): Canonical {
  return objectOf(check)?.["check"] ?? null;
}
