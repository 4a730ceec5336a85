import type { ClassificationFacts, PersonFacts } from "../../../../src/export-control/facts.ts";
import { asks, held, license, naming, screenedClean } from "../builders.ts";
import { type Policy, paper, papers, someone, stating, works } from "./policy.ts";

const uvl = {
  screening: { ...screenedClean, matches: [{ source: "UVL", entry: "1", clearedBy: null }] },
} as const;
const wt = (
  peakPerformanceWt: number,
  purpose: "development-or-production" | "use" = "development-or-production",
): Partial<ClassificationFacts> => ({ computer: { peakPerformanceWt, purpose } });

const circuitTechnology = { eccn: "3E001", paragraph: "3B001.h" } as const;
const computerTechnology = { eccn: "4E001", paragraph: "4A001.b" } as const;
const computerSoftware = { eccn: "4D001", paragraph: "4A001.b" } as const;
const fourA003 = { eccn: "4E001", paragraph: "4A003.b" } as const;
const brazilian = (stated: Partial<ClassificationFacts>, more: Partial<PersonFacts> = {}) =>
  stating(asks(someone("BR", papers("visa-in-force"), more), fourA003), stated);
/** A license for the reason that License Exception APP does not overcome. */
const crimeOf = (country: string) => [
  license({ eccns: ["4E001"], nationalities: [country], reasons: ["CC"] }),
];
const encryption = { eccn: "5E002", paragraph: "5A002.a" } as const;
const assured = papers("tsr-written-assurance");
const consigned = papers("sta-eccn-furnished", "sta-consignee-statement");
const internal = papers("enc-internal-use");
const certified = papers("aia-certification", "aia-facility");
const accounting = papers("acm-accounts");
const verifiedUntil = (expiresOn: string): Partial<PersonFacts> => ({
  verifications: {
    usPerson: null,
    nationality: null,
    employment: null,
    acknowledgements: {
      by: "officer-1",
      on: "2026-01-01",
      evidence: "contract",
      expiresOn,
    },
  },
});

