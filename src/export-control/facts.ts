import type { ControlCode, RegimeClassification } from "./regimes/classification.ts";

/**
 * Everything that a decision may rest on, gathered by the caller and frozen at one instant. Every member is present: what is not
 * known is null, and null never helps the requester, save that nobody is asked for employment which would only restrict; in a license and in the operator's limits null means what its comment says. The value is canonical JSON (no fractions, no undefined), so that its
 * commitment can be recorded and the decision replayed.
 */
export type Facts = {
  /** The instant of the decision, ISO 8601 in UTC: `2026-11-23T09:30:00.000Z`. */
  readonly at: string;
  readonly item: ItemFacts;
  readonly subject: SubjectFacts;
  readonly grant: GrantFacts | null;
  readonly destination: DestinationFacts;
  /** Where the keys or bytes leave from. Facts that were written before it was asked lack it, and are decided under the EAR alone. */
  readonly departure?: DepartureFacts;
  /** Every authorization that might apply; the decision picks those that it relies on. */
  readonly licenses: readonly License[];
  /** The outcome of comparing the subject's names with a list of denied parties; null when nobody was compared. */
  readonly screening: ScreeningFacts | null;
};

/** ISO 3166-1 alpha-2, upper case; `XK` for Kosovo. */
export type CountryCode = string;

/** An ISO 8601 calendar date, `YYYY-MM-DD`. */
export type IsoDate = string;

export type ItemFacts = {
  /** `namespace/name` */
  readonly repository: string;
  readonly classification: ClassificationFacts | null;
};

export type ClassificationFacts = {
  readonly id: string;
  readonly state: "proposed" | "approved" | "rejected" | "superseded";
  /** `EAR` is the only jurisdiction that this version decides; every other one holds. */
  readonly jurisdiction: "EAR" | "ITAR" | "other";
  /** An ECCN of the Commerce Control List without its paragraph, `4E091`, or `EAR99`. */
  readonly eccn: string;
  /**
   * Where an entry has several requirements, the paragraph that the item meets, or the one that the software or technology is for:
   * `3A090.a` in 3E001. Null takes all of them together, which is the cautious reading.
   */
  readonly paragraph: string | null;
  readonly basis: "self" | "CCATS" | "counsel";
  /** What the files are: object code is no deemed export (734.13(a)(2), 734.14(a)(2)). Null is taken as source code or technology. */
  readonly form: "object-code" | "source-code" | "technology" | null;
  /** How and when the item was published (734.7), so that it is outside the EAR (734.3(b)(3)). Null: nobody says so. */
  readonly published: Publication | null;
  /** What else the officers state of the item, where a license exception turns on it. Null: not known. */
  readonly statements: readonly ItemStatement[] | null;
  /** The computers that software or technology of 4D001 or 4E001 is for. Null: not known. */
  readonly computer: {
    /** Adjusted peak performance in weighted teraflops, rounded up. */
    readonly peakPerformanceWt: number;
    readonly purpose: "development-or-production" | "use";
  } | null;
  /** On what the officers determined that no higher control applies, in their words. Null: not stated. */
  readonly determination: string | null;
  /** Where the item stands on the control lists of other regimes, a list each. Null or absent: nobody says. */
  readonly regimes?: readonly RegimeClassification[] | null;
  /** Person ids of the two officers. */
  readonly proposedBy: string;
  readonly approvedBy: string | null;
};

/** A publication in one of the ways of 734.7(a). */
export type Publication = {
  readonly basis: "public-dissemination" | "subscription" | "library" | "conference";
  /** The day since which it has been public. */
  readonly on: IsoDate;
};

/**
 * Statements about an item that its two officers answer for. `minimum-operation`, 740.13(a): no more than installation, operation,
 * maintenance or repair of a lawfully exported item takes; `sales-technology`, (b): of a type customarily sent with a quotation, bid or offer, and without detailed
 * design, production or means of reconstruction; `bug-fix`, (c); `mass-market`, (d); `copy-of-authorized`, (g);
 * `encryption-classified`, 740.17(b): the classification request and its waiting period are behind it; `encryption-source-notified`, 742.15(b): BIS and the ENC
 * Encryption Request Coordinator were notified of where the published source code is, or its cryptography is standard and no notification is owed.
 */
