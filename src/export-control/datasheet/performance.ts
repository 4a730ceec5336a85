import {
  compare,
  type Decimal,
  decimal,
  multiply,
  quotient,
  sum,
  written,
  zero,
} from "./decimal.ts";
import type { Circuit } from "./form.ts";
import { type Findings, type Question, question, type Step } from "./proposal.ts";
import { citations, type Limit } from "./thresholds.ts";

/** The total processing performance of a circuit: the part that is known, and whether it is all. */
export type Performance = Findings & { readonly atLeast: Decimal; readonly isComplete: boolean };

const unit = "TPP";

/**
 * Twice the tera multiply-accumulate operations a second times the bit length, of each processing unit at the bit length where that is most,
 * added over all units. Units may work at different bit lengths at once, so the most of each is what the circuit can do.
 */
export function performanceOf({ processingUnits }: Circuit, path: string): Performance {
  if (processingUnits === null) {
    const asks = "Which processing units has the circuit, and how fast is each at each bit length?";
    const questions = [question(`${path}processingUnits`, asks, citations.performance)];
    return { atLeast: zero, isComplete: false, steps: [], questions };
  }
  const units = processingUnits.map((each, at) =>
    performanceOfUnit(each, `${path}processingUnits.${at}`),
  );
  const atLeast = sum(units.map((each) => each.atLeast));
  const terms = units.map((each) => written(each.atLeast));
  const isComplete = units.every((each) => each.isComplete);
  const total: Step = {
    says: "The performance of all processing units is added.",
    formula: `${terms.join(" + ") || "0"} = ${isComplete ? "" : "at least "}${written(atLeast)} ${unit}`,
    operands: processingUnits.map(({ name }, at) => ({ name, value: terms[at] ?? "0", unit })),
    result: { value: written(atLeast), unit },
    threshold: null,
    citation: citations.performance,
  };
  return {
    atLeast,
    isComplete,
    steps: [...units.flatMap(({ steps }) => steps), total],
    questions: units.flatMap(({ questions }) => questions),
  };
}

type Unit = NonNullable<Circuit["processingUnits"]>[number];

function performanceOfUnit({ name, count, rates }: Unit, path: string): Performance {
  const questions: Question[] = [];
  const steps: Step[] = [];
  let atLeast = zero;
  for (const [at, { bitLength, macTops }] of rates.entries()) {
    if (macTops === null) {
      const asks = `How many tera multiply-accumulate operations a second does ${name} at ${bitLength} bits?`;
      questions.push(question(`${path}.rates.${at}.macTops`, asks, citations.performance));
      continue;
    }
    const result = multiply(decimal("2"), decimal(macTops), decimal(bitLength), decimal(count));
    if (compare(result, atLeast) > 0) atLeast = result;
    steps.push(rateStep({ name, count, bitLength, macTops, result }));
  }
  return { atLeast, isComplete: questions.length === 0, steps, questions };
}

function rateStep({
  name,
  count,
  bitLength,
  macTops,
  result,
}: {
  readonly name: string;
  readonly count: string;
  readonly bitLength: string;
  readonly macTops: string;
  readonly result: Decimal;
}): Step {
  const value = written(result);
  return {
    says: `${name} at ${bitLength} bits.`,
    formula: `${count} x 2 x ${written(decimal(macTops))} MacTOPS x ${bitLength} bits = ${value} ${unit}`,
    operands: [
      { name: "units", value: count, unit: "units" },
      { name: "rate", value: written(decimal(macTops)), unit: "MacTOPS" },
      { name: "bit length", value: bitLength, unit: "bits" },
    ],
    result: { value, unit },
    threshold: null,
    citation: citations.performance,
  };
}

/** The performance density, as a line for people; the comparisons multiply by the area instead. */
export function densityStep(performance: Decimal, area: Decimal): Step {
  const value = quotient(performance, area);
  return {
    says: "The performance density is the performance divided by the applicable die area.",
    formula: `${written(performance)} TPP / ${written(area)} mm2 = ${value} TPP/mm2`,
    operands: [
      { name: "performance", value: written(performance), unit },
      { name: "applicable die area", value: written(area), unit: "mm2" },
    ],
    result: { value, unit: "TPP/mm2" },
    threshold: null,
    citation: citations.density,
  };
}

/** Whether the performance is this much or more. */
export function isAtLeast(performance: Decimal, limit: Decimal): boolean {
  return compare(performance, limit) >= 0;
}

/** Whether the density is this much or more, without dividing. */
export function isDense(performance: Decimal, area: Decimal, limit: Decimal): boolean {
  return compare(performance, multiply(limit, area)) >= 0;
}

/** A line that says whether the performance reaches a threshold. */
export function performanceStep(
  performance: Decimal,
  { row, value: limit }: Limit,
  citation: string,
): Step {
  const isMet = isAtLeast(performance, limit);
  const [value, wanted] = [written(performance), written(limit)];
  return {
    says: `Whether the performance is ${wanted} or more.`,
    formula: `${value} >= ${wanted} TPP: ${isMet ? "yes" : "no"}`,
    operands: [{ name: "performance", value, unit }],
    result: null,
    threshold: { row, relation: ">=", value: wanted, unit, isMet },
    citation,
  };
}

/** The same for the density. */
export function reachStep(
  performance: Decimal,
  area: Decimal,
  { limit, citation }: { readonly limit: Limit; readonly citation: string },
): Step {
  const isMet = isDense(performance, area, limit.value);
  const [value, wanted] = [quotient(performance, area), written(limit.value)];
  return {
    says: `Whether the performance density is ${wanted} or more.`,
    formula: `${written(performance)} >= ${wanted} x ${written(area)}: ${isMet ? "yes" : "no"}`,
    operands: [{ name: "performance density", value, unit: "TPP/mm2" }],
    result: null,
    threshold: { row: limit.row, relation: ">=", value: wanted, unit: "TPP/mm2", isMet },
    citation,
  };
}
