import { compare, decimal, written } from "./decimal.ts";
import type { CryptographicFunction, EncryptionSheet } from "./form.ts";
import {
  type Conclusion,
  type Findings,
  isOpen,
  type Outcome,
  type Question,
  question,
  type StatedCandidate,
  type Step,
} from "./proposal.ts";
import { publishedFindings } from "./published.ts";
import { citations, describedAlgorithms, type Limits } from "./thresholds.ts";

type Kind = EncryptionSheet["kind"];

const entries = {
  commodity: { eccn: "5A002", paragraph: "5A002.a" },
  software: { eccn: "5D002", paragraph: "5D002.c.1" },
  technology: { eccn: "5E002", paragraph: null },
} as const;

const massMarketEntries = {
  commodity: { eccn: "5A992", paragraph: "5A992.c" },
  software: { eccn: "5D992", paragraph: "5D992.c" },
  technology: { eccn: "5E992", paragraph: null },
} as const;

/**
 * An encryption item under Category 5, Part 2: cryptography for data confidentiality with a described algorithm, unless it was classified as mass
 * market or can be used only after secure activation.
 */
export function proposeForEncryption(sheet: EncryptionSheet, limits: Limits): Outcome {
  const published = publishedOf(sheet);
  if (published.outcome !== null) return published.outcome;
  const found = proposeForFunctions(sheet.functions, {
    kind: sheet.kind,
    path: "functions",
    limits,
  });
  const terms = termsOf(sheet);
  const questions = [...published.questions, ...found.questions, ...terms];
  const { steps } = found;
  if (found.candidates.length === 0)
    return { candidates: [], steps, questions, conclusion: unnamed(notDescribed) };
  if (sheet.needsActivation === true)
    return { candidates: [], steps, questions, conclusion: unnamed(notActivated) };
  const candidates = sheet.isMassMarket === true ? massMarket(sheet.kind, found) : found.candidates;
  const open = isOpen(questions);
  return {
    candidates: open ? candidates.map((each) => ({ ...each, confidence: "open" })) : candidates,
    steps,
    questions,
    conclusion: {
      kind: open ? "open" : "entry",
      says: open
        ? "Whether an entry of Category 5, Part 2 names the item turns on what is not stated. Until it is, treat it as named."
        : "An entry of Category 5, Part 2 names the item.",
      citation: citations.encryption,
    },
  };
}

/** The candidate for cryptographic functions of an item, if any of them is described; where nobody knows, they are taken to be. */
export function proposeForFunctions(
  functions: readonly CryptographicFunction[] | null,
  { kind, path, limits }: { readonly kind: Kind; readonly path: string; readonly limits: Limits },
): Findings & { readonly candidates: readonly StatedCandidate[] } {
  if (functions === null) {
    const asks = "Which cryptographic functions does the item perform? An empty list says none.";
    const questions = [question(path, asks, citations.encryption)];
    return { candidates: [candidate(kind, "open")], steps: [], questions };
  }
  const judged = functions.map((each, at) => judge(each, { path: `${path}.${at}`, limits }));
  const questions = judged.flatMap((each) => each.questions);
  const isDescribed = judged.some((each) => each.isDescribed);
  const isPossible = isDescribed || isOpen(questions);
  return {
    candidates: isPossible ? [candidate(kind, isDescribed ? "stated" : "open")] : [],
    steps: judged.flatMap((each) => each.steps),
    questions: isDescribed ? questions.map((each) => ({ ...each, isDecisive: false })) : questions,
  };
}

