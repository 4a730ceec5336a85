import { expect, test } from "@jest/globals";
import { decide } from "../../../src/export-control/decide.ts";
import type { Facts, License } from "../../../src/export-control/facts.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import {
  asks,
  base,
  bothScreened,
  citizen,
  classified,
  held,
  license,
  naming,
  namingEntities,
  nationalOf,
  runs,
  screenedClean,
  workload,
} from "./builders.ts";
import { countriesAndDates } from "./policies/countries-and-dates.ts";
import {
  advanced,
  computers,
  encrypted,
  governments,
  restricted,
  strategic,
  unrestricted,
} from "./policies/exceptions.ts";
import { publishedAndForm, verified } from "./policies/known-facts.ts";
import { listedEntities } from "./policies/listed-entities.ts";
import type { Policy } from "./policies/policy.ts";
import { reexports } from "./policies/reexports.ts";
import { riders } from "./policies/riders.ts";
import { encryptionSource, salesTechnology } from "./policies/sales-and-source.ts";
import { unsettled } from "./policies/unsettled.ts";

const allowed = (...licenses: readonly License[]) => ({ licenses });
const employedBy = (
  entityHeadquarters: string,
  ultimateParentHeadquarters: string | null,
  permanentRegular = true,
) => ({ employment: { entityHeadquarters, ultimateParentHeadquarters, permanentRegular } });
const matching = (source: string, clearedBy: string | null = null): Partial<Facts> => ({
  screening: { ...screenedClean, matches: [{ source, entry: "1", clearedBy }] },
});
const listed = (asOf: string | null, maxAgeDays: number | null = 14): Facts => ({
  ...base,
  screening: { ...screenedClean, maxAgeDays, list: { ...screenedClean.list, asOf } },
});
const reclassified = (more: Parameters<typeof classified>[1]): Facts => ({
  ...base,
  item: { ...base.item, classification: classified("4E091", more) },
});
const granted = (more: Partial<NonNullable<Facts["grant"]>>): Facts => ({
  ...base,
  grant: base.grant === null ? null : { ...base.grant, ...more },
});

// biome-ignore format: a table reads by its rows
const itemAndGrant: readonly Policy[] = [
  ["a U.S. citizen in the United States under a grant", "734.13", base, "allow", { nationality: "not-applicable", "export-rs": "not-applicable", "deemed-export-rs": "not-applicable" }],
  ["an item without a classification", "738.4(a)(1)", { ...base, item: { ...base.item, classification: null } }, "hold", { classification: "unknown", jurisdiction: "unknown", eccn: "unknown" }],
  ["a classification nobody approved", "738.4(a)(1)", reclassified({ state: "proposed", approvedBy: null }), "hold", { classification: "unknown" }],
  ["a classification approved by its proposer", "two-person rule", reclassified({ approvedBy: "officer-1" }), "deny", { classification: "fail" }],
  ["a rejected classification", "738.4(a)(1)", reclassified({ state: "rejected" }), "deny", { classification: "fail" }],
  ["a superseded classification", "738.4(a)(1)", reclassified({ state: "superseded" }), "deny", { classification: "fail" }],
  ["an approved classification that names no approver", "two-person rule", reclassified({ approvedBy: null }), "hold", { classification: "unknown" }],
  ["an item under the ITAR", "734.3(b)(1)", reclassified({ jurisdiction: "ITAR" }), "hold", { jurisdiction: "unknown" }],
  ["an item under another jurisdiction", "734.3(b)", reclassified({ jurisdiction: "other" }), "hold", { jurisdiction: "unknown" }],
  ["an ECCN that the rulebook does not know", "Part 774", asks(citizen, { eccn: "9E003" }), "hold", { eccn: "unknown", "export-ns": "unknown" }],
  ["an ECCN that names a commodity", "738.2(b)", asks(citizen, { eccn: "3A090" }), "hold", { eccn: "unknown" }],
  ["an ECCN written with its paragraph", "Part 774", asks(citizen, { eccn: "5D992.c" }), "hold", { eccn: "unknown" }],
  ["no grant", "need to know", { ...base, grant: null }, "deny", { grant: "fail" }],
  ["a suspended grant", "need to know", granted({ state: "suspended" }), "deny", { grant: "fail" }],
  ["a revoked grant", "need to know", granted({ state: "revoked" }), "deny", { grant: "fail" }],
  ["a grant at its first instant", "need to know", granted({ validFrom: base.at }), "allow", { grant: "pass" }],
  ["a grant before its first instant", "need to know", granted({ validFrom: "2026-11-23T12:00:00.001Z" }), "deny", { grant: "fail" }],
  ["a grant at its end", "need to know", granted({ validUntil: base.at }), "deny", { grant: "fail" }],
  ["a grant whose times cannot be read", "need to know", granted({ validUntil: "next year" }), "hold", { grant: "unknown" }],
  ["a grant without a purpose", "736.2(b)(5)", granted({ purpose: " " }), "hold", { "end-use": "unknown" }],
  ["a suspended person", "the operator's own register", asks({ ...citizen, state: "suspended" }), "deny", { subject: "fail" }],
  ["a revoked workload", "the operator's own register", runs({ ...workload(), state: "revoked" }), "deny", { subject: "fail" }],
  ["a workload of a suspended entity", "the operator's own register", runs(workload({ state: "suspended" })), "deny", { subject: "fail" }],
  ["a workload whose accountable person is revoked", "the operator's own register", runs(workload({}, { ...citizen, state: "revoked" })), "deny", { subject: "fail" }],
  ["a U.S. workload of a U.S. entity and person", "734.13", runs(workload()), "allow", { ownership: "pass" }],
];