export type ItemStatement =
  | "minimum-operation"
  | "sales-technology"
  | "bug-fix"
  | "mass-market"
  | "copy-of-authorized"
  | "encryption-classified"
  | "encryption-source-notified";

export type SubjectFacts =
  | { readonly kind: "person"; readonly person: PersonFacts }
  | { readonly kind: "workload"; readonly workload: WorkloadFacts };

export type Standing = "active" | "suspended" | "revoked";

export type PersonFacts = {
  readonly id: string;
  /** `erased`: the facts were destroyed after their retention had run, and nothing is known any more. */
  readonly state: Standing | "erased";
  /** 15 CFR 772.1 and 8 U.S.C. 1324b(a)(3). Null: not known. Nationality is asked only of those who are not U.S. persons. */
  readonly usPerson: {
    readonly value: boolean;
    readonly category:
      | "citizen"
      | "national"
      | "permanent-resident"
      | "protected-individual"
      | null;
  } | null;
  /** All citizenships ever stated; an empty list says that there are none, null that nobody knows. */
  readonly citizenships: readonly Dated[] | null;
  /** All permanent residencies ever stated; an empty list says that there are none, null that nobody knows. */
  readonly permanentResidencies: readonly Dated[] | null;
  /**
   * For whom the person works. Asked only where a requirement turns on it (742.6(a)(6)(iii), 742.6(a)(13)). Once on record its places
   * count for the embargo and the end use as well, where it only restricts. Null: not known.
   */
  readonly employment: {
    readonly entityHeadquarters: CountryCode;
    /** An entity without a parent states its own headquarters. Null: not known. */
    readonly ultimateParentHeadquarters: CountryCode | null;
    /** A permanent and regular employee in the sense of 734.20(d)(2). */
    readonly permanentRegular: boolean;
  } | null;
  /** What more is known of the employment, where an exception or 734.20 turns on it. It only helps. Null: not known, here and below. */
  readonly engagement: {
    /** Where the employing entity is organised and the person works for it. */
    readonly entityCountry: CountryCode | null;
    readonly employer: EmployerKind | null;
    readonly capacity: "employee" | "contractor" | "intern" | null;
  } | null;
  /** Papers in hand, given by the person or about them. They only help. */
  readonly acknowledgements: readonly Acknowledgement[] | null;
  /** Who verified each group of facts. A group whose verification has expired is not known. Null: nobody recorded one, and nothing expires. */
  readonly verifications: {
    readonly usPerson: Verification | null;
    /** Citizenships and permanent residencies. */
    readonly nationality: Verification | null;
    /** Employment and engagement. */
    readonly employment: Verification | null;
    readonly acknowledgements: Verification | null;
  } | null;
};

export type EmployerKind = "private-sector" | "university" | "us-government" | "foreign-government";

/** Who looked at a group of facts, when, and what at. Never at a document of Form I-9 (8 U.S.C. 1324b): those stay with that form. */
export type Verification = {
  /** The officer's person id. */
  readonly by: string;
  readonly on: IsoDate;
  readonly evidence: (typeof evidenceKinds)[number];
  /** The last day on which it counts; null where it does not expire. */
  readonly expiresOn: IsoDate | null;
};

/** What a verification may rest on. A closed set, without identity and work documents. */
export const evidenceKinds = [
  "own-statement",
  "employer-statement",
  "contract",
  "public-register",
  "government-authorization",
  "counsel-opinion",
] as const;

/** A paper that an exception, a carve-out or a license wants in hand, with its dates. */
export type Acknowledgement = {
  readonly kind: AcknowledgementKind;
  readonly signedOn: IsoDate;
  /** The last day on which it counts; null where it does not expire. */
  readonly expiresOn: IsoDate | null;
  /** The ECCNs that it names; null where it names none. */
  readonly eccns: readonly string[] | null;
  /** The name on it, where one has to stand there: the entry of Supplement No. 8 to Part 740. Null, or absent in older records: none. */
  readonly name: string | null;
};

