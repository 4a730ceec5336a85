import type { RegimeRules } from "../regimes/regime.ts";
import { europeanUnion } from "./regime-eu.ts";

const common = {
  status: { kind: "in-force" },
  counsel: "needs-sign-off",
  decontrols: [],
  generalAuthorizations: [],
  embargoes: [],
  principles: [],
} as const;

const unitedKingdom: RegimeRules = {
  ...common,
  id: "regime-uk",
  citation: "Export Control Order 2008 (SI 2008/3231); Regulation (EC) 428/2009 as retained",
  asOf: "2021-01-01",
  confidence: "inferred",
  note: "From memory: no text was at hand. Northern Ireland, where the Union's regulation goes on applying, is not told apart.",
  jurisdiction: "UK",
  name: "the United Kingdom",
  nexus: "ship-from",
  territory: ["GB"],
  internal: ["GB"],
  subjectTests: ["location"],
  lists: [
    {
      ...common,
      id: "uk-list-dual-use",
      citation: "UK Strategic Export Control Lists, dual-use list",
      asOf: "2021-01-01",
      confidence: "inferred",
      note: "From memory.",
      list: "dual-use",
      title: "the dual-use list",
      numbering: "any",
    },
  ],
  question:
    "whether the transfer leaves the United Kingdom, which is told by location and not by nationality, and which license it then needs",
};

const japan: RegimeRules = {
  ...common,
  id: "regime-jp",
  citation: "Foreign Exchange and Foreign Trade Act (FEFTA), Art. 25",
  asOf: "2022-05-01",
  confidence: "secondary",
  note: "The residency test and its specific categories are from law firms' summaries.",
  jurisdiction: "JP",
  name: "Japan",
  nexus: "person-following",
  territory: ["JP"],
  internal: ["JP"],
  subjectTests: ["residency", "influence-category"],
  lists: [
    {
      ...common,
      id: "jp-list-1-15",
      citation: "Foreign Exchange Order, Appended Table, items 1 to 15",
      asOf: "2022-05-01",
      confidence: "inferred",
      note: "From memory.",
      list: "foreign-exchange-order",
      title: "the Appended Table of the Foreign Exchange Order",
      numbering: "any",
    },
  ],
  question:
    "whether a resident provides the technology to a non-resident, or to a resident of a specific category under strong foreign influence, who counts as one since 2022-05-01; and whether the catch-all (item 16, as revised on 2025-10-09) reaches it",
};

/** The regimes besides the EAR, in the order in which a decision lists them. */
export const regimes: readonly RegimeRules[] = [europeanUnion, unitedKingdom, japan];
