import type { Datasheet } from "../export-control/datasheet/form.ts";
import type { Candidate, Proposal, Question, Step } from "../export-control/datasheet/proposal.ts";
import { counted } from "./counted.ts";
import type { ParametersCheck } from "./datasheet.ts";

/** The arithmetic of a datasheet as an officer reads and files it. */
export function datasheetMemo({
  sheet,
  sha256,
  proposal,
  parameters,
}: {
  readonly sheet: Datasheet;
  readonly sha256: string;
  readonly proposal: Proposal;
  readonly parameters: ParametersCheck | null;
}): string {
  const { conclusion, candidates, steps, questions } = proposal;
  return [
    `${sheet.title} (${sheet.item})`,
    `datasheet SHA-256 ${sha256}`,
    ...(parameters === null ? [] : [headerLine(parameters)]),
    `conclusion (${conclusion.kind}): ${conclusion.says} [${conclusion.citation}]`,
    ...section("candidates", candidates.flatMap(candidateLines)),
    ...section("arithmetic", steps.flatMap(stepLines)),
    ...section("questions", questions.map(questionLine)),
    `thresholds as of ${proposal.asOf}; this advises, and classifies nothing`,
  ].join("\n");
}

function headerLine({ format, files, tensors, parameters, explained }: ParametersCheck): string {
  const headers = `headers (${format}): ${counted(String(parameters), "parameter")} in ${counted(tensors, "tensor")} of ${counted(files, "file")}`;
  return explained === null
    ? `${headers}, as stated`
    : `${headers}, not as stated; the sheet explains: ${explained}`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [`${title}: none`] : [`${title}:`, ...lines];
}

function candidateLines(candidate: Candidate): readonly string[] {
  const { eccn, paragraph, confidence, heading, because, citations, notes } = candidate;
  return [
    `  ${eccn}${paragraph === null ? "" : `, paragraph ${paragraph}`} (${confidence}): ${heading}`,
    `    ${because} [${citations.join("; ")}]`,
    ...notes.map((note) => `    note: ${note}`),
  ];
}

function stepLines({ says, formula, citation, threshold }: Step): readonly string[] {
  const row = threshold?.row == null ? "" : `; rulebook row ${threshold.row}`;
  return [`  ${says}`, `    ${formula} [${citation}${row}]`];
}

function questionLine({ path, asks, citation, isDecisive }: Question): string {
  return `  ${isDecisive ? "open" : "to know"}${path === "" ? "" : ` (${path})`}: ${asks} [${citation}]`;
}
