import type { PersonFacts } from "../../../../src/export-control/facts.ts";
import { asks, held, license, runs, screenedClean, workload } from "../builders.ts";
import { type Policy, paper, papers, someone, works } from "./policy.ts";

const technology = { eccn: "4E001", paragraph: "4A001.b" } as const;
const forFrance = [license({ eccns: ["4E001"], destinations: ["FR"] })];
const forVietnam = [license({ eccns: ["4E001"], destinations: ["VN"] })];
const inFrance = { ...technology, to: "FR", licenses: forFrance } as const;
const staff = works({ headquarters: "FR", entityCountry: "FR" });
const screenedStaff = papers(
  "anti-diversion-procedures",
  "substantive-contact-screening",
  "non-disclosure-agreement",
  "technology-control-plan",
  "screening-records",
);
const at = (country: string) => works({ headquarters: country, entityCountry: country });
const inCountry = (to: string) => ({
  ...technology,
  to,
  licenses: [license({ eccns: ["4E001"], destinations: [to] })],
});
const exchanged = papers("anti-diversion-procedures", "itar-126-18-implementation");
const guided = papers("anti-diversion-procedures", "itar-agreements-guidelines");
const former = (country: string): Partial<PersonFacts> => ({
  citizenships: [held(country, "1980-01-01", "1990-01-01"), held("DE", "1985-01-01")],
});
const match = { ...screenedClean, matches: [{ source: "MEU", entry: "1", clearedBy: null }] };