// biome-ignore format: a table reads by its rows
const parties: readonly Policy[] = [
  ["a person whom nobody screened", "736.2(b)(4)", { ...base, screening: null }, "hold", { "denied-party": "unknown" }],
  ["a person none of whose names could be compared", "736.2(b)(4)", { ...base, screening: { ...screenedClean, screened: 0 } }, "hold", { "denied-party": "unknown" }],
  ["a screening of no party at all", "736.2(b)(4)", { ...base, screening: { ...screenedClean, parties: 0, screened: 0 } }, "hold", { "denied-party": "unknown" }],
  ["a workload of which both parties were screened", "736.2(b)(4)", runs(workload(), { screening: bothScreened }), "allow", { "denied-party": "pass" }],
  ["a workload whose accountable person or entity has no name that could be compared", "736.2(b)(4)", runs(workload(), { screening: { ...bothScreened, screened: 1 } }), "hold", { "denied-party": "unknown" }],
  ["a workload of which only one party was counted", "736.2(b)(4)", runs(workload(), { screening: screenedClean }), "hold", { "denied-party": "unknown" }],
  ["a workload with a match and a party that was not screened", "744.11", runs(workload(), { screening: { ...bothScreened, screened: 1, matches: [{ source: "EL", entry: "1", clearedBy: null }] } }), "deny", { "denied-party": "fail" }],
  ["a screening against the sample list in a trial", "736.2(b)(4)", { ...base, screening: { ...screenedClean, isTrial: true, list: { ...screenedClean.list, kind: "sample" } } }, "allow", { "denied-party": "pass" }],
  ["a screening against the sample list", "736.2(b)(4)", { ...base, screening: { ...screenedClean, list: { ...screenedClean.list, kind: "sample" } } }, "hold", { "denied-party": "unknown" }],
  ["a list older than the operator admits", "736.2(b)(4)", listed("2026-07-31"), "hold", { "denied-party": "unknown" }],
  ["an old list where the operator sets no limit", "736.2(b)(4)", listed("2026-07-31", null), "allow"],
  ["a list of unknown age", "736.2(b)(4)", listed(null), "hold", { "denied-party": "unknown" }],
  ["a list of unknown age where the operator sets no limit", "736.2(b)(4)", listed(null, null), "hold", { "denied-party": "unknown" }],
  ["a list dated a day ahead, as a clock or a time zone may have it", "736.2(b)(4)", listed("2026-11-24T12:00:00.000Z"), "allow", { "denied-party": "pass" }],
  ["a list dated more than a day ahead", "736.2(b)(4)", listed("2026-11-24T12:00:00.001Z"), "hold", { "denied-party": "unknown" }],
  ["a list dated years ahead where the operator sets no limit", "736.2(b)(4)", listed("2099-01-01", null), "hold", { "denied-party": "unknown" }],
  ["a match on the Denied Persons List", "Part 764 Supp. 2", asks(citizen, matching("DPL")), "deny", { "denied-party": "fail" }],
  ["a match on the Entity List", "744.11", asks(citizen, matching("EL")), "deny", { "denied-party": "fail" }],
  ["a match on the SDN List", "744.8", asks(citizen, matching("SDN")), "deny", { "denied-party": "fail" }],
  ["a match on the Military End User List", "744.21", asks(citizen, matching("MEU")), "hold", { "denied-party": "unknown" }],
  ["a match on the Unverified List", "744.15", asks(citizen, matching("UVL")), "hold", { "denied-party": "unknown" }],
  ["a match on the CMIC list", "E.O. 13959", asks(citizen, matching("CMIC")), "hold", { "denied-party": "unknown" }],
  ["a match on ITAR debarments", "22 CFR 127.7", asks(citizen, matching("DTC")), "hold", { "denied-party": "unknown" }],
  ["a match on a list that the rulebook does not know", "736.2(b)(4)", asks(citizen, matching("NEW")), "hold", { "denied-party": "unknown" }],
  ["a match that an officer cleared", "736.2(b)(4)", asks(citizen, matching("SDN", "officer-1")), "allow", { "denied-party": "pass" }],
  ["a match on the Entity List with a license that names the person", "744.16(b)", asks(citizen, { ...matching("EL"), ...allowed(license({ parties: naming(citizen.id), destinations: ["US"], nationalities: ["US"] })) }), "deny", { "denied-party": "fail" }],
  ["an entity owned half or more by listed parties", "90 FR 47201; OFAC FAQ 398", runs(workload({ ownership: "listed-owner-half-or-more" })), "deny", { ownership: "fail" }],
  ["an entity with a listed minority owner", "Red Flag 29", runs(workload({ ownership: "listed-owner-below-half" })), "hold", { ownership: "unknown" }],
  ["an entity of unknown ownership", "Red Flag 29", runs(workload({ ownership: null })), "hold", { ownership: "unknown" }],
  ["half ownership while the Affiliates Rule was stayed", "OFAC FAQ 398", { ...runs(workload({ ownership: "listed-owner-half-or-more" })), at: "2026-10-01T12:00:00Z" }, "deny", { ownership: "fail" }],
];

