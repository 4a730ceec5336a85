import { expect, test } from "@jest/globals";
import { acknowledgementKinds } from "../../../src/export-control/facts.ts";
import { safeguards } from "../../../src/export-control/rulebook/safeguards.ts";
import { supplementEight } from "../../../src/export-control/rulebook/supplement-eight.ts";
import { thresholds } from "../../../src/export-control/rulebook/thresholds.ts";
import { digested, rulebook } from "../../../src/export-control/rulebook.ts";

const rows = [...safeguards, ...supplementEight, ...thresholds, ...rulebook.exceptions];

test("every added row has its own id, a citation and a date, and none is signed by counsel", () => {
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  for (const { citation, asOf, counsel } of rows) {
    expect(citation).not.toBe("");
    expect(asOf).toMatch(/^2026-\d\d-\d\d$/);
    expect(counsel).toBe("needs-sign-off");
  }
});

test("what is from memory or was not at hand is inferred, and its row says so", () => {
  const told = rows.filter(({ note }) => /from memory/.test(note));
  expect(told.map(({ id, confidence }) => [id, confidence])).toEqual([
    ["safeguard-implementation-1", "inferred"],
    ["safeguard-implementation-2", "inferred"],
    ["safeguard-guidelines-1", "inferred"],
    ["safeguard-guidelines-2", "inferred"],
    ["exception-app-tier-1", "inferred"],
  ]);
  const source = rulebook.principles.find(({ id }) => id === "principle-published-encryption");
  expect(source).toMatchObject({
    confidence: "inferred",
    note: expect.stringContaining("not at hand"),
  });
});

test("734.20(c) has six ways, each proved by papers that an officer can record", () => {
  expect(safeguards).toHaveLength(6);
  expect(safeguards.map(({ entityCountry }) => entityCountry)).toEqual([
    null,
    null,
    "GB",
    "CA",
    "AU",
    "NL",
  ]);
  for (const { papers } of safeguards) {
    expect(papers.length).toBeGreaterThan(0);
    for (const kind of papers) expect(acknowledgementKinds).toContain(kind);
  }
});

test("Supplement No. 8 lists whom it lists, and two of them until 2027-04-06", () => {
  expect(supplementEight.map(({ name, until }) => `${name} ${until ?? "goes on"}`)).toEqual([
    "Government of the United Arab Emirates goes on",
    "G42 2027-04-06",
    "Core42 2027-04-06",
    ...["Amazon", "Apple", "Google", "Meta", "Microsoft", "OpenAI", "Oracle", "xAI"].map(
      (name) => `${name} goes on`,
    ),
  ]);
  for (const { country, from } of supplementEight)
    expect([country, from]).toEqual(["AE", "2026-07-23"]);
});

test("the countries of Computer Tier 1 exist, once, and none is one whose nationals never have License Exception APP", () => {
  const tier = rulebook.exceptions.find(({ id }) => id === "exception-app-tier-1");
  const listed = tier?.places.countries ?? [];
  expect(new Set(listed).size).toBe(listed.length);
  for (const code of listed) {
    const groups = rulebook.countries.find((country) => country.code === code)?.groups;
    expect([code, groups]).toEqual([code, expect.any(Array)]);
    expect([code, groups?.some((each) => /^(E:|D:[145])/.test(each))]).toEqual([code, false]);
  }
});

test("the digest covers every added row", () => {
  const { digest: _, ...content } = rulebook;
  const others = [
    { ...content, safeguards: safeguards.slice(1) },
    { ...content, supplementEight: supplementEight.slice(1) },
    { ...content, thresholds: thresholds.slice(1) },
  ];
  for (const other of others) expect(digested(other).digest).not.toBe(rulebook.digest);
});
