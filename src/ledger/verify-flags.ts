import type { Entry } from "./entry.ts";
import type { Findings } from "./findings.ts";

/** The cause that the vault states when it suspends a grant by itself. */
export const redecided = "re-decided";

/** Whether the vault itself made an entry in re-deciding grants: nobody asked for it. */
export function isOfRedecision({ kind, body }: Pick<Entry, "kind" | "body">): boolean {
  if (kind === "grant.flagged" || kind === "grant.cleared") return true;
  return kind === "grant.suspended" && body["cause"] === redecided;
}

/** Follows what re-decision did: the vault suspends a grant by itself only after it flagged that no site allows it any more. */
export class Flags {
  readonly #findings: Findings;
  /** The flagged grants, and how many sites still allow each. */
  readonly #flagged = new Map<string, number>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** Takes an entry of re-decision. */
  follow({ index, kind, body }: Entry): void {
    const { grant, by, under } = body;
    if (typeof grant !== "string") {
      this.#findings.add("body_malformed", `${kind} does not name its grant`, index);
      return;
    }
    if (by !== null || under !== null) {
      const message = `${kind} of grant ${grant} was made by somebody, which only the vault itself does`;
      this.#findings.add("change_impossible", message, index);
    }
    switch (kind) {
      case "grant.flagged":
        return this.#flag(grant, { index, body });
      case "grant.cleared":
        if (!this.#flagged.delete(grant)) this.#refuse(grant, "cleared", index);
        return;
      default:
        if (this.#flagged.get(grant) !== 0) this.#refuse(grant, "suspended by the vault", index);
    }
  }

  #flag(grant: string, { index, body }: Pick<Entry, "index" | "body">): void {
    const { allowing, verdict } = body;
    if (typeof allowing !== "number" || (verdict !== "deny" && verdict !== "hold")) {
      const message = `grant ${grant} was flagged without a verdict or the number of sites that allow it`;
      this.#findings.add("body_malformed", message, index);
    }
    this.#flagged.set(grant, typeof allowing === "number" ? allowing : 0);
  }

  #refuse(grant: string, what: string, index: number): void {
    const message = `grant ${grant} was ${what} and was not so flagged`;
    this.#findings.add("change_impossible", message, index);
  }
}