// biome-ignore format: a table reads by its rows
export const restricted: readonly Policy[] = [
  ["TSR: 3E001 to a German who gave the written assurance", "740.6(a)", asks(someone("DE", assured), circuitTechnology), "allow", { "deemed-export-ns": "covered" }, ["exception-tsr"]],
  ["TSR: 3E001 to Germany for a citizen who gave the assurance as consignee", "740.6(a)", asks(someone("US", assured), { ...circuitTechnology, to: "DE" }), "allow", { "export-ns": "covered" }, ["exception-tsr"]],
  ["TSR: 3E001 to an Indian", "740.6; Country Group B", asks(someone("IN", assured), circuitTechnology), "allow", { "deemed-export-ns": "covered" }],
  ["TSR: 3E001 to a national of Taiwan", "740.6; Country Group B", asks(someone("TW", assured), circuitTechnology), "allow", { "deemed-export-ns": "covered" }],
  ["TSR: 3E001 to a national of Kosovo", "740.6; Country Group B", asks(someone("XK", assured), circuitTechnology), "allow", { "deemed-export-ns": "covered" }],
  ["TSR: nobody knows of any assurance", "740.6(a)", asks(someone("DE"), circuitTechnology), "deny", { "deemed-export-ns": "fail" }, []],
  ["TSR: the assurance is not among the papers", "740.6(a)", asks(someone("DE", consignedNothing()), circuitTechnology), "deny", { "deemed-export-ns": "fail" }],
  ["TSR: the assurance names another item", "740.6(a)", asks(someone("DE", { acknowledgements: [paper("tsr-written-assurance", { eccns: ["5D992"] })] }), circuitTechnology), "deny"],
  ["TSR: the assurance names no item", "740.6(a)", asks(someone("DE", { acknowledgements: [paper("tsr-written-assurance", { eccns: null })] }), circuitTechnology), "deny"],
  ["TSR: the assurance on its last day", "740.6(a)", asks(someone("DE", { acknowledgements: [paper("tsr-written-assurance", { expiresOn: "2026-11-23" })] }), circuitTechnology), "allow"],
  ["TSR: the assurance expired yesterday", "740.6(a)", asks(someone("DE", { acknowledgements: [paper("tsr-written-assurance", { expiresOn: "2026-11-22" })] }), circuitTechnology), "deny"],
  ["TSR: the assurance is signed today", "740.6(a)", asks(someone("DE", { acknowledgements: [paper("tsr-written-assurance", { signedOn: "2026-11-23" })] }), circuitTechnology), "allow"],
  ["TSR: the assurance is dated tomorrow", "740.6(a)", asks(someone("DE", { acknowledgements: [paper("tsr-written-assurance", { signedOn: "2026-11-24" })] }), circuitTechnology), "deny"],
  ["TSR: the assurance bears a date that cannot be read", "740.6(a)", asks(someone("DE", { acknowledgements: [paper("tsr-written-assurance", { expiresOn: "next year" })] }), circuitTechnology), "deny"],
  ["TSR: the papers were verified until today", "740.6(a)", asks(someone("DE", assured, verifiedUntil("2026-11-23")), circuitTechnology), "allow"],
  ["TSR: the verification of the papers expired yesterday", "740.6(a)", asks(someone("DE", assured, verifiedUntil("2026-11-22")), circuitTechnology), "deny"],
  ["TSR: to a Chinese national, outside Country Group B", "740.6; Country Group B", asks(someone("CN", assured), circuitTechnology), "deny", { "deemed-export-ns": "fail" }],
  ["TSR: to a national of Hong Kong, which is China", "740.6; 85 FR 83788", asks(someone("HK", assured), circuitTechnology), "deny"],
  ["TSR: to a Vietnamese national, of D:1", "740.6; Country Group D:1", asks(someone("VN", assured), circuitTechnology), "deny"],
  ["TSR: to a Cambodian national, still of D:1", "740.6; Country Group D:1", asks(someone("KH", assured), circuitTechnology), "deny"],
  ["TSR: to a Ukrainian national, whom the text names", "740.6(a)", asks(someone("UA", assured), circuitTechnology), "deny"],
  ["TSR: to a Sudanese national, whom the text names", "740.6(a)", asks(someone("SD", assured), circuitTechnology), "deny"],
  ["TSR: 3E001 for 3A001 to an Indian, where MT asks for a license too", "740.6, NS alone", asks(someone("IN", assured), { eccn: "3E001", paragraph: "3A001.a" }), "deny", { "deemed-export-ns": "fail", "deemed-export-mt": "fail" }],
  ["TSR: 3E001 for amplifiers of 3A001.b.2, which the entry excepts", "3E001, TSR (c)", asks(someone("DE", assured), { eccn: "3E001", paragraph: "3A001.b.2" }), "deny"],
  ["TSR: 3E001 without a paragraph, which may be an excepted one", "3E001, TSR", asks(someone("DE", assured), { eccn: "3E001" }), "deny", { "deemed-export-ns": "fail" }],
  ["TSR: 3E001 for 3B001, some of which other paragraphs state", "3E001, TSR", asks(someone("DE", assured), { eccn: "3E001", paragraph: "3B001" }), "allow"],
  ["TSR: 4D001 for computers of 29 weighted teraflops", "4D001, TSR (1)", stating(asks(someone("DE", assured), computerSoftware), wt(29)), "allow", { "deemed-export-ns": "covered" }],
  ["TSR: 4D001 for computers of 30 weighted teraflops", "4D001, TSR (1)", stating(asks(someone("DE", assured), computerSoftware), wt(30)), "deny"],
  ["TSR: 4D001 for computers of unknown performance", "4D001, TSR (1)", asks(someone("DE", assured), computerSoftware), "deny"],
  ["TSR: 4D001 for 4A005", "4D001, TSR (2)", stating(asks(someone("DE", assured), { eccn: "4D001", paragraph: "4A005" }), wt(1)), "deny"],
  ["TSR: 4E001 for computers of 70 weighted teraflops", "4E001, TSR (1)", stating(asks(someone("DE", assured), computerTechnology), wt(70)), "allow"],
  ["TSR: 4E001 for computers of 71 weighted teraflops", "4E001, TSR (1)", stating(asks(someone("DE", assured), computerTechnology), wt(71)), "deny"],
  ["TSR: a proposal's word on the performance counts for nothing", "two-person rule", stating(asks(someone("DE", assured), computerTechnology), { ...wt(70), state: "proposed", approvedBy: null }), "deny", { classification: "unknown" }],
  ["TSR: 4E091, N/A in its entry", "4E091, TSR: N/A", asks(someone("DE", assured)), "deny", { "deemed-export-rs": "fail" }],
  ["TSR: 5E002, N/A in its entry", "5E002, TSR: N/A", asks(someone("DE", assured), encryption), "deny", { "deemed-export-ns": "fail" }],
  ["TSR: 3E992, N/A in its entry", "3E992, TSR: N/A", asks(someone("MO", assured), { eccn: "3E992", paragraph: "3B001.d" }), "deny"],
  ["TSR: a match on the Unverified List bars every exception", "740.2(a)(17)", asks(someone("DE", assured), { ...circuitTechnology, ...uvl }), "deny", { "denied-party": "unknown", "deemed-export-ns": "fail" }],
  ["TSR: a party whom nobody screened", "740.2(a)(17)", asks(someone("DE", assured), { ...circuitTechnology, screening: null }), "deny", { "denied-party": "unknown", "deemed-export-ns": "fail" }],
  ["TSR: two readings of nationality that it covers both", "734.13(b), open; 740.6", asks(someone("DE", assured, { citizenships: [held("DE"), held("FR")] }), circuitTechnology), "allow", { "deemed-export-ns": "covered" }],
  ["TSR: two readings of nationality of which it covers one", "734.13(b), open; 740.6", asks(someone("DE", assured, { citizenships: [held("DE"), held("CN")] }), circuitTechnology), "deny"],
];

