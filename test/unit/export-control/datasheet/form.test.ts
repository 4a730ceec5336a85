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
