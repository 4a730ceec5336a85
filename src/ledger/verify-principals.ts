import type { Canonical } from "../crypto/canonical-json.ts";
import type { Entry } from "./entry.ts";
import type { Findings } from "./findings.ts";

type Owner = {
  readonly noun: "person" | "workload";
  readonly id: string;
  /** The natural person who acts or answers; null where the workload's entry does not name one. */
  readonly person: string | null;
};

/** Knows whose each principal is: the entry that recorded a person or a workload says so, once. */
export class Principals {
  readonly #findings: Findings;
  readonly #owners = new Map<string, Owner>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** Takes `person.recorded` and `workload.recorded`. */
  record(noun: Owner["noun"], entry: Entry): void {
    const { index, kind, body } = entry;
    const { [noun]: id, principal } = body;
    if (typeof id !== "string") return;
    if (typeof principal !== "string") {
      this.#findings.add("body_malformed", `${kind} does not name its principal`, index);
      return;
    }
    const present = this.#owners.get(principal);
    if (present !== undefined && present.id !== id) {
      const message = `principal ${principal} is ${wordOf(present)}'s and is recorded as another's`;
      this.#findings.add("principal_mismatch", message, index);
      return;
    }
    const person = noun === "person" ? id : this.#accountable(entry);
    this.#owners.set(principal, { noun, id, person });
  }

  /** The natural person behind a principal; null where no entry tells. */
  personOf(principal: Canonical | undefined): string | null {
    return typeof principal === "string" ? (this.#owners.get(principal)?.person ?? null) : null;
  }

  /** Adds a finding unless an entry recorded whose principal it is. */
  requireKnown(principal: Canonical | undefined, { index, kind }: Entry): void {
    if (typeof principal === "string" && this.#owners.has(principal)) return;
    const message = `${kind} is about principal ${nameOf(principal)}, which nothing recorded`;
    this.#findings.add("principal_unknown", message, index);
  }

  /** Adds a finding where a decision names another person or workload than its principal's. */
  requireOwner({ index, kind, body }: Entry): void {
    const { principal, person, workload = null } = body;
    const owner = typeof principal === "string" ? this.#owners.get(principal) : undefined;
    if (owner === undefined) return;
    const isSamePerson = owner.person === null || person === owner.person;
    const isSameWorkload = workload === (owner.noun === "workload" ? owner.id : null);
    if (isSamePerson && isSameWorkload) return;
    const message = `${kind} names another person or workload than ${wordOf(owner)}, whose principal it is`;
    this.#findings.add("principal_mismatch", message, index);
  }

  /** The person who acted: whom the entry names, held against whose principal `by` is. */
  officerOf({ index, kind, body }: Omit<Entry, "previous" | "time">): string | null {
    const { by, person } = body;
    const behind = this.personOf(by);
    if (typeof person !== "string") return behind;
    if (behind !== null && behind !== person) {
      const message = `${kind} names person ${person}; who made it is ${behind}`;
      this.#findings.add("principal_mismatch", message, index);
    }
    return behind ?? person;
  }

  #accountable({ index, kind, body: { accountable } }: Entry): string | null {
    if (accountable === undefined) {
      this.#findings.lack("accountable", { index, kind });
      return null;
    }
    this.#findings.carry("accountable");
    if (typeof accountable === "string") return accountable;
    this.#findings.add("body_malformed", "a workload's accountable person has no id", index);
    return null;
  }
}

function wordOf({ noun, id }: Owner): string {
  return `${noun} ${id}`;
}

function nameOf(value: Canonical | undefined): string {
  return typeof value === "string" ? value : "of no name";
}
