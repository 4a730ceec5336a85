import { expect, test } from "@jest/globals";
import { stateOf } from "../../../src/export-control/condition.ts";
import type { CheckedCondition } from "../../../src/export-control/decision.ts";
import type { Facts } from "../../../src/export-control/facts.ts";
import type { Need } from "../../../src/export-control/finding.ts";
import type { ExceptionCondition } from "../../../src/export-control/rulebook/rule.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { asks, citizen, held, nationalOf, runs, workload } from "./builders.ts";
import { paper, papers, someone, stating, works } from "./policies/policy.ts";

type Terms<Condition = ExceptionCondition> = Condition extends unknown
  ? Omit<Condition, "words">
  : never;
type Row = readonly [
  name: string,
  citation: string,
  condition: Terms,
  facts: Facts,
  state: CheckedCondition["state"],
];

const item = { eccn: "4E001", paragraph: "4A003.b" } as const;
const software = { eccn: "4D001", paragraph: "4A003.b" } as const;
const german = (...more: Parameters<typeof someone>[1][]) => asks(someone("DE", ...more), item);
const entity = (members: Parameters<typeof workload>[0] = {}) =>
  runs(workload({ country: "DE", ...members }), item);
const assurance = { kind: "acknowledged", what: "tsr-written-assurance", byItem: true } as const;
const visa = { kind: "acknowledged", what: "visa-in-force", byItem: false } as const;
const massMarket = { kind: "stated", what: "mass-market" } as const;
const objectCode = { kind: "object-code" } as const;
const universities = { kind: "employer", employers: ["university", "us-government"] } as const;
const outsideD5 = { kind: "no-status-in", groups: ["D:5", "E:1"] } as const;
const headquarters = { kind: "headquarters-outside-macau-and-d5" } as const;
const limits = { kind: "performance", developmentOrProductionWt: 50, useWt: 140 } as const;
const noLimit = { kind: "performance", developmentOrProductionWt: null, useWt: null } as const;
const computer = (peakPerformanceWt: number, purpose: "development-or-production" | "use"): Facts =>
  stating(german(), { computer: { peakPerformanceWt, purpose } });
const proposed = { state: "proposed", approvedBy: null } as const;
const ended = {
  by: "officer-1",
  on: "2026-01-01",
  evidence: "contract",
  expiresOn: "2026-11-22",
} as const;
const none = { usPerson: null, nationality: null, employment: null, acknowledgements: null };
const employmentEnded = { verifications: { ...none, employment: ended } };