// biome-ignore format: a table reads by its rows
export const strategic: readonly Policy[] = [
  ["STA: 4E001 to a German, ECCN furnished and statement in hand", "740.20(c)(1)", asks(someone("DE", consigned), computerTechnology), "allow", { "deemed-export-ns": "covered" }, ["exception-sta-c-1"]],
  ["STA: 4E001 to Germany", "740.20(c)(1)", asks(someone("US", consigned), { ...computerTechnology, to: "DE" }), "allow", { "export-ns": "covered" }],
  ["STA: to an Indian, of A:5", "740.20(c)(1)", asks(someone("IN", consigned), computerTechnology), "allow", {}, ["exception-sta-c-1"]],
  ["STA: the ECCN was not furnished", "740.20(d)(1)", asks(someone("DE", papers("sta-consignee-statement")), computerTechnology), "deny"],
  ["STA: no prior consignee statement", "740.20(d)(2)", asks(someone("DE", papers("sta-eccn-furnished")), computerTechnology), "deny"],
  ["STA: the statement names another ECCN", "740.20(d)(2)", asks(someone("DE", { acknowledgements: [paper("sta-eccn-furnished"), paper("sta-consignee-statement", { eccns: ["3E001"] })] }), computerTechnology), "deny"],
  ["STA: to a Chinese national", "740.20(c)", asks(someone("CN", consigned), computerTechnology), "deny"],
  ["STA: to a Kosovar, in neither A:5 nor A:6", "740.20(c)", asks(someone("XK", consigned), computerTechnology), "deny"],
  ["STA: to an Emirati, of A:5 but for the entities of Supplement No. 8", "740.2(a)(26)", asks(someone("AE", consigned), computerTechnology), "deny", { "deemed-export-ns": "fail" }],
  ["STA: an officer's own record of it for an Emirati entity's staff", "740.2(a)(26)", asks(someone("AE"), { ...computerTechnology, licenses: [license({ eccns: ["4E001"], nationalities: ["AE"], parties: naming("person-AE") }, { kind: "license-exception", number: "STA" })] }), "allow", { "deemed-export-ns": "covered" }],
  ["STA: 4E001 to a national of Taiwan, of A:6, below 70 weighted teraflops", "740.20(c)(2)", stating(asks(someone("TW", consigned), computerTechnology), wt(70)), "allow", {}, ["exception-sta-c-2"]],
  ["STA: 4E001 to a national of Taiwan above 70 weighted teraflops", "4E001, STA", stating(asks(someone("TW", consigned), computerTechnology), wt(71)), "deny"],
  ["STA: 4E001 to a national of Taiwan at an unknown performance", "4E001, STA", asks(someone("TW", consigned), computerTechnology), "deny"],
  ["STA: 4E001 to a Mexican, of A:6", "740.20(c)(2)", stating(asks(someone("MX", consigned), computerTechnology), wt(10)), "allow"],
  ["STA: 4E001 to an Israeli, of A:6 and D:4", "740.20(c)(2)", stating(asks(someone("IL", consigned), computerTechnology), wt(10)), "allow"],
  ["STA: 4D001 above 29 weighted teraflops to a German: the bar is for A:6", "4D001, STA", stating(asks(someone("DE", consigned), computerSoftware), wt(30)), "allow", {}, ["exception-sta-c-1"]],
  ["STA: 4D001 above 29 weighted teraflops to a Singaporean", "4D001, STA", stating(asks(someone("SG", consigned), computerSoftware), wt(30)), "deny"],
  ["STA: 4D001 for 4A005, which the entry bars", "4D001, STA", asks(someone("DE", consigned), { eccn: "4D001", paragraph: "4A005" }), "deny"],
  ["STA: 3E001 for 3A001, controlled for MT", "740.20(b)(2)", asks(someone("DE", consigned), { eccn: "3E001", paragraph: "3A001.a" }), "deny"],
  ["STA: 3E001 for 3B001 to a Frenchman", "740.20(c)(1)", asks(someone("FR", consigned), circuitTechnology), "allow"],
  ["STA: 3E001 for 3B001.a.2 to a Singaporean, which the entry bars for A:6", "3E001, STA", asks(someone("SG", consigned), { eccn: "3E001", paragraph: "3B001.a.2" }), "deny"],
  ["STA: 3D992 to Macau", "3D992, STA", asks(someone("US", consigned), { eccn: "3D992", paragraph: "3B001.d", to: "MO" }), "deny"],
  ["STA: 5E002, controlled for EI", "740.20(b)(2)", asks(someone("DE", consigned), encryption), "deny"],
  ["STA: 4E091, barred for A:5 and A:6", "4E091, STA", asks(someone("DE", consigned)), "deny", { "deemed-export-rs": "fail" }],
  ["STA: an officer's own record of it for 4E091 is contradicted", "4E091, STA", asks(someone("DE"), { licenses: [license({ nationalities: ["DE"], parties: naming("person-DE") }, { kind: "license-exception", number: "STA" })] }), "deny", { "deemed-export-rs": "fail" }],
  ["STA: an officer's own record of it for a Chinese national is contradicted", "740.20(c)", asks(someone("CN"), { ...computerTechnology, licenses: [license({ eccns: ["4E001"], nationalities: ["CN"], parties: naming("person-CN") }, { kind: "license-exception", number: "License Exception STA" })] }), "deny"],
  ["TSR: an officer's own record of it where the paragraph is not stated", "4D001, TSR", asks(someone("DE"), { eccn: "4D001", licenses: [license({ eccns: ["4D001"], nationalities: ["DE"], parties: naming("person-DE") }, { kind: "license-exception", number: "TSR" })] }), "deny"],
  ["an officer's own record of an exception that is not evaluated here", "740.9", asks(someone("DE"), { ...circuitTechnology, licenses: [license({ eccns: ["3E001"], nationalities: ["DE"], parties: naming("person-DE") }, { kind: "license-exception", number: "TMP" })] }), "allow", { "deemed-export-ns": "covered" }, []],
];

