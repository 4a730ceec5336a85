import { type Token, tokens } from "./tokens.ts";

/** One place of a file, changed. */
export type Mutation = {
  /** Offsets of what is replaced. */
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  readonly kind: string;
};

const dayMs = 86_400_000;

const operators: Readonly<Record<string, string>> = {
  "===": "!==",
  "!==": "===",
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "&&": "||",
  "||": "&&",
};
const words: Readonly<Record<string, string>> = {
  true: "false",
  false: "true",
  some: "every",
  every: "some",
};
const outcomes: Readonly<Record<string, string>> = {
  pass: "fail",
  fail: "pass",
  unknown: "pass",
  notApplicable: "unknown",
};

/**
 * Every mutation of a file: comparisons, `&&` and `||`, booleans, some and every, negations, conditions of an `if`, returned outcomes, whole
 * numbers, strings that are no sentences, and elements of lists. A number becomes the next one and a date the next day, so that a limit has to be
 * tested where it stands. Types and imports are left alone, since nothing runs there.
 */
export function mutationsOf(text: string): readonly Mutation[] {
  const all = tokens(text);
  const found: Mutation[] = [];
  const replace = (
    kind: string,
    { start, end }: Pick<Token, "start" | "end">,
    replacement: string,
  ) => void found.push({ kind, start, end, replacement });
  for (const [at, token] of all.entries()) {
    if (token.isErased) continue;
    const [before, after] = [all[at - 1], all[at + 1]];
    const operator = token.kind === "operator" ? operators[token.text] : undefined;
    if (operator !== undefined && isSpaced(text, token)) replace("operator", token, operator);
    if (token.kind === "operator" && token.text === "!" && after?.start === token.end)
      replace("negation", token, "");
    if (token.kind === "word") {
      const isMember = before?.text === "." || before?.text === "?.";
      const word = words[token.text];
      if (
        word !== undefined &&
        isMember === ["some", "every"].includes(token.text) &&
        after?.text !== ":"
      )
        replace("word", token, word);
      const outcome = outcomes[token.text];
      if (outcome !== undefined && before?.text === "return" && after?.text === "(")
        replace("outcome", token, outcome);
      if (token.text === "if" && after?.text === "(")
        replace(
          "condition",
          conditionAfter(all, at),
          `(!${textOf(text, conditionAfter(all, at))})`,
        );
    }
    if (token.kind === "word" && /^\d[\d_]*n?$/.test(token.text))
      replace("number", token, nextNumber(token.text));
    if (token.kind === "string" && isConstant(token, before, after))
      replace("string", token, JSON.stringify(nextString(token.text.slice(1, -1))));
    if (isElement(token, before, after)) {
      const end = after?.text === "," ? after.end : token.end;
      replace("element", { start: token.start, end }, "");
    }
  }
  return found;
}

function nextNumber(text: string): string {
  const [, digits = "", suffix = ""] = /^([\d_]+)(n?)$/.exec(text) ?? [];
  return `${BigInt(digits.replaceAll("_", "")) + 1n}${suffix}`;
}

/** The day after a date, the next number after a number as it is written, and `mutated` for anything else. */
function nextString(text: string): string {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text))
    return new Date(Date.parse(text) + dayMs).toISOString().slice(0, 10);
  const [, whole, fraction = ""] = /^(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined) return "mutated";
  const next = `${BigInt(whole + fraction) + 1n}`.padStart(fraction.length + 1, "0");
  return fraction === ""
    ? next
    : `${next.slice(0, -fraction.length)}.${next.slice(-fraction.length)}`;
}

/** Generics hug their brackets; the formatter puts spaces around a comparison. */
function isSpaced(text: string, { start, end, text: operator }: Token): boolean {
  const isAngle = operator === "<" || operator === ">";
  return !isAngle || (/\s/.test(text[start - 1] ?? "") && /\s/.test(text[end] ?? ""));
}

/** A word of the engine's own, neither a sentence for people nor a type. */
function isConstant(
  { text, isInList }: Token,
  before: Token | undefined,
  after: Token | undefined,
): boolean {
  const isType =
    [before?.text, after?.text].some((near) => near === "|" || near === "&") ||
    before?.text === "<" ||
    after?.text === ">" ||
    (before?.text === ":" && after?.text === ")");
  return !isType && text.length > 2 && !/\s/.test(text) && (isInList || after?.text !== "]");
}

function isElement(token: Token, before: Token | undefined, after: Token | undefined): boolean {
  const isOne = token.kind === "string" || (token.kind === "word" && token.text !== "of");
  const opens = before?.text === "[" || before?.text === ",";
  return isOne && token.isInList && opens && (after?.text === "," || after?.text === "]");
}

function conditionAfter(
  all: readonly Token[],
  at: number,
): { readonly start: number; readonly end: number } {
  const start = all[at + 1]?.start ?? 0;
  let depth = 0;
  for (const token of all.slice(at + 1)) {
    if (token.text === "(") depth += 1;
    if (token.text === ")") depth -= 1;
    if (depth === 0) return { start, end: token.end };
  }
  return { start, end: start };
}

function textOf(
  text: string,
  { start, end }: { readonly start: number; readonly end: number },
): string {
  return text.slice(start, end);
}