// biome-ignore format: a table reads by its rows
const deemed: readonly Policy[] = [
  ["a person of whom nobody knows whether a U.S. person", "772.1", asks({ ...citizen, usPerson: null }), "hold", { nationality: "unknown", "embargo-nationality": "unknown", "deemed-export-rs": "unknown" }],
  ["a permanent resident who is also a citizen of China", "772.1; 8 U.S.C. 1324b(a)(3)", asks({ ...nationalOf("CN"), usPerson: { value: true, category: "permanent-resident" } }), "allow", { nationality: "not-applicable" }],
  ["a refugee from Iran", "772.1; 8 U.S.C. 1324b(a)(3)", asks({ ...nationalOf("IR"), usPerson: { value: true, category: "protected-individual" } }), "allow", { "embargo-nationality": "pass" }],
  ["a foreign person of unknown citizenship", "734.13(b)", asks(nationalOf("DE", { citizenships: null })), "hold", { nationality: "unknown" }],
  ["a foreign person of unknown residency", "734.13(b)", asks(nationalOf("DE", { permanentResidencies: null })), "hold", { nationality: "unknown" }],
  ["a foreign person without any status", "734.13(b)", asks(nationalOf("DE", { citizenships: [] })), "hold", { nationality: "unknown" }],
  ["a foreign person recorded as a citizen of the United States", "772.1", asks(nationalOf("US")), "hold", { nationality: "unknown" }],
  ["a code that stands for no country", "734.13(b)", asks(nationalOf("ZZ")), "hold", { nationality: "unknown" }],
  ["a date that cannot be read", "734.13(b)", asks(nationalOf("DE", { citizenships: [held("DE", "1990-02-30")] })), "hold", { nationality: "unknown" }],
  ["weights to a German who is no permanent employee", "742.6(a)(13)", asks(nationalOf("DE")), "deny", { "deemed-export-rs": "fail", "deemed-export-at": "pass" }],
  ["weights to a Chinese permanent employee of a U.S. company", "742.6(a)(13)", asks(nationalOf("CN", employedBy("US", "US"))), "allow", { "deemed-export-rs": "pass" }],
  ["weights to a permanent employee of a company headquartered in Singapore", "742.6(a)(13)", asks(nationalOf("DE", employedBy("SG", "SG"))), "deny", { "deemed-export-rs": "fail" }],
  ["weights to a permanent employee of a Singapore subsidiary of a U.S. company", "742.6(a)(13), both asked", asks(nationalOf("DE", employedBy("SG", "US"))), "deny", { "deemed-export-rs": "fail" }],
  ["weights to a permanent employee of a U.S. company with a Chinese parent", "742.6(a)(13)", asks(nationalOf("DE", employedBy("US", "CN"))), "deny", { "deemed-export-rs": "fail" }],
  ["weights to a permanent employee of a company of unknown parent", "742.6(a)(13)", asks(nationalOf("DE", employedBy("US", null))), "hold", { "deemed-export-rs": "unknown" }],
  ["weights to a foreign person with no employment on record", "742.6(a)(13)", asks(nationalOf("DE", { employment: null })), "deny", { "deemed-export-rs": "fail" }],
  ["weights to an Iranian permanent employee of a U.S. company", "746.7; 742.8", asks(nationalOf("IR", employedBy("US", "US"))), "deny", { "embargo-nationality": "unknown", "deemed-export-at": "fail", "deemed-export-rs": "pass" }],
  ["EAR99 to a German", "734.3(c)", asks(nationalOf("DE"), { eccn: "EAR99" }), "allow", { "deemed-export-ns": "not-applicable" }],
  ["EAR99 to a Chinese national", "734.3(c)", asks(nationalOf("CN"), { eccn: "EAR99" }), "allow"],
  ["EAR99 to a Cuban national", "746.2(a)", asks(nationalOf("CU"), { eccn: "EAR99" }), "deny", { "embargo-nationality": "fail" }],
  ["EAR99 to a North Korean national", "746.4", asks(nationalOf("KP"), { eccn: "EAR99" }), "hold", { "embargo-nationality": "unknown" }],
  ["EAR99 to a Syrian national", "746.9, read strictly", asks(nationalOf("SY"), { eccn: "EAR99" }), "deny", { "embargo-nationality": "fail" }],
  ["4E001 to a Russian national: 746.8 is out, NS is not", "746.8(b)", asks(nationalOf("RU"), { eccn: "4E001", paragraph: "4A004" }), "deny", { "embargo-nationality": "pass", "deemed-export-ns": "fail" }],
  ["4E001 to a Canadian", "Country Chart NS1", asks(nationalOf("CA"), { eccn: "4E001" }), "allow", { "deemed-export-ns": "pass" }],
  ["4E001 to a German", "Country Chart NS1", asks(nationalOf("DE"), { eccn: "4E001" }), "deny", { "deemed-export-ns": "fail" }],
  ["4E001 for 4A090 to a Chinese national: no NS, and RS does not reach", "742.6(a)(6)(iv)", asks(nationalOf("CN"), { eccn: "4E001", paragraph: "4A090.a" }), "allow", { "deemed-export-ns": "not-applicable", "deemed-export-rs": "not-applicable" }],
  ["3E001 for 3A090.a to a Chinese national", "742.6(a)(6)(iv)", asks(nationalOf("CN"), { eccn: "3E001", paragraph: "3A090.a" }), "allow", { "deemed-export-rs": "not-applicable", "deemed-export-at": "pass" }],
  ["3E001 for 3A001.z to a Chinese national: NS and MT still reach", "742.6(a)(6)(iv)", asks(nationalOf("CN"), { eccn: "3E001", paragraph: "3A001.z.1.a" }), "deny", { "deemed-export-rs": "not-applicable", "deemed-export-ns": "fail", "deemed-export-mt": "fail" }],
  ["3E001 without a paragraph to a Chinese national: all rows together", "738.4(a)(2)", asks(nationalOf("CN"), { eccn: "3E001" }), "deny", { "deemed-export-ns": "fail", "deemed-export-np": "fail", "deemed-export-rs": "fail" }],
  ["3E001 with a paragraph that nothing knows: all rows together", "738.4(a)(2)", asks(nationalOf("CN"), { eccn: "3E001", paragraph: "3Z999" }), "deny", { "deemed-export-ns": "fail" }],
  ["3E001 for 3A001 to an Indian: NS and MT each", "738.4(a)(2)", asks(nationalOf("IN"), { eccn: "3E001", paragraph: "3A001.a" }), "deny", { "deemed-export-ns": "fail", "deemed-export-mt": "fail", "deemed-export-np": "fail" }],
  ["5E002 to a German: EI is not on the chart", "742.15", asks(nationalOf("DE"), { eccn: "5E002" }), "deny", { "deemed-export-ei": "fail" }],
  ["5D992 to a Chinese national: AT alone", "742.8, 742.9, 742.19", asks(nationalOf("CN"), { eccn: "5D992", paragraph: "5D992.c" }), "allow", { "deemed-export-at": "pass" }],
  ["4D994 to a North Korean national", "742.19", asks(nationalOf("KP"), { eccn: "4D994" }), "deny", { "deemed-export-at": "fail", "embargo-nationality": "unknown" }],
  ["0E521 to a German", "742.6(a)(8)", asks(nationalOf("DE"), { eccn: "0E521" }), "deny", { "deemed-export-rs": "fail" }],
  ["3E992 to a national of Macau: NS reaches, RS does not", "742.4(a)(4); 742.6(a)(6)(iv)", asks(nationalOf("MO"), { eccn: "3E992", paragraph: "3B001.d" }), "deny", { "deemed-export-ns": "fail", "deemed-export-rs": "not-applicable" }],
  ["a Chinese who became Canadian later", "734.13(b)", asks(nationalOf("CN", { citizenships: [held("CN"), held("CA", "2020-05-01")] }), { eccn: "4E001" }), "allow"],
  ["a Canadian who took up residence in China later", "734.13(b)", asks(nationalOf("CA", { permanentResidencies: [held("CN", "2021-01-01")] }), { eccn: "4E001" }), "deny"],
  ["a Chinese who is to become Canadian tomorrow", "734.13(b)", asks(nationalOf("CN", { citizenships: [held("CN"), held("CA", "2026-11-24")] }), { eccn: "4E001" }), "deny"],
  ["a Canadian and German since the same day", "734.13(b), open", asks(nationalOf("CA", { citizenships: [held("CA"), held("DE")] }), { eccn: "4E001" }), "hold", { "deemed-export-ns": "unknown" }],
  ["a German and Frenchwoman since the same day: either way required", "734.13(b)", asks(nationalOf("DE", { citizenships: [held("DE"), held("FR")] }), { eccn: "4E001" }), "deny", { "deemed-export-ns": "fail" }],
  ["a Briton and Iranian since the same day", "734.13(b), open", asks(nationalOf("GB", { citizenships: [held("GB"), held("IR")] }), { eccn: "EAR99" }), "hold", { "embargo-nationality": "unknown" }],
  ["a Canadian whose later German residence has ended", "734.13(b), open", asks(nationalOf("CA", { permanentResidencies: [held("DE", "2015-01-01", "2019-01-01")] }), { eccn: "4E001" }), "hold", { "deemed-export-ns": "unknown" }],
  ["a Canadian whose earlier German citizenship has ended", "734.13(b)", asks(nationalOf("CA", { citizenships: [held("DE", "1980-01-01", "1990-01-01"), held("CA")] }), { eccn: "4E001" }), "allow"],
  ["a former permanent resident of the United States", "772.1", asks(nationalOf("DE", { permanentResidencies: [held("US", "2010-01-01", "2020-01-01")] }), { eccn: "4E001" }), "deny", { nationality: "pass", "deemed-export-ns": "fail" }],
  ["a German asking in Germany: no deemed reexport, but an export", "734.14(a)(2)", asks(nationalOf("DE"), { eccn: "4E001", paragraph: "4A004", to: "DE" }), "deny", { "export-ns": "fail", "deemed-export-ns": "not-applicable" }],
];

