import type { Entry } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { SeenIds } from "./verify-ids.ts";

/** What can stand or fall, and what a release rests on. */
export const standingNouns = ["license", "grant", "person", "workload", "entity"] as const;

export type StandingNoun = (typeof standingNouns)[number];

const states = ["standing", "suspended", "revoked", "erased"] as const;

type Standing = { readonly isActivated: boolean; readonly state: (typeof states)[number] };

/** How each noun begins, and whether it is active from then on: a license waits for a second officer. */
const beginnings = {
  license: { verb: "entered", isActivated: false },
  grant: { verb: "made", isActivated: true },
  person: { verb: "recorded", isActivated: true },
  workload: { verb: "recorded", isActivated: true },
  entity: { verb: "recorded", isActivated: true },
} as const satisfies Record<StandingNoun, { verb: string; isActivated: boolean }>;

/** Follows licenses, grants, persons, workloads and entities through their entries, each in the few bytes of an id that was seen. */
export class Standings {
  readonly #findings: Findings;
  readonly #known: Readonly<Record<StandingNoun, SeenIds>> = {
    license: new SeenIds(),
    grant: new SeenIds(),
    person: new SeenIds(),
    workload: new SeenIds(),
    entity: new SeenIds(),
  };

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** Takes an entry about `noun`. */
  follow(noun: StandingNoun, { index, kind, body }: Entry): void {
    const id = body[noun];
    if (typeof id !== "string") {
      this.#findings.add("body_malformed", `${kind} does not name its ${noun}`, index);
      return;
    }
    const verb = kind.slice(noun.length + 1);
    const standing = this.#standingOf(noun, id);
    if (standing === null) return this.#begin({ noun, id, verb, index });
    const next = this.#change(standing, { noun, id, verb, index });
    if (next !== null) this.#known[noun].set(id, codeOf(next));
  }

  /** Whether the ledger says, at this point, that it is active. */
  isActive(noun: StandingNoun, id: string): boolean {
    return this.#known[noun].get(id) === activeCode;
  }

  /** Adds a finding unless it is active. */
  requireActive(noun: StandingNoun, id: string, index: number): void {
    if (this.isActive(noun, id)) return;
    const standing = this.#standingOf(noun, id);
    const was = standing === null ? "never recorded" : wordOf(standing);
    this.#add(`${noun}_not_active`, noun, id, `${was} when a release under it was allowed`, index);
  }

  #standingOf(noun: StandingNoun, id: string): Standing | null {
    const code = this.#known[noun].get(id);
    const state = states[(code - 1) >> 1];
    return code === 0 || state === undefined ? null : { isActivated: code % 2 === 0, state };
  }

  /** The first entry about it, which ought to be its beginning. */
  #begin({ noun, id, verb, index }: Change): void {
    const { verb: beginning, isActivated } = beginnings[noun];
    const isBeginning = verb === beginning;
    const isEnd = verb === "suspended" || verb === "revoked" || verb === "erased";
    const state = !isBeginning && isEnd ? verb : "standing";
    this.#known[noun].set(id, codeOf({ isActivated: isBeginning && isActivated, state }));
    if (isBeginning) return;
    this.#add("change_impossible", noun, id, `${verb} but never ${beginning}`, index);
  }

  /** What it is after the change; null, where that is what it was. */
  #change(standing: Standing, change: Change): Standing | null {
    const { noun, id, verb, index } = change;
    const { isActivated, state } = standing;
    const refuse = (): null => {
      this.#add("change_impossible", noun, id, `${verb} while ${wordOf(standing)}`, index);
      return null;
    };
    if (state === "erased") return refuse();
    switch (verb) {
      case "erased":
      case "revoked":
        return { isActivated, state: verb };
      case "suspended":
        return state === "standing" ? { isActivated, state: verb } : null;
      case "updated":
        return null;
      case "reinstated":
        if (state === "revoked") break;
        return state === "suspended" ? { isActivated, state: "standing" } : refuse();
      case "activated":
        if (state === "revoked") break;
        return isActivated ? refuse() : { isActivated: true, state };
      default:
        if (state === "revoked") break;
        return refuse();
    }
    this.#add("revoked_revived", noun, id, `${verb} after it was revoked`, index);
    return null;
  }

  #add(
    code: Parameters<Findings["add"]>[0],
    noun: StandingNoun,
    id: string,
    what: string,
    index: number,
  ): void {
    this.#findings.add(code, `${noun} ${id} was ${what}`, index);
  }
}

type Change = {
  readonly noun: StandingNoun;
  readonly id: string;
  readonly verb: string;
  readonly index: number;
};

/** 1 to 8, of which the even ones are activated. */
function codeOf({ isActivated, state }: Standing): number {
  return 1 + 2 * states.indexOf(state) + (isActivated ? 1 : 0);
}

const activeCode = codeOf({ isActivated: true, state: "standing" });

function wordOf({ isActivated, state }: Standing): string {
  if (state !== "standing") return state;
  return isActivated ? "active" : "not activated";
}
