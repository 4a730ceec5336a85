import { common, embargoed, everywhere } from "./exception-terms.ts";
import type { ExceptionCondition, LicenseException } from "./rule.ts";

const visaInForce: ExceptionCondition = {
  kind: "acknowledged",
  what: "visa-in-force",
  byItem: false,
  words: "a visa that has not expired",
};
/** Cuba, Iran, North Korea and Syria: no status in one of them, be it held today or formerly. */
const neverEmbargoed: ExceptionCondition = {
  kind: "no-status-in",
  groups: embargoed,
  words: "every citizenship and residency, none of them of Country Groups E:1 or E:2",
};

/** Computer Tier 1 outside Country Group A:5, from memory: 740.7(c)(1) was not at hand. What is not here takes the limits of Tier 3. */
const tierOne: readonly string[] = [
  "AG BB BD BJ BN BO BR BS BT BW BZ CL CM CO CR CV DM DO EC ET FJ GA GD GH GM GQ GT GW GY HN",
  "ID JM KE KI KN LC LR LS MG MH ML MT MU MV MW MX MY MZ NA NE NG NP NR PA PE PG PH PW PY",
  "RW SB SC SG SL SM SN SR ST SV SZ TD TG TH TO TT TV TW TZ UG UY VA VC WS ZA ZM",
].flatMap((line) => line.split(" "));

/** License Exception APP, 740.7: deemed exports of technology and software for computers of 4A003. */
export const computers: readonly LicenseException[] = [
  {
    ...common,
    id: "exception-app-a5",
    symbol: "APP",
    citation: "15 CFR 740.7(b), (c)",
    title: "technology and software for computers of 4A003 to nationals of Country Group A:5",
    acts: ["deemed-export"],
    eccns: ["4D001", "4E001"],
    reasons: ["NS"],
    places: { ...everywhere, groups: ["A:5"] },
    offered: "in-entry",
    conditions: [neverEmbargoed, visaInForce],
    confidence: "inferred",
    note: "National security reasons alone are taken, cautiously; the paragraph numbers were not at hand.",
  },
  {
    ...common,
    id: "exception-app-tier-1",
    symbol: "APP",
    citation: "15 CFR 740.7(b), (c)",
    title: "technology and software for computers of 4A003 to other nationals of Computer Tier 1",
    acts: ["deemed-export"],
    eccns: ["4D001", "4E001"],
    reasons: ["NS"],
    places: {
      groups: [],
      countries: tierOne,
      exceptGroups: ["A:5", "D:1", "D:4", "D:5", ...embargoed],
      exceptCountries: [],
    },
    offered: "in-entry",
    conditions: [
      {
        kind: "performance",
        developmentOrProductionWt: 175,
        useWt: 500,
        words:
          "a classification that states computers of no more than 175 weighted teraflops for development or production, or 500 for use",
      },
      neverEmbargoed,
      visaInForce,
    ],
    confidence: "inferred",
    note: "The limits are from the text; the list of the tier is from memory, without what Country Group D:1, D:4 or D:5 holds today.",
  },
  {
    ...common,
    id: "exception-app-others",
    symbol: "APP",
    citation: "15 CFR 740.7(b), (d)",
    title: "technology and software for computers of 4A003 to other nationals",
    acts: ["deemed-export"],
    eccns: ["4D001", "4E001"],
    reasons: ["NS"],
    places: { ...everywhere, exceptGroups: ["A:5", ...embargoed] },
    offered: "in-entry",
    conditions: [
      {
        kind: "performance",
        developmentOrProductionWt: 50,
        useWt: 140,
        words:
          "a classification that states computers of no more than 50 weighted teraflops for development or production, or 140 for use",
      },
      neverEmbargoed,
      visaInForce,
    ],
    confidence: "inferred",
    note: "The limits of Computer Tier 3. They stand for every country that is not surely of Tier 1.",
  },
];
