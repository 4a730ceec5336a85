import type {
  AcknowledgementKind,
  CountryCode,
  EmployerKind,
  IsoDate,
  ItemStatement,
  Reason,
} from "../facts.ts";

/** What every row of the rulebook carries: where it stands, as of when, whether it binds, and how sure we are. */
export type Provenance = {
  readonly id: string;
  readonly citation: string;
  /** The date of the published text that the row was taken from. */
  readonly asOf: IsoDate;
  readonly status: Status;
  /** `text`: read in the regulation; `secondary`: from a secondary source; `inferred`: our reading where the text was not at hand. */
  readonly confidence: "text" | "secondary" | "inferred";
  /** Whether counsel has signed the row. Nothing ships signed: signing is the operator's act. */
  readonly counsel: "needs-sign-off" | "signed-off";
  /** What a reader should know before relying on the row; empty where nothing is unusual. */
  readonly note: string;
};

/** The printed text and the law in operation can differ; the row says how, with dates, and the engine says which it applied. */
export type Status =
  | { readonly kind: "in-force" }
  /** Still printed; the agency announced that it will not enforce it. Applied as printed until an override says otherwise. */
  | { readonly kind: "not-enforced"; readonly since: IsoDate; readonly announcement: string }
  /** Suspended from the first day to the last, both included; in force before and after. */
  | { readonly kind: "stayed"; readonly from: IsoDate; readonly until: IsoDate }
  | { readonly kind: "superseded"; readonly since: IsoDate };

/** Country Groups of Supplement No. 1 to Part 740. */
export type Group =
  | "A:1"
  | "A:2"
  | "A:3"
  | "A:4"
  | "A:5"
  | "A:6"
  | "B"
  | "D:1"
  | "D:2"
  | "D:3"
  | "D:4"
  | "D:5"
  | "E:1"
  | "E:2";

/** Columns of the Commerce Country Chart, Supplement No. 1 to Part 738. */
export type ChartColumn =
  | "CB1"
  | "CB2"
  | "CB3"
  | "NP1"
  | "NP2"
  | "NS1"
  | "NS2"
  | "MT1"
  | "RS1"
  | "RS2"
  | "FC1"
  | "CC1"
  | "CC2"
  | "CC3"
  | "AT1"
  | "AT2";

export type Country = Provenance & {
  readonly code: CountryCode;
  readonly name: string;
  /** By the text of the row's date. */
  readonly groups: readonly Group[];
  /** Memberships that began or ended, with their days. Absent where none is known to have, and in rulebooks that were kept before these came. */
  readonly dated?: readonly DatedGroup[];
  /** The columns with an X in the country's row. No X is no permission: 738.4(a)(2)(ii)(B). */
  readonly columns: readonly ChartColumn[];
  readonly footnotes: readonly number[];
};

/** A membership from its first day to its last, both included; null leaves that end open. */
export type DatedGroup = {
  readonly group: Group;
  readonly from: IsoDate | null;
  readonly until: IsoDate | null;
  readonly citation: string;
};

/** Where a requirement bites. */
export type Reach =
  | { readonly kind: "chart"; readonly column: ChartColumn }
  | { readonly kind: "worldwide" }
  | {
      readonly kind: "places";
      readonly groups: readonly Group[];
      readonly countries: readonly CountryCode[];
      /** Taken out of `groups`, never out of `countries`. */
      readonly except: readonly Group[];
      /** Whether it also follows an entity headquartered, or with an ultimate parent headquartered, in Macau or D:5 to wherever it is. */
      readonly headquarters: boolean;
      /** Whether the entities of Supplement No. 8 to Part 740 are left out at the places of `countries`. Absent: no. */
      readonly exceptListed?: true;
    }
  /** Bites only on exports from these places; this vault stands in the United States, so it never does. */
  | { readonly kind: "exported-from"; readonly groups: readonly Group[] };

/** One license requirement of one entry of the Commerce Control List. */
export type Requirement = Provenance & {
  readonly eccn: string;
  readonly reason: Reason;
  /** What of the entry it applies to, in words. */
  readonly applies: string;
  /** The paragraphs it is limited to, of this entry or of the one that the item is for; null for the whole entry. */
  readonly only: readonly string[] | null;
  /** The paragraphs it leaves out. */
  readonly except: readonly string[];
  readonly reach: Reach;
  /** Whether it reaches deemed exports: `not-employees` leaves out the employees that 742.6(a)(13) describes. */
  readonly deemed: "yes" | "no" | "not-employees";
};

