import { everyCheck } from "./decide.ts";
import { type CheckId, checkIds } from "./decision.ts";
import type { Facts } from "./facts.ts";
import { regimeChecks } from "./regimes/checks.ts";
import type { Rulebook } from "./rulebook.ts";

/** A fact that a check read: where it stands in the facts, as `subject.person.usPerson.value`, and what it was. */
export type Consulted = {
  readonly fact: string;
  /** An empty list where the list was looked at and nothing was in it. */
  readonly value: string | number | boolean | null | readonly [];
};

/**
 * Which facts each check read, in the order in which it read them, each once. Every check is run by itself on facts that note who reads
 * them, so that the answer cannot drift from what the checks do. Licenses are not among them: a check names those that cover it.
 */
export function consultedFacts(
  facts: Facts,
  rulebook: Rulebook,
): ReadonlyMap<CheckId, readonly Consulted[]> {
  const own = checkIds.map((id, at) => [id, everyCheck[at]] as const);
  return new Map(
    [...own, ...regimeChecks({ facts, rulebook })].map(([id, check]) => {
      const read = new Map<string, Consulted["value"]>();
      const note = (fact: string, value: Consulted["value"]) => void read.set(fact, value);
      // A proxy may not stand in for members of a frozen object, so it gets a copy.
      const watchedFacts = watched(structuredClone(facts), "", note) as Facts;
      check?.({ facts: watchedFacts, rulebook });
      return [id, [...read].map(([fact, value]) => ({ fact, value }))];
    }),
  );
}

type Note = (fact: string, value: Consulted["value"]) => void;

function watched(value: unknown, path: string, note: Note): unknown {
  if (typeof value !== "object" || value === null) {
    note(path, value as Consulted["value"]);
    return value;
  }
  return new Proxy(value, {
    get: (target, name, receiver) => {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof name === "symbol" || !Object.hasOwn(target, name)) return member;
      if (!Array.isArray(target))
        return watched(member, path === "" ? name : `${path}.${name}`, note);
      if (name === "length") {
        if (member === 0) note(path, []);
        return member;
      }
      return watched(member, `${path}[${name}]`, note);
    },
  });
}
