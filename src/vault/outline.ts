import type { Decision } from "../export-control/decision.ts";

/**
 * What the ledger and the release row say of a decision: verdict, rulebook, check ids with their outcomes, and the license exceptions that cover a check, each once by its
 * symbol (`exception-sta`). The rows of exceptions stay in the evidence with the sentences: one that is for a few countries would tell whose national somebody is.
 */
export function outline(decision: Decision) {
  return {
    verdict: decision.verdict,
    rulebook: decision.rulebook,
    checks: decision.checks.map(({ check, outcome, exceptions }) => {
      const covering = exceptions.filter(({ covers }) => covers).map(({ symbol }) => symbol);
      return outcome === "covered" && covering.length > 0
        ? { check, outcome, exceptions: [...new Set(covering)].map(exceptionId) }
        : { check, outcome };
    }),
  };
}

function exceptionId(symbol: string): string {
  return `exception-${symbol.toLowerCase()}`;
}
