import { add, compare, type Decimal, decimal, subtract, sum, written, zero } from "./decimal.ts";
import type { Generator, WeightsSheet } from "./form.ts";
import { type Counted, complete, plain, together } from "./operations.ts";
import { type Findings, type Question, question, type Step } from "./proposal.ts";
import { citations, type Limit, type Limits } from "./thresholds.ts";

const citation = citations.syntheticData;

/**
 * What Technical Note 3 adds for data that other models generated and nobody published. Each model behind more than a tenth of the
 * training operations adds what the generation took. If models with unpublished weights are behind more than a tenth, one by one or together,
 * the training of one of them is added: of the one that adds most. No operation is counted twice. What is not stated is taken the other way.
 */
export function countSyntheticData(
  { syntheticData }: WeightsSheet,
  { syntheticShare }: Pick<Limits, "syntheticShare">,
): Counted {
  if (syntheticData === null) {
    const asks = "Which models generated unpublished data that trained these weights, if any?";
    const count = { ...complete([]), isComplete: false };
    return { count, steps: [], questions: [question("syntheticData", asks, citation)] };
  }
  const generation = syntheticData.map((generator, at) =>
    countGeneration(generator, { at, share: syntheticShare }),
  );
  const training = countGeneratorTraining(syntheticData, syntheticShare);
  return {
    count: together([...generation.map(({ count }) => count), training.count]),
    steps: [...generation.flatMap(({ steps }) => steps), ...training.steps],
    questions: [...generation.flatMap(({ questions }) => questions), ...training.questions],
  };
}

function countGeneration(
  generator: Generator,
  { at, share }: { readonly at: number; readonly share: Limit },
): Counted {
  const { model, shareOfOperations, generationOperations } = generator;
  const questions: Question[] = [];
  if (shareOfOperations === null) {
    const asks = `Which share of the training operations uses unpublished output of ${model}? It is taken to be more than a tenth.`;
    questions.push(
      question(`syntheticData.${at}.shareOfOperations`, asks, citation, { isDecisive: false }),
    );
  }
  const steps =
    shareOfOperations === null ? [] : [shareStep(model, decimal(shareOfOperations), share)];
  if (!isOver(shareOfOperations, share)) return { count: complete([]), steps, questions };
  if (generationOperations === null) {
    const asks = `How many operations did ${model} take to generate the data?`;
    questions.push(question(`syntheticData.${at}.generationOperations`, asks, citation));
    return { count: { ...complete([]), isComplete: false }, steps, questions };
  }
  const taken = decimal(generationOperations);
  const says = `The operations that ${model} took to generate the data are added.`;
  return {
    count: complete([taken]),
    steps: [...steps, plain(says, written(taken), citation)],
    questions,
  };
}

function countGeneratorTraining(generators: readonly Generator[], share: Limit): Counted {
  const unpublished = generators
    .map((generator, at) => ({ generator, at }))
    .filter(
      ({ generator }) =>
        generator.areWeightsPublished !== true && !isNone(generator.shareOfOperations),
    );
  const questions = unpublished
    .filter(({ generator }) => generator.areWeightsPublished === null)
    .map(({ generator, at }) => publishedQuestion(generator.model, at));
  const shares = unpublished.map(({ generator }) => generator.shareOfOperations);
  if (!isTogetherOver(shares, share)) return { count: complete([]), steps: [], questions };
  const missing = missingTraining(
    generators,
    unpublished.map(({ generator }) => generator),
  );
  const additions = unpublished.map(({ generator }) => ({
    model: generator.model,
    operations: trainingOf(generator, generators),
  }));
  const most = additions.reduce((one, other) =>
    compare(other.operations, one.operations) > 0 ? other : one,
  );
  return {
    count: { ...complete([most.operations]), isComplete: missing.length === 0 },
    steps: [...togetherSteps(shares, share), mostStep(most, additions)],
    questions: [...questions, ...missing],
  };
}

/**
 * The operations that trained a model, and those of the models with unpublished weights that it was trained on, each model once and without
 * what the sheet counts already.
 */
function trainingOf(generator: Generator, generators: readonly Generator[]): Decimal {
  return sum(
    lineage(generator, generators).map(({ trainingOperations, alreadyCounted }) =>
      trainingOperations === null
        ? zero
        : subtract(decimal(trainingOperations), decimal(alreadyCounted)),
    ),
  );
}

function lineage(generator: Generator, generators: readonly Generator[]): readonly Generator[] {
  const reached = new Set([generator]);
  for (const { trainedOn } of reached) {
    for (const each of generators) {
      if (trainedOn.includes(each.model) && each.areWeightsPublished !== true) reached.add(each);
    }
  }
  return [...reached];
}

function missingTraining(
  generators: readonly Generator[],
  counted: readonly Generator[],
): readonly Question[] {
  const needed = new Set(counted.flatMap((generator) => lineage(generator, generators)));
  return generators.flatMap((generator, at) =>
    needed.has(generator) && generator.trainingOperations === null
      ? [
          question(
            `syntheticData.${at}.trainingOperations`,
            `How many operations trained ${generator.model}?`,
            citation,
          ),
        ]
      : [],
  );
}

function publishedQuestion(model: string, at: number): Question {
  const asks = `Are the weights of ${model} published? They are taken not to be.`;
  const path = `syntheticData.${at}.areWeightsPublished`;
  return question(path, asks, citation, { isDecisive: false });
}

function isNone(share: string | null): boolean {
  return share !== null && compare(decimal(share), zero) === 0;
}

function isOver(share: string | null, { value }: Limit): boolean {
  return share === null || compare(decimal(share), value) > 0;
}

function isTogetherOver(shares: readonly (string | null)[], { value }: Limit): boolean {
  const stated = shares.filter((share) => share !== null).map(decimal);
  return shares.includes(null) || compare(sum(stated), value) > 0;
}

function shareStep(model: string, share: Decimal, { row, value: limit }: Limit): Step {
  const isMet = compare(share, limit) > 0;
  return {
    says: `Whether unpublished output of ${model} is behind more than a tenth of the training operations.`,
    formula: `${written(share)} > ${written(limit)}: ${isMet ? "yes" : "no"}`,
    operands: [{ name: "share", value: written(share), unit: "of the operations" }],
    result: null,
    threshold: { row, relation: ">", value: written(limit), unit: "of the operations", isMet },
    citation,
  };
}

function togetherSteps(shares: readonly (string | null)[], share: Limit): Findings["steps"] {
  const stated = shares.filter((share) => share !== null).map(decimal);
  if (stated.length < 2 || stated.length < shares.length) return [];
  const total = stated.reduce(add, zero);
  const step = shareStep("all models with unpublished weights together", total, share);
  return [{ ...step, formula: `${stated.map(written).join(" + ")} = ${step.formula}` }];
}

type Addition = { readonly model: string; readonly operations: Decimal };

function mostStep(most: Addition, additions: readonly Addition[]): Step {
  const unit = "operations";
  return {
    says: `The training of ${most.model} is added, of all models with unpublished weights the one that adds most; what is counted elsewhere is left out.`,
    formula: `the most of ${additions.map(({ operations }) => written(operations)).join(", ")} = ${written(most.operations)} ${unit}`,
    operands: additions.map(({ model, operations }) => ({
      name: model,
      value: written(operations),
      unit,
    })),
    result: { value: written(most.operations), unit },
    threshold: null,
    citation,
  };
}
