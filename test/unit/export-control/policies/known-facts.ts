import type { Facts, PersonFacts, Verification } from "../../../../src/export-control/facts.ts";
import { asks, citizen, runs, workload } from "../builders.ts";
import { type Policy, someone, stating, works } from "./policy.ts";

const open = { basis: "public-dissemination", on: "2026-11-01" } as const;
const software = { eccn: "4D001", paragraph: "4A004" } as const;

const groups = { usPerson: null, nationality: null, employment: null, acknowledgements: null };
const until = (expiresOn: string | null): Verification => ({
  by: "officer-1",
  on: "2026-01-01",
  evidence: "own-statement",
  expiresOn,
});
const verifiedFor = (
  group: keyof typeof groups,
  expiresOn: string | null,
): Partial<PersonFacts> => ({
  verifications: { ...groups, [group]: until(expiresOn) },
});
const erased = { ...someone("US"), state: "erased" } as const;
const abroad = (facts: Partial<PersonFacts>): Facts =>
  asks(someone("US", works(), facts), { eccn: "4D090", paragraph: "4A090.b", to: "DE" });

// biome-ignore format: a table reads by its rows
export const publishedAndForm: readonly Policy[] = [
  ["published weights to a Chinese national", "734.3(b)(3); 734.7", stating(asks(someone("CN")), { published: open }), "allow", { jurisdiction: "pass", eccn: "not-applicable", "deemed-export-rs": "not-applicable" }],
  ["published encryption software to a Chinese national", "734.7(b); 742.15(b)", stating(asks(someone("CN"), { eccn: "5D002", paragraph: "5D002.a" }), { published: open }), "deny", { eccn: "pass", "deemed-export-ei": "fail" }],
  ["published encryption software to China", "734.7(b); 742.15(b)", stating(asks(someone("US"), { eccn: "5D002", paragraph: "5D002.a", to: "CN" }), { published: open }), "deny", { "export-ei": "fail" }],
  ["a commodity that is said to be published", "734.7; 738.2", stating(asks(someone("US"), { eccn: "3A090" }), { published: open }), "hold", { eccn: "unknown" }],
  ["published weights to Germany", "734.3(b)(3); 734.7", stating(asks(someone("US"), { to: "DE" }), { published: open }), "allow", { "export-rs": "not-applicable" }],
  ["weights of which nobody says that they are published", "734.7", asks(someone("CN")), "deny", { "deemed-export-rs": "fail" }],
  ["weights published today", "734.7", stating(asks(someone("CN")), { published: { ...open, on: "2026-11-23" } }), "allow"],
  ["weights to be published tomorrow", "734.7", stating(asks(someone("CN")), { published: { ...open, on: "2026-11-24" } }), "deny"],
  ["weights published on a day that cannot be read", "734.7", stating(asks(someone("CN")), { published: { ...open, on: "2026-02-30" } }), "deny"],
  ["a proposal that says published", "734.7; two-person rule", stating(asks(someone("CN")), { published: open, state: "proposed", approvedBy: null }), "deny", { classification: "unknown", "deemed-export-rs": "fail" }],
  ["a publication approved by its proposer", "734.7; two-person rule", stating(asks(someone("US")), { published: open, approvedBy: "officer-1" }), "deny", { jurisdiction: "pass", classification: "fail", eccn: "pass" }],
  ["published weights at a conference, to a German", "734.7(a)", stating(asks(someone("DE")), { published: { ...open, basis: "conference" } }), "allow"],
  ["published technical data under the ITAR", "734.3(b)(1)", stating(asks(someone("US")), { published: open, jurisdiction: "ITAR" }), "hold", { jurisdiction: "unknown" }],
  ["published weights to Iran: sanctions stand", "31 CFR Part 560, read strictly", stating(asks(someone("US"), { to: "IR" }), { published: open }), "deny", { "embargo-destination": "fail", "export-at": "not-applicable" }],
  ["published weights to somebody on the Entity List", "744.11, read strictly", { ...stating(asks(someone("US")), { published: open }), screening: null }, "hold", { "denied-party": "unknown" }],
  ["an item of no known entry that is published", "734.3(b)(3)", stating(asks(someone("DE"), { eccn: "9E003" }), { published: open }), "allow", { eccn: "not-applicable" }],
  ["object code of 4D001 to a Chinese national", "734.13(a)(2)", stating(asks(someone("CN"), software), { form: "object-code" }), "allow", { "deemed-export-ns": "not-applicable" }],
  ["source code of 4D001 to a Chinese national", "734.13(a)(2)", stating(asks(someone("CN"), software), { form: "source-code" }), "deny", { "deemed-export-ns": "fail" }],
  ["software of 4D001 in a form that nobody states", "734.13(a)(2), read strictly", asks(someone("CN"), software), "deny", { "deemed-export-ns": "fail" }],
  ["object code of 4D001 to China: an export all the same", "734.13(a)(1)", stating(asks(someone("US"), { ...software, to: "CN" }), { form: "object-code" }), "deny", { "export-ns": "fail", "deemed-export-ns": "not-applicable" }],
  ["object code of 4D001 in Canada to a Chinese national", "734.14(a)(2)", stating(asks(someone("CN"), { eccn: "4D001", paragraph: "4A001.b", to: "CA" }), { form: "object-code" }), "allow", { "export-ns": "pass", "deemed-export-ns": "not-applicable" }],
  ["object code of 5D002 to a German", "734.13(a)(2)", stating(asks(someone("DE"), { eccn: "5D002", paragraph: "5D002.a" }), { form: "object-code" }), "allow", { "deemed-export-ei": "not-applicable" }],
  ["weights called object code are technology still", "4E091; 734.13(a)(2)", stating(asks(someone("DE")), { form: "object-code" }), "deny", { "deemed-export-rs": "fail" }],
  ["object code to a Cuban national: the embargo is read strictly", "746.2(a), read strictly", stating(asks(someone("CU"), software), { form: "object-code" }), "deny", { "embargo-nationality": "fail", "deemed-export-ns": "not-applicable" }],
  ["object code that only a proposal states", "734.13(a)(2); two-person rule", stating(asks(someone("CN"), software), { form: "object-code", state: "proposed", approvedBy: null }), "deny", { "deemed-export-ns": "fail" }],
];