// biome-ignore format: a table reads by its rows
export const reexports: readonly Policy[] = [
  ["a German on the permanent staff of a French entity in France", "734.20(b)", asks(someone("DE", staff), inFrance), "allow", { "export-ns": "covered", "deemed-export-ns": "not-applicable" }],
  ["a German of whose employment in France nothing is known", "734.14(a)(2)", asks(someone("DE"), inFrance), "deny", { "deemed-export-ns": "fail" }],
  ["a German who is no permanent and regular employee", "734.20(b)", asks(someone("DE", works({ headquarters: "FR", permanentRegular: false })), inFrance), "deny"],
  ["a German on the staff of an entity in Spain, in France", "734.20(b)", asks(someone("DE", works({ headquarters: "FR", entityCountry: "ES" })), inFrance), "deny"],
  ["a German whose entity may not receive the item itself", "734.20(b)", asks(someone("DE", staff), { ...technology, to: "FR" }), "deny", { "export-ns": "fail", "deemed-export-ns": "not-applicable" }],
  ["a German who is Chinese too", "734.20(b), exclusively A:5", asks(someone("DE", staff, { citizenships: [held("CN", "1980-01-01"), held("DE", "2000-01-01")] }), inFrance), "deny", { "deemed-export-ns": "fail" }],
  ["a German with a Vietnamese permanent residency", "734.20(b), exclusively A:5", asks(someone("DE", staff, { permanentResidencies: [held("VN", "1985-01-01")] }), inFrance), "deny"],
  ["a German who gave up an earlier Chinese citizenship", "734.20(b), exclusively A:5", asks(someone("DE", staff, former("CN")), inFrance), "allow", { "deemed-export-ns": "not-applicable" }],
  ["an Indian on the staff of a French entity: India is in A:5", "734.20(b)", asks(someone("IN", staff), inFrance), "allow", { "deemed-export-ns": "not-applicable" }],
  ["an Emirati on the staff of a French entity: the Emirates are in A:5", "734.20(b); 91 FR 43038", asks(someone("AE", staff), inFrance), "allow", { "deemed-export-ns": "not-applicable" }],
  ["a national of Taiwan, of A:6, on the staff of a French entity", "734.20(b), exclusively A:5", asks(someone("TW", staff), inFrance), "deny"],
  ["a German on the staff of an entity in Vietnam, outside A:5 territory", "734.20(b), only in A:5", asks(someone("DE", works({ headquarters: "VN" })), { ...technology, to: "VN", licenses: forVietnam }), "deny", { "deemed-export-ns": "fail" }],
  ["a Chinese national of a French entity, screened, under an agreement and a plan", "734.20(c)", asks(someone("CN", staff, screenedStaff), inFrance), "allow", { "deemed-export-ns": "not-applicable" }],
  ["a Chinese national of a French entity with a security clearance", "734.20(c)", asks(someone("CN", staff, papers("anti-diversion-procedures", "security-clearance")), inFrance), "allow"],
  ["a Chinese national of a French entity without procedures against diversion", "734.20(c)", asks(someone("CN", staff, papers("security-clearance")), inFrance), "deny"],
  ["a Chinese national of a French entity screened without a plan", "734.20(c)", asks(someone("CN", staff, papers("anti-diversion-procedures", "substantive-contact-screening", "non-disclosure-agreement")), inFrance), "deny"],
  ["a Chinese national of a French entity screened, whose screening records nobody keeps", "734.20(c)", asks(someone("CN", staff, papers("anti-diversion-procedures", "substantive-contact-screening", "non-disclosure-agreement", "technology-control-plan")), inFrance), "deny", { "deemed-export-ns": "fail" }],
  ["a Chinese national of a French entity with records of a screening that nobody made", "734.20(c)", asks(someone("CN", staff, papers("anti-diversion-procedures", "screening-records", "non-disclosure-agreement", "technology-control-plan")), inFrance), "deny"],
  ["a Chinese national of a French entity screened without a non-disclosure agreement", "734.20(c)", asks(someone("CN", staff, papers("anti-diversion-procedures", "substantive-contact-screening", "screening-records", "technology-control-plan")), inFrance), "deny"],
  ["a Chinese national of a British entity that implements 22 CFR 126.18(d)", "734.20(c); 22 CFR 126.18(d)", asks(someone("CN", at("GB"), exchanged), inCountry("GB")), "allow", { "deemed-export-ns": "not-applicable" }],
  ["a Chinese national of a British entity that implements nothing", "734.20(c); 22 CFR 126.18(d)", asks(someone("CN", at("GB"), papers("anti-diversion-procedures")), inCountry("GB")), "deny", { "deemed-export-ns": "fail" }],
  ["a Chinese national of a British entity under the guidelines of others", "734.20(c); 22 CFR 126.18(d)", asks(someone("CN", at("GB"), guided), inCountry("GB")), "deny"],
  ["a Chinese national of a British entity that implements 22 CFR 126.18(d) without procedures against diversion", "734.20(c); 22 CFR 126.18(d)", asks(someone("CN", at("GB"), papers("itar-126-18-implementation")), inCountry("GB")), "deny"],
  ["a Vietnamese of a Canadian entity that implements 22 CFR 126.18(d)", "734.20(c); 22 CFR 126.18(d)", asks(someone("VN", at("CA"), exchanged), inCountry("CA")), "allow", { "deemed-export-ns": "not-applicable" }],
  ["a Vietnamese of a Canadian entity whose implementation ended yesterday", "734.20(c); 22 CFR 126.18(d)", asks(someone("VN", at("CA"), { acknowledgements: [paper("anti-diversion-procedures"), paper("itar-126-18-implementation", { expiresOn: "2026-11-22" })] }), inCountry("CA")), "deny", { "deemed-export-ns": "fail" }],
  ["a Vietnamese of an Australian entity under the guidelines for agreements", "734.20(c); ITAR agreements guidelines", asks(someone("VN", at("AU"), guided), inCountry("AU")), "allow", { "deemed-export-ns": "not-applicable" }],
  ["a Vietnamese of an Australian entity with the exchange of others", "734.20(c); ITAR agreements guidelines", asks(someone("VN", at("AU"), exchanged), inCountry("AU")), "deny", { "deemed-export-ns": "fail" }],
  ["a Vietnamese of a Dutch entity under the guidelines for agreements", "734.20(c); ITAR agreements guidelines", asks(someone("VN", at("NL"), guided), inCountry("NL")), "allow", { "deemed-export-ns": "not-applicable" }],
  ["a Vietnamese of a Dutch entity with the exchange of others", "734.20(c); ITAR agreements guidelines", asks(someone("VN", at("NL"), exchanged), inCountry("NL")), "deny", { "deemed-export-ns": "fail" }],
  ["a Vietnamese of a French entity under the guidelines of others", "734.20(c); ITAR agreements guidelines", asks(someone("VN", staff, guided), inFrance), "deny", { "deemed-export-ns": "fail" }],
  ["a Vietnamese of a French entity with the exchange of others", "734.20(c); 22 CFR 126.18(d)", asks(someone("VN", staff, exchanged), inFrance), "deny"],
  ["a Chinese national of a French entity whose clearance expired yesterday", "734.20(c)", asks(someone("CN", staff, { acknowledgements: [paper("anti-diversion-procedures"), paper("security-clearance", { expiresOn: "2026-11-22" })] }), inFrance), "deny"],
  ["a German on the staff of a French entity, with a match that nobody cleared", "734.20(b), not proscribed", asks(someone("DE", staff), { ...inFrance, screening: match }), "deny", { "deemed-export-ns": "fail" }],
  ["a Cuban on the staff of a French entity: Part 746 stands", "746.2(a)", asks(someone("CU", staff, screenedStaff), inFrance), "deny", { "embargo-nationality": "fail", "deemed-export-ns": "not-applicable" }],
  ["in the United States 734.20 helps nobody", "734.13(a)(2)", asks(someone("DE", works()), technology), "deny", { "deemed-export-ns": "fail" }],
  ["4E091 to a German on the staff of a French entity with a license for France", "734.20(b); 742.6(a)(13)", asks(someone("DE", works({ headquarters: "FR" })), { to: "FR", licenses: [license({ destinations: ["FR"] })] }), "allow", { "export-rs": "covered", "deemed-export-rs": "not-applicable" }],
  ["a Canadian in Germany: nothing is required for Canada", "734.20(a)", asks(someone("CA"), { ...technology, to: "DE", licenses: [license({ eccns: ["4E001"], destinations: ["DE"] })] }), "allow", { "deemed-export-ns": "pass" }],
  ["a French workload's German accountable person on its entity's staff", "734.20(b)", runs(workload({ country: "FR", headquarters: "FR", ultimateParentHeadquarters: "FR" }, someone("DE", staff)), inFrance), "allow", { "deemed-export-ns": "not-applicable" }],
  ["a French workload of a German entity: 734.20 is for people", "734.14(a)(2)", runs(workload({ country: "DE", headquarters: "DE", ultimateParentHeadquarters: "DE" }), inFrance), "deny", { "deemed-export-ns": "fail" }],
];
