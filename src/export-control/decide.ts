import {
  type Check,
  type CheckedException,
  checkIds,
  type Decision,
  reasons,
  type Verdict,
} from "./decision.ts";
import { checkDestination } from "./destination.ts";
import { checkEmbargoDestination, checkEmbargoNationality, checkEndUse } from "./embargo.ts";
import { type ExceptionReading, readExceptions } from "./exceptions.ts";
import type { Facts } from "./facts.ts";
import type { Case, Finding, Need } from "./finding.ts";
import { checkClassification, checkEccn, checkJurisdiction } from "./item.ts";
import { type Coverage, coverage } from "./licenses.ts";
import { checkNationality } from "./nationality.ts";
import { checkDeniedParty, checkOwnership } from "./parties.ts";
import { checkDeemedReason, checkExportReason } from "./reasons.ts";
import { regimeChecks, resultsOf } from "./regimes/checks.ts";
import type { Rulebook } from "./rulebook.ts";
import { checkGrant, checkSubject } from "./standing.ts";

/**
 * Whether the keys of an item may be released, under 15 CFR 734.15(b) and 734.19 as if the item itself were. Pure and total: the same
 * facts and rulebook give the same bytes, whatever the facts. It lists every check, and allows only when each one passes, does not
 * apply, or is covered by a license in force or a license exception whose every condition is known and met. What is not known holds. Each regime
 * besides the EAR that is asked adds its checks, so that the most restrictive one decides; facts that state the EAR alone are decided by it alone.
 */
export function decide(facts: Facts, rulebook: Rulebook): Decision {
  const given: Case = { facts, rulebook };
  const findings = findingsOf(given);
  const readings = readExceptions(given, findings);
  const covering = coverage(facts, findings, { readings, expiry: rulebook.licenseExpiry });
  const checks = findings.map((finding) => toCheck(finding, covering, readings));
  const verdict = verdictOf(checks);
  const regimes = resultsOf(checks, findings);
  return {
    verdict,
    at: facts.at,
    rulebook: rulebook.digest,
    checks,
    ...(regimes.length === 0 ? {} : { regimes }),
    licenses: verdict === "allow" ? covering.reliedOn : [],
  };
}

/** Every check of the EAR, in the order of `checkIds`; each can be asked by itself. */
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

/** What every check finds before licenses are looked at, in the order of `checkIds`, and then those of the other regimes that are asked. */
export function findingsOf(given: Case): readonly Finding[] {
  const findings = everyCheck.map((check) => check(given));
  assertComplete(findings);
  return [...findings, ...regimeChecks(given).map(([, check]) => check(given))];
}

/** A decision that lacks a check is a bug of ours, and must not be taken for one that passed. */
function assertComplete(findings: readonly Finding[]): void {
  const isComplete =
    findings.length === checkIds.length && checkIds.every((id, at) => findings[at]?.check === id);
  if (!isComplete) throw new Error("a decision does not list every check");
}

function toCheck(
  finding: Finding,
  covering: Coverage,
  readings: ReadonlyMap<Need, ExceptionReading>,
): Check {
  const { check, outcome, citation, reason, remedy, rows, needs } = finding;
  if (needs.length === 0)
    return { check, outcome, citation, rows, reason, remedy, licenses: [], exceptions: [] };
  const licenses = covering.licensesFor(finding);
  const stated = { check, citation, rows };
  const read = needs.flatMap((need) => readings.get(need) ?? []);
  if (licenses === null) {
    const open = once(read.flatMap((each) => (each.covers === null ? each.open : [each.covers])));
    const lacking = open.filter(({ covers }) => !covers).map(lackOf);
    const better =
      remedy === null ? null : [remedy, ...covering.lackOf(finding), ...lacking].join(" ");
    return { ...stated, outcome, reason, remedy: better, licenses: [], exceptions: open };
  }
  const exceptions = once(read.flatMap(({ covers }) => covers ?? []));
  const extended = covering.extensionOf(licenses);
  const told = [reason, ...exceptions.map(coverOf), ...extended].join(" ");
  return { ...stated, outcome: "covered", reason: told, remedy: null, licenses, exceptions };
}

function coverOf({ symbol, citation, conditions }: CheckedException): string {
  return `License Exception ${symbol} (${citation}) covers it, being on record: ${conditions.map(({ condition }) => condition).join("; ")}.`;
}

function lackOf({ symbol, citation, conditions }: CheckedException): string {
  const lacking = conditions.filter(({ state }) => state !== "met");
  return `License Exception ${symbol} (${citation}) would cover it once this is on record: ${lacking.map(({ condition }) => condition).join("; ")}.`;
}

/** Each exception once, as it stands in the same state: two needs can read one row differently. */
function once(read: readonly CheckedException[]): readonly CheckedException[] {
  const seen = new Map(read.map((each) => [JSON.stringify(each), each]));
  return [...seen.values()];
}

function verdictOf(checks: readonly Check[]): Verdict {
  if (checks.some(({ outcome }) => outcome === "fail")) return "deny";
  return checks.some(({ outcome }) => outcome === "unknown") ? "hold" : "allow";
}
