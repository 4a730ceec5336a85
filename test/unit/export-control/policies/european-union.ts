import type {
  CheckId,
  Outcome,
  RegimeResult,
  Verdict,
} from "../../../../src/export-control/decision.ts";
import type { Facts, License, PersonFacts } from "../../../../src/export-control/facts.ts";
import type {
  ControlCode,
  RegimeClassification,
} from "../../../../src/export-control/regimes/classification.ts";
import {
  asks,
  base,
  citizen,
  classified,
  license,
  naming,
  namingEntities,
  nationalOf,
  runs,
  workload,
} from "../builders.ts";

/** One named case: the text that decides it, what the Union's regulation says by itself (null: it is not asked), and the verdict with the EAR. */
export type RegimePolicy = readonly [
  name: string,
  citation: string,
  facts: Facts,
  result: RegimeResult["result"] | null,
  verdict: Verdict,
  checks?: Partial<Record<CheckId, Outcome>>,
];

/** What officers state of a list of the Union's; for no entry and for a note, with a ground. */
export function on(
  list: string,
  code: string | null,
  more: Partial<RegimeClassification> = {},
): RegimeClassification {
  return {
    jurisdiction: "EU",
    list,
    code,
    decontrol: null,
    determination: "as counsel advised",
    ...more,
  };
}

export const listed = on("annex-I", "4E001");
export const unlisted = on("annex-I", null);
const notOnFour = on("annex-IV", null);
const notExcluded = on("annex-II-I", null);

type Sent = Partial<Facts> & {
  readonly from?: string | null;
  readonly to?: string | null;
  readonly by?: PersonFacts;
  readonly stated?: readonly RegimeClassification[] | null;
  readonly approvedBy?: string | null;
};

/** An item that is EAR99 goes from Germany to Australia, or as told, to a U.S. citizen: the EAR has nothing against that. */
export function sent({
  from = "DE",
  to = "AU",
  by = citizen,
  stated = [listed],
  approvedBy = "officer-2",
  ...more
}: Sent = {}): Facts {
  const facts = asks(by, { eccn: "EAR99", ...(to === null ? {} : { to }), ...more });
  return {
    ...facts,
    item: {
      ...facts.item,
      classification: classified("EAR99", { regimes: stated, approvedBy }),
    },
    ...(to === null
      ? { destination: { country: null, basis: "unknown", site: null } as const }
      : {}),
    departure: { country: from },
  };
}

/** An authorization of the Union's in force, for Annex I 4E001 to Australia. */
export function authorized(
  more: Partial<License> = {},
  scope: Partial<License["scope"]> = {},
): License {
  const annexI: ControlCode = { jurisdiction: "EU", list: "annex-I", code: "4E001" };
  return license(
    {
      eccns: [],
      controls: [annexI],
      destinations: ["AU"],
      parties: naming(citizen.id),
      ...scope,
    },
    { id: "authorization-1", number: "DE-2026-1", kind: "individual-license", ...more },
  );
}

/** The general authorization with each of these conditions on record as met. */
export function general(
  number: string,
  conditions: readonly string[],
  scope: Partial<License["scope"]> = {},
): License {
  const state = { met: true, on: "2026-02-01", by: "officer-1" };
  return authorized(
    {
      number,
      kind: "general-authorization",
      riders: conditions.map((id) => ({ id, text: id, kind: "manual", state })),
    },
    { parties: null, ...scope },
  );
}

export const eu001 = ["no-barred-end-use", "records-kept", "registered"];
export const eu007 = [
  ...eu001,
  "intra-group",
  "parent-resident",
  "product-development",
  "returned-and-destroyed",
];
const with001 = [listed, notExcluded];
const software = on("annex-I", "4D001");
const with007 = [software, notExcluded];
const of4D001: ControlCode = { jurisdiction: "EU", list: "annex-I", code: "4D001" };
const of5E002: ControlCode = { jurisdiction: "EU", list: "annex-IV", code: "5E002" };
const unlistedItem: ControlCode = { jurisdiction: "EU", list: "annex-I", code: null };
const noPurpose = base.grant === null ? null : { ...base.grant, purpose: " " };
const licensed = (...licenses: readonly License[]) => ({ licenses });
const sentByWorkload = (entity: Parameters<typeof workload>[0], more: Sent = {}): Facts => {
  const facts = sent(more);
  const ran = runs(workload(entity), { eccn: "EAR99" });
  return { ...facts, subject: ran.subject, screening: ran.screening };
};
const chinese = { country: "CN", headquarters: "CN", ultimateParentHeadquarters: "CN" };
const met = { met: true, on: "2026-02-01", by: "officer-1" } as const;