// biome-ignore format: a table reads by its rows
export const encrypted: readonly Policy[] = [
  ["ENC: 5E002 to a German employee of a U.S. company for internal use", "740.17(a)(2)", asks(someone("DE", works(), internal), encryption), "allow", { "deemed-export-ns": "covered", "deemed-export-ei": "covered" }, ["exception-enc-a-2"]],
  ["ENC: 5E002 to a Chinese intern of a U.S. company", "740.17(a)(2)", asks(someone("CN", works({ capacity: "intern", permanentRegular: false }), internal), encryption), "allow", { "deemed-export-ei": "covered" }],
  ["ENC: 5E002 to an Indian contractor of a German subsidiary of a U.S. company", "740.17(a)(2)", asks(someone("IN", works({ headquarters: "DE", parent: "US", capacity: "contractor" }), internal), encryption), "allow"],
  ["ENC: 5D002 to a German employee of a U.S. company", "740.17(a)(2)", asks(someone("DE", works(), internal), { eccn: "5D002", paragraph: "5D002.a" }), "allow"],
  ["ENC: the employer's parent is German", "740.17(a)(2)", asks(someone("DE", works({ parent: "DE" }), internal), encryption), "deny", { "deemed-export-ei": "fail" }],
  ["ENC: the employer's parent is not known", "740.17(a)(2)", asks(someone("DE", works({ parent: null }), internal), encryption), "deny"],
  ["ENC: nobody knows in what capacity the person works", "740.17(a)(2)", asks(someone("DE", works({ capacity: null }), internal), encryption), "deny"],
  ["ENC: the employer is a university", "740.17(a)(2)", asks(someone("DE", works({ employer: "university" }), internal), encryption), "deny"],
  ["ENC: no statement of internal use", "740.17(a)(2)", asks(someone("DE", works(), papers()), encryption), "deny"],
  ["ENC: an Iranian employee of a U.S. company", "740.17, E:1", asks(someone("IR", works(), internal), encryption), "deny", { "deemed-export-ei": "fail" }],
  ["ENC: a German who was Iranian before", "740.17, E:1, read strictly", asks(someone("DE", works(), internal, { citizenships: [held("IR", "1980-01-01", "2000-01-01"), held("DE", "2000-01-01")] }), encryption), "deny"],
  ["ENC: a German who is Cuban too", "740.17, E:2", asks(someone("DE", works(), internal, { citizenships: [held("CU", "1980-01-01"), held("DE", "2000-01-01")] }), encryption), "deny"],
  ["ENC: an export abroad, which (a)(2) does not cover", "740.17(a)(2)", asks(someone("US", works(), internal), { ...encryption, to: "FR" }), "deny", { "export-ei": "fail" }],
  ["ENC: classified 5E002 to Germany for a user that is no government", "740.17(b)(2)(iv)(B)", stating(asks(someone("FR", works()), { ...encryption, to: "FR" }), { statements: ["encryption-classified"] }), "allow", { "export-ei": "covered", "export-ns": "covered" }, ["exception-enc-b-2-iv-b"]],
  ["ENC: 5E002 that nobody states to be classified", "740.17(b)(2)(iv)(B)", stating(asks(someone("FR", works()), { ...encryption, to: "FR" }), { statements: [] }), "deny"],
  ["ENC: 5E002 of which no statement is known", "740.17(b)(2)(iv)(B)", asks(someone("FR", works()), { ...encryption, to: "FR" }), "deny"],
  ["ENC: classified 5E002 to a foreign government's employee", "740.17(b)(2)(iv)(B)", stating(asks(someone("FR", works({ employer: "foreign-government" })), { ...encryption, to: "FR" }), { statements: ["encryption-classified"] }), "deny"],
  ["ENC: classified 5E002 to Vietnam, of D:1", "740.17(b)(2)(iv)(B)", stating(asks(someone("VN", works()), { ...encryption, to: "VN" }), { statements: ["encryption-classified"] }), "deny"],
  ["ENC: classified 5E002 to a national of D:1 in France", "740.17(b)(2)(iv)(B)", stating(asks(someone("VN", works()), { ...encryption, to: "FR" }), { statements: ["encryption-classified"] }), "deny"],
  ["ENC: 4E091, whose entry does not list it", "4E091", asks(someone("DE", works({ permanentRegular: false }), internal)), "deny"],
];

