import { expect, test } from "@jest/globals";
import { decide } from "../../../src/export-control/decide.ts";
import type { CheckId } from "../../../src/export-control/decision.ts";
import type { Facts } from "../../../src/export-control/facts.ts";
import type { Entry } from "../../../src/export-control/rulebook/rule.ts";
import { digested, type Rulebook, rulebook } from "../../../src/export-control/rulebook.ts";
import { asks, license } from "./builders.ts";
import { type Policy, paper, papers, someone, stating, works } from "./policies/policy.ts";

/** The shipped rulebook without what later versions added, as a vault keeps one on which it decided before. */
const kept = formerly(rulebook);

function formerly(shipped: Rulebook): Rulebook {
  const { digest: _, supplementEight: _listed, safeguards: _ways, ...rest } = shipped;
  const { thresholds: _numbers, ...content } = rest;
  const later = [
    "exception-tsu-b",
    "exception-app-tier-1",
    "principle-published-encryption",
    "principle-supplement-five",
  ];
  const before = <Row extends { readonly id: string }>(rows: readonly Row[]) =>
    rows.filter(({ id }) => !later.includes(id));
  return digested({
    ...content,
    entries: content.entries.map(
      ({ eccn, heading, kind, plain }) => ({ eccn, heading, kind, plain }) as Entry,
    ),
    exceptions: before(content.exceptions),
    principles: before(content.principles),
    requirements: content.requirements.map((row) => {
      if (row.reach.kind !== "places") return row;
      const { exceptListed: _left, ...reach } = row.reach;
      return { ...row, reach };
    }),
  });
}

const listed = paper("supplement-eight-entity", { eccns: null, name: "Microsoft" });
const consigned = [paper("sta-eccn-furnished"), paper("sta-consignee-statement")];
const inFrance = {
  eccn: "4E001",
  paragraph: "4A001.b",
  to: "FR",
  licenses: [license({ eccns: ["4E001"], destinations: ["FR"] })],
} as const;
const staff = works({ headquarters: "FR", entityCountry: "FR" });
const screened = papers(
  "anti-diversion-procedures",
  "substantive-contact-screening",
  "non-disclosure-agreement",
  "technology-control-plan",
);

/** Each with the outcome of a check on the kept rulebook and on the one of today. */
const cases: readonly (readonly [Policy[0], CheckId, Facts, string, string])[] = [
  [
    "a listed entity's staff in the Emirates",
    "export-rs",
    asks(someone("US", works({ headquarters: "AE" }), { acknowledgements: [listed] }), {
      eccn: "4D090",
      paragraph: "4A090.b",
      to: "AE",
    }),
    "fail",
    "pass",
  ],
  [
    "an Emirati with the papers of STA and of a listed entity",
    "deemed-export-ns",
    asks(someone("AE", { acknowledgements: [...consigned, listed] }), {
      eccn: "4E001",
      paragraph: "4A001.b",
    }),
    "fail",
    "covered",
  ],
  [
    "a screened employee abroad, of the keeping of whose records nothing is known",
    "deemed-export-ns",
    asks(someone("CN", staff, screened), inFrance),
    "not-applicable",
    "fail",
  ],
  [
    "an employee of an entity abroad that implements 22 CFR 126.18(d)",
    "deemed-export-ns",
    asks(
      someone(
        "VN",
        works({ headquarters: "GB", entityCountry: "GB" }),
        papers("anti-diversion-procedures", "itar-126-18-implementation"),
      ),
      { ...inFrance, to: "GB" },
    ),
    "fail",
    "not-applicable",
  ],
  [
    "sales technology with an offer",
    "deemed-export-ns",
    stating(
      asks(someone("DE", papers("quotation-bid-or-offer")), {
        eccn: "4E001",
        paragraph: "4A001.b",
      }),
      { statements: ["sales-technology"] },
    ),
    "fail",
    "covered",
  ],
  [
    "a Singaporean above the limits of Computer Tier 3",
    "deemed-export-ns",
    stating(asks(someone("SG", papers("visa-in-force")), { eccn: "4E001", paragraph: "4A003.b" }), {
      computer: { peakPerformanceWt: 175, purpose: "development-or-production" },
    }),
    "fail",
    "covered",
  ],
  [
    "published source code for encryption",
    "deemed-export-ei",
    stating(asks(someone("VN"), { eccn: "5D002", paragraph: "5D002.c.1" }), {
      form: "source-code",
      published: { basis: "public-dissemination", on: "2026-11-01" },
      statements: ["encryption-source-notified"],
    }),
    "fail",
    "not-applicable",
  ],
];

test.each(cases)(
  "%s: decided on a kept rulebook as it was then, and today by today's",
  (_name, check, facts, then, now) => {
    const outcomeOn = (given: Rulebook) =>
      decide(facts, given).checks.find(({ check: id }) => id === check)?.outcome;
    expect([outcomeOn(kept), outcomeOn(rulebook)]).toEqual([then, now]);
    expect(decide(facts, kept).rulebook).toBe(kept.digest);
  },
);

test("a kept rulebook says of listed entities what it said, and has another digest", () => {
  const facts = asks(someone("AE", { acknowledgements: consigned }), {
    eccn: "4E001",
    paragraph: "4A001.b",
  });
  const sta = decide(facts, kept)
    .checks.flatMap(({ exceptions }) => exceptions)
    .find(({ symbol }) => symbol === "STA");
  expect(sta?.conditions.at(-1)).toEqual({
    condition:
      "that the party is one of Supplement No. 8 to Part 740, which this version does not tell",
    state: "unknown",
  });
  expect(kept.digest).not.toBe(rulebook.digest);
});

test("papers that were recorded before they could carry a name are read as without one", () => {
  const { name: _, ...unnamed } = paper("supplement-eight-entity", { eccns: null });
  const person = someone("US", works({ headquarters: "AE" }), {
    acknowledgements: [unnamed as typeof listed],
  });
  const facts = asks(person, { eccn: "4D090", paragraph: "4A090.b", to: "AE" });
  const check = decide(facts, rulebook).checks.find(({ check: id }) => id === "export-rs");
  expect(check?.outcome).toBe("fail");
});
