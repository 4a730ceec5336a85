import { isDeepStrictEqual } from "node:util";
import { narrowed } from "./item.ts";
import type { Requirement } from "./rulebook/rule.ts";
import type { Rulebook } from "./rulebook.ts";
import { indexOf } from "./rulebook-index.ts";

/** How an item is classified, as far as two of them are compared. */
export type Classified = {
  readonly jurisdiction: string;
  readonly eccn: string;
  readonly paragraph: string | null;
};

/**
 * Why an item is classified less strictly than one that it was made from, in words; null where it is not. A base that nobody has classified tells
 * nothing, so that counts as less strict, as does all that the rulebook cannot compare: another jurisdiction, an entry that it does not know.
 * Of two entries the one is less strict that lacks a requirement of the other, by reason for control and reach (15 CFR 738.4(a)(2)). That a derivative
 * falls under its base's entry is no rule of the EAR: the officer judges, and says why.
 */
export function lessStrictThan(
  base: Classified | null,
  derived: Classified,
  rulebook: Rulebook,
): string | null {
  if (base === null) return "it is not classified";
  if (base.jurisdiction !== derived.jurisdiction)
    // The ITAR takes precedence over the EAR (15 CFR 734.3(b)(1)(i)).
    return base.jurisdiction === "EAR" && derived.jurisdiction === "ITAR"
      ? null
      : `it is under ${base.jurisdiction}`;
  if (base.eccn === derived.eccn && base.paragraph === derived.paragraph) return null;
  const name = `it is classified as ${base.eccn}${base.paragraph === null ? "" : `, ${base.paragraph}`}`;
  if (base.jurisdiction !== "EAR") return name;
  if (base.eccn === "EAR99") return null;
  const [of, ours] = [rowsOf(base, rulebook), rowsOf(derived, rulebook)];
  if (of === null || ours === null) return name;
  const lacking = of.filter((row) => !ours.some((own) => covers(own, row)));
  const reasons = [...new Set(lacking.map(({ reason }) => reason))];
  return reasons.length === 0
    ? null
    : `${name}, whose controls for ${reasons.join(", ")} the proposed entry lacks`;
}

/** Whether whatever meets the one requirement meets the other: the same reason, as far, and for deemed exports as much. */
function covers(own: Requirement, other: Requirement): boolean {
  if (own.reason !== other.reason) return false;
  if (own.deemed !== "yes" && own.deemed !== other.deemed) return false;
  return own.reach.kind === "worldwide" || isDeepStrictEqual(own.reach, other.reach);
}

/** The requirements of a classification; null for an entry that the rulebook does not know. EAR99 has none. */
function rowsOf(
  { eccn, paragraph }: Classified,
  rulebook: Rulebook,
): readonly Requirement[] | null {
  if (eccn === "EAR99") return [];
  const { entries, requirements } = indexOf(rulebook);
  const entry = entries.get(eccn);
  return entry === undefined ? null : narrowed(requirements.get(eccn) ?? [], entry, paragraph);
}
