import { expect, test } from "@jest/globals";
import { acknowledgementKinds, evidenceKinds } from "../../../src/export-control/facts.ts";
import { acknowledgementKind, acknowledgements } from "../../../src/http/acknowledgement.ts";
import { evidenceKind, personFacts } from "../../../src/http/person-facts.ts";

test("the API takes every kind of paper and of evidence that a decision knows, and no other", () => {
  expect([...acknowledgementKind.options].sort()).toEqual([...acknowledgementKinds].sort());
  expect([...evidenceKind.options].sort()).toEqual([...evidenceKinds].sort());
});

test.each(["passport", "form-i-9", "permanent-resident-card", "e-verify"])(
  "a %s is no evidence that the vault takes",
  (evidence) => {
    const verifications = { usPerson: { evidence } };
    expect(personFacts.safeParse({ name: "Somebody", verifications }).success).toBe(false);
  },
);

test("what is not stated of papers, engagement and verification is null", () => {
  expect(personFacts.parse({ name: "Somebody" })).toMatchObject({
    engagement: null,
    acknowledgements: null,
    verifications: null,
  });
});

test("a paper carries a name where it says that its party is a listed entity, and nowhere else", () => {
  const taken = (paper: Readonly<Record<string, unknown>>) =>
    acknowledgements.safeParse([{ signedOn: "2026-01-01", ...paper }]).success;
  expect(taken({ kind: "supplement-eight-entity", name: "Core42" })).toBe(true);
  expect(taken({ kind: "supplement-eight-entity" })).toBe(false);
  expect(taken({ kind: "official-use", name: "Core42" })).toBe(false);
  expect(acknowledgements.parse([{ kind: "official-use", signedOn: "2026-01-01" }])).toEqual([
    { kind: "official-use", signedOn: "2026-01-01", expiresOn: null, eccns: null, name: null },
  ]);
});

test("nobody but the vault says who verified a fact, and when", () => {
  const usPerson = { evidence: "own-statement", by: "somebody", on: "2020-01-01" };
  expect(personFacts.safeParse({ name: "Somebody", verifications: { usPerson } }).success).toBe(
    false,
  );
});
