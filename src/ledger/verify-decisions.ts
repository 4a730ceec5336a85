import type { Canonical } from "../crypto/canonical-json.ts";
import type { Entry, EntryBody } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { isDigest, isStrings, objectOf } from "./verify-body.ts";
import { type ReleaseKind, releaseKinds } from "./verify-releases.ts";

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

type Judged = {
  /** Whether it names the rulebook that it was made under, so that it can be made again. */
  readonly hasRulebook: boolean;
  readonly isRepeated: boolean;
  readonly isOther: boolean;
  /** The checks that an allow cannot rest on, or only together with a license. */
  readonly notMet: readonly NotMet[];
};

type NotMet = { readonly name: string; readonly failed: string | null };

/** Holds a recorded decision against itself: its verdict against the kind of its entry, and its checks against its verdict. */
export class Decisions {
  readonly #findings: Findings;
  readonly #isEveryCheck: ((ids: readonly Canonical[]) => boolean) | null;
  /** What was found of the checks of decisions that many entries share. */
  readonly #judged = new WeakMap<EntryBody, Judged>();

  /** `checks` are those that a decision has to list, in their order, or what tells whether it does; null for any. */
  constructor(findings: Findings, checks: ExpectedChecks | null) {
    this.#findings = findings;
    const exact = typeof checks === "function" ? null : JSON.stringify(checks);
    this.#isEveryCheck =
      checks === null || typeof checks === "function"
        ? checks
        : (ids) => JSON.stringify(ids) === exact;
  }

  /** Holds an entry to the decision that it records, whatever other entries say; those that record none pass. */
  judgeAlone({ kind, index, body }: Entry): void {
    const word = wordOf(kind);
    if (word === null) return;
    const { release: id, licenses, evidence } = body;
    const release = typeof id === "string" ? id : "of no name";
    const decision = objectOf(body["decision"]);
    this.check({ release, word, decision, index });
    if (word !== "allowed") return;
    if (decision !== null && isStrings(licenses) && isDigest(evidence))
      return this.checkAllow(release, decision, licenses, index);
    const message = `release ${release} was allowed without its decision, licenses or evidence`;
    this.#findings.add("body_malformed", message, index);
  }

  check({ release, word, decision, index }: Decided): void {
    if (decision?.["verdict"] !== verdicts[word]) {
      const verdict = JSON.stringify(decision?.["verdict"] ?? null);
      const message = `release ${release} is recorded as ${word} on the verdict ${verdict}`;
      this.#findings.add("verdict_mismatch", message, index);
    }
    const { hasRulebook, isRepeated, isOther } = this.#judge(decision);
    if (!hasRulebook) {
      const message = `release ${release} was decided under no rulebook that its entry names`;
      this.#findings.add("body_malformed", message, index);
    }
    if (isRepeated) {
      const message = `release ${release} lists a check more than once`;
      this.#findings.add("check_repeated", message, index);
    }
    if (!isOther) return;
    const message = `release ${release} was decided on other checks than those of the vault`;
    this.#findings.add("checks_mismatch", message, index);
  }

  #judge(decision: EntryBody | null): Judged {
    const known = decision === null ? undefined : this.#judged.get(decision);
    if (known !== undefined) return known;
    const checks = decision?.["checks"];
    const names = Array.isArray(checks) ? checks.map(nameOf) : [];
    const distinct = new Set(names.map((name) => JSON.stringify(name)));
    const isOther = this.#isEveryCheck !== null && !this.#isEveryCheck(names);
    const notMet = Array.isArray(checks) ? checks.flatMap(notMetBy) : [];
    const hasRulebook = isDigest(decision?.["rulebook"]);
    const judged = { hasRulebook, isRepeated: distinct.size < names.length, isOther, notMet };
    if (decision !== null) this.#judged.set(decision, judged);
    return judged;
  }

  /** An allow rests on checks that all held. */
  checkAllow(
    release: string,
    decision: EntryBody,
    licenses: readonly string[],
    index: number,
  ): void {
    const { checks } = decision;
    if (!Array.isArray(checks) || checks.length === 0) {
      this.#findings.add("check_failed", `release ${release} was allowed on no check`, index);
    }
    for (const { name, failed } of this.#judge(decision).notMet) {
      if (failed !== null) {
        const message = `release ${release} was allowed although ${name} is ${failed}`;
        this.#findings.add("check_failed", message, index);
      } else if (licenses.length === 0) {
        const message = `release ${release} has ${name} covered and names no license`;
        this.#findings.add("license_missing", message, index);
      }
    }
  }
}

/** What a release's kind says was decided; null for an entry that records no decision of a release. */
export function wordOf(kind: string): keyof typeof verdicts | null {
  const word = Object.hasOwn(releaseKinds, kind) ? releaseKinds[kind as ReleaseKind] : null;
  return word === "allowed" || word === "denied" || word === "held" ? word : null;
}

function notMetBy(check: Canonical): readonly NotMet[] {
  const outcome = objectOf(check)?.["outcome"] ?? null;
  const name = JSON.stringify(nameOf(check));
  if (!outcomesOfAllow.includes(outcome)) return [{ name, failed: JSON.stringify(outcome) }];
  return outcome === "covered" && !namesException(check) ? [{ name, failed: null }] : [];
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
