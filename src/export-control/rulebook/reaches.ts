import type { ChartColumn, Reach, Requirement, StatedRequirement } from "./rule.ts";

/** The date of the text that the entries were read in. */
export const entriesAsOf = "2026-07-23";

/** What a requirement states beyond its entry and reason. */
type Terms = Pick<Requirement, "reach" | "citation" | "status" | "deemed" | "confidence" | "note">;

const inForce = { kind: "in-force" } as const;

const notEnforced = {
  kind: "not-enforced",
  since: "2025-05-13",
  announcement:
    "BIS announced on 2025-05-13 that it would rescind the AI Diffusion rule (90 FR 4544) and would not enforce it; no rescission was published, and the text was still printed on 2026-09-24 (GAO B-337935).",
} as const;

/** An X in one column of the Commerce Country Chart. The chart decides deemed exports by nationality as it decides exports by place. */
export function chart(column: ChartColumn): Terms {
  return {
    reach: { kind: "chart", column },
    citation: `15 CFR 738.4(a)(2); Commerce Country Chart, ${column.slice(0, 2)} column ${column.slice(2)}`,
    status: inForce,
    deemed: "yes",
    confidence: "text",
    note: "",
  };
}

/** AT column 1 has no X anywhere: anti-terrorism controls act through 742.8 (Iran), 742.9 (Syria) and 742.19 (North Korea). */
export const antiTerrorism: Terms = {
  reach: places({ groups: ["E:1"] }),
  citation: "15 CFR 742.8, 742.9, 742.19",
  status: inForce,
  deemed: "yes",
  confidence: "text",
  note: "The column carries no X; Cuba is in E:2 and is decided by 746.2.",
};

/** Advanced-computing items of the higher tier, as the AI Diffusion rule prints it. */
export const advancedComputingWorldwide: Terms = {
  reach: { kind: "worldwide" },
  citation: "15 CFR 742.6(a)(6)(iii)(A), (iv)",
  status: notEnforced,
  deemed: "no",
  confidence: "text",
  note: "742.6(a)(6)(iv): does not reach deemed exports or deemed reexports.",
};

/** The same items as the rule stood before, which BIS goes on enforcing. Stated apart so that an override of the row above leaves it. */
export const advancedComputingBefore: Terms = {
  reach: places({ groups: ["D:1", "D:4", "D:5"], except: ["A:5", "A:6"], headquarters: true }),
  citation: "15 CFR 742.6(a)(6)(iii), (iv) as enforced",
  status: inForce,
  deemed: "no",
  confidence: "secondary",
  note: "The reach before 90 FR 4544, with its test of headquarters, from secondary sources and BIS guidance of 2026-05-31.",
};

/** Advanced-computing items of the lower tier. */
export const advancedComputingGroups: Terms = {
  reach: places({
    groups: ["D:1", "D:4", "D:5"],
    countries: ["AE"],
    except: ["A:5", "A:6"],
    headquarters: true,
    exceptListed: true,
  }),
  citation: "15 CFR 742.6(a)(6)(iii)(B), (iv)",
  status: inForce,
  deemed: "no",
  confidence: "text",
  note: "The United Arab Emirates is named and stays named although it is in A:5, save for the entities of Supplement No. 8 to Part 740. The test of headquarters is from guidance of 2026-05-31 (secondary).",
};

/** What 742.6(a)(6)(i) controls to Macau and D:5. */
export const macauAndD5: Terms = {
  reach: places({ groups: ["D:5"], countries: ["MO"] }),
  citation: "15 CFR 742.6(a)(6)(i), (iv)",
  status: inForce,
  deemed: "no",
  confidence: "text",
  note: "Macau is not in D:5, so both are named.",
};

/** The same places for national security reasons, where nothing takes deemed exports out. */
export const macauAndD5NationalSecurity: Terms = {
  ...macauAndD5,
  citation: "15 CFR 742.4(a)(4)",
  deemed: "yes",
};

/** Technology sent out of Macau or D:5. The vault stands in the United States, so it is recorded and never bites. */
export const exportedFromMacauOrD5: Terms = {
  reach: { kind: "exported-from", groups: ["D:5"] },
  citation: "15 CFR 742.6(a)(6)(ii)",
  status: inForce,
  deemed: "no",
  confidence: "text",
  note: "Applies to exports from Macau or D:5 only.",
};

/** Model weights. */
export const modelWeights: Terms = {
  reach: { kind: "worldwide" },
  citation: "15 CFR 742.6(a)(13)",
  status: notEnforced,
  deemed: "not-employees",
  confidence: "text",
  note: "Deemed exports to permanent and regular employees (734.20(d)(2)) of entities headquartered, and with an ultimate parent headquartered, in a destination of Supplement No. 5(a) to Part 740 are left out. The text joins the two with `or`; both are asked here.",
};

/** Semiconductor manufacturing items with a worldwide control. */
export function worldwide(citation: string): Terms {
  return {
    reach: { kind: "worldwide" },
    citation,
    status: inForce,
    deemed: "yes",
    confidence: "text",
    note: "Exclusions by destination and for deemed exports were not at hand and are not applied.",
  };
}

/** Encryption items: 742.15 decides, by destination and by license exception. */
export const encryption: Terms = {
  reach: { kind: "worldwide" },
  citation: "15 CFR 742.15",
  status: inForce,
  deemed: "yes",
  confidence: "inferred",
  note: "The entry refers to 742.15, whose text was not at hand; every destination is taken, Canada too. License Exception ENC is evaluated.",
};

/** The temporary controls of the 0Y521 series. */
export const temporaryControl: Terms = {
  reach: { kind: "worldwide" },
  citation: "15 CFR 742.6(a)(8); Part 774 Supp. No. 5",
  status: inForce,
  deemed: "yes",
  confidence: "inferred",
  note: "Each listed item lasts one year, extendable to three; whether this item is still listed is for the classification.",
};

/** The AT row that every entry has. */
export const wholeEntryAntiTerrorism = {
  reason: "AT",
  applies: "the whole entry",
  ...antiTerrorism,
} as const satisfies StatedRequirement;

/** The two tiers of an advanced-computing control: the higher as printed and as enforced, the lower as printed. */
export function tiers(
  applies: string,
  higher: readonly string[],
  lower: readonly string[],
): readonly StatedRequirement[] {
  return [
    {
      reason: "RS",
      applies: `${applies} the higher tier`,
      only: higher,
      ...advancedComputingWorldwide,
    },
    {
      reason: "RS",
      applies: `${applies} the higher tier`,
      only: higher,
      ...advancedComputingBefore,
    },
    { reason: "RS", applies: `${applies} the lower tier`, only: lower, ...advancedComputingGroups },
  ];
}

function places(
  reach: Partial<Omit<Extract<Reach, { kind: "places" }>, "kind">>,
): Extract<Reach, { kind: "places" }> {
  return { kind: "places", groups: [], countries: [], except: [], headquarters: false, ...reach };
}
