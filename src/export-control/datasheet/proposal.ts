/** What the arithmetic says of a datasheet. Canonical JSON; it advises an officer and decides nothing. */
export type Proposal = {
  /** The date of the text that the thresholds were read in. */
  readonly asOf: string;
  /** SHA-256 of the rulebook whose entries the candidates were looked up in, hex. */
  readonly rulebook: string;
  readonly conclusion: Conclusion;
  /** The entries that name the item, or that nobody can exclude before the questions are answered. */
  readonly candidates: readonly Candidate[];
  /** The arithmetic, in the order in which it was done. */
  readonly steps: readonly Step[];
  readonly questions: readonly Question[];
};

/**
 * `entry`: an entry names the item. `open`: whether one does turns on a question. `no-entry`: none that was looked at does, which is no
 * classification: it takes two officers to say what the item is and on what basis. `outside-ear`: published, so not subject to the EAR.
 */
export type Conclusion = {
  readonly kind: "entry" | "open" | "no-entry" | "outside-ear";
  /** Whole sentences for an officer. */
  readonly says: string;
  readonly citation: string;
};

export type Candidate = {
  readonly eccn: string;
  /** The paragraph of this entry, or of the one that the item is for; null where the entry has none to choose. */
  readonly paragraph: string | null;
  /** The entry's heading in the rulebook. */
  readonly heading: string;
  /** `stated`: every operand was stated; `estimated`: some come from a rule of thumb; `open`: it cannot be excluded yet. */
  readonly confidence: Confidence;
  readonly because: string;
  readonly citations: readonly string[];
  /** What to know of the entry before relying on it, for example that it is printed and not enforced. */
  readonly notes: readonly string[];
};

export type Confidence = "stated" | "estimated" | "open";

/** One line of the arithmetic, with everything that is needed to do it again. */
export type Step = {
  readonly says: string;
  /** The line as it would be written on paper. */
  readonly formula: string;
  readonly operands: readonly Operand[];
  /** Null where a step compares without computing. */
  readonly result: Quantity | null;
  readonly threshold: Threshold | null;
  readonly citation: string;
};

export type Quantity = { readonly value: string; readonly unit: string };
export type Operand = Quantity & { readonly name: string };
export type Threshold = Quantity & {
  /** The row of the rulebook that states the number; null where the sheet does. */
  readonly row: string | null;
  readonly relation: ">=" | ">" | "<" | "<=";
  readonly isMet: boolean;
};

/** A fact that nobody stated or a reading that is open. */
export type Question = {
  /** The member of the datasheet that would answer it, `training.0.operations`; empty for a question of law. */
  readonly path: string;
  readonly asks: string;
  readonly citation: string;
  /** Whether the conclusion can turn on it. */
  readonly isDecisive: boolean;
};

/** What one part of the arithmetic found. */
export type Findings = {
  readonly steps: readonly Step[];
  readonly questions: readonly Question[];
};

/** What a datasheet of one kind leads to, before its entries are looked up. */
export type Outcome = Findings & {
  readonly conclusion: Conclusion;
  readonly candidates: readonly StatedCandidate[];
};

export type StatedCandidate = Omit<Candidate, "heading" | "notes">;

export function question(
  path: string,
  asks: string,
  citation: string,
  { isDecisive = true }: { readonly isDecisive?: boolean } = {},
): Question {
  return { path, asks, citation, isDecisive };
}

/** Whether the conclusion can turn on any of the questions. */
export function isOpen(questions: readonly Question[]): boolean {
  return questions.some(({ isDecisive }) => isDecisive);
}
