import type { Entry } from "./entry.ts";
import type { Findings } from "./findings.ts";

/** What can stand or fall, and what a release rests on. */
export const standingNouns = ["license", "grant", "person", "workload", "entity"] as const;

export type StandingNoun = (typeof standingNouns)[number];

type Standing = { isActivated: boolean; state: "standing" | "suspended" | "revoked" | "erased" };

/** How each noun begins, and whether it is active from then on: a license waits for a second officer. */
const beginnings = {
  license: { verb: "entered", isActivated: false },
  grant: { verb: "made", isActivated: true },
  person: { verb: "recorded", isActivated: true },
  workload: { verb: "recorded", isActivated: true },
  entity: { verb: "recorded", isActivated: true },
} as const satisfies Record<StandingNoun, { verb: string; isActivated: boolean }>;

/** Follows licenses, grants, persons, workloads and entities through their entries. */
export class Standings {
  readonly #findings: Findings;
  readonly #known: Readonly<Record<StandingNoun, Map<string, Standing>>> = {
    license: new Map(),
    grant: new Map(),
    person: new Map(),
    workload: new Map(),
    entity: new Map(),
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
    const standing = this.#known[noun].get(id);
    const { verb: beginning, isActivated } = beginnings[noun];
    if (standing === undefined) {
      const isBeginning = verb === beginning;
      const next: Standing = { isActivated: isBeginning && isActivated, state: "standing" };
      this.#known[noun].set(id, next);
      if (isBeginning) return;
      this.#add("change_impossible", noun, id, `${verb} but never ${beginning}`, index);
      if (verb === "suspended" || verb === "revoked" || verb === "erased") next.state = verb;
      return;
    }
    this.#change(standing, { noun, id, verb, index });
  }

  /** Whether the ledger says, at this point, that it is active. */
  isActive(noun: StandingNoun, id: string): boolean {
    const standing = this.#known[noun].get(id);
    return standing?.isActivated === true && standing.state === "standing";
  }

  /** Adds a finding unless it is active. */
  requireActive(noun: StandingNoun, id: string, index: number): void {
    if (this.isActive(noun, id)) return;
    const standing = this.#known[noun].get(id);
    const was = standing === undefined ? "never recorded" : wordOf(standing);
    this.#add(`${noun}_not_active`, noun, id, `${was} when a release under it was allowed`, index);
  }

  #change(
    standing: Standing,
    change: { readonly noun: StandingNoun; readonly id: string; verb: string; index: number },
  ): void {
    const { noun, id, verb, index } = change;
    const refuse = (): void =>
      this.#add("change_impossible", noun, id, `${verb} while ${wordOf(standing)}`, index);
    if (standing.state === "erased") return refuse();
    switch (verb) {
      case "erased":
        standing.state = "erased";
        return;
      case "revoked":
        standing.state = "revoked";
        return;
      case "suspended":
        if (standing.state === "standing") standing.state = "suspended";
        return;
      case "updated":
        return;
      case "reinstated":
        if (standing.state === "revoked") break;
        if (standing.state !== "suspended") return refuse();
        standing.state = "standing";
        return;
      case "activated":
        if (standing.state === "revoked") break;
        if (standing.isActivated) return refuse();
        standing.isActivated = true;
        return;
      default:
        if (standing.state === "revoked") break;
        return refuse();
    }
    this.#add("revoked_revived", noun, id, `${verb} after it was revoked`, index);
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

function wordOf({ isActivated, state }: Standing): string {
  if (state !== "standing") return state;
  return isActivated ? "active" : "not activated";
}
