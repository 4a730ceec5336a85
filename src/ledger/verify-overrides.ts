import type { Entry, EntryBody } from "./entry.ts";
import type { Findings } from "./findings.ts";
import type { Principals } from "./verify-principals.ts";

type Override = {
  state: "proposed" | "approved" | "withdrawn";
  /** What the two officers agreed on, as one text. */
  readonly terms: string;
  readonly officer: string | null;
};

const termMembers = [
  "requirement",
  "requirementSha256",
  "action",
  "validFrom",
  "validUntil",
  "commitment",
] as const;

/** Follows the overrides of the rulebook: what one officer proposed another approves, as it was proposed, and once. */
export class Overrides {
  readonly #findings: Findings;
  readonly #principals: Principals;
  readonly #known = new Map<string, Override>();

  constructor(findings: Findings, principals: Principals) {
    this.#findings = findings;
    this.#principals = principals;
  }

  propose(entry: Entry): void {
    const { index, body } = entry;
    const officer = this.#principals.officerOf(entry);
    const id = this.#idOf(entry);
    if (id === null) return;
    const terms = termsOf(body);
    if (terms === null) {
      const message = `override ${id} was proposed without its requirement, action or days`;
      this.#findings.add("body_malformed", message, index);
      return;
    }
    if (this.#known.has(id)) return this.#refuse(id, "proposed again", index);
    this.#known.set(id, { state: "proposed", terms, officer });
  }

  approve(entry: Entry): void {
    const { index, body } = entry;
    const officer = this.#principals.officerOf(entry);
    const id = this.#idOf(entry);
    if (id === null) return;
    const override = this.#known.get(id);
    if (override?.state !== "proposed" || override.terms !== termsOf(body))
      return this.#refuse(id, "approved and does not stand so proposed", index);
    override.state = "approved";
    if (officer === null || officer !== override.officer) return;
    const message = `override ${id} was approved by the person who proposed it`;
    this.#findings.add("two_person_rule", message, index);
  }

  withdraw(entry: Entry): void {
    const { index } = entry;
    this.#principals.officerOf(entry);
    const id = this.#idOf(entry);
    if (id === null) return;
    const override = this.#known.get(id);
    if (override === undefined || override.state === "withdrawn")
      return this.#refuse(id, "withdrawn and does not stand", index);
    override.state = "withdrawn";
  }

  #idOf({ index, kind, body: { override } }: Entry): string | null {
    if (typeof override === "string") return override;
    this.#findings.add("body_malformed", `${kind} does not name its override`, index);
    return null;
  }

  #refuse(id: string, what: string, index: number): void {
    this.#findings.add("change_impossible", `override ${id} was ${what}`, index);
  }
}

function termsOf(body: EntryBody): string | null {
  const terms = termMembers.map((name) => body[name]);
  return terms.every((term) => typeof term === "string") ? JSON.stringify(terms) : null;
}