// biome-ignore format: a table reads by its rows
const rows: readonly Row[] = [
  ["no paper is known of", "740.6(a)", assurance, german(), "unknown"],
  ["papers are known, and this is none of them", "740.6(a)", assurance, german(papers("visa-in-force")), "unmet"],
  ["the paper names the item", "740.6(a)", assurance, german(papers("tsr-written-assurance")), "met"],
  ["the paper has to name an item, and names none", "740.6(a)", assurance, german({ acknowledgements: [paper("tsr-written-assurance", { eccns: null })] }), "unmet"],
  ["the paper names another item", "740.6(a)", assurance, german({ acknowledgements: [paper("tsr-written-assurance", { eccns: ["4D001"] })] }), "unmet"],
  ["the paper need name no item, and names none", "740.7", visa, german({ acknowledgements: [paper("visa-in-force", { eccns: null })] }), "met"],
  ["the paper need name no item, and names another", "740.7", visa, german({ acknowledgements: [paper("visa-in-force", { eccns: ["4D001"] })] }), "unmet"],
  ["the verification of the papers has ended", "740.6(a)", assurance, german(papers("tsr-written-assurance"), { verifications: { ...none, acknowledgements: ended } }), "unknown"],
  ["the entity's own paper", "740.6(a)", assurance, entity({ acknowledgements: [paper("tsr-written-assurance")] }), "met"],
  ["the entity has no paper", "740.6(a)", assurance, entity({ acknowledgements: [] }), "unmet"],
  ["the accountable person's paper is none of the entity's", "740.6(a)", assurance, runs(workload({ country: "DE" }, someone("US", papers("tsr-written-assurance"))), item), "unknown"],
  ["nobody states anything of the item", "740.13(d)", massMarket, german(), "unknown"],
  ["something else is stated of the item", "740.13(d)", massMarket, stating(german(), { statements: ["bug-fix"] }), "unmet"],
  ["it is stated of the item", "740.13(d)", massMarket, stating(german(), { statements: ["mass-market"] }), "met"],
  ["it is proposed, and nobody approved it", "two-person rule", massMarket, stating(german(), { statements: ["mass-market"], ...proposed }), "unknown"],
  ["technology has no form to be in", "740.13(a)", objectCode, german(), "met"],
  ["software of a form that nobody states", "740.13(a)", objectCode, asks(citizen, software), "unknown"],
  ["software in source code", "740.13(a)", objectCode, stating(asks(citizen, software), { form: "source-code" }), "unmet"],
  ["software in object code", "740.13(a)", objectCode, stating(asks(citizen, software), { form: "object-code" }), "met"],
  ["software in object code, proposed", "two-person rule", objectCode, stating(asks(citizen, software), { form: "object-code", ...proposed }), "unknown"],
  ["an employer of unknown kind", "740.11", universities, german(works({ employer: null })), "unknown"],
  ["an employer of which nothing is known", "740.11", universities, german(), "unknown"],
  ["an employer of another kind", "740.11", universities, german(works()), "unmet"],
  ["an employer of the first kind", "740.11", universities, german(works({ employer: "university" })), "met"],
  ["an employer of the second kind", "740.11", universities, german(works({ employer: "us-government" })), "met"],
  ["an employer whose verification has ended", "740.11", universities, german(works({ employer: "university" }), employmentEnded), "unknown"],
  ["an entity has no employer", "740.11", universities, entity(), "unknown"],
  ["an employer of unknown country", "740.11(c)", { kind: "employer-of-the-country" }, german(works({ entityCountry: null })), "unknown"],
  ["an employer of the country", "740.11(c)", { kind: "employer-of-the-country" }, german(works({ entityCountry: "DE" })), "met"],
  ["an employer of another country", "740.11(c)", { kind: "employer-of-the-country" }, german(works()), "unmet"],
  ["a capacity that nobody knows", "740.17(a)(2)", { kind: "engaged" }, german(works({ capacity: null })), "unknown"],
  ["an intern", "740.17(a)(2)", { kind: "engaged" }, german(works({ capacity: "intern" })), "met"],
  ["nothing known of the engagement", "740.17(a)(2)", { kind: "engaged" }, german(), "unknown"],
  ["an employment that nobody knows of", "734.20(d)(2)", { kind: "permanent-regular" }, german({ employment: null }), "unknown"],
  ["an employment that is not permanent", "734.20(d)(2)", { kind: "permanent-regular" }, german(works({ permanentRegular: false })), "unmet"],
  ["a permanent and regular employment", "734.20(d)(2)", { kind: "permanent-regular" }, german(works()), "met"],
  ["a permanent employment whose verification has ended", "734.20(d)(2)", { kind: "permanent-regular" }, german(works(), employmentEnded), "unknown"],
  ["a German subsidiary of a U.S. parent", "740.17(a)(2)", { kind: "us-parent" }, german(works({ headquarters: "DE", parent: "US" })), "met"],
  ["a U.S. subsidiary of a German parent", "740.17(a)(2)", { kind: "us-parent" }, german(works({ parent: "DE" })), "unmet"],
  ["a parent that nobody knows", "740.17(a)(2)", { kind: "us-parent" }, german(works({ parent: null })), "unknown"],
  ["an employer that nobody knows", "740.17(a)(2)", { kind: "us-parent" }, german({ employment: null }), "unknown"],
  ["an entity with a U.S. parent", "740.17(a)(2)", { kind: "us-parent" }, entity({ headquarters: "DE" }), "met"],
  ["an entity with a German parent", "740.17(a)(2)", { kind: "us-parent" }, entity({ ultimateParentHeadquarters: "DE" }), "unmet"],
  ["headquarters and parent in Supplement No. 5(a)", "740.27", { kind: "supplement-five" }, german(works({ headquarters: "JP", parent: "NL" })), "met"],
  ["headquarters outside, the parent within", "740.27", { kind: "supplement-five" }, german(works({ headquarters: "SG", parent: "NL" })), "unmet"],
  ["headquarters within, the parent outside", "740.27", { kind: "supplement-five" }, german(works({ headquarters: "NL", parent: "SG" })), "unmet"],
  ["a parent that is not known, for Supplement No. 5(a)", "740.27", { kind: "supplement-five" }, german(works({ parent: null })), "unknown"],
  ["headquarters and parent outside Macau and D:5", "740.28", headquarters, german(works({ headquarters: "SG", parent: "AE" })), "met"],
  ["headquarters in Macau", "740.28", headquarters, german(works({ headquarters: "MO", parent: "US" })), "unmet"],
  ["a parent in D:5", "740.28", headquarters, german(works({ parent: "CN" })), "unmet"],
  ["headquarters that are not known", "740.28", headquarters, german({ employment: null }), "unknown"],
  ["an entity headquartered in D:5", "740.28", headquarters, entity({ headquarters: "CN" }), "unmet"],
  ["an entity whose parent is not known", "740.28", headquarters, entity({ ultimateParentHeadquarters: null }), "unknown"],
  ["no status in the groups", "740.13(f)", outsideD5, german(), "met"],
  ["a former status in one of the groups", "740.13(f), read strictly", outsideD5, german({ citizenships: [held("CN", "1990-01-01", "2000-01-01"), held("DE", "2000-01-01")] }), "unmet"],
  ["a residency in one of the groups", "740.13(f)", outsideD5, german({ permanentResidencies: [held("IR")] }), "unmet"],
  ["statuses that are not known", "740.13(f)", outsideD5, german({ citizenships: null }), "unknown"],
  ["residencies that are not known", "740.13(f)", outsideD5, german({ permanentResidencies: null }), "unknown"],
  ["a status whose verification has ended", "740.13(f)", outsideD5, german({ verifications: { ...none, nationality: ended } }), "unknown"],
  ["a code that stands for no country", "740.13(f)", outsideD5, german({ citizenships: [held("DE"), held("ZZ")] }), "unknown"],
  ["a decision at a time that cannot be read", "740.13(f)", outsideD5, { ...german(), at: "soon" }, "unknown"],
  ["an entity has no nationality", "740.13(f)", outsideD5, entity(), "unknown"],
  ["received in the United States", "740.13(f)", { kind: "received-in-us" }, german(), "met"],
  ["received in France", "740.13(f)", { kind: "received-in-us" }, asks(nationalOf("DE"), { ...item, to: "FR" }), "unmet"],
  ["received nobody knows where", "740.13(f)", { kind: "received-in-us" }, { ...german(), destination: { country: null, basis: "unknown", site: null } }, "unknown"],
  ["a performance that nobody states", "740.7", limits, german(), "unknown"],
  ["50 weighted teraflops for development", "740.7", limits, computer(50, "development-or-production"), "met"],
  ["51 weighted teraflops for development", "740.7", limits, computer(51, "development-or-production"), "unmet"],
  ["140 weighted teraflops for use", "740.7", limits, computer(140, "use"), "met"],
  ["141 weighted teraflops for use", "740.7", limits, computer(141, "use"), "unmet"],
  ["any performance where there is no limit", "740.7, A:5", noLimit, computer(9_999, "use"), "met"],
];

test.each(rows)("%s (%s)", (_, _citation, condition, facts, state) => {
  const { subject } = facts;
  const parties =
    subject.kind === "person"
      ? { persons: [subject.person.id], workloads: [], entities: [] }
      : { persons: [], workloads: [subject.workload.id], entities: [subject.workload.entity.id] };
  const need: Need = {
    kind: "deemed-export",
    country: "DE",
    parties,
    named: false,
    reason: "NS",
    admits: ["bis-license"],
  };
  expect(stateOf({ facts, rulebook }, need, { ...condition, words: "it is so" })).toBe(state);
});

test("no two of these cases have the same name", () => {
  expect(new Set(rows.map(([name]) => name)).size).toBe(rows.length);
});
