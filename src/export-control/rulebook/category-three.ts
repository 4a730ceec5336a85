import {
  advancedComputingBefore,
  advancedComputingGroups,
  advancedComputingWorldwide,
  chart,
  exportedFromMacauOrD5,
  macauAndD5,
  macauAndD5NationalSecurity,
  temporaryControl,
  wholeEntryAntiTerrorism,
  worldwide,
} from "./reaches.ts";
import type { StatedEntry } from "./rule.ts";

const higher3A001 = ["3A001.z.1.a", "3A001.z.2.a", "3A001.z.3.a", "3A001.z.4.a"] as const;
const lower3A001 = ["3A001.z.1.b", "3A001.z.2.b", "3A001.z.3.b", "3A001.z.4.b"] as const;
const amplifiers = ["3A001.b.2", "3A001.b.3"] as const;
const otherEquipment = [
  ...["3B001.a.4", "3B001.d", "3B001.f", "3B001.k", "3B001.l", "3B001.m"],
  ...["3B001.n", "3B001.p.2", "3B001.p.4", "3B001.r", "3B002.c"],
] as const;
const temporary = [
  { reason: "RS", applies: "the whole entry", ...temporaryControl },
] as const satisfies StatedEntry["requirements"];

/** Categories 0 and 3: temporary controls and electronics. Software and technology rows are limited by the commodity that they are for. */
export const categoryThree: readonly StatedEntry[] = [
  { eccn: "0A521", heading: "Commodities under a temporary control", requirements: temporary },
  { eccn: "0D521", heading: "Software under a temporary control", requirements: temporary },
  { eccn: "0E521", heading: "Technology under a temporary control", requirements: temporary },
  {
    eccn: "3A001",
    heading: "Electronic items",
    requirements: [
      {
        reason: "NS",
        applies: "microwave amplifiers and transistors",
        only: amplifiers,
        ...chart("NS1"),
      },
      { reason: "NS", applies: "the whole entry", ...chart("NS2") },
      {
        reason: "RS",
        applies: "microwave amplifiers and transistors",
        only: amplifiers,
        ...chart("RS1"),
      },
      {
        reason: "RS",
        applies: "the higher tier of .z",
        only: higher3A001,
        ...advancedComputingWorldwide,
      },
      {
        reason: "RS",
        applies: "the higher tier of .z",
        only: higher3A001,
        ...advancedComputingBefore,
      },
      {
        reason: "RS",
        applies: "the lower tier of .z",
        only: lower3A001,
        ...advancedComputingGroups,
      },
      {
        reason: "MT",
        applies: "items usable in missiles",
        only: ["3A001.a.1.a", "3A001.a.5.a", "3A001.z.2"],
        ...chart("MT1"),
      },
      {
        reason: "NP",
        applies: "pulse capacitors and superconducting magnets",
        only: ["3A001.e.2", "3A001.e.3", "3A001.z.3"],
        ...chart("NP1"),
      },
      wholeEntryAntiTerrorism,
    ],
  },
  {
    eccn: "3A090",
    heading: "Integrated circuits for advanced computing",
    requirements: [
      { reason: "RS", applies: "3A090.a", only: ["3A090.a"], ...advancedComputingWorldwide },
      { reason: "RS", applies: "3A090.a", only: ["3A090.a"], ...advancedComputingBefore },
      { reason: "RS", applies: "3A090.b", only: ["3A090.b"], ...advancedComputingGroups },
      {
        reason: "RS",
        applies: "3A090.c",
        only: ["3A090.c"],
        ...macauAndD5,
        citation: "15 CFR 742.6(a)(6)(i)(B), (iv)",
      },
      wholeEntryAntiTerrorism,
    ],
  },
  {
    eccn: "3D001",
    heading: "Software for the development or production of certain electronics",
    requirements: [
      {
        reason: "NS",
        applies: "software for 3B001.q",
        only: ["3B001.q"],
        ...worldwide("15 CFR 742.4(a)(5)"),
      },
      {
        reason: "RS",
        applies: "software for 3B001.q",
        only: ["3B001.q"],
        ...worldwide("15 CFR 742.6(a)(10)"),
      },
      {
        reason: "NS",
        applies: "software for 3A001.b to .h and .z, and 3B",
        only: [
          ...[
            "3A001.b",
            "3A001.c",
            "3A001.d",
            "3A001.e",
            "3A001.f",
            "3A001.g",
            "3A001.h",
            "3A001.z",
          ],
          ...["3B001", "3B002"],
        ],
        ...chart("NS1"),
      },
      {
        reason: "RS",
        applies: "software for the higher tier of 3A001.z and for 3A090.a",
        only: [...higher3A001, "3A090.a"],
        ...advancedComputingWorldwide,
      },
      {
        reason: "RS",
        applies: "software for the higher tier of 3A001.z and for 3A090.a",
        only: [...higher3A001, "3A090.a"],
        ...advancedComputingBefore,
      },
      {
        reason: "RS",
        applies: "software for the lower tier of 3A001.z and for 3A090.b",
        only: [...lower3A001, "3A090.b"],
        ...advancedComputingGroups,
      },
      { reason: "RS", applies: "software for 3A090.c", only: ["3A090.c"], ...macauAndD5 },
      wholeEntryAntiTerrorism,
    ],
  },
  {
    eccn: "3D992",
    heading: "Software for certain semiconductor manufacturing equipment",
    plain: otherEquipment,
    requirements: [
      { reason: "NS", applies: "the whole entry", ...macauAndD5NationalSecurity },
      { reason: "RS", applies: "the whole entry", ...macauAndD5 },
      {
        reason: "NS",
        applies: "software for 3B001.c.1.a or c.1.c",
        only: ["3B001.c.1.a", "3B001.c.1.c"],
        ...worldwide("15 CFR 742.4(a)(5)"),
      },
      {
        reason: "RS",
        applies: "software for 3B001.c.1.a or c.1.c",
        only: ["3B001.c.1.a", "3B001.c.1.c"],
        ...worldwide("15 CFR 742.6(a)(10)"),
      },
      wholeEntryAntiTerrorism,
    ],
  },
  {
    eccn: "3E001",
    heading: "Technology for the development or production of certain electronics",
    requirements: [
      {
        reason: "NS",
        applies: "technology for 3A001 to 3A003, 3B001, 3B002 and 3C001 to 3C006",
        only: [
          ...["3A001", "3A002", "3A003", "3B001", "3B002"],
          ...["3C001", "3C002", "3C003", "3C004", "3C005", "3C006"],
        ],
        ...chart("NS1"),
      },
      {
        reason: "MT",
        applies: "technology for 3A001 or 3A101 controlled for MT reasons",
        only: ["3A001", "3A101"],
        ...chart("MT1"),
      },
      {
        reason: "NP",
        applies: "technology for 3A001, 3A201 or 3A225 to 3A234 controlled for NP reasons",
        only: [
          ...["3A001", "3A201", "3A225", "3A226", "3A227", "3A228"],
          ...["3A229", "3A230", "3A231", "3A232", "3A233", "3A234"],
        ],
        ...chart("NP1"),
      },
      {
        reason: "RS",
        applies: "technology for 3A090 sent out of Macau or D:5",
        only: ["3A090"],
        ...exportedFromMacauOrD5,
      },
      {
        reason: "RS",
        applies: "technology for the higher tier of 3A001.z and for 3A090.a",
        only: [...higher3A001, "3A090.a"],
        ...advancedComputingWorldwide,
        note: "The entry prints D:1, D:4 and D:5 while 742.6(a)(6)(iii)(A), to which it refers, prints worldwide; the wider is taken. 742.6(a)(6)(iv): not deemed exports.",
      },
      {
        reason: "RS",
        applies: "technology for 3A001.z and for 3A090 other than 3A090.c",
        only: ["3A001.z", "3A090.a", "3A090.b"],
        ...advancedComputingGroups,
        note: "The entry prints D:1, D:4 and D:5 without A:5 and A:6; 742.6(a)(6)(iii)(B) adds the United Arab Emirates, and the wider is taken. The source's copy of this entry had 3E002 run into it; the rows were read from its raw heading.",
      },
      {
        reason: "RS",
        applies: "technology for 3A090.c",
        only: ["3A090.c"],
        ...macauAndD5,
        citation: "15 CFR 742.6(a)(6)(i)(B), (iv)",
      },
      {
        reason: "RS",
        applies: "technology for 3A001.a.15 or b.13, 3A004, 3B003, 3C007, 3C008 or 3C009",
        only: ["3A001.a.15", "3A001.b.13", "3A004", "3B003", "3C007", "3C008", "3C009"],
        ...chart("RS2"),
      },
      wholeEntryAntiTerrorism,
    ],
  },
  {
    eccn: "3E992",
    heading: "Technology for certain semiconductor manufacturing equipment",
    plain: otherEquipment,
    requirements: [
      { reason: "NS", applies: "the whole entry", ...macauAndD5NationalSecurity },
      { reason: "RS", applies: "the whole entry", ...macauAndD5 },
      {
        reason: "NS",
        applies: "technology for 3B001.c.1.a or c.1.c",
        only: ["3B001.c.1.a", "3B001.c.1.c"],
        ...worldwide("15 CFR 742.4(a)(5)"),
      },
      {
        reason: "RS",
        applies: "technology for 3B001.c.1.a or c.1.c",
        only: ["3B001.c.1.a", "3B001.c.1.c"],
        ...worldwide("15 CFR 742.6(a)(10)"),
      },
      wholeEntryAntiTerrorism,
    ],
  },
];
