import type { Check, CheckId, RegimeResult } from "../decision.ts";
import { regimeCheckIds } from "../decision.ts";
import type { Case, Finding } from "../finding.ts";
import type { Regime } from "./classification.ts";
import { europeanUnionChecks } from "./european-union.ts";
import { idsOf, isAsked } from "./nexus.ts";
import { recognisedChecks } from "./recognised.ts";
import type { RegimeRules } from "./regime.ts";

type RegimeCheck = (given: Case, rules: RegimeRules) => Finding;
type RegimeModule = Readonly<Record<"nexus" | "item" | "transfer" | "endUse", RegimeCheck>>;

/** The module of each regime: with its data in the rulebook, all that there is to one. */
const modules: Readonly<Record<Regime, RegimeModule>> = {
  EU: europeanUnionChecks,
  UK: recognisedChecks,
  JP: recognisedChecks,
};

/** One check of a regime that is asked, by its id. */
export type AskedCheck = readonly [id: CheckId, check: (given: Case) => Finding];

/** The regimes that a decision asks besides the EAR. */
export function askedRegimes(given: Case): readonly RegimeRules[] {
  return (given.rulebook.regimes ?? []).filter((rules) => isAsked(given, rules));
}

/** The checks of every regime that is asked besides the EAR, in the order in which a decision lists them. None for facts that state the EAR alone. */
export function regimeChecks(given: Case): readonly AskedCheck[] {
  return askedRegimes(given).flatMap((rules): readonly AskedCheck[] => {
    const ids = idsOf(rules);
    const { nexus, item, transfer, endUse } = modules[rules.jurisdiction];
    return [
      [ids.nexus, (of) => nexus(of, rules)],
      [ids.item, (of) => item(of, rules)],
      [ids.transfer, (of) => transfer(of, rules)],
      [ids.endUse, (of) => endUse(of, rules)],
    ];
  });
}

/** What each regime says by itself, the EAR first; empty where none but the EAR was asked. */
export function resultsOf(
  checks: readonly Check[],
  findings: readonly Finding[],
): readonly RegimeResult[] {
  const regimeOf = (id: CheckId) =>
    (Object.keys(regimeCheckIds) as Regime[]).find((regime) =>
      regimeCheckIds[regime].some((each) => each === id),
    ) ?? "EAR";
  const jurisdictions = new Set(checks.map(({ check }) => regimeOf(check)));
  if (jurisdictions.size < 2) return [];
  return [...jurisdictions].map((jurisdiction) => {
    const own = checks.filter(({ check }) => regimeOf(check) === jurisdiction);
    const failed = own.filter(({ outcome }) => outcome === "fail");
    const isLicensable = failed.every(({ check }) =>
      findings.some((finding) => finding.check === check && finding.needs.length > 0),
    );
    if (failed.length > 0) return { jurisdiction, result: isLicensable ? "license" : "deny" };
    const isOpen = own.some(({ outcome }) => outcome === "unknown");
    return { jurisdiction, result: isOpen ? "unknown" : "allow" };
  });
}
