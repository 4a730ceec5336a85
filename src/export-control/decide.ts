import { type Check, checkIds, type Decision, reasons, type Verdict } from "./decision.ts";
import { checkDestination } from "./destination.ts";
import { checkEmbargoDestination, checkEmbargoNationality, checkEndUse } from "./embargo.ts";
import type { Facts } from "./facts.ts";
import type { Case, Finding } from "./finding.ts";
import { checkClassification, checkEccn, checkJurisdiction } from "./item.ts";
import { coverage } from "./licenses.ts";
import { checkNationality } from "./nationality.ts";
import { checkDeniedParty, checkOwnership } from "./parties.ts";
import { checkDeemedReason, checkExportReason } from "./reasons.ts";
import type { Rulebook } from "./rulebook.ts";
import { checkGrant, checkSubject } from "./standing.ts";

/**
 * Whether the keys of an item may be released, under 15 CFR 734.15(b) and 734.19 as if the item itself were. Pure and total: the same
 * facts and rulebook give the same bytes, whatever the facts. It lists every check, and allows only when each one passes, does not
 * apply, or is covered by a license in force. What is not known holds.
 */
export function decide(facts: Facts, rulebook: Rulebook): Decision {
  const findings = findingsOf({ facts, rulebook });
  const covering = coverage(facts, findings);
  const checks = findings.map((finding) => toCheck(finding, covering.licensesFor(finding)));
  const verdict = verdictOf(checks);
  return {
    verdict,
    at: facts.at,
    rulebook: rulebook.digest,
    checks,
    licenses: verdict === "allow" ? covering.reliedOn : [],
  };
}

/** Every check, in the order of `checkIds`; each can be asked by itself. */
export const everyCheck: readonly ((given: Case) => Finding)[] = [
  checkClassification,
  checkJurisdiction,
  checkEccn,
  checkGrant,
  checkSubject,
  checkDeniedParty,
  checkOwnership,
  checkDestination,
  checkNationality,
  checkEmbargoDestination,
  checkEmbargoNationality,
  checkEndUse,
  ...reasons.map((reason) => (given: Case) => checkExportReason(given, reason)),
  ...reasons.map((reason) => (given: Case) => checkDeemedReason(given, reason)),
];

/** What every check finds before licenses are looked at, in the order of `checkIds`. */
export function findingsOf(given: Case): readonly Finding[] {
  const findings = everyCheck.map((check) => check(given));
  assertComplete(findings);
  return findings;
}

/** A decision that lacks a check is a bug of ours, and must not be taken for one that passed. */
function assertComplete(findings: readonly Finding[]): void {
  const isComplete =
    findings.length === checkIds.length && checkIds.every((id, at) => findings[at]?.check === id);
  if (!isComplete) throw new Error("a decision does not list every check");
}

function toCheck(finding: Finding, licenses: readonly string[] | null): Check {
  const { check, outcome, citation, reason, remedy, rows } = finding;
  return licenses === null
    ? { check, outcome, citation, reason, remedy, rows, licenses: [] }
    : { check, outcome: "covered", citation, reason, remedy: null, rows, licenses };
}

function verdictOf(checks: readonly Check[]): Verdict {
  if (checks.some(({ outcome }) => outcome === "fail")) return "deny";
  return checks.some(({ outcome }) => outcome === "unknown") ? "hold" : "allow";
}
