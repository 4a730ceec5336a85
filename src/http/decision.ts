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
      citation: z
        .string()
        .nullable()
        .describe("Null where reasons are withheld: the rule of an embargo names its country."),
      reason: z.string().nullable(),
      remedy: z.string().nullable(),
    }),
  ),
});

const officersRemedy =
  "Whoever may read personal facts can read the reasons in this release's evidence.";

/**
 * What a requester learns of a decision. Reasons, remedies and citations can speak of a person's nationality: whoever holds a workload's token is
 * not that person, and learns which checks stand in the way and no more.
 */
export function renderDecision(
  decided: DecidedRelease["decision"],
  { workload }: Pick<Caller, "workload">,
): z.output<typeof decision> {
  return workload === null ? inFull(decided) : withoutReasons(decided, officersRemedy);
}

/** A decision with its reasons, for whom they speak of or who may read personal facts. */
export function inFull({ verdict, checks }: DecidedRelease["decision"]): z.output<typeof decision> {
  return {
    verdict,
    checks: checks.map(({ check, outcome, citation, reason, remedy }) => ({
      check,
      outcome,
      citation,
      reason,
      remedy,
    })),
  };
}

/** Which checks stand in the way, and where who may know it reads why. */
export function withoutReasons(
  { verdict, checks }: DecidedRelease["decision"],
  remedy: string,
): z.output<typeof decision> {
  return {
    verdict,
    checks: checks.map(({ check, outcome }) => ({
      check,
      outcome,
      citation: null,
      reason: null,
      remedy: outcome === "fail" || outcome === "unknown" ? remedy : null,
    })),
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