// biome-ignore format: a table reads by its rows
export const unrestricted: readonly Policy[] = [
  ["TSU (a): 4E001 to Germany, stated as minimum operation technology", "740.13(a)", stating(asks(someone("US", papers("earlier-export-to-recipient")), { ...computerTechnology, to: "DE" }), { statements: ["minimum-operation"] }), "allow", { "export-ns": "covered" }, ["exception-tsu-a"]],
  ["TSU (a): to a recipient to whom nobody exported what it operates", "740.13(a)", stating(asks(someone("US", papers()), { ...computerTechnology, to: "DE" }), { statements: ["minimum-operation"] }), "deny", { "export-ns": "fail" }],
  ["TSU (a): to a recipient of whose papers nothing is known", "740.13(a)", stating(asks(someone("US"), { ...computerTechnology, to: "DE" }), { statements: ["minimum-operation"] }), "deny", { "export-ns": "fail" }],
  ["TSU (a): 4D001 in object code to Vietnam", "740.13(a)", stating(asks(someone("US", papers("earlier-export-to-recipient")), { ...computerSoftware, to: "VN" }), { statements: ["minimum-operation"], form: "object-code" }), "allow", { "export-ns": "covered" }],
  ["TSU (a): 4D001 in source code", "740.13(a)", stating(asks(someone("US", papers("earlier-export-to-recipient")), { ...computerSoftware, to: "VN" }), { statements: ["minimum-operation"], form: "source-code" }), "deny"],
  ["TSU (a): 4D001 in a form that nobody states", "740.13(a)", stating(asks(someone("US", papers("earlier-export-to-recipient")), { ...computerSoftware, to: "VN" }), { statements: ["minimum-operation"] }), "deny"],
  ["TSU (a): 3E001 for 3A001, controlled for MT", "740.13(a), read strictly", stating(asks(someone("IN", papers("earlier-export-to-recipient")), { eccn: "3E001", paragraph: "3A001.a" }), { statements: ["minimum-operation"] }), "deny", { "deemed-export-ns": "fail", "deemed-export-mt": "fail" }],
  ["TSU (a): nobody states that it is operation technology", "740.13(a)", stating(asks(someone("US", papers("earlier-export-to-recipient")), { ...computerTechnology, to: "DE" }), { statements: ["bug-fix"] }), "deny"],
  ["TSU (a): 4E091 to Germany", "740.13(a); 740.2(a)(9)(ii)", stating(asks(someone("US", papers("earlier-export-to-recipient")), { to: "DE" }), { statements: ["minimum-operation"] }), "allow", { "export-rs": "covered" }],
  ["TSU (a): 4E091 to Vietnam, of D:1: 740.2(a)(9)(ii) leaves it open", "740.2(a)(9)(ii)", stating(asks(someone("US", papers("earlier-export-to-recipient")), { to: "VN" }), { statements: ["minimum-operation"] }), "allow", { "export-rs": "covered" }],
  ["TSU (a): to China: the end use is still asked", "744; 740.13(a)", stating(asks(someone("US", papers("earlier-export-to-recipient")), { ...computerTechnology, to: "CN" }), { statements: ["minimum-operation"] }), "hold", { "export-ns": "covered", "end-use": "unknown" }],
  ["TSU (a): to Russia, which 746.8 concerns", "740.2(a)(6)", stating(asks(someone("US", papers("earlier-export-to-recipient")), { ...computerTechnology, to: "RU" }), { statements: ["minimum-operation"] }), "deny", { "export-ns": "fail", "embargo-destination": "fail" }],
  ["TSU (a): to Iran", "740.2(a)(6)", stating(asks(someone("US", papers("earlier-export-to-recipient")), { ...computerTechnology, to: "IR" }), { statements: ["minimum-operation"] }), "deny", { "embargo-destination": "fail" }],
  ["TSU (c): a bug fix of 4D001 in object code to its earlier consignee", "740.13(c)", stating(asks(someone("US", papers("earlier-export-to-recipient")), { ...computerSoftware, to: "IN" }), { statements: ["bug-fix"], form: "object-code" }), "allow", { "export-ns": "covered" }, ["exception-tsu-c"]],
  ["TSU (c): a bug fix to somebody who never had the software", "740.13(c)", stating(asks(someone("US", papers()), { ...computerSoftware, to: "IN" }), { statements: ["bug-fix"], form: "object-code" }), "deny"],
  ["TSU (c): a bug fix in source code", "740.13(c)", stating(asks(someone("US", papers("earlier-export-to-recipient")), { ...computerSoftware, to: "IN" }), { statements: ["bug-fix"], form: "source-code" }), "deny"],
  ["TSU (c): technology is no software", "740.13(c)", stating(asks(someone("US", papers("earlier-export-to-recipient")), { ...computerTechnology, to: "IN" }), { statements: ["bug-fix"] }), "deny"],
  ["TSU (d): mass-market software of 4D001 to Vietnam", "740.13(d)", stating(asks(someone("US"), { ...computerSoftware, to: "VN" }), { statements: ["mass-market"] }), "allow", { "export-ns": "covered" }, ["exception-tsu-d"]],
  ["TSU (d): mass-market software for the higher tier to Vietnam", "740.2(a)(9)(ii)", stating(asks(someone("US", works()), { eccn: "4D001", paragraph: "4A003.z.1.a", to: "VN" }), { statements: ["mass-market"] }), "deny"],
  ["TSU (d): mass-market software for the lower tier to a German who works for a U.S. company", "740.13(d); 740.2(a)(9)(ii)", stating(asks(someone("DE", works()), { eccn: "4D001", paragraph: "4A003.z.1.b" }), { statements: ["mass-market"] }), "allow", { "deemed-export-ns": "covered" }],
  ["TSU (d): the same to a German who works for a company with a parent in China", "740.2(a)(9)(ii), headquarters", stating(asks(someone("DE", works({ parent: "CN" })), { eccn: "4D001", paragraph: "4A003.z.1.b" }), { statements: ["mass-market"] }), "deny", { "deemed-export-ns": "fail" }],
  ["TSU (d): the same to a German of unknown employer", "740.2(a)(9)(ii), headquarters", stating(asks(someone("DE", { employment: null }), { eccn: "4D001", paragraph: "4A003.z.1.b" }), { statements: ["mass-market"] }), "deny", { "deemed-export-ns": "fail" }],
  ["TSU (d): encryption software", "740.13(d), read strictly", stating(asks(someone("US"), { eccn: "5D002", paragraph: "5D002.a", to: "FR" }), { statements: ["mass-market"] }), "deny", { "export-ns": "fail", "export-ei": "fail" }],
  ["TSU (d): to North Korea, of E:1", "740.13(d)", stating(asks(someone("US"), { ...computerSoftware, to: "KP" }), { statements: ["mass-market"] }), "deny"],
  ["TSU (d): mass-market software that 742.6(a)(6)(i) controls, to a Chinese national", "740.2(a)(9)", stating(asks(someone("CN"), { eccn: "3D992" }), { statements: ["mass-market"] }), "deny"],
  ["TSU (d): mass-market software that 742.6(a)(6)(i) controls, to China", "740.2(a)(9)", stating(asks(someone("US"), { eccn: "3D992", to: "CN" }), { statements: ["mass-market"] }), "deny"],
  ["an officer's exception for what 742.6(a)(6)(i) controls, to a Chinese national", "740.2(a)(9)", asks(someone("CN"), { eccn: "3E992", licenses: [license({ eccns: ["3E992"], nationalities: ["CN"], parties: naming("person-CN") }, { kind: "license-exception", number: "TMP" })] }), "deny"],
  ["TSU (f): 4E001 to a Vietnamese professor with a U.S. abode and the notice", "740.13(f)", asks(someone("VN", works({ employer: "university" }), papers("us-abode", "university-employee-notice")), computerTechnology), "allow", { "deemed-export-ns": "covered" }, ["exception-tsu-f"]],
  ["TSU (f): a national of D:5", "740.13(f)", asks(someone("CN", works({ employer: "university" }), papers("us-abode", "university-employee-notice")), computerTechnology), "deny"],
  ["TSU (f): a Canadian resident who is Chinese too", "740.13(f), read strictly", asks(someone("CN", { permanentResidencies: [held("VN", "2020-01-01")] }, works({ employer: "university" }), papers("us-abode", "university-employee-notice")), computerTechnology), "deny"],
  ["TSU (f): no permanent and regular employment", "740.13(f)", asks(someone("VN", works({ employer: "university", permanentRegular: false }), papers("us-abode", "university-employee-notice")), computerTechnology), "deny"],
  ["TSU (f): no abode in the United States", "740.13(f)", asks(someone("VN", works({ employer: "university" }), papers("university-employee-notice")), computerTechnology), "deny"],
  ["TSU (f): no written notice", "740.13(f)", asks(someone("VN", works({ employer: "university" }), papers("us-abode")), computerTechnology), "deny"],
  ["TSU (f): a company is no university", "740.13(f)", asks(someone("VN", works(), papers("us-abode", "university-employee-notice")), computerTechnology), "deny"],
  ["TSU (f): a university outside the United States", "740.13(f)", asks(someone("VN", works({ headquarters: "DE", employer: "university" }), papers("us-abode", "university-employee-notice")), computerTechnology), "deny"],
  ["TSU (f): received in Canada", "740.13(f)", asks(someone("VN", works({ employer: "university" }), papers("us-abode", "university-employee-notice")), { ...computerTechnology, to: "CA" }), "deny", { "deemed-export-ns": "fail" }],
  ["TSU (f): encryption technology", "740.13(f)", asks(someone("VN", works({ employer: "university" }), papers("us-abode", "university-employee-notice")), encryption), "deny", { "deemed-export-ns": "fail" }],
  ["TSU (f): technology controlled for MT", "740.13(f)", asks(someone("VN", works({ employer: "university" }), papers("us-abode", "university-employee-notice")), { eccn: "3E001", paragraph: "3A001.a" }), "deny", { "deemed-export-ns": "fail" }],
  ["TSU (g): a copy of what the recipient was authorized to have", "740.13(g)", stating(asks(someone("VN", papers("earlier-export-to-recipient")), computerTechnology), { statements: ["copy-of-authorized"] }), "allow", { "deemed-export-ns": "covered" }, ["exception-tsu-g"]],
  ["TSU (g): a copy for somebody who never had it", "740.13(g)", stating(asks(someone("VN", papers()), computerTechnology), { statements: ["copy-of-authorized"] }), "deny"],
  ["TSU (g): something new for an earlier recipient", "740.13(g)", stating(asks(someone("VN", papers("earlier-export-to-recipient")), computerTechnology), { statements: [] }), "deny"],
];

