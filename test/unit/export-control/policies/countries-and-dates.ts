import type { Facts } from "../../../../src/export-control/facts.ts";
import { asks, held, runs, workload } from "../builders.ts";
import { type Policy, someone, works } from "./policy.ts";

const at = (day: string, facts: Facts): Facts => ({
  ...facts,
  at: `${day}T12:00:00.000Z`,
  screening: facts.screening === null ? null : { ...facts.screening, maxAgeDays: null },
});
const lowerTier = { eccn: "4D090", paragraph: "4A090.b" } as const;
const higherTier = { eccn: "4D090", paragraph: "4A090.a" } as const;
const manufacturing = { eccn: "3E992", paragraph: "3B001.d" } as const;
const circuits = { eccn: "3E001", paragraph: "3A001.a" } as const;
const owned = runs(workload({ ownership: "listed-owner-half-or-more" }));

// biome-ignore format: a table reads by its rows
export const countriesAndDates: readonly Policy[] = [
  ["half ownership on the first day of the Affiliates Rule", "90 FR 47201", at("2025-09-30", { ...owned, grant: owned.grant === null ? null : { ...owned.grant, validFrom: "2025-01-01T00:00:00.000Z" } }), "deny", { ownership: "fail" }],
  ["half ownership on the last day of the stay: OFAC's rule stands", "90 FR 50857; OFAC FAQ 398", at("2026-11-09", owned), "deny", { ownership: "fail" }],
  ["half ownership on the day after the stay", "90 FR 50857", at("2026-11-10", owned), "deny", { ownership: "fail" }],
  ["weights to Germany before BIS spoke of not enforcing", "742.6(a)(13)", at("2026-05-12", asks(someone("US"), { to: "DE" })), "deny", { "export-rs": "fail" }],
  ["weights to Canada, worldwide as printed", "742.6(a)(13)", asks(someone("US"), { to: "CA" }), "deny", { "export-rs": "fail", "export-at": "pass" }],
  ["a status acquired today counts from today", "734.13(b)", asks(someone("CN", { citizenships: [held("CN"), held("CA", "2026-11-23")] }), { eccn: "4E001" }), "allow"],
  ["a permanent residency that ended today counts no longer as held", "734.13(b), open", asks(someone("CA", { permanentResidencies: [held("CN", "2015-01-01", "2026-11-23")] }), { eccn: "4E001" }), "hold", { "deemed-export-ns": "unknown" }],
  ["a permanent residency that ends tomorrow", "734.13(b)", asks(someone("CA", { permanentResidencies: [held("CN", "2015-01-01", "2026-11-24")] }), { eccn: "4E001" }), "deny", { "deemed-export-ns": "fail" }],
  ["the lower tier to Macau, of D:1 and D:4", "742.6(a)(6)(iii)(B)", asks(someone("US", works()), { ...lowerTier, to: "MO" }), "deny", { "export-rs": "fail", "end-use": "unknown" }],
  ["the lower tier to Hong Kong, which is China", "742.6(a)(6)(iii)(B); 85 FR 83788", asks(someone("US", works()), { ...lowerTier, to: "HK" }), "deny", { "export-rs": "fail" }],
  ["the lower tier to Cambodia, of D:1", "742.6(a)(6)(iii)(B)", asks(someone("US", works()), { ...lowerTier, to: "KH" }), "deny", { "export-rs": "fail", "end-use": "pass" }],
  ["the lower tier to Taiwan, of A:6", "742.6(a)(6)(iii)(B)", asks(someone("US", works()), { ...lowerTier, to: "TW" }), "allow", { "export-rs": "pass" }],
  ["the lower tier to India, of A:5", "742.6(a)(6)(iii)(B)", asks(someone("US", works()), { ...lowerTier, to: "IN" }), "allow", { "export-rs": "pass" }],
  ["the lower tier to Kosovo, in no group of D", "742.6(a)(6)(iii)(B)", asks(someone("US", works()), { ...lowerTier, to: "XK" }), "allow", { "export-rs": "pass" }],
  ["the lower tier to Cyprus, of A:6", "742.6(a)(6)(iii)(B)", asks(someone("US", works()), { ...lowerTier, to: "CY" }), "allow", { "export-rs": "pass" }],
  ["the lower tier to Saudi Arabia, of D:4", "742.6(a)(6)(iii)(B)", asks(someone("US", works()), { ...lowerTier, to: "SA" }), "deny", { "export-rs": "fail" }],
  ["the lower tier to India for a company headquartered in Hong Kong", "742.6(a)(6)(iii), headquarters", asks(someone("US", works({ headquarters: "HK" })), { ...lowerTier, to: "IN" }), "deny", { "export-rs": "fail", "end-use": "unknown" }],
  ["the lower tier to India for a company headquartered in Macau", "742.6(a)(6)(iii), headquarters", asks(someone("US", works({ headquarters: "MO" })), { ...lowerTier, to: "IN" }), "deny", { "export-rs": "fail" }],
  ["the lower tier to India for a company with a parent in Russia", "742.6(a)(6)(iii), headquarters", asks(someone("US", works({ headquarters: "IN", parent: "RU" })), { ...lowerTier, to: "IN" }), "deny", { "export-rs": "fail" }],
  ["the lower tier to India for a Cambodian company: Cambodia is out of D:5", "742.6(a)(6)(iii), headquarters; 91 FR 5091", asks(someone("US", works({ headquarters: "KH" })), { ...lowerTier, to: "IN" }), "allow", { "export-rs": "pass" }],
  ["the higher tier to Taiwan, worldwide as printed", "742.6(a)(6)(iii)(A)", asks(someone("US", works()), { ...higherTier, to: "TW" }), "deny", { "export-rs": "fail" }],
  ["the higher tier within the United States for a Chinese national", "742.6(a)(6)(iv)", asks(someone("CN"), higherTier), "allow", { "deemed-export-rs": "not-applicable" }],
  ["manufacturing technology to Cambodia, no longer of D:5", "742.4(a)(4); 742.6(a)(6)(i)", asks(someone("US"), { ...manufacturing, to: "KH" }), "allow", { "export-ns": "pass", "export-rs": "pass" }],
  ["manufacturing technology to Belarus, of D:5", "742.6(a)(6)(i)", asks(someone("US"), { ...manufacturing, to: "BY" }), "deny", { "export-ns": "fail", "export-rs": "fail" }],
  ["manufacturing technology to a Cambodian national", "742.4(a)(4)", asks(someone("KH"), manufacturing), "allow", { "deemed-export-ns": "pass" }],
  ["circuit technology to India: NS, MT and NP each by its column", "Country Chart; 738.4(a)(2)", asks(someone("US"), { ...circuits, to: "IN" }), "deny", { "export-ns": "fail", "export-mt": "fail", "export-np": "fail", "export-at": "pass" }],
  ["circuit technology to Germany: NP1 has no X", "Country Chart NP1", asks(someone("US"), { ...circuits, to: "DE" }), "deny", { "export-ns": "fail", "export-mt": "fail", "export-np": "pass" }],
  ["circuit technology to Canada: no column has an X", "Country Chart", asks(someone("US"), { ...circuits, to: "CA" }), "allow", { "export-ns": "pass", "export-mt": "pass", "export-np": "pass" }],
  ["computer technology to Kosovo", "Country Chart NS1", asks(someone("US"), { eccn: "4E001", paragraph: "4A004", to: "XK" }), "deny", { "export-ns": "fail" }],
  ["computer technology to Taiwan", "Country Chart NS1", asks(someone("US"), { eccn: "4E001", paragraph: "4A004", to: "TW" }), "deny", { "export-ns": "fail" }],
  ["fingerprint technology to Brazil by crime control", "Country Chart CC1", asks(someone("US"), { eccn: "4E001", paragraph: "4A003", to: "BR" }), "deny", { "export-cc": "fail" }],
  ["fingerprint technology to Japan: CC1 has no X", "Country Chart CC1", asks(someone("US"), { eccn: "4E001", paragraph: "4A003.g", to: "JP" }), "deny", { "export-cc": "pass", "export-ns": "fail" }],
  ["EAR99 to Kosovo", "734.3(c)", asks(someone("US"), { eccn: "EAR99", to: "XK" }), "allow"],
  ["EAR99 to Taiwan", "734.3(c)", asks(someone("US"), { eccn: "EAR99", to: "TW" }), "allow"],
  ["EAR99 to the United Arab Emirates", "734.3(c)", asks(someone("US"), { eccn: "EAR99", to: "AE" }), "allow"],
];
