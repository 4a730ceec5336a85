import { expect, test } from "@jest/globals";
import { decisionRefusal, renderDecision } from "../../../src/http/decision.ts";
import type { Caller } from "../../../src/identity/authenticate.ts";
import type { DecidedRelease } from "../../../src/vault/decide.ts";

const decision: DecidedRelease["decision"] = {
  verdict: "deny",
  at: "2026-11-23T09:00:00.000Z",
  rulebook: "00",
  licenses: [],
  checks: [
    {
      check: "nationality",
      outcome: "fail",
      citation: "15 CFR 734.13(b)",
      reason: "The person's most recent citizenship is in IR.",
      remedy: "Enter a license that names the nationality IR.",
      rows: ["IR"],
      licenses: [],
      exceptions: [],
    },
    {
      check: "grant",
      outcome: "pass",
      citation: "policy",
      reason: "A grant is in force.",
      remedy: null,
      rows: [],
      licenses: [],
      exceptions: [],
    },
  ],
};
const officersRemedy =
  "Whoever may read personal facts can read the reasons in this release's evidence.";

test("a person reads the reasons of their own decision, without the rulebook's rows", () => {
  expect(renderDecision(decision, { workload: null })).toEqual({
    verdict: "deny",
    checks: [
      {
        check: "nationality",
        outcome: "fail",
        citation: "15 CFR 734.13(b)",
        reason: "The person's most recent citizenship is in IR.",
        remedy: "Enter a license that names the nationality IR.",
      },
      {
        check: "grant",
        outcome: "pass",
        citation: "policy",
        reason: "A grant is in force.",
        remedy: null,
      },
    ],
  });
});

test("a workload learns which checks failed and nothing of the person who answers for it", () => {
  const decided = { release: "r", decision } as unknown as DecidedRelease;
  const { members, message, code } = decisionRefusal(decided, {
    workload: "w",
  } as unknown as Caller);
  expect(code).toBe("release_denied");
  expect(message).toContain("nationality");
  expect(JSON.stringify([members, message])).not.toContain("IR");
  expect(members).toEqual({
    release: "r",
    decision: {
      verdict: "deny",
      checks: [
        {
          check: "nationality",
          outcome: "fail",
          citation: null,
          reason: null,
          remedy: officersRemedy,
        },
        { check: "grant", outcome: "pass", citation: null, reason: null, remedy: null },
      ],
    },
  });
});

test("a workload does not learn of which country somebody is by the rule that an embargo cites", () => {
  const [first, ...others] = decision.checks;
  if (first === undefined) throw new Error("the decision has no check");
  const struck = { ...first, check: "embargo-nationality", citation: "15 CFR 746.7(a)" } as const;
  const told = renderDecision({ ...decision, checks: [struck, ...others] }, { workload: "w" });
  expect(JSON.stringify(told)).not.toContain("746");
});