// biome-ignore format: a table reads by its rows
const places: readonly Policy[] = [
  ["a U.S. citizen in Germany: an export all the same", "734.13(a)(1)", asks(citizen, { to: "DE" }), "deny", { "export-rs": "fail", "export-at": "pass" }],
  ["an unknown destination", "734.13(a)(1)", { ...base, destination: { country: null, basis: "unknown", site: null } }, "hold", { destination: "unknown", "export-rs": "unknown", "embargo-destination": "unknown" }],
  ["a country that no site vouches for", "734.13(a)(1)", { ...base, destination: { country: "US", basis: "unknown", site: null } }, "hold", { destination: "unknown" }],
  ["a code of destination that stands for no country", "734.13(a)(1)", asks(citizen, { to: "ZZ" }), "hold", { destination: "unknown" }],
  ["EAR99 to Germany", "734.3(c)", asks(citizen, { to: "DE", eccn: "EAR99" }), "allow"],
  ["EAR99 to China: the end use is asked", "744.21 to 744.23", asks(citizen, { to: "CN", eccn: "EAR99" }), "hold", { "end-use": "unknown" }],
  ["EAR99 to Macau, which is not in D:5", "744.23", asks(citizen, { to: "MO", eccn: "EAR99" }), "hold", { "end-use": "unknown" }],
  ["EAR99 to Cambodia, no longer in D:5", "Part 740 Supp. 1", asks(citizen, { to: "KH", eccn: "EAR99" }), "allow", { "end-use": "pass" }],
  ["EAR99 to Hong Kong, which is China", "85 FR 83788", asks(citizen, { to: "HK", eccn: "EAR99" }), "hold", { "end-use": "unknown" }],
  ["EAR99 to Iran", "746.7", asks(citizen, { to: "IR", eccn: "EAR99" }), "deny", { "embargo-destination": "fail" }],
  ["EAR99 to Cuba", "746.2(a)", asks(citizen, { to: "CU", eccn: "EAR99" }), "deny", { "embargo-destination": "fail" }],
  ["EAR99 to Russia: the supplements decide", "746.8(a)", asks(citizen, { to: "RU", eccn: "EAR99" }), "hold", { "embargo-destination": "unknown" }],
  ["5D992 to Belarus: every listed item", "746.8(a)(1)", asks(citizen, { to: "BY", eccn: "5D992", paragraph: "5D992.c" }), "deny", { "embargo-destination": "fail", "export-at": "pass" }],
  ["EAR99 to Ukraine: which region", "746.6(a)", asks(citizen, { to: "UA", eccn: "EAR99" }), "hold", { "embargo-destination": "unknown" }],
  ["5D992 to Syria: no X is no permission", "738.4(a)(2)(ii)(B); 742.9", asks(citizen, { to: "SY", eccn: "5D992" }), "deny", { "embargo-destination": "fail", "export-at": "fail" }],
  ["4E001 to Canada", "Country Chart NS1", asks(citizen, { to: "CA", eccn: "4E001", paragraph: "4A001.b" }), "allow", { "export-ns": "pass" }],
  ["4E001 to Liechtenstein, which follows Switzerland", "Part 738 Supp. 1 fn. 5", asks(citizen, { to: "LI", eccn: "4E001", paragraph: "4A004" }), "deny", { "export-ns": "fail" }],
  ["4D090 for the lower tier to the United Arab Emirates, in A:5 and named", "742.6(a)(6)(iii)(B)", asks(nationalOf("US", { ...citizen, ...employedBy("US", "US") }), { to: "AE", eccn: "4D090", paragraph: "4A090.b" }), "deny", { "export-rs": "fail" }],
  ["4D090 for the lower tier to Singapore, in A:6", "742.6(a)(6)(iii)(B)", asks({ ...citizen, ...employedBy("US", "US") }, { to: "SG", eccn: "4D090", paragraph: "4A090.b" }), "allow", { "export-rs": "pass" }],
  ["4D090 for the lower tier to Israel, in D:4 and in A:6", "742.6(a)(6)(iii)(B)", asks({ ...citizen, ...employedBy("US", "US") }, { to: "IL", eccn: "4D090", paragraph: "4A090.b" }), "allow", { "export-rs": "pass" }],
  ["4D090 for the lower tier to Vietnam, in D:1", "742.6(a)(6)(iii)(B)", asks({ ...citizen, ...employedBy("US", "US") }, { to: "VN", eccn: "4D090", paragraph: "4A090.b" }), "deny", { "export-rs": "fail" }],
  ["4D090 for the lower tier to Germany for a Chinese employer", "742.6(a)(6)(iii), headquarters", asks({ ...citizen, ...employedBy("DE", "CN") }, { to: "DE", eccn: "4D090", paragraph: "4A090.b" }), "deny", { "export-rs": "fail" }],
  ["4D090 for the lower tier to Germany for an unknown employer", "742.6(a)(6)(iii), headquarters", asks(citizen, { to: "DE", eccn: "4D090", paragraph: "4A090.b" }), "hold", { "export-rs": "unknown" }],
  ["4D090 for the higher tier to Germany: worldwide as printed", "742.6(a)(6)(iii)(A)", asks({ ...citizen, ...employedBy("US", "US") }, { to: "DE", eccn: "4D090", paragraph: "4A090.a" }), "deny", { "export-rs": "fail" }],
  ["3E001 for 3A090 without its letter to China: every letter's row", "738.4(a)(2)", asks({ ...citizen, ...employedBy("US", "US") }, { to: "CN", eccn: "3E001", paragraph: "3A090" }), "deny", { "export-rs": "fail", "export-ns": "not-applicable" }],
  ["3E992 to Macau, named beside D:5", "742.6(a)(6)(i)", asks(citizen, { to: "MO", eccn: "3E992" }), "deny", { "export-ns": "fail", "export-rs": "fail" }],
  ["a German entity's workload in the United States: deemed to Germany", "772.1; 734.13(a)(2)", runs(workload({ country: "DE", headquarters: "DE", ultimateParentHeadquarters: "DE" }), { eccn: "4E001" }), "deny", { "deemed-export-ns": "fail" }],
  ["a U.S. workload with a German accountable person", "734.13(a)(2)", runs(workload({}, nationalOf("DE")), { eccn: "4E001" }), "deny", { "deemed-export-ns": "fail" }],
  ["a Canadian entity's workload with a German accountable person: both count", "734.13(a)(2)", runs(workload({ country: "CA", headquarters: "CA", ultimateParentHeadquarters: "CA" }, nationalOf("DE")), { eccn: "4E001" }), "deny", { "deemed-export-ns": "fail" }],
  ["a Canadian and German since the same day, asking in Canada", "734.14(a)(2), open", asks(nationalOf("CA", { citizenships: [held("CA"), held("DE")] }), { eccn: "4E001", paragraph: "4A001.b", to: "CA" }), "hold", { "export-ns": "pass", "deemed-export-ns": "unknown" }],
  ["a workload of an entity of unknown country", "772.1", runs(workload({ country: null })), "hold", { nationality: "unknown" }],
  ["a workload of an entity of unknown headquarters", "742.6(a)(6)", runs(workload({ headquarters: null })), "hold", { nationality: "unknown" }],
  ["a workload of an entity of unknown parent", "742.6(a)(6)", runs(workload({ ultimateParentHeadquarters: null })), "hold", { nationality: "unknown" }],
  ["a workload of an entity headquartered in China: the end use is asked", "744.23", runs(workload({ ultimateParentHeadquarters: "CN" }), { eccn: "EAR99" }), "hold", { "end-use": "unknown" }],
  ["a workload of an entity with an Iranian parent", "746.7", runs(workload({ ultimateParentHeadquarters: "IR" }), { eccn: "EAR99" }), "deny", { "embargo-nationality": "fail" }],
];