// biome-ignore format: a table reads by its rows
export const governments: readonly Policy[] = [
  ["GOV: 4E091 to a U.S. Government employee in Germany for official use", "740.11(b)(2)", asks(someone("US", works({ employer: "us-government" }), papers("official-use")), { to: "DE" }), "allow", { "export-rs": "covered" }, ["exception-gov-b-2"]],
  ["GOV: without a statement of official use", "740.11(b)(2)", asks(someone("US", works({ employer: "us-government" }), papers()), { to: "DE" }), "deny"],
  ["GOV: an employer of the private sector", "740.11(b)(2)", asks(someone("US", works(), papers("official-use")), { to: "DE" }), "deny"],
  ["GOV: an employer of unknown kind", "740.11(b)(2)", asks(someone("US", works({ employer: null }), papers("official-use")), { to: "DE" }), "deny"],
  ["GOV: encryption technology, left out", "740.11, EI", asks(someone("US", works({ employer: "us-government" }), papers("official-use")), { ...encryption, to: "DE" }), "deny", { "export-ns": "fail", "export-ei": "fail" }],
  ["GOV: 0E521 to the U.S. Government in Germany, the one exception for it", "740.2(a)(14)", asks(someone("US", works({ employer: "us-government" }), papers("official-use")), { eccn: "0E521", to: "DE" }), "allow", { "export-rs": "covered" }],
  ["GOV: 0E521 on terms of another exception", "740.2(a)(14)", stating(asks(someone("US"), { eccn: "0E521", to: "DE" }), { statements: ["minimum-operation"] }), "deny"],
  ["GOV: 4E091 to the U.S. Government in China: open, and the end use is asked", "740.2(a)(9)(ii)", asks(someone("US", works({ employer: "us-government" }), papers("official-use")), { to: "CN" }), "hold", { "export-rs": "covered", "end-use": "unknown" }],
  ["GOV: 4E001 to a Japanese Government employee in Japan", "740.11(c)", asks(someone("JP", works({ headquarters: "JP", employer: "foreign-government" }), papers("official-use")), { ...computerTechnology, to: "JP" }), "allow", { "export-ns": "covered" }, ["exception-gov-c"]],
  ["GOV: a Singaporean Government employee in Singapore", "740.11(c)", asks(someone("SG", works({ headquarters: "SG", employer: "foreign-government" }), papers("official-use")), { ...computerTechnology, to: "SG" }), "allow"],
  ["GOV: a Taiwanese authority's employee in Taiwan", "740.11(c)", asks(someone("TW", works({ headquarters: "TW", employer: "foreign-government" }), papers("official-use")), { ...computerTechnology, to: "TW" }), "allow"],
  ["GOV: a Brazilian Government employee, of no cooperating government", "740.11(c)", asks(someone("BR", works({ headquarters: "BR", employer: "foreign-government" }), papers("official-use")), { ...computerTechnology, to: "BR" }), "deny"],
  ["GOV: a German Government employee in Japan: not that country's government", "740.11(c)", asks(someone("JP", works({ headquarters: "DE", employer: "foreign-government" }), papers("official-use")), { ...computerTechnology, to: "JP" }), "deny"],
];

