import { expect, test } from "@jest/globals";
import { consultedFacts } from "../../../src/export-control/consulted.ts";
import { checkIds } from "../../../src/export-control/decision.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { asks, base, nationalOf } from "./builders.ts";

test("each check tells the facts that it read and what they were", () => {
  const consulted = consultedFacts(base, rulebook);
  expect([...consulted.keys()]).toEqual(checkIds);
  expect(consulted.get("destination")).toEqual([
    { fact: "destination.country", value: "US" },
    { fact: "destination.basis", value: "site" },
  ]);
  expect(consulted.get("nationality")).toContainEqual({
    fact: "subject.person.usPerson.value",
    value: true,
  });
});

test("a U.S. person's nationality is read by no check", () => {
  const read = [...consultedFacts(base, rulebook).values()].flat().map(({ fact }) => fact);
  expect(read.filter((fact) => /citizenships\[|permanentResidencies\[/.test(fact))).toEqual([]);
});

test("a list that was looked at and is empty is among what a check read", () => {
  const consulted = consultedFacts(asks(nationalOf("IN")), rulebook);
  expect(consulted.get("nationality")).toContainEqual({
    fact: "subject.person.permanentResidencies",
    value: [],
  });
});

test("every check tells what it read, though another read it before", () => {
  const consulted = consultedFacts(asks(nationalOf("IN")), rulebook);
  for (const check of ["nationality", "embargo-nationality", "deemed-export-rs"] as const)
    expect(consulted.get(check)).toContainEqual({
      fact: "subject.person.citizenships[0].country",
      value: "IN",
    });
});

test("facts that nobody may change are read as well", () => {
  const frozen = Object.freeze({ ...base, destination: Object.freeze({ ...base.destination }) });
  expect(consultedFacts(frozen, rulebook)).toEqual(consultedFacts(base, rulebook));
});
