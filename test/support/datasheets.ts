import { type Datasheet, datasheetForm } from "../../src/export-control/datasheet/form.ts";
import type { Proposal } from "../../src/export-control/datasheet/proposal.ts";
import { propose } from "../../src/export-control/datasheet/propose.ts";
import { rulebook } from "../../src/export-control/rulebook.ts";

export type Members = Readonly<Record<string, unknown>>;

const form = "weightvault/datasheet/v1";
const notPublished = { isPublished: false };

/** Weights of which everything is known, trained from nothing with so many operations. */
export function weights(members: Members = {}): Datasheet {
  return datasheetForm.parse({
    form,
    item: "model-weights",
    title: "A model",
    published: notPublished,
    architecture: "dense decoder-only transformer",
    parameters: "70000000000",
    precision: "bf16",
    base: "none",
    training: [{ stage: "pre-training", operations: "9e25" }],
    syntheticData: [],
    cryptographicFunctions: [],
    ...members,
  });
}

/** Weights trained with one stage of so many operations. */
export function trained(operations: string, members: Members = {}): Datasheet {
  return weights({ training: [{ stage: "pre-training", operations }], ...members });
}

/** Weights derived from a model, with one stage of additional training. */
export function derived(extra: string, base: Members): Datasheet {
  const training = [{ stage: "fine-tuning", operations: extra }];
  return weights({ training, base: { name: "base-model", isPublished: true, ...base } });
}

/** One model behind the data: so much of the operations, generation and training. */
export function generator(model: string, members: Members = {}): Members {
  return {
    model,
    shareOfOperations: "0.2",
    generationOperations: "1e24",
    areWeightsPublished: false,
    trainingOperations: "2e25",
    ...members,
  };
}

/** A circuit with one unit whose performance is twice the rate times sixteen. */
export function circuit(macTops: string | null, area: string | null, members: Members = {}) {
  return {
    kind: "integrated-circuit",
    processingUnits: [{ name: "matrix units", rates: [{ bitLength: "16", macTops }] }],
    applicableDieArea: area,
    isForDatacenters: true,
    ...members,
  };
}

export function hardware(given: Members): Datasheet {
  return datasheetForm.parse({
    form,
    item: "hardware",
    title: "A part",
    published: notPublished,
    hardware: given,
  });
}

export function memory(bandwidth: string | null, area: string | null, members: Members = {}) {
  const kind = "high-bandwidth-memory";
  return hardware({ kind, bandwidth, area, isPartOfProcessor: false, ...members });
}

export function about(item: "software" | "technology", given: Members, members: Members = {}) {
  return datasheetForm.parse({
    form,
    item,
    title: "A design",
    published: notPublished,
    purposes: ["development"],
    isPeculiar: true,
    hardware: given,
    ...members,
  });
}

export function encryption(
  kind: "commodity" | "software" | "technology",
  functions: readonly Members[] | null,
  members: Members = {},
): Datasheet {
  return datasheetForm.parse({
    form,
    item: "encryption",
    title: "A product",
    published: notPublished,
    kind,
    functions,
    isMassMarket: false,
    needsActivation: false,
    ...members,
  });
}

export function confidentiality(algorithm: string | null, keyBits: string | null): Members {
  return { name: "channel", purpose: "data-confidentiality", algorithm, keyBits };
}

export function proposed(datasheet: Datasheet): Proposal {
  return propose(datasheet, rulebook);
}

/** The candidates in short: entry, paragraph and confidence. */
export function named({ candidates }: Proposal): readonly string[] {
  return candidates.map(
    ({ eccn, paragraph, confidence }) =>
      `${eccn}${paragraph === null ? "" : ` ${paragraph}`} ${confidence}`,
  );
}
