import { add, compare, type Decimal, decimal, multiply, sum, written, zero } from "./decimal.ts";
import type { WeightsSheet } from "./form.ts";
import { type Findings, type Question, question, type Step } from "./proposal.ts";
import { citations } from "./thresholds.ts";

const unit = "operations";

/** How many operations something took: the part that is known, whether all of it is, and whether a rule of thumb gave some of it. */
export type Count = {
  readonly atLeast: Decimal;
  readonly isComplete: boolean;
  readonly isEstimated: boolean;
};

export type Counted = Findings & { readonly count: Count };

const nothing: Count = { atLeast: zero, isComplete: true, isEstimated: false };
const nobodyKnows: Count = { atLeast: zero, isComplete: false, isEstimated: false };

export function together(counts: readonly Count[]): Count {
  return counts.reduce(
    (one, other) => ({
      atLeast: add(one.atLeast, other.atLeast),
      isComplete: one.isComplete && other.isComplete,
      isEstimated: one.isEstimated || other.isEstimated,
    }),
    nothing,
  );
}

/** A count as people read it: `at least` where some of it is not known. */
export function countText({ atLeast, isComplete }: Count): string {
  return isComplete ? written(atLeast) : `at least ${written(atLeast)}`;
}

/** The training that the sheet itself lists: pre-training and everything after it, without the collection of data (Technical Note 2). */
export function countTraining(sheet: WeightsSheet): Counted {
  const { training, base } = sheet;
  if (training === null || (training.length === 0 && base === "none")) {
    const asks = "Which training made these weights, stage by stage, and how many operations each?";
    const questions = [question("training", asks, citations.operations)];
    return { count: nobodyKnows, steps: [], questions };
  }
  const counted = training.map((_, at) => countStage(sheet, at));
  const count = together(counted.map((each) => each.count));
  const terms = counted
    .filter((each) => each.isTraining)
    .map((each) => written(each.count.atLeast));
  const total: Step = {
    says: "The training operations of all stages are added, fine-tuning and every later training included.",
    formula: `${terms.length === 0 ? "0" : terms.join(" + ")} = ${countText(count)} ${unit}`,
    operands: terms.map((value, at) => ({ name: `stage ${at + 1}`, value, unit })),
    result: { value: written(count.atLeast), unit },
    threshold: null,
    citation: citations.operations,
  };
  return {
    count,
    steps: [...counted.flatMap(({ steps }) => steps), total],
    questions: counted.flatMap(({ questions }) => questions),
  };
}

type CountedStage = Counted & { readonly isTraining: boolean };

function countStage(sheet: WeightsSheet, at: number): CountedStage {
  const stage = sheet.training?.[at];
  if (stage === undefined) return { count: nothing, steps: [], questions: [], isTraining: false };
  const name = `${stage.stage}${stage.name === null ? "" : ` (${stage.name})`}`;
  if (stage.stage === "data-collection") {
    const steps = [
      plain(
        `The collection and curation of data is not counted: ${name}.`,
        "0",
        citations.operations,
      ),
    ];
    return { count: nothing, steps, questions: [], isTraining: false };
  }
  if (stage.operations !== null) {
    const atLeast = decimal(stage.operations);
    const says = `The operations of the stage ${name} are stated.`;
    const steps = [plain(says, written(atLeast), citations.operations)];
    const questions = fewerThanEstimated(sheet, at, { name, atLeast });
    const isComplete = questions.length === 0;
    return { count: { ...nothing, atLeast, isComplete }, steps, questions, isTraining: true };
  }
  return { ...estimateStage(sheet, at, { name, tokens: stage.tokens }), isTraining: true };
}

