import { chart, encryption, tiers, wholeEntryAntiTerrorism } from "./reaches.ts";
import type { StatedEntry } from "./rule.ts";

const wholeEntryNs = { reason: "NS", applies: "the whole entry", ...chart("NS1") } as const;
const higher5A002 = [1, 2, 3, 4, 5].map((number) => `5A002.z.${number}.a`);
const lower5A002 = [1, 2, 3, 4, 5].map((number) => `5A002.z.${number}.b`);
const higher5A004 = ["5A004.z.1.a", "5A004.z.2.a"];
const lower5A004 = ["5A004.z.1.b", "5A004.z.2.b"];

/** Category 5, Part 2: information security. */
export const categoryFive: readonly StatedEntry[] = [
  {
    eccn: "5A002",
    heading: "Information security systems",
    requirements: [
      wholeEntryNs,
      ...tiers("items of", higher5A002, lower5A002),
      wholeEntryAntiTerrorism,
      { reason: "EI", applies: "the whole entry", ...encryption },
    ],
  },
  {
    eccn: "5A992",
    heading: "Equipment not controlled by 5A002",
    requirements: [...tiers("items of", ["5A992.z.1"], ["5A992.z.2"]), wholeEntryAntiTerrorism],
  },
  {
    eccn: "5A004",
    heading: "Systems for defeating information security",
    requirements: [
      wholeEntryNs,
      ...tiers("items of", higher5A004, lower5A004),
      wholeEntryAntiTerrorism,
      { reason: "EI", applies: "the whole entry", ...encryption },
    ],
  },
  {
    eccn: "5D002",
    heading: "Encryption software",
    plain: ["5D002.a", "5D002.b", "5D002.c"],
    requirements: [
      wholeEntryNs,
      ...tiers(
        "software of",
        [1, 2, 3, 4, 5, 6, 7, 8, 9].map((number) => `5D002.z.${number}.a`),
        [1, 2, 3, 4, 5, 6, 7, 8, 9].map((number) => `5D002.z.${number}.b`),
      ),
      wholeEntryAntiTerrorism,
      {
        reason: "EI",
        applies: "software for commodities or software controlled for EI reasons",
        ...encryption,
      },
    ],
  },
  {
    eccn: "5D992",
    heading: "Information security software not controlled by 5D002",
    plain: ["5D992.c"],
    requirements: [...tiers("software of", ["5D992.z.1"], ["5D992.z.2"]), wholeEntryAntiTerrorism],
  },
  {
    eccn: "5E002",
    heading: "Encryption technology",
    plain: ["5A002.a", "5A002.b", "5A002.c", "5A002.d", "5A002.e"],
    requirements: [
      wholeEntryNs,
      ...tiers(
        "technology for items of",
        [...higher5A002, ...higher5A004, "5D002"],
        [...lower5A002, ...lower5A004, "5D002"],
      ),
      wholeEntryAntiTerrorism,
      {
        reason: "EI",
        applies: "technology for commodities or software controlled for EI reasons",
        ...encryption,
      },
    ],
  },
  {
    eccn: "5E992",
    heading: "Information security technology not controlled by 5E002",
    requirements: [
      ...tiers("technology for items of", ["5A992.z.1", "5D992.z.1"], ["5A992.z.2", "5D992.z.2"]),
      wholeEntryAntiTerrorism,
    ],
  },
];