// biome-ignore format: a table reads by its rows
export const verified: readonly Policy[] = [
  ["a U.S. person's status verified until today", "772.1", asks({ ...citizen, ...verifiedFor("usPerson", "2026-11-23") }), "allow"],
  ["a U.S. person's status whose verification expired yesterday", "772.1", asks({ ...citizen, ...verifiedFor("usPerson", "2026-11-22") }), "hold", { nationality: "unknown" }],
  ["a U.S. person's status whose verification does not expire", "772.1", asks({ ...citizen, ...verifiedFor("usPerson", null) }), "allow"],
  ["a verification dated tomorrow", "772.1", asks({ ...citizen, verifications: { ...groups, usPerson: { ...until(null), on: "2026-11-24" } } }), "hold", { nationality: "unknown" }],
  ["a nationality verified until today", "734.13(b)", asks(someone("CA", verifiedFor("nationality", "2026-11-23")), { eccn: "4E001" }), "allow", { nationality: "pass" }],
  ["a nationality whose verification expired yesterday", "734.13(b)", asks(someone("CA", verifiedFor("nationality", "2026-11-22")), { eccn: "4E001" }), "hold", { nationality: "unknown" }],
  ["an employment verified until today, for the carve-out of weights", "742.6(a)(13)", asks(someone("DE", works(), verifiedFor("employment", "2026-11-23"))), "allow", { "deemed-export-rs": "pass" }],
  ["an employment whose verification expired, for the carve-out of weights", "742.6(a)(13)", asks(someone("DE", works(), verifiedFor("employment", "2026-11-22"))), "deny", { "deemed-export-rs": "fail" }],
  ["an employment whose verification expired, where headquarters are asked", "742.6(a)(6)(iii)", abroad(verifiedFor("employment", "2026-11-22")), "hold", { "export-rs": "unknown" }],
  ["an employment verified until today, where headquarters are asked", "742.6(a)(6)(iii)", abroad(verifiedFor("employment", "2026-11-23")), "allow", { "export-rs": "pass" }],
  ["an Iranian employer whose verification expired goes on barring", "746.7", asks(someone("US", works({ headquarters: "IR" }), verifiedFor("employment", "2026-11-22")), { eccn: "EAR99" }), "deny", { "embargo-nationality": "fail" }],
  ["a workload whose accountable person's status has expired", "772.1", runs(workload({}, { ...citizen, ...verifiedFor("usPerson", "2026-11-22") })), "hold", { nationality: "unknown" }],
  ["a person whose facts were erased, whatever they had been", "762.6", asks(erased), "hold", { subject: "unknown" }],
  ["a workload whose accountable person was erased", "762.6", runs(workload({}, erased)), "hold", { subject: "unknown" }],
];