/** One entry as its category's file states it; ids, dates and kinds are added here. */
export type StatedEntry = {
  readonly eccn: string;
  readonly heading: string;
  readonly requirements: readonly StatedRequirement[];
  readonly plain?: readonly string[];
};

export type StatedRequirement = Pick<
  Requirement,
  "reason" | "applies" | "reach" | "citation" | "status" | "deemed" | "confidence" | "note"
> & { readonly only?: readonly string[]; readonly except?: readonly string[] };

/** One entry of the list, with what kind of thing it names. */
export type Entry = Provenance & {
  readonly eccn: string;
  readonly heading: string;
  readonly kind: "commodity" | "software" | "technology";
  /** Paragraphs that an officer may state and that none of the limited requirements is for. Any other unknown paragraph takes them all. */
  readonly plain: readonly string[];
};

/** The license exceptions of Part 740 that the engine evaluates. Every other one is an officer's judgement. */
export const exceptionSymbols = ["TSU", "TSR", "ENC", "GOV", "STA", "APP", "AIA", "ACM"] as const;

export type ExceptionSymbol = (typeof exceptionSymbols)[number];

/** One paragraph of a license exception: what it can reach, and on which conditions. */
export type LicenseException = Provenance & {
  readonly symbol: ExceptionSymbol;
  /** What it is for, in words. */
  readonly title: string;
  readonly acts: readonly ("export" | "deemed-export")[];
  readonly kinds: readonly ("software" | "technology")[];
  /** The entries it is limited to; null for all of them. */
  readonly eccns: readonly string[] | null;
  /** The reasons for control that it overcomes. */
  readonly reasons: readonly Reason[];
  /** Whether it is closed where any other reason asks for a license for the same act and country. */
  readonly whole: boolean;
  /** Reasons for control that close it wherever they stand on the item, be a license required for them or not. */
  readonly never: readonly Reason[];
  readonly places: ExceptionPlaces;
  /** `in-entry`: the item's entry has to list it; `own-terms`: no entry has to, though one may bar it. */
  readonly offered: "in-entry" | "own-terms";
  /** Whether 740.2(a)(9)(ii) leaves it open for advanced computing and model weights, or for weights alone. */
  readonly advancedComputing: "open" | "weights" | "closed";
  readonly conditions: readonly ExceptionCondition[];
};

/** Countries of destination or of nationality: those of `groups` (null for every one) and `countries`, without the exceptions. */
export type ExceptionPlaces = {
  readonly groups: readonly Group[] | null;
  readonly countries: readonly CountryCode[];
  readonly exceptGroups: readonly Group[];
  readonly exceptCountries: readonly CountryCode[];
};

/** What has to be known and true. A condition whose facts are not known is not met. `words` says what has to be on record. */
export type ExceptionCondition = { readonly words: string } & (
  | {
      readonly kind: "acknowledged";
      readonly what: AcknowledgementKind;
      /** Whether it has to name the item's ECCN. */
      readonly byItem: boolean;
    }
  | { readonly kind: "stated"; readonly what: ItemStatement }
  | { readonly kind: "object-code" }
  | { readonly kind: "employer"; readonly employers: readonly EmployerKind[] }
  | { readonly kind: "employer-of-the-country" }
  | { readonly kind: "engaged" }
  | { readonly kind: "permanent-regular" }
  | { readonly kind: "us-parent" }
  | { readonly kind: "supplement-five" }
  | { readonly kind: "headquarters-outside-macau-and-d5" }
  | { readonly kind: "no-status-in"; readonly groups: readonly Group[] }
  | { readonly kind: "received-in-us" }
  /** Adjusted peak performance, in weighted teraflops, of the computers that the item is for. */
  | {
      readonly kind: "performance";
      readonly developmentOrProductionWt: number | null;
      readonly useWt: number | null;
    }
);

