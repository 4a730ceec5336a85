import { proposeForFunctions } from "./cryptography.ts";
import { compare, decimal, largest, multiply, quotient, written } from "./decimal.ts";
import type { WeightsSheet } from "./form.ts";
import {
  type Count,
  compared,
  countBase,
  countText,
  countTraining,
  together,
} from "./operations.ts";
import {
  type Conclusion,
  type Findings,
  isOpen,
  type Outcome,
  question,
  type StatedCandidate,
  type Step,
} from "./proposal.ts";
import { publishedFindings } from "./published.ts";
import { countSyntheticData } from "./synthetic.ts";
import { citations, type Limit, type Limits, said } from "./thresholds.ts";

/** Whether something holds, does not, or turns on what nobody stated. */
type Answer = "yes" | "no" | "open";
type Answered = Findings & { readonly answer: Answer };

/**
 * The parameters of a trained model under 4E091: the operations of all training and, where Technical Note 3 says so, of the models behind its
 * data, against 10^26; Note 1 takes out published weights and what adds little to published ones, Note 2 what stays below the best published
 * model. Weights that no entry names get no entry here.
 */
export function proposeForWeights(sheet: WeightsSheet, limits: Limits): Outcome {
  const published = publishedFindings(sheet.published, citations.published);
  if (published.outcome !== null) return published.outcome;
  const [own, synthetic, base] = [
    countTraining(sheet),
    countSyntheticData(sheet, limits),
    countBase(sheet),
  ];
  const extra = together([own.count, synthetic.count]);
  const total = together([extra, base.count]);
  const sumStep = { count: total, steps: [totalStep(extra, base.count, total)], questions: [] };
  const derived = excludedAsDerived(sheet, { extra, base: base.count, total, limits });
  const reached = reachesThreshold(total, limits.trainingOperations);
  const bar = reached.answer === "no" ? skipped : belowFloatingBar(sheet, total);
  const cryptography = cryptographyOf(sheet, limits);
  const answer = overall(derived.answer, reached.answer, bar.answer);
  const parts: readonly Findings[] = [
    published,
    own,
    synthetic,
    base,
    sumStep,
    derived,
    ...(derived.answer === "yes" ? [] : [reached, bar]),
    cryptography,
  ];
  const candidates = [...weightsCandidates(answer, total, limits), ...cryptography.candidates];
  return {
    candidates,
    steps: parts.flatMap(({ steps }) => steps),
    questions: parts.flatMap(({ questions }) => questions),
    conclusion:
      answer === "no" && candidates.length > 0
        ? withSoftware
        : conclude(answer, { derived: derived.answer, bar: bar.answer, total, limits }),
  };
}

const skipped: Answered = { answer: "no", steps: [], questions: [] };

function overall(derived: Answer, reached: Answer, bar: Answer): Answer {
  if (derived === "yes" || reached === "no" || bar === "yes") return "no";
  return derived === "open" || reached === "open" ? "open" : "yes";
}

/** Note 1: out, unless the additional training is more than the higher of 2.5 x 10^25 operations and a quarter of all. */
function excludedAsDerived(
  { base }: WeightsSheet,
  counts: {
    readonly extra: Count;
    readonly base: Count;
    readonly total: Count;
    readonly limits: Limits;
  },
): Answered {
  const { extra, total, limits } = counts;
  if (base === null || base === "none" || base.isPublished === false) return skipped;
  if (base.isPublished === null) {
    const asks = `Are the weights of the base model ${base.name} published? They are taken not to be.`;
    const open = question("base.isPublished", asks, citations.derived, { isDecisive: false });
    return { ...skipped, questions: [open] };
  }
  const { row, value: fixed } = limits.extraOperations;
  const says = "Whether the additional training is more than";
  const above = { relation: ">", citation: citations.derived } as const;
  if (!total.isComplete && compare(extra.atLeast, fixed) <= 0) {
    const step = compared(`${says} ${said(limits.extraOperations)} operations.`, extra, {
      ...above,
      row,
      limit: fixed,
    });
    return { answer: extra.isComplete ? "yes" : "open", steps: [step], questions: [] };
  }
  const { extraShare } = limits;
  const part = multiply(total.atLeast, extraShare.value);
  const limit = largest([fixed, part]);
  const step = compared(
    `${says} ${said(limits.extraOperations)} operations or ${written(multiply(extraShare.value, decimal("100")))} % of all ${written(total.atLeast)}, whichever is higher: ${written(limit)}. It is ${percentage(extra, total)} of all.`,
    extra,
    { ...above, row: compare(part, fixed) > 0 ? extraShare.row : row, limit },
  );
  const isOver = compare(extra.atLeast, limit) > 0;
  // More extra training leaves it over; a bigger base model may not.
  const isCertain = total.isComplete || (isOver && counts.base.isComplete);
  const answer = isCertain ? (isOver ? "no" : "yes") : "open";
  return { answer, steps: [step], questions: [] };
}

function percentage(extra: Count, total: Count): string {
  if (total.atLeast.digits === 0n) return "none";
  return `${quotient(multiply(extra.atLeast, decimal("100")), total.atLeast)} %`;
}