/** 6ND: six operations for each parameter and each token, two forward and four backward, as Technical Note 2 shows for a dense layer. */
function estimateStage(
  sheet: WeightsSheet,
  at: number,
  { name, tokens }: { readonly name: string; readonly tokens: string | null },
): Counted {
  const path = `training.${at}.operations`;
  if (tokens === null) {
    const asks = `How many operations did the stage ${name} take, or how many tokens did it see?`;
    const questions = [question(path, asks, citations.operations)];
    return { count: nobodyKnows, steps: [], questions };
  }
  const isActive = sheet.activeParameters !== null;
  const parameters = decimal(sheet.activeParameters ?? sheet.parameters);
  const seen = decimal(tokens);
  const atLeast = multiply(decimal("6"), parameters, seen);
  const step: Step = {
    says: `The stage ${name} by the rule of thumb 6ND${isActive ? ", with the parameters that a token passes through" : ""}.`,
    formula: `6 x ${written(parameters)} parameters x ${written(seen)} tokens = ${written(atLeast)} ${unit}`,
    operands: [
      { name: "N", value: written(parameters), unit: "parameters" },
      { name: "D", value: written(seen), unit: "tokens" },
    ],
    result: { value: written(atLeast), unit },
    threshold: null,
    citation: citations.operations,
  };
  const isComplete = sheet.training?.[at]?.stage !== "reinforcement-learning";
  return {
    count: { atLeast, isComplete, isEstimated: true },
    steps: [step],
    questions: [estimateQuestion(path, name, isComplete)],
  };
}

/** Stated operations that fall short of the rule of thumb for the stated tokens want an explanation before anybody relies on them. */
function fewerThanEstimated(
  sheet: WeightsSheet,
  at: number,
  { name, atLeast }: { readonly name: string; readonly atLeast: Decimal },
): readonly Question[] {
  const tokens = sheet.training?.[at]?.tokens ?? null;
  if (tokens === null) return [];
  const estimate = estimateStage(sheet, at, { name, tokens }).count.atLeast;
  if (compare(atLeast, estimate) >= 0) return [];
  const asks = `The stage ${name} states ${written(atLeast)} operations, and 6ND gives ${written(estimate)}; which is right?`;
  return [question(`training.${at}.operations`, asks, citations.operations)];
}

function estimateQuestion(path: string, name: string, isComplete: boolean): Question {
  return isComplete
    ? question(
        path,
        `The stage ${name} is counted by a rule of thumb for dense layers; what does an exact count say, attention included?`,
        citations.operations,
        { isDecisive: false },
      )
    : question(
        path,
        `The rule of thumb leaves out what a model generates in ${name}; how many operations did all of it take?`,
        citations.operations,
      );
}

/** The base model's own training; nothing where the weights were trained from nothing. */
export function countBase({ base }: WeightsSheet): Counted {
  if (base === "none") return { count: nothing, steps: [], questions: [] };
  if (base === null) {
    const asks = "Were these weights trained from nothing, or from a base model, and which?";
    const questions = [question("base", asks, citations.operations)];
    return { count: nobodyKnows, steps: [], questions };
  }
  if (base.trainingOperations === null) {
    const asks = `How many operations trained the base model ${base.name}?`;
    const questions = [question("base.trainingOperations", asks, citations.operations)];
    return { count: nobodyKnows, steps: [], questions };
  }
  const atLeast = decimal(base.trainingOperations);
  const says = `The operations that trained the base model ${base.name} are stated.`;
  const steps = [plain(says, written(atLeast), citations.operations)];
  return { count: { ...nothing, atLeast }, steps, questions: [] };
}

/** A step that states one number. */
export function plain(says: string, value: string, citation: string): Step {
  return {
    says,
    formula: `${value} ${unit}`,
    operands: [],
    result: { value, unit },
    threshold: null,
    citation,
  };
}

/** A step that compares a count with a number of operations. */
export function compared(
  says: string,
  count: Count,
  {
    relation,
    limit,
    row,
    citation,
  }: {
    readonly relation: ">=" | ">" | "<" | "<=";
    readonly limit: Decimal;
    /** The row of the rulebook that states the limit; null where the sheet does. */
    readonly row: string | null;
    readonly citation: string;
  },
): Step {
  const order = compare(count.atLeast, limit);
  const isMet =
    relation === ">="
      ? order >= 0
      : relation === ">"
        ? order > 0
        : relation === "<"
          ? order < 0
          : order <= 0;
  const value = written(count.atLeast);
  return {
    says,
    formula: `${countText(count)} ${relation} ${written(limit)} ${unit}: ${isMet ? "yes" : "no"}`,
    operands: [{ name: "counted", value, unit }],
    result: null,
    threshold: { row, relation, value: written(limit), unit, isMet },
    citation,
  };
}

/** The sum of decimals as one complete count. */
export function complete(terms: readonly Decimal[]): Count {
  return { ...nothing, atLeast: sum(terms) };
}