export const acknowledgementKinds = [
  /** A technology control plan, acknowledged. */
  "technology-control-plan",
  "non-disclosure-agreement",
  /** 740.6(a): the consignee's written assurance, which outlives the license agreement. */
  "tsr-written-assurance",
  /** 740.20(d)(1): the ECCN was furnished to the consignee. */
  "sta-eccn-furnished",
  /** 740.20(d)(2): the prior consignee statement. */
  "sta-consignee-statement",
  /** 740.17(a)(2): the item is for the company's internal use. */
  "enc-internal-use",
  /** 740.13(f): the written notice to a university's employee. */
  "university-employee-notice",
  /** 740.13(f): a permanent abode in the United States throughout the employment. */
  "us-abode",
  /** 740.13(c), (g): the item was lawfully exported to this recipient before. */
  "earlier-export-to-recipient",
  /** 740.11: for official use of the government. */
  "official-use",
  /** 740.7: the visa is in force until the date of expiry. */
  "visa-in-force",
  /** 740.27: the consignee's certification. */
  "aia-certification",
  /** 740.27: the facility meets paragraphs 14, 15 and 18 of Supplement No. 10 to Part 748. */
  "aia-facility",
  /** 740.28: the recipient accounts every six months. */
  "acm-accounts",
  /** 734.20(c): the entity's procedures against diversion. */
  "anti-diversion-procedures",
  /** 734.20(c): screening for substantive contacts with D:5. */
  "substantive-contact-screening",
  /** 734.20(c): the records of that screening are kept for the longer of five years and the employment. */
  "screening-records",
  /** 734.20(c): a clearance of the government of the country where the entity is. */
  "security-clearance",
  /** 734.20(c): the entity implements 22 CFR 126.18(d) as its government and the United States exchanged it. */
  "itar-126-18-implementation",
  /** 734.20(c): the entity implements the exemption for its country in the guidelines for agreements under the ITAR. */
  "itar-agreements-guidelines",
  /** 740.13(b): a prospective or actual quotation, bid or offer to this recipient. */
  "quotation-bid-or-offer",
  /** Part 740 Supp. No. 8: the party is, or works for, the entity that stands there under `name`. */
  "supplement-eight-entity",
] as const;

export type AcknowledgementKind = (typeof acknowledgementKinds)[number];

/** A status and when it was held. `until` is the day it ended; null while it lasts. For a status held from birth, any early date serves: the date of birth is not wanted. */
export type Dated = {
  readonly country: CountryCode;
  readonly from: IsoDate;
  readonly until: IsoDate | null;
};

export type WorkloadFacts = {
  readonly id: string;
  readonly state: Standing;
  /** The natural person who answers for the workload. */
  readonly accountable: PersonFacts;
  readonly entity: EntityFacts;
};

export type EntityFacts = {
  readonly id: string;
  readonly state: Standing;
  /** Where the entity is incorporated or organised. Null: not known, here and below. */
  readonly country: CountryCode | null;
  readonly headquarters: CountryCode | null;
  /** An entity without a parent states its own headquarters. */
  readonly ultimateParentHeadquarters: CountryCode | null;
  /** What is known of ownership by parties on the Entity List, the MEU List or the SDN List, direct and indirect, taken together. */
  readonly ownership:
    | "no-listed-owner"
    | "listed-owner-below-half"
    | "listed-owner-half-or-more"
    | null;
  /** Papers in hand, given by the entity. They only help. Null: not known. */
  readonly acknowledgements: readonly Acknowledgement[] | null;
};

export type GrantFacts = {
  readonly id: string;
  readonly state: Standing;
  /** What the keys are wanted for, in the granting officer's words. */
  readonly purpose: string;
  /** ISO instants: in force from `validFrom`, no longer at `validUntil`. */
  readonly validFrom: string;
  readonly validUntil: string;
};

export type DestinationFacts = {
  /** Where the keys or bytes will be received; null when it cannot be told. */
  readonly country: CountryCode | null;
  /** `site`: the network of the request belongs to a site whose country was recorded. */
  readonly basis: "site" | "unknown";
  readonly site: string | null;
};

export type DepartureFacts = {
  /** The country in which the vault's nodes and store stand; null when nobody says. */
  readonly country: CountryCode | null;
};

