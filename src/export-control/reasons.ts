import { citationsOf, conclude, idsOf, type Stated, type Struck } from "./conclusion.ts";
import type { CheckId } from "./decision.ts";
import { consignee, destinationOf } from "./destination.ts";
import type { Reason } from "./facts.ts";
import { type Case, type Finding, notApplicable, pass, unknown } from "./finding.ts";
import { entryOf, isObjectCode, isPublished, requirementsOf } from "./item.ts";
import {
  type DeemedRecipient,
  deemedCitation,
  deemedRecipients,
  isReexport,
} from "./nationality.ts";
import { sayOverrides } from "./override.ts";
import {
  type Answer,
  admitted,
  isLeftOutEmployee,
  leavesOut,
  reachesHeadquarters,
  reachesPlace,
} from "./reach.ts";
import { carvedOut } from "./reexport.ts";
import type { Requirement } from "./rulebook/rule.ts";
import { employmentOf } from "./verified.ts";

/**
 * 738.4(a)(2): every reason for control is overcome separately. This is the one for the actual export, by destination. No mark for
 * the destination passes this reason only; the other checks stand for General Prohibitions Four to Ten.
 */
export function checkExportReason(given: Case, reason: Reason): Finding {
  const check = `export-${reason.toLowerCase()}` as CheckId;
  const stated = statedFor(given, reason, check);
  if ("finding" in stated) return stated.finding;
  const destination = destinationOf(given);
  if (destination.kind === "domestic") {
    const citation = "15 CFR 734.13(a)(1)";
    return notApplicable(check, {
      citation,
      reason: "The item stays in the United States: no export.",
    });
  }
  if (destination.kind === "unknown") {
    return unknown(check, {
      citation: citationsOf(stated.rows),
      rows: idsOf(stated.rows),
      reason: `Whether ${reason} controls require a license cannot be told without the destination.`,
      remedy: "Ask from a recorded site, or have an officer record the site's country.",
    });
  }
  const { country } = destination;
  const struck = stated.rows.flatMap((row): readonly Struck[] => {
    const byPlace = reachesPlace(given, row, country) && !leavesOut(given, row, country);
    const answer = byPlace ? "required" : reachesHeadquarters(given, row);
    if (answer === "free") return [];
    const common = { kind: "export", country, parties: consignee(given), reason } as const;
    const admits = admitted(given, row, country);
    return [{ row, answer, need: { ...common, named: !byPlace, admits } }];
  });
  const conclusion = { check, stated, struck, act: `an export to ${country}`, places: [country] };
  return conclude(given, conclusion);
}

/** The same for the releases that are deemed exports, by nationality. */
export function checkDeemedReason(given: Case, reason: Reason): Finding {
  const check = `deemed-export-${reason.toLowerCase()}` as CheckId;
  const stated = statedFor(given, reason, check);
  if ("finding" in stated) return stated.finding;
  const rows = stated.rows.filter(({ deemed }) => deemed !== "no");
  if (rows.length === 0) {
    return notApplicable(check, {
      citation: citationsOf(stated.rows),
      rows: idsOf(stated.rows),
      reason: `The ${reason} controls of this entry do not reach deemed exports (742.6(a)(6)(iv)).`,
    });
  }
  if (isObjectCode(given)) {
    return notApplicable(check, {
      citation: "15 CFR 734.13(a)(2), 734.14(a)(2)",
      rows: ["principle-deemed-export"],
      reason:
        "The approved classification states that the software is object code, whose release is no deemed export.",
    });
  }
  const found = deemedRecipients(given);
  if (!found.known) {
    return unknown(check, {
      citation: citationsOf(rows),
      rows: idsOf(rows),
      reason: `Whether ${reason} controls require a license cannot be told while it is not known ${found.question}.`,
      remedy: "An officer records the missing fact, on the person's own statement.",
    });
  }
  const foreign = found.recipients.filter((recipient) => !isOfTheDestination(given, recipient));
  const carvings = foreign.flatMap((recipient) => carvedOut(given, recipient) ?? []);
  const carved = new Set(carvings.map(({ paragraph }) => paragraph));
  const recipients = foreign.filter((recipient) => carvedOut(given, recipient) === null);
  if (recipients.length === 0 && carved.size > 0) {
    return notApplicable(check, {
      citation: `15 CFR ${[...carved].join(", ")}`,
      rows: ["principle-deemed-reexport", ...new Set(carvings.flatMap(({ rows }) => rows))],
      reason: `Under ${[...carved].join(" and ")} the release is no deemed reexport: the facts that the carve-out asks for are on record, and the checks of the export decide whether the entity may receive the item.`,
    });
  }
  if (recipients.length === 0) {
    return notApplicable(check, {
      citation: "15 CFR 734.13(a)(2), 734.14(a)(2)",
      reason:
        "No release is deemed an export: everyone who receives is a U.S. person or of the destination's own country.",
    });
  }
  const struck = recipients.flatMap((recipient) => struckBy(given, { rows, recipient, reason }));
  const places = [...new Set(recipients.flatMap(({ readings }) => readings))];
  const act = `a release to a national of ${places.join(" or ")}`;
  const finding = conclude(given, { check, stated: { ...stated, rows }, struck, act, places });
  return isReexport(given) ? asReexport(given, finding) : finding;
}