function withoutDeparture(facts: Facts): Facts {
  const { departure: _departure, ...older } = facts;
  return older;
}

// biome-ignore format: a table reads by its rows
export const policies: readonly RegimePolicy[] = [
  // whether the regulation is asked, and attaches
  ["facts that do not say whence the keys leave, and state no list", "Art. 2(2)(d)", asks(citizen), null, "allow"],
  ["from the United States, with nothing stated of the Union", "Art. 2(2)(d)", sent({ from: "US", stated: null }), null, "allow"],
  ["from the United States, with a code of Annex I", "Art. 2(2)(d)", sent({ from: "US" }), "allow", "allow", { "eu-nexus": "not-applicable", "eu-transfer": "not-applicable" }],
  ["from Germany, with nothing stated of the Union", "Art. 3(1)", sent({ stated: null }), "unknown", "hold", { "eu-nexus": "pass", "eu-item": "unknown" }],
  ["from Germany to Germany, with nothing stated of the Union", "Art. 3(1)", sent({ to: "DE", stated: null }), "unknown", "hold", { "eu-item": "unknown", "eu-transfer": "not-applicable" }],
  ["facts of before that do not say whence, with a code of Annex I", "Art. 2(2)(d)", withoutDeparture(sent()), "unknown", "hold", { "eu-nexus": "unknown", "eu-transfer": "unknown" }],
  ["from nobody knows where, with nothing stated", "Art. 2(2)(d)", sent({ from: null, stated: null }), "unknown", "hold", { "eu-nexus": "unknown" }],
  ["from nobody knows where, with a code of Annex I", "Art. 2(2)(d)", sent({ from: null }), "unknown", "hold", { "eu-nexus": "unknown", "eu-transfer": "unknown" }],
  ["from a code that stands for no country", "Art. 2(2)(d)", sent({ from: "ZZ" }), "unknown", "hold", { "eu-nexus": "unknown" }],
  ["from French Guiana, a part of the customs territory", "Art. 2(2)(d)", sent({ from: "GF" }), "license", "deny", { "eu-nexus": "pass" }],
  ["from Norway, a neighbour of the Union", "Art. 2(2)(d)", sent({ from: "NO" }), "allow", "allow", { "eu-nexus": "not-applicable" }],
  ["from Switzerland, which the Union surrounds", "Art. 2(2)(d)", sent({ from: "CH" }), "allow", "allow", { "eu-nexus": "not-applicable" }],

  // where Annex I has the item
  ["an item on no entry of Annex I, with a ground", "Art. 3(1)", sent({ stated: [unlisted] }), "allow", "allow", { "eu-item": "pass", "eu-transfer": "pass", "eu-end-use": "pass" }],
  ["an item on no entry of Annex I, without a ground", "Art. 3(1)", sent({ stated: [on("annex-I", null, { determination: null })] }), "unknown", "hold", { "eu-item": "unknown" }],
  ["an item on no entry of Annex I, with a blank for a ground", "Art. 3(1)", sent({ stated: [on("annex-I", null, { determination: "  " })] }), "unknown", "hold"],
  ["a statement that nobody approved", "Art. 3(1)", sent({ stated: [unlisted], approvedBy: null }), "unknown", "hold", { "eu-item": "unknown", "eu-transfer": "unknown" }],
  ["a statement that one officer proposed and approved", "Art. 3(1)", sent({ stated: [unlisted], approvedBy: "officer-1" }), "unknown", "deny", { "eu-item": "unknown" }],
  ["two statements about Annex I that differ", "Art. 3(1)", sent({ stated: [unlisted, listed] }), "unknown", "hold", { "eu-item": "unknown" }],
  ["a statement about Annex IV alone", "Art. 3(1)", sent({ stated: [notOnFour] }), "unknown", "hold", { "eu-item": "unknown" }],
  ["a statement about a list that the Union does not have", "Art. 3(1)", sent({ stated: [on("annex-XX", null)] }), "unknown", "hold"],
  ["3A090 of the EAR stated as a code of Annex I", "Annex I, its own numbering", sent({ stated: [on("annex-I", "3A090")] }), "unknown", "hold", { "eu-item": "unknown" }],
  ["4E091 of the EAR stated as a code of Annex I", "Annex I, its own numbering", sent({ stated: [on("annex-I", "4E091")] }), "unknown", "hold", { "eu-item": "unknown" }],
  ["5D992 of the EAR stated as a code of Annex I", "Annex I, its own numbering", sent({ stated: [on("annex-I", "5D992")] }), "unknown", "hold", { "eu-item": "unknown" }],
  ["goods of Annex I for a file", "Annex I", sent({ stated: [on("annex-I", "3A001")] }), "unknown", "hold", { "eu-item": "unknown" }],
  ["software of Annex I", "Annex I", sent({ stated: [software] }), "license", "deny", { "eu-item": "pass", "eu-transfer": "fail" }],

  // the notes of Annex I
  ["technology in the public domain", "General Technology Note", sent({ stated: [on("annex-I", "4E001", { decontrol: "public-domain" })] }), "allow", "allow", { "eu-item": "pass", "eu-transfer": "pass" }],
  ["technology in the public domain, without a ground", "General Technology Note", sent({ stated: [on("annex-I", "4E001", { decontrol: "public-domain", determination: null })] }), "unknown", "hold", { "eu-item": "unknown" }],
  ["basic scientific research", "General Technology Note", sent({ stated: [on("annex-I", "4E001", { decontrol: "basic-scientific-research" })] }), "allow", "allow"],
  ["software as basic scientific research", "General Technology Note", sent({ stated: [on("annex-I", "4D001", { decontrol: "basic-scientific-research" })] }), "unknown", "hold", { "eu-item": "unknown" }],
  ["software that anybody can buy", "General Software Note", sent({ stated: [on("annex-I", "4D001", { decontrol: "generally-available" })] }), "allow", "allow"],
  ["technology that anybody can buy", "General Software Note", sent({ stated: [on("annex-I", "4E001", { decontrol: "generally-available" })] }), "unknown", "hold"],
  ["encryption software that anybody can buy", "General Software Note, Category 5 Part 2", sent({ stated: [on("annex-I", "5D002", { decontrol: "generally-available" })] }), "unknown", "hold"],
  ["encryption software in the public domain, read strictly", "General Software Note, Category 5 Part 2", sent({ stated: [on("annex-I", "5D002", { decontrol: "public-domain" })] }), "unknown", "hold"],
  ["no more technology than an authorized item's operation takes", "General Technology Note", sent({ stated: [on("annex-I", "4E001", { decontrol: "minimum-necessary" })] }), "allow", "allow"],

  // out of the Union
  ["technology of Annex I to Australia", "Art. 2(2)(d), 3(1)", sent(), "license", "deny", { "eu-transfer": "fail", "eu-end-use": "pass" }],
  ["technology of Annex I to the United States", "Art. 2(2)(d), 3(1)", sent({ to: "US" }), "license", "deny", { "eu-transfer": "fail" }],
  ["technology of Annex I to a German in the United States", "Art. 2(2)(d)", sent({ to: "US", by: nationalOf("DE") }), "license", "deny", { "eu-transfer": "fail" }],
  ["technology of Annex I to nobody knows where", "Art. 2(2)(d)", sent({ to: null }), "unknown", "hold", { "eu-transfer": "unknown", "eu-end-use": "unknown" }],
  ["an item on no entry to nobody knows where", "Art. 4", sent({ to: null, stated: [unlisted] }), "unknown", "hold", { "eu-transfer": "pass", "eu-end-use": "unknown" }],
  ["to Åland, taken for an export since the chart has no row for it", "Art. 2(2)(d), read strictly", sent({ to: "AX" }), "license", "deny", { "eu-transfer": "fail" }],

  // inside the Union
  ["technology of Annex I inside Germany", "Art. 2(2)(d)", sent({ to: "DE" }), "allow", "allow", { "eu-transfer": "not-applicable", "eu-end-use": "not-applicable" }],
  ["technology of Annex I to a Chinese national inside Germany: no deemed export", "Art. 2(2)(d)", sent({ to: "DE", by: nationalOf("CN") }), "allow", "allow", { "eu-transfer": "not-applicable", "eu-end-use": "not-applicable" }],
  ["technology of Annex I to an Iranian national inside Germany: no deemed export, and the EAR's own embargo", "Art. 2(2)(d)", sent({ to: "DE", by: nationalOf("IR") }), "allow", "hold", { "eu-transfer": "not-applicable", "embargo-nationality": "unknown" }],
  ["technology of Annex I from Germany to France, with nothing said of Annex IV", "Art. 11(1)", sent({ to: "FR" }), "unknown", "hold", { "eu-transfer": "unknown" }],
  ["technology of Annex I from Germany to France, not on Annex IV", "Art. 11(1), (9)", sent({ to: "FR", stated: [listed, notOnFour] }), "allow", "allow", { "eu-transfer": "pass" }],
  ["technology of Annex IV from Germany to France", "Art. 11(1)", sent({ to: "FR", stated: [on("annex-I", "5E002"), on("annex-IV", "5E002")] }), "license", "deny", { "eu-transfer": "fail" }],
  ["technology of Annex IV from Germany to France under a license that names it", "Art. 11(1)", sent({ to: "FR", stated: [on("annex-I", "5E002"), on("annex-IV", "5E002")], ...licensed(authorized({}, { controls: [of5E002], destinations: ["FR"] })) }), "allow", "allow", { "eu-transfer": "covered" }],
  ["technology of Annex IV from Germany to France under a license for Annex I", "Art. 11(1)", sent({ to: "FR", stated: [on("annex-I", "5E002"), on("annex-IV", "5E002")], ...licensed(authorized({}, { controls: [{ ...of5E002, list: "annex-I" }], destinations: ["FR"] })) }), "license", "deny"],
  ["technology of Annex IV inside Germany", "Art. 11(1)", sent({ to: "DE", stated: [on("annex-I", "5E002"), on("annex-IV", "5E002")] }), "allow", "allow"],
  ["an item on no entry from Germany to France", "Art. 11(1)", sent({ to: "FR", stated: [unlisted] }), "allow", "allow"],

  // individual and global licenses
  ["an individual license that names entry, party and country", "Art. 12(1)(a)", sent(licensed(authorized())), "allow", "allow", { "eu-transfer": "covered" }],
  ["an individual license that names nobody", "Art. 12(1)(a)", sent(licensed(authorized({}, { parties: null }))), "license", "deny"],
  ["an individual license that names somebody else", "Art. 12(1)(a)", sent(licensed(authorized({}, { parties: naming("person-other") }))), "license", "deny"],
  ["an individual license for another country", "Art. 12(1)(a)", sent(licensed(authorized({}, { destinations: ["NZ"] }))), "license", "deny"],
  ["an individual license for another entry", "Art. 12(1)(a)", sent(licensed(authorized({}, { controls: [of4D001] }))), "license", "deny"],
  ["an individual license for another repository", "Art. 12(1)(a)", sent(licensed(authorized({}, { repositories: ["lab/other"] }))), "license", "deny"],
  ["an individual license that is a draft", "Art. 12(1)(a)", sent(licensed(authorized({ state: "draft" }))), "license", "deny"],
  ["an individual license that is suspended", "Art. 16", sent(licensed(authorized({ state: "suspended" }))), "license", "deny"],
  ["an individual license that is used up", "Art. 12(1)(a)", sent(licensed(authorized({ releasesLeft: 0 }))), "license", "deny"],
  ["an individual license with a condition that is not met", "Art. 12(1)(a)", sent(licensed(authorized({ riders: [{ id: "end-use-statement", text: "x", kind: "acknowledgement", state: null }] }))), "license", "deny"],
  ["an individual license on its last day, before 21:00 UTC", "Art. 12(3)", { ...sent(licensed(authorized({ validUntil: "2026-11-23" }))), at: "2026-11-23T20:59:59.999Z" }, "allow", "allow"],
  ["an individual license on its last day, when it has ended in the east of the Union", "Art. 12(3), narrowly", { ...sent(licensed(authorized({ validUntil: "2026-11-23" }))), at: "2026-11-23T21:00:00.000Z" }, "license", "deny"],
  ["a license of the United States with the same code", "Art. 3(1)", sent(licensed(license({ eccns: ["4E001", "EAR99"], destinations: ["AU"] }))), "license", "deny"],
  ["a license of the United States that names the list as well", "Art. 3(1)", sent(licensed(authorized({ kind: "bis-license" }))), "license", "deny"],
  ["a determination that no license is required, where one is", "Art. 3(1)", sent(licensed(authorized({ kind: "no-license-required" }))), "license", "deny"],
  ["a global license that names nobody", "Art. 12(1)(b)", sent(licensed(authorized({ kind: "global-license" }, { parties: null }))), "allow", "allow", { "eu-transfer": "covered" }],
  ["a global license for another country", "Art. 12(1)(b)", sent(licensed(authorized({ kind: "global-license" }, { parties: null, destinations: ["NZ"] }))), "license", "deny"],
  ["a license of the Union's for what the EAR requires one of", "15 CFR 738.4", { ...sent(licensed(authorized({}, { eccns: ["4E091"] }))), item: { ...base.item, classification: classified("4E091", { regimes: [listed] }) } }, "allow", "deny", { "eu-transfer": "covered", "export-rs": "fail" }],

  // EU001
  ["EU001 to Australia with its conditions met", "Annex II Section A", sent({ stated: with001, ...licensed(general("EU001", eu001)) }), "allow", "allow", { "eu-transfer": "covered" }],
  ["EU001 to the United Kingdom", "Annex II Section A", sent({ to: "GB", stated: with001, ...licensed(general("EU001", eu001, { destinations: ["GB"] })) }), "allow", "allow"],
  ["EU001 to Liechtenstein", "Annex II Section A", sent({ to: "LI", stated: with001, ...licensed(general("EU001", eu001, { destinations: ["LI"] })) }), "allow", "allow"],
  ["EU001 to Korea, which it does not name", "Annex II Section A", sent({ to: "KR", stated: with001, ...licensed(general("EU001", eu001, { destinations: ["KR"] })) }), "license", "deny"],
  ["EU001 on record for another of its countries", "Annex II Section A", sent({ stated: with001, ...licensed(general("EU001", eu001, { destinations: ["NZ"] })) }), "license", "deny"],
  ["EU001 with nothing said of Section I", "Annex II Section I", sent({ ...licensed(general("EU001", eu001)) }), "license", "deny"],
  ["EU001 for an item of Section I", "Annex II Section I", sent({ stated: [listed, on("annex-II-I", "4E001")], ...licensed(general("EU001", eu001)) }), "license", "deny"],
  ["EU001 before it was registered", "Annex II Section A", sent({ stated: with001, ...licensed(general("EU001", eu001.slice(0, 2))) }), "license", "deny"],
  ["EU001 with a condition that is not known to be met", "Annex II Section A", sent({ stated: with001, ...licensed({ ...general("EU001", eu001), riders: eu001.map((id, at) => ({ id, text: id, kind: "manual" as const, state: at === 0 ? null : met })) }) }), "license", "deny"],
  ["EU001 with a condition kept as a report, which nobody waits for", "Annex II Section A", sent({ stated: with001, ...licensed({ ...general("EU001", eu001), riders: eu001.map((id) => ({ id, text: id, kind: "report" as const, state: met })) }) }), "license", "deny"],
  ["a general authorization that the rulebook does not have", "Annex II", sent({ stated: with001, ...licensed(general("EU999", eu001)) }), "license", "deny"],
  ["EU001 that nobody recorded", "Annex II Section A", sent({ stated: with001 }), "license", "deny"],

  // EU007
  ["EU007 for software to India inside a group", "Annex II Section G", sent({ to: "IN", stated: with007, ...licensed(general("EU007", eu007, { controls: [of4D001], destinations: ["IN"] })) }), "allow", "allow", { "eu-transfer": "covered" }],
  ["EU007 for software to India outside the group", "Annex II Section G", sent({ to: "IN", stated: with007, ...licensed(general("EU007", eu007.filter((id) => id !== "intra-group"), { controls: [of4D001], destinations: ["IN"] })) }), "license", "deny"],
  ["EU007 for technology of 4E001, left out whole", "Annex II Section G, read strictly", sent({ to: "IN", stated: with001, ...licensed(general("EU007", eu007, { destinations: ["IN"] })) }), "license", "deny"],
  ["EU007 to Viet Nam, which it does not name", "Annex II Section G", sent({ to: "VN", stated: with007, ...licensed(general("EU007", eu007, { controls: [of4D001], destinations: ["VN"] })) }), "license", "deny"],
  ["EU001's conditions under the number EU007", "Annex II Section G", sent({ to: "IN", stated: with007, ...licensed(general("EU007", eu001, { controls: [of4D001], destinations: ["IN"] })) }), "license", "deny"],

  // Article 4, and embargoes
  ["an item on no entry, with no purpose stated", "Art. 4(1)", sent({ stated: [unlisted], grant: noPurpose }), "unknown", "hold", { "eu-end-use": "unknown" }],
  ["an item on no entry to Ethiopia", "Art. 4(1)", sent({ to: "ET", stated: [unlisted] }), "allow", "allow", { "eu-end-use": "pass" }],
  ["an item on no entry to China", "Art. 4(1)(b)", sent({ to: "CN", stated: [unlisted] }), "unknown", "hold", { "eu-end-use": "unknown" }],
  ["an item on no entry to Yemen", "Art. 4(1)(b)", sent({ to: "YE", stated: [unlisted] }), "unknown", "hold", { "eu-end-use": "unknown" }],
  ["an item on no entry to Yemen, the end use answered for the party", "Art. 4(1)(b)", sent({ to: "YE", stated: [unlisted], ...licensed(authorized({ kind: "no-license-required" }, { controls: [unlistedItem], destinations: ["YE"] })) }), "allow", "allow", { "eu-end-use": "covered" }],
  ["an item on no entry to Yemen, the end use answered for somebody else", "Art. 4(1)(b)", sent({ to: "YE", stated: [unlisted], ...licensed(authorized({ kind: "no-license-required" }, { controls: [unlistedItem], destinations: ["YE"], parties: naming("person-other") })) }), "unknown", "hold"],
  ["an item on no entry to Yemen, the end use answered under the EAR alone", "Art. 4(1)(b)", sent({ to: "YE", stated: [unlisted], ...licensed(license({ eccns: ["EAR99"], destinations: ["YE"], parties: naming(citizen.id) }, { kind: "no-license-required" })) }), "unknown", "hold"],
  ["technology of Annex I to Yemen under a license that names the party", "Art. 3(1), 4(1)(b)", sent({ to: "YE", ...licensed(authorized({}, { destinations: ["YE"] })) }), "allow", "allow", { "eu-transfer": "covered", "eu-end-use": "covered" }],
  ["an item on no entry to Russia", "Art. 215 TFEU", sent({ to: "RU", stated: [unlisted] }), "license", "deny", { "eu-end-use": "fail" }],
  ["an item on no entry to Russia under a determination", "Art. 215 TFEU", sent({ to: "RU", stated: [unlisted], ...licensed(authorized({ kind: "no-license-required" }, { controls: [unlistedItem], eccns: ["EAR99"], destinations: ["RU"] })) }), "license", "deny", { "eu-end-use": "fail" }],
  ["technology of Annex I to Belarus under a global license", "Art. 215 TFEU", sent({ to: "BY", ...licensed(authorized({ kind: "global-license" }, { destinations: ["BY"] })) }), "license", "deny", { "eu-transfer": "covered", "eu-end-use": "fail" }],
  ["technology of Annex I to Belarus under an individual license", "Art. 215 TFEU", sent({ to: "BY", ...licensed(authorized({}, { destinations: ["BY"] })) }), "allow", "hold", { "eu-transfer": "covered", "eu-end-use": "covered" }],
  ["an item on no entry to a Chinese company's workload in Australia", "Art. 4(1)(b), purchasing country", sentByWorkload(chinese, { stated: [unlisted] }), "unknown", "hold", { "eu-end-use": "unknown" }],
  ["the same, the end use answered for the entity", "Art. 4(1)(b), purchasing country", sentByWorkload(chinese, { stated: [unlisted], ...licensed(authorized({ kind: "no-license-required" }, { controls: [unlistedItem], eccns: ["EAR99"], destinations: ["CN"], parties: namingEntities("entity-1") })) }), "allow", "allow", { "eu-end-use": "covered" }],
  ["a Chinese company's workload inside Germany", "Art. 4", sentByWorkload(chinese, { to: "DE", stated: [unlisted] }), "allow", "hold", { "eu-end-use": "not-applicable", "end-use": "unknown" }],
];
