import { chart, modelWeights, tiers, wholeEntryAntiTerrorism } from "./reaches.ts";
import type { StatedEntry } from "./rule.ts";

const higherComputers = ["4A003.z.1.a", "4A003.z.2.a", "4A004.z.1", "4A005.z.1"] as const;
const lowerComputers = ["4A003.z.1.b", "4A003.z.2.b", "4A004.z.2", "4A005.z.2"] as const;

/** An entry whose only reason for control is anti-terrorism. */
function antiTerrorismOnly(eccn: string, heading: string): StatedEntry {
  return { eccn, heading, requirements: [wholeEntryAntiTerrorism] };
}

/** Category 4: computers, their software and technology, and the parameters of trained models. */
export const categoryFour: readonly StatedEntry[] = [
  {
    eccn: "4A003",
    heading: "Digital computers",
    requirements: [
      {
        reason: "NS",
        applies: "4A003.b, .c and .z.1",
        only: ["4A003.b", "4A003.c", "4A003.z.1"],
        ...chart("NS1"),
      },
      {
        reason: "NS",
        applies: "4A003.g and .z.2",
        only: ["4A003.g", "4A003.z.2"],
        ...chart("NS2"),
      },
      ...tiers("computers of", ["4A003.z.1.a", "4A003.z.2.a"], ["4A003.z.1.b", "4A003.z.2.b"]),
      { reason: "CC", applies: "computers for fingerprint equipment", ...chart("CC1") },
      wholeEntryAntiTerrorism,
    ],
  },
  {
    eccn: "4A004",
    heading: "Computers of special architectures",
    requirements: [
      { reason: "NS", applies: "the whole entry", ...chart("NS2") },
      ...tiers("computers of", ["4A004.z.1"], ["4A004.z.2"]),
      wholeEntryAntiTerrorism,
    ],
  },
  {
    eccn: "4A005",
    heading: "Systems for intrusion software",
    requirements: [
      { reason: "NS", applies: "the whole entry", ...chart("NS1") },
      ...tiers("items of", ["4A005.z.1"], ["4A005.z.2"]),
      wholeEntryAntiTerrorism,
    ],
  },
  {
    eccn: "4A090",
    heading: "Computers containing advanced-computing circuits",
    requirements: [...tiers("computers of", ["4A090.a"], ["4A090.b"]), wholeEntryAntiTerrorism],
  },
  antiTerrorismOnly("4A994", "Computers not controlled by 4A001 or 4A003"),
  {
    eccn: "4D001",
    heading: "Software for certain computers",
    plain: ["4A001", "4A004", "4A005"],
    requirements: [
      { reason: "NS", applies: "the whole entry", ...chart("NS1") },
      ...tiers("software for computers of", higherComputers, lowerComputers),
      {
        reason: "CC",
        applies: "software for fingerprint equipment controlled by 4A003",
        only: ["4A003"],
        ...chart("CC1"),
      },
      wholeEntryAntiTerrorism,
    ],
  },
  {
    eccn: "4D090",
    heading: "Software for the computers of 4A090",
    requirements: [
      ...tiers("software for computers of", ["4A090.a"], ["4A090.b"]),
      wholeEntryAntiTerrorism,
    ],
  },
  antiTerrorismOnly("4D993", "Program proof, code generation and real-time system software"),
  antiTerrorismOnly("4D994", "Other software for 4A101 or 4A994"),
  {
    eccn: "4E001",
    heading: "Technology for certain computers and software",
    plain: ["4A001", "4A004", "4A005"],
    requirements: [
      {
        reason: "NS",
        applies: "the whole entry, except technology for 4A090 or 4D090",
        except: ["4A090", "4D090"],
        ...chart("NS1"),
      },
      {
        reason: "MT",
        applies: "technology for 4A001.a and 4A101 controlled for MT reasons",
        only: ["4A001.a", "4A101"],
        ...chart("MT1"),
      },
      ...tiers(
        "technology for computers or software of",
        [...higherComputers, "4A090.a", "4D090.a", "4D001"],
        [...lowerComputers, "4A090.b", "4D090.b", "4D001"],
      ),
      {
        reason: "CC",
        applies: "technology for fingerprint equipment controlled by 4A003",
        only: ["4A003"],
        ...chart("CC1"),
      },
      wholeEntryAntiTerrorism,
    ],
  },
  {
    eccn: "4E091",
    heading: "Parameters of an AI model trained with 10^26 operations or more",
    requirements: [
      { reason: "RS", applies: "the whole entry", ...modelWeights },
      wholeEntryAntiTerrorism,
    ],
  },
  antiTerrorismOnly("4E992", "Other technology for 4A994, 4D993 or 4D994"),
  antiTerrorismOnly("4E993", "Technology for multi-data-stream processing"),
];
