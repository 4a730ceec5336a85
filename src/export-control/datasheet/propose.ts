import type { Rulebook } from "../rulebook.ts";
import { proposeForAboutHardware, proposeForHardware } from "./about-hardware.ts";
import { proposeForEncryption } from "./cryptography.ts";
import type { Datasheet } from "./form.ts";
import {
  type Candidate,
  type Outcome,
  type Proposal,
  question,
  type StatedCandidate,
} from "./proposal.ts";
import { citations, type Limits, limitsOf, thresholdsAsOf } from "./thresholds.ts";
import { proposeForWeights } from "./weights.ts";

/**
 * Which entries of the Commerce Control List a datasheet leads to, with the arithmetic. Pure and total: the same sheet and rulebook give
 * the same bytes. What the sheet does not state never makes fewer candidates, and shows as a question. It classifies nothing: two officers do,
 * and nothing is EAR99 for want of an entry.
 */
export function propose(datasheet: Datasheet, rulebook: Rulebook): Proposal {
  const { candidates, questions, ...outcome } = outcomeOf(datasheet, limitsOf(rulebook));
  const unknown = candidates.filter(({ eccn }) => headingOf(rulebook, eccn) === null);
  return {
    asOf: thresholdsAsOf,
    rulebook: rulebook.digest,
    ...outcome,
    candidates: candidates.map((candidate) => inRulebook(candidate, rulebook)),
    questions: [
      ...questions,
      ...unknown.map(({ eccn }) =>
        question(
          "",
          `The rulebook has no entry ${eccn}; which requirements has it?`,
          citations.noEntry,
        ),
      ),
    ],
  };
}

/** Whether an officer's classification is one that the arithmetic proposes; without a paragraph it takes all of its entry together. */
export function isProposed(
  { candidates }: Pick<Proposal, "candidates">,
  stated: {
    readonly jurisdiction: string;
    readonly eccn: string;
    readonly paragraph: string | null;
  },
): boolean {
  return (
    stated.jurisdiction === "EAR" &&
    candidates.some(
      ({ eccn, paragraph }) =>
        eccn === stated.eccn &&
        [null, stated.eccn, paragraph].some((each) => each === stated.paragraph),
    )
  );
}

function outcomeOf(datasheet: Datasheet, limits: Limits): Outcome {
  switch (datasheet.item) {
    case "model-weights":
      return proposeForWeights(datasheet, limits);
    case "hardware":
      return proposeForHardware(datasheet, limits);
    case "software":
    case "technology":
      return proposeForAboutHardware(datasheet, limits);
    case "encryption":
      return proposeForEncryption(datasheet, limits);
  }
}

function headingOf({ entries }: Rulebook, wanted: string): string | null {
  return entries.find(({ eccn }) => eccn === wanted)?.heading ?? null;
}

function inRulebook(candidate: StatedCandidate, rulebook: Rulebook): Candidate {
  const { eccn, paragraph } = candidate;
  const rows = rulebook.requirements.filter(
    (row) =>
      row.eccn === eccn &&
      (row.only === null || paragraph === null || row.only.some((each) => each === paragraph)),
  );
  const notes = rows.flatMap(({ status }) =>
    status.kind === "not-enforced" ? [status.announcement] : [],
  );
  return {
    ...candidate,
    heading: headingOf(rulebook, eccn) ?? "not in the rulebook",
    notes: [...new Set(notes)],
  };
}
