import { hash } from "node:crypto";
import { type Canonical, canonicalJson } from "../../src/crypto/canonical-json.ts";
import { checkIds } from "../../src/export-control/decision.ts";

/** SHA-256 in lower-case hex. */
export const digestOf = (text: string): string => hash("sha256", text);

/** The canonical text of a value. */
export function encodePlainly(value: Canonical): string {
  return canonicalJson(value).toString("utf8");
}

type Decision = { readonly text: string; readonly isCovered: boolean };

function decision(verdict: string, special: Readonly<Record<string, string>>): Decision {
  const checks = checkIds.map((check) => ({ check, outcome: special[check] ?? "pass" }));
  const isCovered = verdict === "allow" && Object.values(special).includes("covered");
  return { text: encodePlainly({ checks, rulebook: digestOf("rulebook"), verdict }), isCovered };
}

const notDeemed = { nationality: "not-applicable", "deemed-export-ns": "not-applicable" };

/** The ways in which decisions differ. */
export const decisions = {
  allowed: [
    decision("allow", { "export-ns": "covered" }),
    decision("allow", { ...notDeemed, "export-ns": "covered" }),
    decision("allow", { "export-ns": "covered", "deemed-export-ns": "covered" }),
    decision("allow", notDeemed),
  ],
  denied: [
    decision("deny", { grant: "fail" }),
    decision("deny", { "denied-party": "fail" }),
    decision("deny", { "export-ns": "fail", "export-rs": "fail" }),
  ],
  held: [decision("hold", { nationality: "unknown" }), decision("hold", { ownership: "unknown" })],
} as const;
