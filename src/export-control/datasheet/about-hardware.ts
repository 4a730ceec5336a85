import type { AboutHardwareSheet, HardwareSheet } from "./form.ts";
import { type Met, meetsOf, type Paragraph } from "./hardware.ts";
import {
  type Conclusion,
  type Outcome,
  type Question,
  question,
  type StatedCandidate,
} from "./proposal.ts";
import { publishedFindings } from "./published.ts";
import { citations, type Limits } from "./thresholds.ts";

const paragraphCitations: Readonly<Record<Paragraph, string>> = {
  "3A090.a": citations.higherTier,
  "3A090.b": citations.lowerTier,
  "3A090.c": citations.memory,
  "4A090.a": citations.computer,
  "4A090.b": citations.computer,
};

/** Hardware itself: 3A090 for circuits and memory, 4A090 for what contains such circuits. */
export function proposeForHardware(
  { hardware, published }: HardwareSheet,
  limits: Limits,
): Outcome {
  const met = meetsOf(hardware, "hardware.", limits);
  const asks = "Hardware cannot be published; what of it is?";
  const asked =
    published?.isPublished === true
      ? [question("published", asks, citations.published, { isDecisive: false })]
      : [];
  return outcomeOf(met, asked, (paragraph, confidence) => ({
    eccn: paragraph.slice(0, 5),
    paragraph,
    confidence,
    because: because("The hardware", paragraph, confidence, met.remarks),
    citations: [paragraphCitations[paragraph]],
  }));
}

const entries = {
  software: { "3": "3D001", "4": "4D090" },
  technology: { "3": "3E001", "4": "4E001" },
} as const;

const entryCitations = {
  "3D001": citations.softwareElectronics,
  "4D090": citations.softwareComputers,
  "3E001": citations.technologyElectronics,
  "4E001": citations.technologyComputers,
} as const;

/** Software or technology for the development or production of such hardware. For its use alone these entries name none. */
export function proposeForAboutHardware(sheet: AboutHardwareSheet, limits: Limits): Outcome {
  const { item, purposes, isPeculiar, hardware } = sheet;
  const published = publishedFindings(sheet.published, citations.published);
  if (published.outcome !== null) return published.outcome;
  const met = meetsOf(hardware, "hardware.", limits);
  const citation =
    item === "software" ? citations.softwareElectronics : citations.technologyElectronics;
  const served = purposes === null || purposes.some((each) => each !== "use");
  const questions = [...published.questions, ...asksOf(sheet, citation)];
  if (!served || isPeculiar === false) {
    const why = served
      ? `The ${item} is not ${item === "software" ? "specially designed for" : "required for"} the hardware.`
      : `The ${item} serves neither development nor production.`;
    const { steps } = met;
    return { candidates: [], steps, questions, conclusion: unnamed(why) };
  }
  return outcomeOf(met, questions, (paragraph, confidence) => {
    const eccn = entries[item][paragraph.startsWith("3") ? "3" : "4"];
    return {
      eccn,
      paragraph,
      confidence,
      because: because(`The hardware that the ${item} is for`, paragraph, confidence, met.remarks),
      citations: [entryCitations[eccn], paragraphCitations[paragraph]],
    };
  });
}

/** What takes the item out when it is answered one way: unknown, it is taken the other way. */
function asksOf(
  { item, purposes, isPeculiar }: AboutHardwareSheet,
  citation: string,
): readonly Question[] {
  const isDecisive = false;
  const purpose =
    "Is it for the development, the production or the use of the hardware? It is taken to be for one of the first two.";
  const peculiar =
    item === "software"
      ? "Is the software specially designed (772.1) for that? It is taken to be."
      : "Is the technology required (General Technology Note) for that? It is taken to be.";
  return [
    ...(purposes === null ? [question("purposes", purpose, citation, { isDecisive })] : []),
    ...(isPeculiar === null ? [question("isPeculiar", peculiar, citation, { isDecisive })] : []),
  ];
}

function outcomeOf(
  met: Met,
  asked: readonly Question[],
  candidateOf: (paragraph: Paragraph, confidence: "stated" | "open") => StatedCandidate,
): Outcome {
  const candidates = [
    ...met.certain.map((paragraph) => candidateOf(paragraph, "stated")),
    ...met.open.map((paragraph) => candidateOf(paragraph, "open")),
  ];
  return {
    candidates,
    steps: met.steps,
    questions: [...asked, ...met.questions],
    conclusion: concludeOf(met, candidates),
  };
}

function concludeOf({ certain, open }: Met, candidates: readonly StatedCandidate[]): Conclusion {
  const names = candidates
    .map(({ eccn, paragraph }) => `${eccn} (${paragraph ?? eccn})`)
    .join(", ");
  const citation = candidates[0]?.citations[0] ?? citations.noEntry;
  if (certain.length > 0) return { kind: "entry", says: `An entry names it: ${names}.`, citation };
  if (open.length > 0) {
    const says = `Whether an entry names it turns on what is not stated; until it is, treat it as named: ${names}.`;
    return { kind: "open", says, citation };
  }
  return unnamed("The hardware meets neither 3A090 nor 4A090.");
}

function because(
  what: string,
  paragraph: Paragraph,
  confidence: "stated" | "open",
  remarks: readonly string[],
): string {
  const verb = confidence === "open" ? "may meet" : "meets";
  return [`${what} ${verb} ${paragraph}.`, ...remarks].join(" ");
}

function unnamed(why: string): Conclusion {
  return {
    kind: "no-entry",
    says: `${why} No entry that was looked at names it; others, such as 3A001 or 3A991 and what follows from them, were not looked at. That is no classification, and not EAR99 by itself: it needs an approved classification that says on what basis, self, CCATS or counsel.`,
    citation: citations.noEntry,
  };
}