/** A list-based exception as an entry offers it. */
export type ExceptionListing = Provenance & {
  readonly eccn: string;
  readonly symbol: ExceptionSymbol;
  /** The paragraphs it is limited to; null for the whole entry. */
  readonly only: readonly string[] | null;
  readonly except: readonly string[];
  /** The performance above which the entry withholds it; null for none. */
  readonly aboveWt: number | null;
};

/** Where an entry's special conditions close License Exception STA. */
export type StaBar = Provenance & {
  readonly eccn: string;
  readonly only: readonly string[] | null;
  readonly groups: readonly Group[];
  /** It bars only what is for computers above this; null bars whatever the performance. */
  readonly aboveWt: number | null;
};

/** An entity of Supplement No. 8 to Part 740, as it has to be named in the paper that says so. */
export type ListedEntity = Provenance & {
  /** The country for which the supplement lists it. */
  readonly country: CountryCode;
  readonly name: string;
  /** The first day for which the listing is known, and the last one; null while it lasts. */
  readonly from: IsoDate;
  readonly until: IsoDate | null;
};

/** One of the ways in which 734.20(c) lets an entity abroad answer for an employee of any nationality: every paper of it has to be in hand. */
export type Safeguard = Provenance & {
  /** What it is, in words. */
  readonly title: string;
  readonly papers: readonly AcknowledgementKind[];
  /** The country whose entities alone have it; null for any. */
  readonly entityCountry: CountryCode | null;
};

/** A number of the list's arithmetic. Exact decimals are texts, so that no digit is lost. */
export type Threshold = Provenance & {
  readonly name: ThresholdName;
  readonly relation: ">=" | ">" | "<";
  readonly value: string;
  readonly unit: string;
};

export const thresholdNames = [
  "trainingOperations",
  "syntheticShare",
  "extraOperations",
  "extraShare",
  "higherPerformance",
  "lowerPerformance",
  "leastPerformance",
  "higherDensity",
  "middleDensity",
  "lowerDensity",
  "memoryDensity",
  "memoryExceptionDensity",
  "symmetricBits",
  "factorizationBits",
  "fieldBits",
  "groupBits",
] as const;

export type ThresholdName = (typeof thresholdNames)[number];

/** One sanctions rule of Part 746 that the reasons for control do not state. */
export type Embargo = Provenance & {
  readonly country: CountryCode;
  /** What an export or reexport to the country needs, by whether the item is on the list or EAR99. */
  readonly destination: { readonly listed: Demand; readonly ear99: Demand };
  /** What a release to a national of the country needs, apart from the reasons for control. */
  readonly nationality: { readonly listed: Demand; readonly ear99: Demand };
  /** What is asked when a demand is `question` or `unsettled`. */
  readonly question: string;
};

/** `license`: one that names the party and the country; `unsettled`: the same while the law is open, which holds; `question`: open until an officer's determination or a license answers it. */
export type Demand = "none" | "question" | "unsettled" | "license";

/** What a match with one list of denied parties means here. */
export type ListEffect = Provenance & {
  readonly code: string;
  readonly effect: "fail" | "hold";
  readonly meaning: string;
};

/** A rule that is applied by the engine itself and kept here for its status and citation. */
export type Principle = Provenance & { readonly rule: string };

/**
 * An operator's recorded decision, on counsel's advice, to read a requirement otherwise than the shipped rulebook does. Embargoes and lists cannot be
 * overridden. It holds no free text: the rulebook's digest stands in the ledger, and would let anybody try guesses at one.
 */
export type Override = {
  readonly id: string;
  /** The requirement's id. */
  readonly row: string;
  /** SHA-256 of the requirement as it read when counsel looked at it, hex: see `requirementDigest`. */
  readonly rowSha256: string;
  /** `set-aside`: not applied. `enforce`: applied as printed, also while it is stayed or after it was superseded. */
  readonly action: "set-aside" | "enforce";
  /** The first and the last day on which it has effect. */
  readonly from: IsoDate;
  readonly until: IsoDate;
  /** The ids of the two persons who recorded it. */
  readonly proposedBy: string;
  readonly approvedBy: string;
  /** The salted commitment to the record, the reason and counsel's name with it, hex. */
  readonly commitment: string;
};
