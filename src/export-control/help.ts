import { type CheckId, regimeCheckIds } from "./decision.ts";

const named: Partial<Readonly<Record<CheckId, string>>> = {
  classification: "One officer proposes a classification and another approves it.",
  jurisdiction:
    "Counsel decides it outside the vault, or officers classify the item under the EAR.",
  eccn: "Officers classify the files under an entry for software or technology that the rulebook has.",
  grant: "An officer makes a grant that is in force.",
  subject: "An officer reinstates the person, the workload or its entity.",
  "denied-party": "Counsel resolves the match, or the operator loads a current list.",
  ownership: "An officer determines the entity's ownership and records it.",
  destination: "The operator records the site with its country.",
  nationality: "An officer records the person's status, on their own statement.",
  "embargo-destination": "A license that names the party and the country, or another site.",
  "embargo-nationality": "A license that names the party and the country.",
  "end-use": "A determination or a license that names the party.",
};

/**
 * What would help where a check stands in the way, without a word about the subject: the decision's own remedy is exact, but speaks of personal
 * facts. Total: a check that it does not know gets the general sentence.
 */
export function helpFor(check: string): string {
  const own = Object.hasOwn(named, check) ? named[check as CheckId] : undefined;
  if (own !== undefined) return own;
  const regime = Object.entries(regimeCheckIds).find(([, ids]) => ids.some((id) => id === check));
  if (regime !== undefined)
    return `Officers classify the item under the lists of ${regime[0]}, an authorization of that regime is recorded, or counsel decides it outside the vault.`;
  return check.startsWith("deemed-export-")
    ? "A license that covers the item, the party and the nationality for this reason, or the fact that it turns on."
    : "A license that covers the item, the party and the country for this reason, or the fact that it turns on.";
}
