import { expect, test } from "@jest/globals";
import { verifyEvidence } from "../../../src/cli/evidence.ts";
import type { Canonical } from "../../../src/crypto/canonical-json.ts";
import { commit } from "../../../src/crypto/commitment.ts";
import { decide } from "../../../src/export-control/decide.ts";
import type { Facts } from "../../../src/export-control/facts.ts";
import { rulebook, withLicenseExpiry } from "../../../src/export-control/rulebook.ts";

const facts: Facts = {
  at: "2026-11-23T09:30:00.000Z",
  item: { repository: "lab/model", classification: null },
  subject: {
    kind: "person",
    person: {
      id: "p",
      state: "active",
      usPerson: { value: true, category: "citizen" },
      citizenships: null,
      permanentResidencies: null,
      employment: null,
      engagement: null,
      acknowledgements: null,
      verifications: null,
    },
  },
  grant: null,
  destination: { country: "US", basis: "site", site: "local" },
  licenses: [],
  screening: null,
};

function evidenceOf(given: Facts) {
  const salt = Buffer.alloc(32, 5);
  return {
    salt: salt.toString("hex"),
    facts: given,
    commitment: commit(salt, given as unknown as Canonical).toString("hex"),
    decision: decide(given, rulebook),
  };
}

test("honest evidence opens its commitment and gives the same decision again", () => {
  expect(verifyEvidence(evidenceOf(facts))).toContain("same decision");
});

test("changed facts do not open their commitment", () => {
  const changed = { ...facts, at: "2026-11-24T09:30:00.000Z" };
  expect(() => verifyEvidence({ ...evidenceOf(facts), facts: changed })).toThrow("commitment");
});

test("a decision that the facts do not give is found", () => {
  const evidence = evidenceOf(facts);
  const decision = { ...evidence.decision, verdict: "allow" };
  expect(() => verifyEvidence({ ...evidence, decision })).toThrow("another decision");
});

test("a decision under the other reading of 750.7(g) is decided again under that reading", () => {
  const evidence = evidenceOf(facts);
  const decision = decide(facts, withLicenseExpiry(rulebook, "first-business-day"));
  expect(verifyEvidence({ ...evidence, decision })).toContain("same decision");
});

test("a decision of another rulebook is not decided again", () => {
  const evidence = evidenceOf(facts);
  const decision = { ...evidence.decision, rulebook: "00".repeat(32) };
  expect(verifyEvidence({ ...evidence, decision })).toContain("another rulebook");
});