const worksFor = (...employer: Parameters<typeof employedBy>) => ({
  ...citizen,
  ...employedBy(...employer),
});
const inGermany = { to: "DE", eccn: "EAR99" } as const;

// biome-ignore format: a table reads by its rows
const employers: readonly Policy[] = [
  ["EAR99 to a German in Germany whose employer nobody recorded", "734.3(c)", asks(nationalOf("DE", { employment: null }), inGermany), "allow", { "embargo-nationality": "pass", "end-use": "pass" }],
  ["EAR99 to a German in Germany who works for a German company", "734.3(c)", asks(nationalOf("DE", employedBy("DE", "DE")), inGermany), "allow", { "embargo-nationality": "pass", "end-use": "pass" }],
  ["EAR99 to a German in Germany who works for a company of unknown parent", "734.3(c)", asks(nationalOf("DE", employedBy("DE", null)), inGermany), "allow"],
  ["EAR99 to a German in Germany who works for a North Korean company", "746.4", asks(nationalOf("DE", employedBy("KP", "KP")), inGermany), "deny", { "embargo-nationality": "fail", "end-use": "unknown" }],
  ["4E992 to a German in Germany who works for a North Korean company", "746.4", asks(nationalOf("DE", employedBy("KP", null)), { to: "DE", eccn: "4E992" }), "deny", { "embargo-nationality": "fail" }],
  ["EAR99 to a German who works for a German company with a Cuban parent", "746.2(a)", asks(nationalOf("DE", employedBy("DE", "CU")), inGermany), "deny", { "embargo-nationality": "fail" }],
  ["weights to a U.S. person in the United States who works for an Iranian company", "746.7", asks(worksFor("IR", "IR")), "deny", { nationality: "not-applicable", "embargo-nationality": "fail" }],
  ["weights to a U.S. person in the United States who works for a U.S. company", "734.13", asks(worksFor("US", "US")), "allow"],
  ["weights to a U.S. person who works for a company with a Chinese parent: the end use is asked", "744.21 to 744.23", asks(worksFor("US", "CN")), "hold", { "embargo-nationality": "pass", "end-use": "unknown" }],
  ["EAR99 to a U.S. person who works for a company in Macau, which is not in D:5", "744.23", asks(worksFor("MO", "MO"), { eccn: "EAR99" }), "hold", { "end-use": "unknown" }],
  ["EAR99 to a U.S. person who works for a Russian company: no embargo by employer, but D:5", "746.8; 744.21", asks(worksFor("RU", "RU"), { eccn: "EAR99" }), "hold", { "embargo-nationality": "pass", "end-use": "unknown" }],
  ["a recorded employer in a code that stands for no country", "746", asks(worksFor("ZZ", "US"), { eccn: "EAR99" }), "hold", { "embargo-nationality": "unknown" }],
  ["a U.S. workload whose accountable person works for an Iranian company", "746.7", runs(workload({}, worksFor("US", "IR"))), "deny", { "embargo-nationality": "fail" }],
  ["a U.S. workload whose accountable person works for a Chinese company", "744.23", runs(workload({}, worksFor("CN", "CN"))), "hold", { "end-use": "unknown" }],
  ["an employee of an Iranian company with a license that names them and Iran", "746.7", asks(worksFor("IR", "IR"), allowed(license({ nationalities: ["IR"], parties: naming(citizen.id) }))), "allow", { "embargo-nationality": "covered", "end-use": "covered" }],
  ["an employee of an Iranian company with a license for Iran open to all", "746.7, read strictly", asks(worksFor("IR", "IR"), allowed(license({ nationalities: ["IR"] }))), "deny", { "embargo-nationality": "fail" }],
  ["an employee of an Iranian company with a license that names somebody else", "746.7", asks(worksFor("IR", "IR"), allowed(license({ nationalities: ["IR"], parties: naming("person-other") }))), "deny", { "embargo-nationality": "fail" }],
  ["an employee of an Iranian company with a license that names them and not Iran", "746.7", asks(worksFor("IR", "IR"), allowed(license({ nationalities: ["US"], parties: naming(citizen.id) }))), "deny", { "embargo-nationality": "fail" }],
  ["an employee of an Iranian company with a license exception", "740.2(a)(6)", asks(worksFor("IR", "IR"), allowed(license({ nationalities: ["IR"], parties: naming(citizen.id) }, { kind: "license-exception" }))), "deny", { "embargo-nationality": "fail" }],
  ["an employee of an Iranian company with a determination that no license is required", "746.7", asks(worksFor("IR", "IR"), allowed(license({ nationalities: ["IR"], parties: naming(citizen.id) }, { kind: "no-license-required" }))), "deny", { "embargo-nationality": "fail", "end-use": "covered" }],
  ["a license that names them and Iran, where the parent's code stands for no country", "746.7", asks(worksFor("IR", "ZZ"), allowed(license({ nationalities: ["IR", "ZZ"], parties: naming(citizen.id) }))), "hold", { "embargo-nationality": "unknown" }],
  ["a license that names the entity, for its accountable person's Iranian employer", "750.7(a), read strictly", runs(workload({}, worksFor("IR", "IR")), allowed(license({ nationalities: ["IR"], parties: namingEntities("entity-1") }))), "deny", { "embargo-nationality": "fail" }],
  ["a determination on the end use of an employee of a Chinese company", "744", asks(worksFor("CN", "CN"), allowed(license({ nationalities: ["CN"], parties: naming(citizen.id) }, { kind: "no-license-required" }))), "allow", { "end-use": "covered" }],
];

