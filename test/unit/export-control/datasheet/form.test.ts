import { expect, test } from "@jest/globals";
import { datasheetForm } from "../../../../src/export-control/datasheet/form.ts";
import { circuit, generator, hardware, memory, weights } from "../../../support/datasheets.ts";

type Members = Readonly<Record<string, unknown>>;

function refused(sheet: unknown): readonly string[] {
  const parsed = datasheetForm.safeParse(sheet);
  if (parsed.success) return [];
  return parsed.error.issues.map(({ path, code }) =>
    [...path, ...(code === "unrecognized_keys" ? ["?"] : [])].join("."),
  );
}

const sheet = weights() as Members;
const stage = { stage: "pre-training", operations: "1e20" };

test.each<[string, unknown, string]>([
  ["an unknown member", { ...sheet, operation: "1e26" }, "?"],
  [
    "an unknown member of a stage",
    { ...sheet, training: [{ ...stage, flops: "1" }] },
    "training.0.?",
  ],
  [
    "a number that is not a text",
    { ...sheet, training: [{ ...stage, operations: 1e26 }] },
    "training.0.operations",
  ],
  [
    "a negative number",
    { ...sheet, training: [{ ...stage, operations: "-1" }] },
    "training.0.operations",
  ],
  ["a number with a fraction of parameters", { ...sheet, parameters: "1.5" }, "parameters"],
  [
    "more active parameters than parameters",
    { ...sheet, activeParameters: "70000000001" },
    "activeParameters",
  ],
  [
    "a share of more than one",
    { ...sheet, syntheticData: [generator("a", { shareOfOperations: "1.01" })] },
    "syntheticData.0.shareOfOperations",
  ],
  [
    "a model twice",
    { ...sheet, syntheticData: [generator("a"), generator("a")] },
    "syntheticData.1.model",
  ],
  [
    "a model that is not listed",
    { ...sheet, syntheticData: [generator("a", { trainedOn: ["b"] })] },
    "syntheticData.0.trainedOn",
  ],
  [
    "a model that trained itself",
    { ...sheet, syntheticData: [generator("a", { trainedOn: ["a"] })] },
    "syntheticData.0.trainedOn",
  ],
  [
    "a kind of stage that there is not",
    { ...sheet, training: [{ stage: "dreaming" }] },
    "training.0.stage",
  ],
  [
    "a day that no calendar has",
    { ...sheet, floatingBar: { operations: "1", asOf: "2026-02-30", basis: "CCATS", source: "x" } },
    "floatingBar.asOf",
  ],
  [
    "a floating bar on somebody's word",
    { ...sheet, floatingBar: { operations: "1", asOf: "2026-02-03", basis: "self", source: "x" } },
    "floatingBar.basis",
  ],
  ["another form", { ...sheet, form: "weightvault/datasheet/v2" }, "form"],
  ["another item", { ...sheet, item: "car" }, "item"],
  ["a control character", { ...sheet, title: "a\u0007" }, "title"],
  [
    "an area of nothing for memory",
    { ...hardwareOf(memory("1", "1")), hardware: { kind: "high-bandwidth-memory", area: "0.0e5" } },
    "hardware.area",
  ],
  [
    "an unknown member of a unit",
    { ...hardwareOf(hardware(circuit("1", "1"))), hardware: circuit("1", "1", { tops: "1" }) },
    "hardware.?",
  ],
])("%s is refused by its path", (_, given, path) => {
  expect(refused(given)).toContain(path);
});

function hardwareOf(given: unknown): Members {
  return given as Members;
}

test("what is left out is null, and the form takes its own output unchanged", () => {
  const { published: _, base: __, training: ___, ...less } = sheet;
  const parsed = datasheetForm.parse(less);
  expect(parsed).toMatchObject({ published: null, base: null, training: null, floatingBar: null });
  expect(datasheetForm.parse(parsed)).toEqual(parsed);
  expect(datasheetForm.parse(sheet)).toEqual(sheet);
});

test("a sheet holds texts, claims, lists and null alone, so that it has one canonical form", () => {
  const walk = (value: unknown): void => {
    if (typeof value === "object" && value !== null) Object.values(value).forEach(walk);
    else expect(["string", "boolean", "object"]).toContain(typeof value);
  };
  walk(sheet);
  walk(hardware(circuit("1", "1")));
});

const stages = [
  ...["pre-training", "fine-tuning", "reinforcement-learning", "distillation"],
  ...["other-training", "data-collection"],
];
const purposes = [
  ...["data-confidentiality", "authentication", "digital-signature", "data-integrity"],
  ...["non-repudiation", "digital-rights-management"],
  ...["entertainment-broadcast-or-medical-records", "key-management-for-these"],
];
const algorithms = [
  ...["symmetric", "factorization", "discrete-logarithm-field"],
  ...["discrete-logarithm-group", "post-quantum"],
];