function judge(
  { name, purpose, algorithm, keyBits }: CryptographicFunction,
  { path, limits }: { readonly path: string; readonly limits: Limits },
): Findings & { readonly isDescribed: boolean } {
  const citation = citations.encryption;
  if (purpose !== "data-confidentiality") {
    const says = `${name} serves ${purpose}, which is no cryptography for data confidentiality.`;
    return { isDescribed: false, questions: [], steps: [{ ...bare, says, formula: purpose }] };
  }
  if (algorithm === null) {
    const asks = `What does the security of ${name} rest on, and with how many bits?`;
    const questions = [question(`${path}.algorithm`, asks, citation)];
    return { isDescribed: false, steps: [], questions };
  }
  const { limit, rests } = describedAlgorithms[algorithm];
  if (limit === null) {
    const says = `The security of ${name} rests on ${rests}, which is described whatever its length.`;
    return { isDescribed: true, questions: [], steps: [{ ...bare, says, formula: algorithm }] };
  }
  if (keyBits === null) {
    const asks = `How many bits has ${name}, whose security rests on ${rests}?`;
    const questions: readonly Question[] = [question(`${path}.keyBits`, asks, citation)];
    return { isDescribed: false, steps: [], questions };
  }
  const { row, value } = limits[limit];
  const [bits, isMet] = [written(value), compare(decimal(keyBits), value) > 0];
  const step: Step = {
    ...bare,
    says: `The security of ${name} rests on ${rests}.`,
    formula: `${keyBits} > ${bits} bits: ${isMet ? "yes" : "no"}`,
    operands: [{ name, value: keyBits, unit: "bits" }],
    threshold: { row, relation: ">", value: bits, unit: "bits", isMet },
  };
  return { isDescribed: isMet, questions: [], steps: [step] };
}

const bare = {
  operands: [],
  result: null,
  threshold: null,
  citation: citations.encryption,
} as const;

function candidate(kind: Kind, confidence: StatedCandidate["confidence"]): StatedCandidate {
  return {
    ...entries[kind],
    confidence,
    because:
      confidence === "open"
        ? "It may perform cryptography for data confidentiality with a described algorithm."
        : "It performs cryptography for data confidentiality with a described algorithm.",
    citations: [citations.encryption],
  };
}

function massMarket(
  kind: Kind,
  { candidates }: { readonly candidates: readonly StatedCandidate[] },
): readonly StatedCandidate[] {
  return candidates.map((each) => ({
    ...each,
    ...massMarketEntries[kind],
    because: `${each.because} It was classified as mass market.`,
    citations: [...each.citations, citations.massMarket],
  }));
}

/** Terms that only take an item out of the entry: unknown, they are taken not to be met. */
function termsOf({ isMassMarket, needsActivation }: EncryptionSheet): readonly Question[] {
  const isDecisive = false;
  return [
    ...(isMassMarket === null
      ? [
          question(
            "isMassMarket",
            "Was it classified as mass market under 740.17(b)? It is taken not to be.",
            citations.massMarket,
            { isDecisive },
          ),
        ]
      : []),
    ...(needsActivation === null
      ? [
          question(
            "needsActivation",
            "Can it be used only after secure cryptographic activation? It is taken to be usable without.",
            citations.encryption,
            { isDecisive },
          ),
        ]
      : []),
  ];
}

/** Published encryption software stays subject to the EAR until 742.15(b) is met, and a commodity cannot be published. */
function publishedOf(sheet: EncryptionSheet): ReturnType<typeof publishedFindings> {
  if (sheet.published?.isPublished !== true || sheet.kind === "technology")
    return publishedFindings(sheet.published, citations.published);
  const asks =
    sheet.kind === "software"
      ? "Is it published source code, or object code of it, and is 742.15(b) met? Until then it is taken as not published."
      : "A commodity cannot be published; what of it is?";
  const questions = [
    question("published", asks, citations.publishedEncryption, { isDecisive: false }),
  ];
  return { steps: [], questions, outcome: null };
}

const notDescribed =
  "None of its functions is cryptography for data confidentiality with a described algorithm, so 5A002, 5D002 and 5E002 do not name it.";
const notActivated =
  "Its cryptography can be used only after secure activation, so 5A002.a and what follows from it do not name it; the means of activation are an item of their own (5A002.b).";

function unnamed(why: string): Conclusion {
  return {
    kind: "no-entry",
    says: `${why} No entry that was looked at names it. That is no classification, and not EAR99 by itself: it needs an approved classification that says on what basis, self, CCATS or counsel.`,
    citation: citations.noEntry,
  };
}
