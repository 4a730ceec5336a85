import { expect, test } from "@jest/globals";
import { decide } from "../../../src/export-control/decide.ts";
import type { CheckId } from "../../../src/export-control/decision.ts";
import { acknowledgementKinds, type Facts } from "../../../src/export-control/facts.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { asks, held, license, naming } from "./builders.ts";
import { paper, papers, someone, stating, works } from "./policies/policy.ts";

const technology = { eccn: "3E001", paragraph: "3B001.h" } as const;

function checkOf(facts: Facts, check: CheckId) {
  return decide(facts, rulebook).checks.find(({ check: id }) => id === check);
}

test("a check that an exception covers names it with its conditions, and relies on no license", () => {
  const facts = asks(someone("DE", papers("tsr-written-assurance")), {
    ...technology,
    licenses: [license({ eccns: ["3E001"], nationalities: ["DE"] }, { releasesLeft: 1 })],
  });
  const check = checkOf(facts, "deemed-export-ns");
  expect(check).toMatchObject({
    outcome: "covered",
    licenses: [],
    exceptions: [{ exception: "exception-tsr", symbol: "TSR", covers: true }],
  });
  expect(check?.reason).toContain("License Exception TSR (15 CFR 740.6(a)) covers it");
  expect(decide(facts, rulebook).licenses).toEqual([]);
});

test("the remedy of a check that is not covered names the exception and the condition that is missing", () => {
  const check = checkOf(
    asks(someone("DE", works(), papers("sta-eccn-furnished")), technology),
    "deemed-export-ns",
  );
  expect(check?.outcome).toBe("fail");
  expect(check?.remedy).toContain(
    "License Exception STA (15 CFR 740.20(c)(1)) would cover it once this is on record: the prior consignee statement",
  );
  const sta = check?.exceptions.find(({ symbol }) => symbol === "STA");
  expect(sta?.covers).toBe(false);
  expect(sta?.conditions.map(({ state }) => state)).toEqual(["met", "unmet"]);
});

test("an exception that nothing points to is not put forward", () => {
  const check = checkOf(asks(someone("DE"), technology), "deemed-export-ns");
  expect(check?.exceptions.map(({ symbol }) => symbol).sort()).toEqual(["STA", "TSR"]);
});

test("one reason covered by an exception leaves another to a license", () => {
  const facts = stating(
    asks(someone("IN", works({ employer: "university" }), papers("visa-in-force")), {
      eccn: "4E001",
      paragraph: "4A003.b",
    }),
    {},
  );
  const brazilian = stating(
    asks(someone("BR", papers("visa-in-force")), { eccn: "4E001", paragraph: "4A003.b" }),
    { computer: { peakPerformanceWt: 10, purpose: "use" } },
  );
  expect(decide(facts, rulebook).verdict).toBe("allow");
  const bare = decide(brazilian, rulebook);
  expect(bare.verdict).toBe("deny");
  const crime = license({ eccns: ["4E001"], nationalities: ["BR"], reasons: ["CC"] });
  const both = decide({ ...brazilian, licenses: [crime] }, rulebook);
  expect(both).toMatchObject({ verdict: "allow", licenses: ["license-1"] });
});

test("no condition of an exception names a country or a party", () => {
  const names = rulebook.countries.filter(({ code }) => code !== "US").map(({ name }) => name);
  for (const { conditions } of rulebook.exceptions)
    for (const { words } of conditions)
      expect([words, names.filter((name) => words.includes(name))]).toEqual([words, []]);
});

test("where listed entities are left out, the remedy names the paper, and elsewhere it does not", () => {
  const lower = { eccn: "4D090", paragraph: "4A090.b" } as const;
  const remedyTo = (to: string) =>
    checkOf(asks(someone("US", works()), { ...lower, to }), "export-rs")?.remedy;
  expect(remedyTo("AE")).toContain("an entity of Supplement No. 8 to Part 740");
  expect(remedyTo("VN")).not.toContain("Supplement No. 8");
});

test("the open question of a nationality is spelled out in the check's reason and remedy", () => {
  for (const [country, section] of [
    ["IR", "746.7"],
    ["KP", "746.4"],
  ] as const) {
    const check = checkOf(asks(someone(country), { eccn: "EAR99" }), "embargo-nationality");
    expect(check?.outcome).toBe("unknown");
    expect(check?.reason).toContain(`whether ${section} reaches`);
    expect(check?.remedy).toContain("Counsel answers the question");
  }
});

test("the open question of weights below 10^26 operations is spelled out", () => {
  const check = checkOf(stating(asks(someone("US"), { eccn: "EAR99" }), { basis: "self" }), "eccn");
  expect(check?.reason).toContain("below 10^26 operations");
  expect(check?.remedy).toContain("state on what it was determined");
});

test("abroad the deemed checks cite the reexport and what 734.20 asks for, in the United States the export", () => {
  const german = someone("DE", { citizenships: [held("DE")] });
  const abroad = checkOf(asks(german, { ...technology, to: "FR" }), "deemed-export-ns");
  expect(abroad?.citation).toContain("15 CFR 734.14(a)(2), (b)");
  expect(abroad?.remedy).toContain("734.20");
  const home = asks(german, technology);
  expect(checkOf(home, "deemed-export-ns")?.citation).not.toContain("734.14");
  expect(checkOf(home, "nationality")?.citation).toBe("15 CFR 734.13(a)(2), (b); 772.1");
  expect(checkOf(asks(german, { ...technology, to: "FR" }), "nationality")?.citation).toBe(
    "15 CFR 734.14(a)(2), (b); 772.1",
  );
});

test("the conditions that licenses wait for are told in one order, however the licenses are given", () => {
  const rider = { id: "plan", text: "A plan.", kind: "manual", state: null } as const;
  const waiting = ["license-a", "license-b"].map((id) =>
    license({ nationalities: ["DE"] }, { id, riders: [rider] }),
  );
  const given = asks(someone("DE"), { licenses: waiting });
  const turned = { ...given, licenses: waiting.toReversed() };
  expect(JSON.stringify(decide(given, rulebook))).toContain("its condition plan");
  expect(decide(turned, rulebook)).toEqual(decide(given, rulebook));
});

test("no license exception, with every paper and statement or on an officer's record, cures what Parts 744 and 746 ask", () => {
  const all = {
    acknowledgements: acknowledgementKinds.map((kind) => paper(kind, { eccns: null })),
  };
  const cured: unknown[] = [];
  for (const to of ["US", "CU", "IR", "KP", "SY", "RU", "BY", "UA", "CN", "MO", "DE"])
    for (const who of ["US", "CU", "IR", "KP", "SY", "RU", "CN", "DE"])
      for (const eccn of ["3E001", "4D090", "4E091", "5D002", "5D992", "EAR99"])
        for (const employer of ["us-government", "private-sector", "university"] as const) {
          const person = someone(who, works({ employer }), all);
          const scope = { eccns: [eccn], destinations: [to], nationalities: [who] };
          const recorded = license(
            { ...scope, parties: naming(person.id) },
            { kind: "license-exception", number: "GOV" },
          );
          const facts = stating(asks(person, { to, eccn, licenses: [recorded] }), {
            statements: ["minimum-operation", "bug-fix", "mass-market", "copy-of-authorized"],
          });
          for (const { check, outcome, exceptions } of decide(facts, rulebook).checks)
            if (/^(embargo|end-use|denied-party|ownership)/.test(check))
              if (outcome === "covered" || exceptions.length > 0)
                cured.push([to, who, eccn, check]);
        }
  expect(cured).toEqual([]);
});