/** An authorization as an officer recorded it and another activated it. */
export type License = {
  readonly id: string;
  /** The number on its face, or the symbol of a license exception, or the reference of a determination. */
  readonly number: string;
  readonly kind: LicenseKind;
  readonly state: "draft" | "active" | "suspended" | "revoked";
  readonly scope: LicenseScope;
  /** The validation date and the expiration date printed on it; the expiration date is the last day of use. */
  readonly validFrom: IsoDate;
  readonly validUntil: IsoDate;
  /** Uses that remain, one a release; null where releases are not counted. */
  readonly releasesLeft: number | null;
  /** Its conditions as items to check; conditions kept as text alone are the officers' to watch. */
  readonly riders: readonly Rider[];
};

/** One condition of a license. All but a report have to be met before a release. */
export type Rider = {
  readonly id: string;
  readonly text: string;
  readonly kind: (typeof riderKinds)[number];
  /** Whether it is met, as of what day, by whose word (an officer's person id). Null: nobody said. */
  readonly state: { readonly met: boolean; readonly on: IsoDate; readonly by: string } | null;
};

export const riderKinds = [
  "technology-control-plan",
  "acknowledgement",
  "report",
  "no-reexport",
  "manual",
] as const;

/**
 * `bis-license` meets any requirement in its scope. `license-exception` counts only with named parties, and never for embargoes.
 * `no-license-required` records an officer's determination about named parties: it answers a question that the law or this version leaves open, never stands
 * in for a missing fact, and never meets a requirement that the rulebook states. The other kinds are of other regimes and never meet anything of the EAR.
 */
export type LicenseKind =
  | "bis-license"
  | "license-exception"
  | "no-license-required"
  | RegimeLicenseKind;

/** `individual-license` counts only with named parties; `general-authorization` only where the rulebook has one of its number, within its terms. */
export type RegimeLicenseKind = "individual-license" | "global-license" | "general-authorization";

export type LicenseScope = {
  /** The items on its face. At least one, else the license covers nothing. `EAR99` is admitted. */
  readonly eccns: readonly string[];
  /** Null: every repository so classified. */
  readonly repositories: readonly string[] | null;
  /** Countries of export or reexport. Empty: it authorizes none. */
  readonly destinations: readonly CountryCode[];
  /** Nationalities to whom technology or source code may be released. Empty: it authorizes no deemed export. */
  readonly nationalities: readonly CountryCode[];
  /** The parties named on it, by id; null where it names none and is open to whoever meets the rest. */
  readonly parties: {
    readonly persons: readonly string[];
    readonly workloads: readonly string[];
    readonly entities: readonly string[];
  } | null;
  /** The reasons for control that it overcomes; null for all of them. */
  readonly reasons: readonly Reason[] | null;
  /** The items on its face by the lists of other regimes. Absent: none. */
  readonly controls?: readonly ControlCode[];
};

/** The reasons for control that the entries of this rulebook state. */
export type Reason = "NS" | "MT" | "NP" | "RS" | "CC" | "EI" | "AT";

export type ScreeningFacts = {
  readonly list: {
    readonly name: string;
    /** SHA-256 of the list's bytes, hex. */
    readonly digest: string;
    /** ISO date or instant at which the list was current; null where nothing tells, and then the list clears nobody. */
    readonly asOf: string | null;
    /** `sample` is the list of invented parties that ships with the product: it can deny, and clears nobody outside a trial. */
    readonly kind: "sample" | "loaded";
  };
  /** How many parties stand behind the subject: a person alone, or a workload's accountable person and its entity. */
  readonly parties: number;
  /** How many of them have at least one name that could be compared. Fewer than `parties`: somebody was not screened. */
  readonly screened: number;
  /** The operator's limit on the age of the list; null where none is set. */
  readonly maxAgeDays: number | null;
  /** Whether the vault is being tried out and holds nothing real, so that the sample list may clear. Never so in production. */
  readonly isTrial: boolean;
  readonly matches: readonly ScreeningMatch[];
};

export type ScreeningMatch = {
  /** The list's code: DPL, EL, SDN, MEU, UVL, SSI, CMIC, NS-MBS, CAP, PLC, DTC, ISN, FSE or another. */
  readonly source: string;
  /** The entry's identifier in its list. */
  readonly entry: string;
  /** The officer who determined that the subject is not this listed party; null where nobody did. */
  readonly clearedBy: string | null;
};