// biome-ignore format: a table reads by its rows
export const computers: readonly Policy[] = [
  ["APP: 4E001 for 4A003 to a German with a visa", "740.7, A:5", asks(someone("DE", papers("visa-in-force")), fourA003), "allow", { "deemed-export-ns": "covered" }, ["exception-app-a5"]],
  ["APP: the visa's last day", "740.7", asks(someone("DE", { acknowledgements: [paper("visa-in-force", { eccns: null, expiresOn: "2026-11-23" })] }), fourA003), "allow"],
  ["APP: the visa expired yesterday", "740.7, expired visa", asks(someone("DE", { acknowledgements: [paper("visa-in-force", { eccns: null, expiresOn: "2026-11-22" })] }), fourA003), "deny"],
  ["APP: an Albanian at 50 weighted teraflops for development", "740.7, Tier 3", stating(asks(someone("AL", papers("visa-in-force")), fourA003), wt(50)), "allow", { "deemed-export-ns": "covered" }, ["exception-app-others"]],
  ["APP: an Albanian at 51 weighted teraflops for development", "740.7, Tier 3", stating(asks(someone("AL", papers("visa-in-force")), fourA003), wt(51)), "deny"],
  ["APP: an Albanian at 140 weighted teraflops for use", "740.7, Tier 3", stating(asks(someone("AL", papers("visa-in-force")), fourA003), wt(140, "use")), "allow"],
  ["APP: an Albanian at 141 weighted teraflops for use", "740.7, Tier 3", stating(asks(someone("AL", papers("visa-in-force")), fourA003), wt(141, "use")), "deny"],
  ["APP: an Albanian at an unknown performance", "740.7", asks(someone("AL", papers("visa-in-force")), fourA003), "deny"],
  ["APP: a Brazilian at 175 weighted teraflops for development", "740.7(c), Tier 1", brazilian(wt(175)), "deny", { "deemed-export-ns": "covered", "deemed-export-cc": "fail" }, ["exception-app-tier-1"]],
  ["APP: a Brazilian at 176 weighted teraflops for development", "740.7(c), Tier 1", brazilian(wt(176)), "deny", { "deemed-export-ns": "fail" }, []],
  ["APP: a Brazilian at 500 weighted teraflops for use", "740.7(c), Tier 1", brazilian(wt(500, "use")), "deny", { "deemed-export-ns": "covered" }, ["exception-app-tier-1"]],
  ["APP: a Brazilian at 501 weighted teraflops for use", "740.7(c), Tier 1", brazilian(wt(501, "use")), "deny", { "deemed-export-ns": "fail" }, []],
  ["APP: a Brazilian at 175 weighted teraflops whose visa expired yesterday", "740.7, expired visa", brazilian(wt(175), { acknowledgements: [paper("visa-in-force", { expiresOn: "2026-11-22" })] }), "deny", { "deemed-export-ns": "fail" }, []],
  ["APP: a Brazilian at 175 weighted teraflops who once was a Cuban", "740.7, never Cuba", brazilian(wt(175), { citizenships: [held("CU", "1970-01-01", "1980-01-01"), held("BR")] }), "deny", { "deemed-export-ns": "fail" }, []],
  ["APP: a Singaporean at 175 weighted teraflops for development", "740.7(c), Tier 1", stating(asks(someone("SG", papers("visa-in-force")), { ...fourA003, licenses: crimeOf("SG") }), wt(175)), "allow", { "deemed-export-ns": "covered" }, ["exception-app-tier-1"]],
  ["APP: a Singaporean at 176 weighted teraflops for development", "740.7(c), Tier 1", stating(asks(someone("SG", papers("visa-in-force")), { ...fourA003, licenses: crimeOf("SG") }), wt(176)), "deny", { "deemed-export-ns": "fail" }, []],
  ["APP: a national of Taiwan at 500 weighted teraflops for use", "740.7(c), Tier 1", stating(asks(someone("TW", papers("visa-in-force")), { ...fourA003, licenses: crimeOf("TW") }), wt(500, "use")), "allow", { "deemed-export-ns": "covered" }, ["exception-app-tier-1"]],
  ["APP: a national of Taiwan at 501 weighted teraflops for use", "740.7(c), Tier 1", stating(asks(someone("TW", papers("visa-in-force")), { ...fourA003, licenses: crimeOf("TW") }), wt(501, "use")), "deny", { "deemed-export-ns": "fail" }, []],
  ["APP: a Vietnamese at 50 weighted teraflops for development", "740.7(d), Tier 3", stating(asks(someone("VN", papers("visa-in-force")), fourA003), wt(50)), "deny", { "deemed-export-ns": "covered" }, ["exception-app-others"]],
  ["APP: a Vietnamese at 51 weighted teraflops for development", "740.7(d), Tier 3", stating(asks(someone("VN", papers("visa-in-force")), fourA003), wt(51)), "deny", { "deemed-export-ns": "fail" }, []],
  ["APP: a German at any performance", "740.7, A:5", stating(asks(someone("DE", papers("visa-in-force")), fourA003), wt(1_000_000)), "allow", { "deemed-export-ns": "covered" }, ["exception-app-a5"]],
  ["APP: a German who once was an Iranian", "740.7, never Iran", asks(someone("DE", papers("visa-in-force"), { citizenships: [held("IR", "1970-01-01", "1980-01-01"), held("DE")] }), fourA003), "deny", { "deemed-export-ns": "fail" }, []],
  ["APP: an Iranian", "740.7, never Iran", stating(asks(someone("IR", papers("visa-in-force")), fourA003), wt(1)), "deny", { "embargo-nationality": "unknown", "deemed-export-at": "fail" }, []],
  ["APP: a North Korean", "740.7, never North Korea", stating(asks(someone("KP", papers("visa-in-force")), fourA003), wt(1)), "deny", { "embargo-nationality": "unknown", "deemed-export-at": "fail" }, []],
  ["APP: a Syrian", "740.7, never Syria", stating(asks(someone("SY", papers("visa-in-force")), fourA003), wt(1)), "deny", { "embargo-nationality": "fail", "deemed-export-at": "fail" }, []],
  ["APP: a Cuban", "740.7, never Cuba", stating(asks(someone("CU", papers("visa-in-force")), fourA003), wt(1)), "deny", { "embargo-nationality": "fail", "deemed-export-ns": "pass" }],
  ["APP: an export to Germany, which it does not cover for technology", "740.7, deemed exports", asks(someone("US", papers("visa-in-force")), { ...fourA003, to: "DE" }), "deny", { "export-ns": "fail" }],
  ["APP: technology for 4A003.z", "4E001; 740.2(a)(9)(ii)", asks(someone("DE", papers("visa-in-force")), { eccn: "4E001", paragraph: "4A003.z.1.b" }), "deny"],
  ["APP: technology for 4A004", "740.7, 4A003", asks(someone("DE", papers("visa-in-force")), { eccn: "4E001", paragraph: "4A004" }), "deny"],
];