/** The same finding with the citation of the deemed reexport, and the way out that 734.20 leaves. */
function asReexport(given: Case, finding: Finding): Finding {
  const remedy =
    finding.remedy === null
      ? null
      : `${finding.remedy} Or what 734.20 asks for, on record: a permanent and regular employee of the entity there who is exclusively a national of A:5, or the safeguards of 734.20(c).`;
  return { ...finding, citation: `${deemedCitation(given)}; ${finding.citation}`, remedy };
}

type Tested = {
  readonly rows: readonly Requirement[];
  readonly recipient: DeemedRecipient;
  readonly reason: Reason;
};

/**
 * Every reading of one recipient against every row. Readings that disagree leave the answer open, and an officer's determination can
 * close it, since no fact would. It cannot stand in for a fact that is missing: else leaving a fact out would help.
 */
function struckBy(given: Case, { rows, recipient, reason }: Tested): readonly Struck[] {
  const byReading = recipient.readings.map((country) =>
    rows.flatMap((row): readonly Struck[] => {
      const answer = reachesPlace(given, row, country)
        ? forRecipient(given, row, recipient)
        : "free";
      if (answer === "free") return [];
      const common = { kind: "deemed-export", country, parties: recipient.party, reason } as const;
      const admits = admitted(given, row, country);
      return [{ row, answer, need: { ...common, named: false, admits } }];
    }),
  );
  const settled = byReading.every((struck) => struck.some(({ answer }) => answer === "required"));
  return byReading.flat().map((each) => {
    if (settled || each.answer === "open") return each;
    const admits = [...each.need.admits, "no-license-required"] as const;
    return { ...each, answer: "open", need: { ...each.need, admits } };
  });
}

function forRecipient(given: Case, row: Requirement, { person }: DeemedRecipient): Answer {
  if (row.deemed !== "not-employees" || person === null) return "required";
  return isLeftOutEmployee(given, employmentOf(person, given.facts.at));
}

function isOfTheDestination(given: Case, { readings }: DeemedRecipient): boolean {
  const destination = destinationOf(given);
  return (
    destination.kind === "abroad" && readings.every((country) => country === destination.country)
  );
}

/** The entry's rows for a reason, or the finding that ends the check because there are none. */
function statedFor(
  given: Case,
  reason: Reason,
  check: CheckId,
): Stated | { readonly finding: Finding } {
  const citation = "15 CFR 738.4(a)(2)";
  const eccn = given.facts.item.classification?.eccn;
  if (isPublished(given)) {
    return {
      finding: notApplicable(check, {
        citation: "15 CFR 734.3(b)(3), 734.7",
        rows: ["principle-published"],
        reason: "The item is published, so no reason for control applies to it.",
      }),
    };
  }
  if (eccn === "EAR99") {
    return {
      finding: notApplicable(check, { citation, reason: "EAR99 has no reason for control." }),
    };
  }
  if (entryOf(given) === null) {
    return {
      finding: unknown(check, {
        citation,
        reason: "The reasons for control of an item without a known entry are not known.",
        remedy: "One officer proposes a classification and another approves it.",
      }),
    };
  }
  const { binding, setAside } = requirementsOf(given);
  const rows = binding.filter((row) => row.reason === reason);
  const aside = setAside.filter((row) => row.reason === reason);
  if (rows.length > 0) return { rows, aside };
  if (aside.length > 0) {
    return {
      finding: pass(check, {
        citation: citationsOf(aside),
        rows: idsOf(aside),
        reason: `Nothing is left of the ${reason} controls of entry ${eccn}.${sayOverrides(given.rulebook, aside, given.facts.at)}`,
      }),
    };
  }
  const finding = notApplicable(check, {
    citation,
    reason: `Entry ${eccn} is not controlled for ${reason} reasons as classified.`,
  });
  return { finding };
}