function reachesThreshold(total: Count, threshold: Limit): Answered {
  const { row, value: limit } = threshold;
  const says = `Whether the operations are ${said(threshold)} or more.`;
  const step = compared(says, total, { relation: ">=", limit, row, citation: citations.weights });
  const isReached = compare(total.atLeast, limit) >= 0;
  const answer = isReached ? "yes" : total.isComplete ? "no" : "open";
  return { answer, steps: [step], questions: [] };
}

/** Note 2: fewer operations than the best published model stands for; BIS guidance, a technical opinion or a CCATS has to say so. */
function belowFloatingBar({ floatingBar }: WeightsSheet, total: Count): Answered {
  if (floatingBar === null) {
    const asks =
      "How many operations does the most advanced published model stand for, by BIS guidance, a technical opinion or a CCATS of which day? Fewer are not controlled.";
    const open = question("floatingBar", asks, citations.floatingBar, { isDecisive: false });
    return { answer: "no", steps: [], questions: [open] };
  }
  const { operations, asOf, basis, source } = floatingBar;
  const limit = decimal(operations);
  const says = `Whether the operations are fewer than the best published model stands for, on ${asOf} by ${basis} (${source}).`;
  const step = compared(says, total, {
    relation: "<",
    limit,
    row: null,
    citation: citations.floatingBar,
  });
  const isBelow = total.isComplete && compare(total.atLeast, limit) < 0;
  return { answer: isBelow ? "yes" : "no", steps: [step], questions: [] };
}

function totalStep(extra: Count, base: Count, total: Count): Step {
  const [value, unit] = [written(total.atLeast), "operations"];
  return {
    says: "All operations: the training of the sheet with what synthetic data adds, and the base model's.",
    formula: `${countText(extra)} + ${countText(base)} = ${countText(total)} ${unit}`,
    operands: [
      { name: "training and synthetic data", value: written(extra.atLeast), unit },
      { name: "base model", value: written(base.atLeast), unit },
    ],
    result: { value, unit },
    threshold: null,
    citation: citations.operations,
  };
}

function weightsCandidates(
  answer: Answer,
  total: Count,
  { trainingOperations }: Limits,
): readonly StatedCandidate[] {
  if (answer === "no") return [];
  const because =
    answer === "yes"
      ? `The model was trained with ${countText(total)} operations, which is ${said(trainingOperations)} or more.`
      : `What is not stated can bring the ${countText(total)} operations under the entry.`;
  const confidence = answer === "open" ? "open" : total.isEstimated ? "estimated" : "stated";
  const cited = [citations.weights, citations.operations, citations.derived];
  return [{ eccn: "4E091", paragraph: null, confidence, because, citations: cited }];
}

/** What the files do besides holding numbers: encryption software beside the weights is an item of its own. */
function cryptographyOf({ cryptographicFunctions }: WeightsSheet, limits: Limits) {
  const path = "cryptographicFunctions";
  const found = proposeForFunctions(cryptographicFunctions, {
    kind: "software",
    path,
    limits,
  });
  if (found.candidates.length === 0) return found;
  const asks =
    "Does software with these functions go with the weights? It is classified by itself.";
  return {
    ...found,
    candidates: found.candidates.map((each) => ({ ...each, confidence: "open" as const })),
    questions: isOpen(found.questions)
      ? found.questions
      : [...found.questions, question(path, asks, citations.encryption)],
  };
}

const withSoftware: Conclusion = {
  kind: "open",
  says: "4E091 does not name the weights, but software that goes with them may be encryption software. Answer the questions before relying on it. It is not EAR99 by itself.",
  citation: citations.encryption,
};

function conclude(
  answer: Answer,
  given: {
    readonly derived: Answer;
    readonly bar: Answer;
    readonly total: Count;
    readonly limits: Limits;
  },
): Conclusion {
  if (answer === "yes") {
    return {
      kind: "entry",
      says: `4E091 names these weights: ${countText(given.total)} operations.`,
      citation: citations.weights,
    };
  }
  if (answer === "open") {
    return {
      kind: "open",
      says: "Whether 4E091 names these weights turns on what is not stated. Until it is, treat them as named.",
      citation: citations.weights,
    };
  }
  return { kind: "no-entry", says: `${whyNot(given)} ${unnamed}`, citation: citations.noEntry };
}

const unnamed =
  "No entry that was looked at names them. That is no classification, and not EAR99 by itself: they need an approved classification that says on what basis, self, CCATS or counsel.";

function whyNot({ derived, bar, total, limits }: Parameters<typeof conclude>[1]): string {
  if (derived === "yes")
    return "These weights derive from a published model by too little additional training for 4E091 (Note 1); they are not published themselves and stay subject to the EAR.";
  if (bar === "yes")
    return "These weights took fewer operations than the best published model stands for (4E091, Note 2); whoever relies on it keeps the guidance, the opinion or the CCATS.";
  return `The weights took ${countText(total)} operations, fewer than ${said(limits.trainingOperations)}, so 4E091 does not name them.`;
}