test.each<[string, readonly string[], (word: string) => unknown]>([
  ["stage of training", stages, (word) => ({ ...sheet, training: [{ stage: word }] })],
  [
    "purpose of a function",
    purposes,
    (word) => ({ ...sheet, cryptographicFunctions: [{ name: "channel", purpose: word }] }),
  ],
  [
    "algorithm",
    algorithms,
    (word) => ({
      ...sheet,
      cryptographicFunctions: [
        { name: "channel", purpose: "data-confidentiality", algorithm: word },
      ],
    }),
  ],
  [
    "basis of a floating bar",
    ["bis-guidance", "technical-opinion", "CCATS"],
    (word) => ({
      ...sheet,
      floatingBar: { operations: "1", asOf: "2026-02-03", basis: word, source: "x" },
    }),
  ],
])("every %s of the form is taken", (_, words, formed) => {
  for (const word of words) expect([word, refused(formed(word))]).toEqual([word, []]);
});

test.each<[string, number, (text: string) => unknown]>([
  ["title", 200, (title) => ({ ...sheet, title })],
  ["architecture", 500, (architecture) => ({ ...sheet, architecture })],
  ["precision", 100, (precision) => ({ ...sheet, precision })],
  ["parametersExplained", 2_000, (parametersExplained) => ({ ...sheet, parametersExplained })],
  ["published.how", 2_000, (how) => ({ ...sheet, published: { isPublished: true, how } })],
  ["intendedUses.0", 500, (use) => ({ ...sheet, intendedUses: [use] })],
  ["prohibitedUses.0", 500, (use) => ({ ...sheet, prohibitedUses: [use] })],
  ["base.name", 200, (name) => ({ ...sheet, base: { name } })],
  ["training.0.name", 200, (name) => ({ ...sheet, training: [{ ...stage, name }] })],
  [
    "floatingBar.source",
    1_000,
    (source) => ({
      ...sheet,
      floatingBar: { operations: "1", asOf: "2026-02-03", basis: "CCATS", source },
    }),
  ],
  [
    "cryptographicFunctions.0.name",
    200,
    (name) => ({ ...sheet, cryptographicFunctions: [{ name, purpose: "authentication" }] }),
  ],
  ["syntheticData.0.model", 100, (model) => ({ ...sheet, syntheticData: [generator(model)] })],
])("%s holds a text of one character up to %i, and not one more", (path, most, formed) => {
  expect(refused(formed("x"))).toEqual([]);
  expect(refused(formed("x".repeat(most)))).toEqual([]);
  expect(refused(formed("x".repeat(most + 1)))).toContain(path);
  expect(refused(formed(""))).toContain(path);
});

test.each<[string, number, (count: number) => unknown]>([
  ["training", 200, (count) => ({ ...sheet, training: repeated(stage, count) })],
  ["intendedUses", 50, (count) => ({ ...sheet, intendedUses: repeated("x", count) })],
  ["prohibitedUses", 50, (count) => ({ ...sheet, prohibitedUses: repeated("x", count) })],
  [
    "syntheticData",
    50,
    (count) => ({
      ...sheet,
      syntheticData: Array.from({ length: count }, (_, at) => generator(`m${at}`)),
    }),
  ],
  [
    "cryptographicFunctions",
    100,
    (count) => ({
      ...sheet,
      cryptographicFunctions: repeated({ name: "channel", purpose: "authentication" }, count),
    }),
  ],
  [
    "hardware.circuits",
    50,
    (count) => ({
      ...hardwareOf(hardware(circuit("1", "1"))),
      hardware: { kind: "computer", circuits: repeated(circuit("1", "1"), count) },
    }),
  ],
])("%s holds up to %i, and not one more", (path, most, formed) => {
  expect(refused(formed(most))).toEqual([]);
  expect(refused(formed(most + 1))).toContain(path);
});

function repeated<Item>(item: Item, count: number): readonly Item[] {
  return Array.from({ length: count }, () => item);
}

test("a share is a fraction from nothing to one, and active parameters may be all of them", () => {
  const shared = (shareOfOperations: string) => ({
    ...sheet,
    syntheticData: [generator("a", { shareOfOperations })],
  });
  for (const share of ["0", "1", "1.0", "0.5", "1.00"])
    expect([share, refused(shared(share))]).toEqual([share, []]);
  for (const share of ["1.1", "1.01", "2", "-0.5", ".5"])
    expect([share, refused(shared(share))]).toEqual([share, ["syntheticData.0.shareOfOperations"]]);
  expect(refused({ ...sheet, activeParameters: "70000000000" })).toEqual([]);
});
