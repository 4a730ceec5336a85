import type { ExceptionPlaces } from "./rule.ts";

/** Every place, for rows to take some out of. */
export const everywhere: ExceptionPlaces = {
  groups: null,
  countries: [],
  exceptGroups: [],
  exceptCountries: [],
};
/** Excepted everywhere, as 740.2(a)(6) bars them. */
export const embargoed = ["E:1", "E:2"] as const;
/** What 740.27 and 740.28 except. */
export const macauAndD5 = { exceptGroups: ["D:5", ...embargoed], exceptCountries: ["MO"] } as const;

/** What most rows of license exceptions have. */
export const common = {
  asOf: "2026-09-24",
  status: { kind: "in-force" },
  confidence: "text",
  counsel: "needs-sign-off",
  note: "",
  acts: ["export", "deemed-export"],
  kinds: ["software", "technology"],
  eccns: null,
  whole: false,
  never: [],
  places: everywhere,
  offered: "own-terms",
  advancedComputing: "closed",
} as const;