const german = nationalOf("DE");
const forGermans = license({ nationalities: ["DE"] });
const iranian = nationalOf("IR");
const onlyAt = (at: string, validFrom: string, validUntil: string): Facts => ({
  ...asks(german, allowed({ ...forGermans, validFrom, validUntil })),
  at,
});

// biome-ignore format: a table reads by its rows
const licensed: readonly Policy[] = [
  ["a license for the nationality", "750.7(a)", asks(german, allowed(forGermans)), "allow", { "deemed-export-rs": "covered" }],
  ["a license for another nationality", "750.7(a)", asks(german, allowed(license({ nationalities: ["FR"] }))), "deny"],
  ["a license to export to the country, for a deemed export", "734.13(a)(1), (2)", asks(german, allowed(license({ destinations: ["DE"] }))), "deny"],
  ["a license for deemed exports, for an export", "734.13(a)(1), (2)", asks(citizen, { to: "DE", ...allowed(forGermans) }), "deny"],
  ["a license for another ECCN", "750.7(a)", asks(german, allowed(license({ eccns: ["4E001"], nationalities: ["DE"] }))), "deny"],
  ["a license without an ECCN", "750.7(a)", asks(german, allowed(license({ eccns: [], nationalities: ["DE"] }))), "deny"],
  ["a license for another repository", "750.7(a)", asks(german, allowed(license({ repositories: ["lab/other"], nationalities: ["DE"] }))), "deny"],
  ["a license for this repository and person", "750.7(a)", asks(german, allowed(license({ repositories: ["lab/frontier"], nationalities: ["DE"], parties: naming(german.id) }))), "allow"],
  ["a license that names somebody else", "750.7(a)", asks(german, allowed(license({ nationalities: ["DE"], parties: naming("person-other") }))), "deny"],
  ["a license that names only entities, for a person", "750.7(a)", asks(german, allowed(license({ nationalities: ["DE"], parties: namingEntities("entity-1") }))), "deny"],
  ["a license for other reasons", "738.4(a)(2)", asks(german, allowed(license({ nationalities: ["DE"], reasons: ["NS"] }))), "deny"],
  ["a draft license", "750.7", asks(german, allowed({ ...forGermans, state: "draft" })), "deny"],
  ["a suspended license", "750.8", asks(german, allowed({ ...forGermans, state: "suspended" })), "deny"],
  ["a revoked license", "750.8", asks(german, allowed({ ...forGermans, state: "revoked" })), "deny"],
  ["a license whose releases are used up", "750.7(f)", asks(german, allowed({ ...forGermans, releasesLeft: 0 })), "deny"],
  ["a license with one release left", "750.7(f)", asks(german, allowed({ ...forGermans, releasesLeft: 1 })), "allow"],
  ["a license in the last second of its last printed day", "750.7(g)", onlyAt("2026-11-23T23:59:59.999Z", "2026-01-01", "2026-11-23"), "allow"],
  ["a license after its last printed day in UTC, still that day in Washington", "750.7(g), narrowly", onlyAt("2026-11-24T00:00:00.000Z", "2026-01-01", "2026-11-23"), "deny"],
  ["a license on its first day in UTC, not yet in Washington", "750.7(g), narrowly", onlyAt("2026-11-23T04:59:59.999Z", "2026-11-23", "2027-11-23"), "deny"],
  ["a license at midnight in Washington of its first day", "750.7(g), narrowly", onlyAt("2026-11-23T05:00:00.000Z", "2026-11-23", "2027-11-23"), "allow"],
  ["a license with dates that cannot be read", "750.7(g)", onlyAt(base.at, "2026-01-01", "2027-02-30"), "deny"],
  ["a German in France: export and deemed reexport, two licenses", "734.13; 734.14", asks(german, { to: "FR", ...allowed(forGermans, license({ destinations: ["FR"] }, { id: "license-2" })) }), "allow", { "export-rs": "covered", "deemed-export-rs": "covered" }],
  ["a German in France with a license for France alone", "734.14(a)(2)", asks(german, { to: "FR", ...allowed(license({ destinations: ["FR"] })) }), "deny", { "export-rs": "covered", "deemed-export-rs": "fail" }],
  ["a license exception with named parties", "Part 740", asks(german, { ...allowed(license({ nationalities: ["DE"], parties: naming(german.id) }, { kind: "license-exception", number: "AIA" })) }), "allow", { "deemed-export-rs": "covered" }],
  ["a license exception that names nobody", "Part 740", asks(german, allowed(license({ nationalities: ["DE"] }, { kind: "license-exception" }))), "deny"],
  ["a license exception for advanced chips' technology to a Chinese national, whatever the reason", "740.2(a)(9)(ii)", asks(nationalOf("CN"), { eccn: "3E001", paragraph: "3A001.z.1.a", ...allowed(license({ eccns: ["3E001"], nationalities: ["CN"], parties: naming("person-CN") }, { kind: "license-exception" })) }), "deny"],
  ["a license exception for advanced computers' technology to a Chinese national, whatever the reason", "740.2(a)(9)(ii)", asks(nationalOf("CN"), { eccn: "4E001", paragraph: "4A004.z.1", ...allowed(license({ eccns: ["4E001"], nationalities: ["CN"], parties: naming("person-CN") }, { kind: "license-exception" })) }), "deny"],
  ["a license exception for advanced computers' software to a Chinese national, whatever the reason", "740.2(a)(9)(ii)", asks(nationalOf("CN"), { eccn: "4D001", paragraph: "4A003.z.1.a", ...allowed(license({ eccns: ["4D001"], nationalities: ["CN"], parties: naming("person-CN") }, { kind: "license-exception" })) }), "deny"],
  ["a license exception for advanced chips' software to a Chinese national, whatever the reason", "740.2(a)(9)(ii)", asks(nationalOf("CN"), { eccn: "3D001", paragraph: "3A001.z.1.a", ...allowed(license({ eccns: ["3D001"], nationalities: ["CN"], parties: naming("person-CN") }, { kind: "license-exception" })) }), "deny"],
  ["a license exception for advanced encryption hardware's technology to a Chinese national, whatever the reason", "740.2(a)(9)(ii)", asks(nationalOf("CN"), { eccn: "5E002", paragraph: "5A002.z.1.a", ...allowed(license({ eccns: ["5E002"], nationalities: ["CN"], parties: naming("person-CN") }, { kind: "license-exception" })) }), "deny"],
  ["a license exception for technology that is not of advanced computing, to a Chinese national", "Part 740", asks(nationalOf("CN"), { eccn: "3E001", paragraph: "3A001.b.2", ...allowed(license({ eccns: ["3E001"], nationalities: ["CN"], parties: naming("person-CN") }, { kind: "license-exception" })) }), "allow"],
  ["a license exception for weights to a Chinese national", "740.2(a)(9)(ii)", asks(nationalOf("CN"), allowed(license({ nationalities: ["CN"], parties: naming("person-CN") }, { kind: "license-exception" }))), "deny"],
  ["a determination that no license is required, where the rulebook requires one", "738.4", asks(german, allowed(license({ nationalities: ["DE"], parties: naming(german.id) }, { kind: "no-license-required" }))), "deny"],
  ["a determination in place of a missing fact", "742.6(a)(13)", asks({ ...german, employment: null }, allowed(license({ nationalities: ["DE"], parties: naming(german.id) }, { kind: "no-license-required" }))), "deny", { "deemed-export-rs": "fail" }],
  ["a determination between two readings of the law", "734.13(b), open", asks(nationalOf("CA", { citizenships: [held("CA"), held("DE")] }), { eccn: "4E001", ...allowed(license({ eccns: ["4E001"], nationalities: ["DE"], parties: naming("person-CA") }, { kind: "no-license-required" })) }), "allow", { "deemed-export-ns": "covered" }],
  ["a determination on the end use of EAR99 in China", "744", asks(citizen, { to: "CN", eccn: "EAR99", ...allowed(license({ eccns: ["EAR99"], destinations: ["CN"], parties: naming(citizen.id) }, { kind: "no-license-required" })) }), "allow", { "end-use": "covered" }],
  ["a determination that EAR99 goes to free Ukraine", "746.6", asks(citizen, { to: "UA", eccn: "EAR99", ...allowed(license({ eccns: ["EAR99"], destinations: ["UA"], parties: naming(citizen.id) }, { kind: "no-license-required" })) }), "allow", { "embargo-destination": "covered" }],
  ["an Iranian with a license that names him", "746.7", asks(iranian, allowed(license({ nationalities: ["IR"], parties: naming(iranian.id) }))), "allow", { "embargo-nationality": "covered", "deemed-export-rs": "covered", "deemed-export-at": "covered" }],
  ["an Iranian with a license open to all Iranians", "746.7, read strictly", asks(iranian, allowed(license({ nationalities: ["IR"] }))), "hold", { "embargo-nationality": "unknown" }],
  ["an Iranian with a license exception", "740.2(a)(6)", asks(iranian, allowed(license({ nationalities: ["IR"], parties: naming(iranian.id) }, { kind: "license-exception" }))), "deny", { "embargo-nationality": "unknown" }],
  ["an Iranian with a license that names him and not the country", "746.7", asks(iranian, allowed(license({ nationalities: ["DE"], parties: naming(iranian.id) }))), "deny"],
  ["a citizen in Cuba with a license exception", "740.2(a)(6)", asks(citizen, { to: "CU", eccn: "EAR99", ...allowed(license({ eccns: ["EAR99"], destinations: ["CU"], parties: naming(citizen.id) }, { kind: "license-exception" })) }), "deny"],
  ["a German entity's workload with a license that names the entity", "750.7(a)", runs(workload({ country: "DE", headquarters: "DE", ultimateParentHeadquarters: "DE" }), { eccn: "4E001", ...allowed(license({ eccns: ["4E001"], nationalities: ["DE"], parties: namingEntities("entity-1") })) }), "allow", { "deemed-export-ns": "covered" }],
  ["a license that names the entity, for its German accountable person", "750.7(a), read strictly", runs(workload({}, german), { eccn: "4E001", ...allowed(license({ eccns: ["4E001"], nationalities: ["DE"], parties: namingEntities("entity-1") })) }), "deny", { "deemed-export-ns": "fail" }],
  ["a headquarters requirement met by a license that names the person", "742.6(a)(6)(iii)", asks({ ...citizen, ...employedBy("DE", "CN") }, { to: "DE", eccn: "4D090", paragraph: "4A090.b", ...allowed(license({ eccns: ["4D090"], destinations: ["DE"], nationalities: ["CN"], parties: naming(citizen.id) })) }), "allow", { "export-rs": "covered", "end-use": "covered" }],
  ["a headquarters requirement met by a license that does not name the parent's country: the end use is left", "742.6(a)(6)(iii); 744.23", asks({ ...citizen, ...employedBy("DE", "CN") }, { to: "DE", eccn: "4D090", paragraph: "4A090.b", ...allowed(license({ eccns: ["4D090"], destinations: ["DE"], parties: naming(citizen.id) })) }), "hold", { "export-rs": "covered", "end-use": "unknown" }],
  ["a headquarters requirement and a license open to all", "742.6(a)(6)(iii), read strictly", asks({ ...citizen, ...employedBy("DE", "CN") }, { to: "DE", eccn: "4D090", paragraph: "4A090.b", ...allowed(license({ eccns: ["4D090"], destinations: ["DE"] })) }), "deny"],
];

