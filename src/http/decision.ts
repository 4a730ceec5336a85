import { z } from "zod";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import type { DecidedRelease } from "../vault/decide.ts";

/** A decision as its requester gets it. */
export const decision = z.strictObject({
  verdict: z.enum(["allow", "deny", "hold"]),
  checks: z.array(
    z.strictObject({
      check: z.string(),
      outcome: z.enum(["pass", "covered", "not-applicable", "unknown", "fail"]),
      citation: z.string(),
      reason: z.string().nullable(),
      remedy: z.string().nullable(),
    }),
  ),
});

const officersRemedy =
  "Whoever may read personal facts can read the reasons in this release's evidence.";

/**
 * What a requester learns of a decision. Reasons and remedies can speak of a person's nationality: whoever holds a workload's token is
 * not that person, and learns which checks stand in the way and no more.
 */
export function renderDecision(
  { verdict, checks }: DecidedRelease["decision"],
  { workload }: Pick<Caller, "workload">,
): z.output<typeof decision> {
  return {
    verdict,
    checks: checks.map(({ check, outcome, citation, reason, remedy }) => {
      if (workload === null) return { check, outcome, citation, reason, remedy };
      const needsAnOfficer = outcome === "fail" || outcome === "unknown";
      return {
        check,
        outcome,
        citation,
        reason: null,
        remedy: needsAnOfficer ? officersRemedy : null,
      };
    }),
  };
}

/** The refusal of a release whose decision is on record. */
export function decisionRefusal(decided: DecidedRelease, caller: Caller): Refusal {
  const isHeld = decided.decision.verdict === "hold";
  const open = decided.decision.checks
    .filter(({ outcome }) => outcome === (isHeld ? "unknown" : "fail"))
    .map(({ check }) => check);
  return new Refusal(
    isHeld ? "release_held" : "release_denied",
    `release ${decided.release} is ${isHeld ? "held" : "denied"} by: ${open.join(", ")}`,
    {
      members: {
        release: decided.release,
        decision: renderDecision(decided.decision, caller),
      },
    },
  );
}
