import type { ScreeningFacts, SubjectFacts } from "./facts.ts";
import { type Case, type Finding, fail, notApplicable, pass, unknown } from "./finding.ts";
import { binds } from "./item.ts";
import { instantMs } from "./time.ts";

const dayMs = 86_400_000;

/**
 * Denied parties. Any match on a list that bars denies, any other match holds, unless an officer has determined that the subject is
 * not the listed party. No license cures a match here. A list that is stale, empty or of unknown age clears nobody, nor does the sample
 * outside a trial.
 */
export function checkDeniedParty({ facts, rulebook }: Case): Finding {
  const citation = "15 CFR Part 744; 736.2(b)(4), (b)(5)";
  const { screening } = facts;
  if (screening === null) {
    return unknown("denied-party", {
      citation,
      reason: "The subject was not compared with any list of denied parties.",
      remedy: "Load a current list and ask again.",
    });
  }
  const open = screening.matches.filter(({ clearedBy }) => clearedBy === null);
  const matched = [...new Set(open.map(({ source }) => source))].map((source) => ({
    source,
    list: rulebook.lists.find(({ code }) => code === source) ?? null,
  }));
  const barring = matched.flatMap(({ list }) => (list?.effect === "fail" ? [list] : []));
  if (barring.length > 0) {
    return fail("denied-party", {
      citation: barring.map((list) => list.citation).join("; "),
      reason: `A name of the subject equals a name on ${barring.map(({ code }) => code).join(", ")}. ${barring.map(({ meaning }) => meaning).join(" ")}`,
      remedy:
        "An officer determines whether the subject is the listed party; if so, nothing is released.",
      rows: barring.map(({ id }) => id),
    });
  }
  if (matched.length > 0) {
    const lists = matched.flatMap(({ list }) => (list === null ? [] : [list]));
    return unknown("denied-party", {
      citation: lists.map((list) => list.citation).join("; ") || citation,
      reason:
        `A name of the subject equals a name on ${matched.map(({ source }) => source).join(", ")}. ${lists.map(({ meaning }) => meaning).join(" ")}`.trim(),
      remedy:
        "An officer determines whether the subject is the listed party and what the entry bars.",
      rows: lists.map(({ id }) => id),
    });
  }
  return cleared({ facts, rulebook }, citation);
}

function cleared({ facts }: Case, citation: string): Finding {
  const { screening } = facts;
  if (screening === null || !isEveryPartyScreened(screening, facts.subject)) {
    return unknown("denied-party", {
      citation,
      reason: "Somebody behind the subject has no name that could be compared.",
      remedy: "Record a name for the person and, for a workload, for its entity.",
    });
  }
  const remedy = "Load a current list whose date is known, and ask again.";
  if (screening.list.kind === "sample") return clearedBySample(screening.isTrial, citation, remedy);
  const doubt = doubtOfAge(screening, facts.at);
  if (doubt !== null) return unknown("denied-party", { citation, reason: doubt, remedy });
  return pass("denied-party", {
    citation,
    reason: `No name of the subject equals a name on the list as of ${screening.list.asOf}, apart from matches that an officer cleared. Only equal names match; similar ones do not.`,
  });
}

/** A workload has two parties, and a name of one does not stand in for the other. Counts that are missing or too low are not enough. */
function isEveryPartyScreened(
  { parties, screened }: ScreeningFacts,
  { kind }: SubjectFacts,
): boolean {
  return parties >= (kind === "workload" ? 2 : 1) && screened >= parties;
}

/** Why the age of a list is no ground to clear anybody; null where it is. A date in the future would keep it fresh for ever. */
export function doubtOfAge(
  { list, maxAgeDays }: Pick<ScreeningFacts, "list" | "maxAgeDays">,
  at: string,
): string | null {
  const now = instantMs(at);
  const asOf = list.asOf === null ? null : instantMs(list.asOf);
  if (now === null || asOf === null) return "The age of the list cannot be told.";
  if (asOf - now > dayMs) return "The list is dated in the future, so its age cannot be told.";
  return maxAgeDays !== null && now - asOf > maxAgeDays * dayMs
    ? `The list is older than the ${maxAgeDays} days that the operator admits.`
    : null;
}

/** The sample list stands in for a real one only while a vault is being tried out, and the reason says so. */
function clearedBySample(isTrial: boolean, citation: string, remedy: string): Finding {
  if (!isTrial) {
    const reason = "The list is the sample of invented parties, which clears nobody.";
    return unknown("denied-party", { citation, reason, remedy });
  }
  const reason =
    "This vault is a trial: the subject was compared with the sample of invented parties alone, which would clear nobody in production.";
  return pass("denied-party", { citation, reason });
}

/** Ownership by listed parties: the Affiliates Rule and OFAC's rule of fifty percent. Asked of every entity that operates a workload. */
export function checkOwnership({ facts, rulebook }: Case): Finding {
  const row = rulebook.principles.find(({ id }) => id === "principle-affiliates");
  const rows = row === undefined ? [] : [row.id];
  const stayed = row !== undefined && !binds(row, facts.at);
  const citation = `${row?.citation ?? "90 FR 47201"}; OFAC FAQ 398, 399, 401`;
  if (facts.subject.kind === "person") {
    const reason = "The subject is a natural person, whom nobody owns.";
    return notApplicable("ownership", { citation, reason });
  }
  switch (facts.subject.workload.entity.ownership) {
    case "no-listed-owner":
      return pass("ownership", {
        citation,
        rows,
        reason: "An officer recorded that no listed party owns the entity.",
      });
    case "listed-owner-half-or-more":
      return fail("ownership", {
        citation,
        rows,
        reason: `Listed parties own half of the entity or more, so it is treated as they are.${stayed ? " The Affiliates Rule is stayed on this day; OFAC's rule is not." : ""}`,
        remedy: "Nothing is released while they do.",
      });
    case "listed-owner-below-half":
      return unknown("ownership", {
        citation,
        rows,
        reason: "Listed parties own a part of the entity below one half, which is a red flag.",
        remedy: "Counsel resolves the red flag and an officer records the ownership anew.",
      });
    case null:
      return unknown("ownership", {
        citation,
        rows,
        reason:
          "Nobody recorded who owns the entity, and an unknown share is a red flag (Red Flag 29).",
        remedy: "An officer determines the entity's ownership and records it.",
      });
  }
}