const policies: readonly Policy[] = [
  ...itemAndGrant,
  ...parties,
  ...deemed,
  ...places,
  ...employers,
  ...licensed,
  ...restricted,
  ...strategic,
  ...encrypted,
  ...unrestricted,
  ...governments,
  ...computers,
  ...advanced,
  ...publishedAndForm,
  ...verified,
  ...reexports,
  ...unsettled,
  ...riders,
  ...countriesAndDates,
  ...salesTechnology,
  ...encryptionSource,
  ...listedEntities,
];

test.each(policies)("%s (%s)", (_name, _citation, facts, verdict, checks = {}, exceptions) => {
  const decision = decide(facts, rulebook);
  const outcomes = Object.fromEntries(
    decision.checks.map(({ check, outcome }) => [check, outcome]),
  );
  expect(outcomes).toMatchObject(checks);
  expect(decision.verdict).toBe(verdict);
  if (exceptions === undefined) return;
  const covering = decision.checks
    .flatMap((check) => check.exceptions)
    .filter(({ covers }) => covers)
    .map(({ exception }) => exception);
  expect([...new Set(covering)].sort()).toEqual([...exceptions].sort());
});

test("where the chart has no marks, the check says that its silence is no permission", () => {
  const { checks } = decide(asks(citizen, { to: "IR", eccn: "4E001" }), rulebook);
  const check = checks.find(({ check: id }) => id === "export-ns");
  expect(check?.reason).toContain("no marks for IR, which is no permission");
});

test("at least 250 policies are named, each with its citation, and as many cite a section of the EAR", () => {
  const named = policies.filter(([name, citation]) => name.trim() !== "" && citation.trim() !== "");
  expect(named).toHaveLength(policies.length);
  const sections = named.filter(([, citation]) =>
    /\b7[3-7]\d(\.\d|\b)|\bPart 7[3-7]\d\b/.test(citation),
  );
  expect(sections.length).toBeGreaterThanOrEqual(60);
  expect(policies.length).toBeGreaterThanOrEqual(250);
});

test("no two policies have the same name", () => {
  expect(new Set(policies.map(([name]) => name)).size).toBe(policies.length);
});
