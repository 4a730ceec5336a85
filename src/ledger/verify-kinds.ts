import type { EntryKind } from "./submit.ts";
import { type ReleaseKind, releaseKinds } from "./verify-releases.ts";
import { rolesOf } from "./verify-roles.ts";
import { type StandingNoun, standingNouns } from "./verify-standing.ts";

/** The kinds besides releases and standings; a new kind does not compile until the verifier has a place for it. */
const otherKinds = {
  "vault.initialized": true,
  "ledger.key-rotated": true,
  "ledger.key-taken-up": true,
  "token.issued": true,
  "token.recovered": true,
  "token.revoked": true,
  "repository.created": true,
  "repository.policy-set": true,
  "revision.committed": true,
  "revision.signed": true,
  "upload.key-released": true,
  "object.declared": true,
  "object.proved": true,
  "object.refuted": true,
  "classification.proposed": true,
  "classification.approved": true,
  "classification.superseded": true,
  "decision.simulated": true,
  "override.proposed": true,
  "override.approved": true,
  "override.withdrawn": true,
  "evidence.read": true,
  "evidence.erased": true,
  "hold.placed": true,
  "hold.lifted": true,
  "erasure.proposed": true,
  "movement.noted": true,
  "records.searched": true,
  "records.exported": true,
  "repository.shredded": true,
  "shredding.proposed": true,
  "shredding.approved": true,
  "rotation.begun": true,
  "rotation.finished": true,
  "rotation.superseded": true,
} as const satisfies Record<Exclude<EntryKind, ReleaseKind | `${StandingNoun}.${string}`>, true>;

const flagKinds = new Set(["grant.flagged", "grant.cleared"]);
const personKinds = new Set(["person.read", "person.erased"]);

const standingVerbs = new Set([
  "entered",
  "activated",
  "made",
  "recorded",
  "updated",
  "suspended",
  "reinstated",
  "revoked",
]);

/** Kinds beyond this many different ones are counted together: a hostile ledger must not fill the memory with names. */
const mostKinds = 1_000;
const uncounted = "other";

/** What is the same for every entry of one kind. */
export type KindFacts = {
  readonly isKnown: boolean;
  readonly release: ReleaseKind | null;
  /** What the entry lets stand or fall. */
  readonly standing: StandingNoun | null;
  /** As `rolesOf` gives them. */
  readonly roles: readonly string[] | null;
};

type Counted = { readonly facts: KindFacts; times: number };

/** Counts entries by their kinds, and looks at each kind once. */
export class Kinds {
  readonly #counted = new Map<string, Counted>();
  #others = 0;
  #hasUnknownOther = false;

  get counts(): Readonly<Record<string, number>> {
    const named = [...this.#counted].map(([kind, { times }]) => [kind, times] as const);
    const all = this.#others === 0 ? named : [...named, [uncounted, this.#others] as const];
    return Object.fromEntries(all.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** The kinds that are not known, and how many entries each has. */
  get unknown(): readonly (readonly [kind: string, times: number])[] {
    const named = [...this.#counted].flatMap(([kind, { facts, times }]) =>
      facts.isKnown ? [] : [[kind, times] as const],
    );
    return this.#hasUnknownOther ? [...named, [uncounted, this.#others]] : named;
  }

  /** Counts an entry of the kind. */
  count(kind: string): KindFacts {
    const present = this.#counted.get(kind);
    if (present !== undefined) {
      present.times += 1;
      return present.facts;
    }
    const facts = factsOf(kind);
    if (this.#counted.size < mostKinds) this.#counted.set(kind, { facts, times: 1 });
    else {
      this.#others += 1;
      this.#hasUnknownOther ||= !facts.isKnown;
    }
    return facts;
  }
}

function factsOf(kind: string): KindFacts {
  const [noun = "", verb = ""] = kind.split(".");
  const isStanding = isStandingNoun(noun) && standingVerbs.has(verb);
  const isKnown =
    isReleaseKind(kind) ||
    isStanding ||
    flagKinds.has(kind) ||
    personKinds.has(kind) ||
    Object.hasOwn(otherKinds, kind);
  return {
    isKnown,
    release: isReleaseKind(kind) ? kind : null,
    standing: isStandingNoun(noun) && (isStanding || kind === "person.erased") ? noun : null,
    roles: rolesOf(kind),
  };
}

function isReleaseKind(kind: string): kind is ReleaseKind {
  return Object.hasOwn(releaseKinds, kind);
}

function isStandingNoun(noun: string): noun is StandingNoun {
  return standingNouns.some((known) => known === noun);
}