// biome-ignore format: a table reads by its rows
export const advanced: readonly Policy[] = [
  ["AIA: 4E091 to Germany for the staff of a U.S. company", "740.27", asks(someone("US", works(), certified), { to: "DE" }), "allow", { "export-rs": "covered" }, ["exception-aia"]],
  ["AIA: 4E091 to a Vietnamese contractor of a U.S. company", "740.27; 740.2(a)(9)(ii)", asks(someone("VN", works({ permanentRegular: false }), certified)), "allow", { "deemed-export-rs": "covered" }],
  ["AIA: without the certification of the facility", "740.27; Part 748 Supp. 10", asks(someone("US", works(), papers("aia-certification")), { to: "DE" }), "deny"],
  ["AIA: without the consignee's certification", "740.27", asks(someone("US", works(), papers("aia-facility")), { to: "DE" }), "deny"],
  ["AIA: an entity headquartered in Singapore, outside Supplement No. 5(a)", "740.27; Part 740 Supp. 5(a)", asks(someone("US", works({ headquarters: "SG" }), certified), { to: "DE" }), "deny"],
  ["AIA: an entity of Taiwan, in Supplement No. 5(a)", "740.27; Part 740 Supp. 5(a)", asks(someone("US", works({ headquarters: "TW" }), certified), { to: "TW" }), "allow"],
  ["AIA: an Indian entity, of A:5 and outside Supplement No. 5(a)", "740.27; Part 740 Supp. 5(a)", asks(someone("US", works({ headquarters: "IN" }), certified), { to: "IN" }), "deny"],
  ["AIA: an entity with a parent in China", "740.2(a)(9)(ii)", asks(someone("US", works({ parent: "CN" }), certified), { to: "DE" }), "deny"],
  ["AIA: an entity of unknown parent", "740.27", asks(someone("US", works({ parent: null }), certified), { to: "DE" }), "deny"],
  ["AIA: to Macau", "740.27", asks(someone("US", works(), certified), { to: "MO" }), "deny", { "export-rs": "fail" }],
  ["AIA: to Hong Kong, of D:5", "740.27", asks(someone("US", works(), certified), { to: "HK" }), "deny", { "export-rs": "fail" }],
  ["AIA: to Cambodia, no longer of D:5", "740.27; 91 FR 5091", asks(someone("US", works(), certified), { to: "KH" }), "allow", { "export-rs": "covered" }],
  ["AIA: 4D090 of the higher tier to Germany", "4D090, AIA", asks(someone("US", works(), certified), { eccn: "4D090", paragraph: "4A090.a", to: "DE" }), "allow", { "export-rs": "covered" }],
  ["AIA: 4D090 of the lower tier, which the entry does not list", "4D090, AIA", asks(someone("US", works(), certified), { eccn: "4D090", paragraph: "4A090.b", to: "VN" }), "deny"],
  ["AIA: 4D090 of the higher tier to Vietnam, where it is for weights alone", "740.2(a)(9)(ii)", asks(someone("US", works(), certified), { eccn: "4D090", paragraph: "4A090.a", to: "VN" }), "deny"],
  ["ACM: 4D090 of the lower tier to Vietnam for a manufacturer", "740.28", asks(someone("US", works(), accounting), { eccn: "4D090", paragraph: "4A090.b", to: "VN" }), "allow", { "export-rs": "covered" }, ["exception-acm"]],
  ["ACM: without the accounts of every six months", "740.28", asks(someone("US", works(), papers()), { eccn: "4D090", paragraph: "4A090.b", to: "VN" }), "deny"],
  ["ACM: for a university", "740.28", asks(someone("US", works({ employer: "university" }), accounting), { eccn: "4D090", paragraph: "4A090.b", to: "VN" }), "deny"],
  ["ACM: to Macau", "740.28, never Macau", asks(someone("US", works(), accounting), { eccn: "4D090", paragraph: "4A090.b", to: "MO" }), "deny", { "export-rs": "fail" }],
  ["ACM: to China", "740.28, never D:5", asks(someone("US", works(), accounting), { eccn: "4D090", paragraph: "4A090.b", to: "CN" }), "deny", { "export-rs": "fail" }],
  ["ACM: to the United Arab Emirates, which the requirement names", "740.28; 742.6(a)(6)(iii)(B)", asks(someone("US", works(), accounting), { eccn: "4D090", paragraph: "4A090.b", to: "AE" }), "allow", { "export-rs": "covered" }],
  ["ACM: an entity headquartered in Macau", "740.28", asks(someone("US", works({ headquarters: "MO" }), accounting), { eccn: "4D090", paragraph: "4A090.b", to: "DE" }), "deny"],
  ["ACM: 4E091, whose entry says no", "4E091, ACM: No", asks(someone("US", works(), accounting), { to: "DE" }), "deny", { "export-rs": "fail" }],
];

/** Papers that are known, none of them an assurance. */
function consignedNothing(): Partial<PersonFacts> {
  return papers("non-disclosure-agreement");
}
