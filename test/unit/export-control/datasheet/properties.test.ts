import { expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type Datasheet,
  datasheetForm,
  type WeightsSheet,
} from "../../../../src/export-control/datasheet/form.ts";
import {
  about,
  circuit,
  confidentiality,
  encryption,
  memory,
  proposed,
  weights,
} from "../../../support/datasheets.ts";

const runs = { numRuns: 400 };
/** Numbers around the thresholds, and anywhere. */
const operations = fc.oneof(
  fc.constantFrom("0", "1e24", "2.4e25", "2.5e25", "2.6e25", "9.9e25", "1e26", "4e26"),
  fc
    .tuple(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 20, max: 26 }))
    .map(([digits, power]) => `${digits}e${power}`),
);
const shares = fc.constantFrom("0", "0.04", "0.06", "0.1", "0.11", "0.5", "1");
const unknown = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: null });

const generators = fc
  .array(
    fc.record({
      shareOfOperations: unknown(shares),
      generationOperations: unknown(operations),
      areWeightsPublished: unknown(fc.boolean()),
      trainingOperations: unknown(operations),
      trainedOn: fc.subarray(["m0", "m1", "m2"]),
    }),
    { maxLength: 3 },
  )
  .map((list) =>
    list.map((each, at) => ({
      ...each,
      model: `m${at}`,
      trainedOn: each.trainedOn.filter(
        (name) => name !== `m${at}` && Number(name[1]) < list.length,
      ),
    })),
  );

const sheets = fc
  .record({
    training: unknown(
      fc.array(
        fc.record({
          stage: fc.constantFrom("pre-training", "fine-tuning", "reinforcement-learning"),
          operations: unknown(operations),
        }),
        { maxLength: 3 },
      ),
    ),
    base: unknown(
      fc.oneof(
        fc.constant("none"),
        fc.record({
          name: fc.constant("base"),
          isPublished: unknown(fc.boolean()),
          trainingOperations: unknown(operations),
        }),
      ),
    ),
    syntheticData: unknown(generators),
    published: fc.constantFrom(null, { isPublished: false }, { isPublished: true }),
    floatingBar: unknown(
      operations.map((bar) => ({
        operations: bar,
        asOf: "2026-01-01",
        basis: "CCATS",
        source: "G1",
      })),
    ),
    cryptographicFunctions: unknown(
      fc.array(
        fc.constantFrom(
          confidentiality("symmetric", "256"),
          confidentiality("symmetric", "40"),
          confidentiality(null, null),
        ),
        { maxLength: 2 },
      ),
    ),
  })
  .map((members) => weights(members) as WeightsSheet);

function names(sheet: Datasheet, eccn = "4E091"): boolean {
  return proposed(sheet).candidates.some((candidate) => candidate.eccn === eccn);
}

test("adding operations never takes 4E091 away", () => {
  fc.assert(
    fc.property(sheets, operations, fc.nat(), (sheet, more, at) => {
      const stage = { stage: "fine-tuning" as const, name: null, operations: more, tokens: null };
      const longer = { ...sheet, training: [...(sheet.training ?? []), stage] };
      const stages = sheet.training ?? [];
      // Without a stage nothing was known, and the first one is an answer, no addition.
      if (stages.length > 0 && names(sheet)) expect(names(longer)).toBe(true);
      const chosen = stages[at % Math.max(1, stages.length)];
      if (chosen === undefined || chosen.operations === null) return;
      const bigger = stages.map((each) =>
        each === chosen ? { ...each, operations: sumText(each.operations ?? "0", more) } : each,
      );
      if (names(sheet)) expect(names({ ...sheet, training: bigger })).toBe(true);
    }),
    runs,
  );
});

test("10^26 operations of its own or more are named, unless a note that is shown takes them out", () => {
  fc.assert(
    fc.property(sheets, (sheet) => {
      const training = [
        { stage: "pre-training" as const, name: null, operations: "1e26", tokens: null },
      ];
      const big = { ...sheet, training, floatingBar: null, base: "none" as const };
      expect(proposed(big).conclusion.kind).toBe("entry");
    }),
    runs,
  );
});

/** Every way to forget one fact of a value: each path of it set to null where the form takes that. */
function forgetful(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) {
    return value.flatMap((each, at) =>
      forgetful(each).map((less) => value.map((same, index) => (index === at ? less : same))),
    );
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [
    ...(member === null ? [] : [{ ...value, [name]: null }]),
    ...forgetful(member).map((less) => ({ ...value, [name]: less })),
  ]);
}

/** The members that make no difference to the arithmetic, and may be forgotten without a question. */
const beside = [
  "name",
  "parametersExplained",
  "activeParameters",
  "intendedUses",
  "prohibitedUses",
];

function forgetsNothing(sheet: Datasheet): void {
  const before = proposed(sheet);
  const asked = before.questions.length;
  for (const less of forgetful(sheet)) {
    const parsed = datasheetForm.safeParse(less);
    if (!parsed.success) continue;
    const after = proposed(parsed.data);
    const kept = after.candidates.map(({ eccn, paragraph }) => `${eccn} ${paragraph}`);
    for (const { eccn, paragraph } of before.candidates)
      expect(kept).toContain(`${eccn} ${paragraph}`);
    if (before.conclusion.kind === "entry")
      expect(["entry", "open"]).toContain(after.conclusion.kind);
    if (after.candidates.length < before.candidates.length)
      expect(after.questions.length).toBeGreaterThan(asked);
  }
}

test("what is forgotten never makes fewer candidates (weights)", () => {
  fc.assert(fc.property(sheets, forgetsNothing), { numRuns: 150 });
});

const rates = fc.constantFrom("49", "50", "74", "75", "149", "150", null);
const areas = fc.constantFrom("0", "100", "270", "500", "1500", "90000", null);
const claims = fc.constantFrom(true, false, null);

test("what is forgotten never makes fewer candidates (hardware, software, technology, encryption)", () => {
  fc.assert(
    fc.property(rates, areas, claims, claims, (rate, area, one, other) => {
      const part = circuit(rate, area, { isForDatacenters: one });
      forgetsNothing(about("technology", part, { isPeculiar: other }));
      forgetsNothing(about("software", { kind: "computer", circuits: [part] }));
      forgetsNothing(memory(rate, area === "0" ? "1" : area, { isPartOfProcessor: one }));
      const functions = [confidentiality("symmetric", rate), confidentiality(null, null)];
      for (const list of [functions, functions.slice(0, 1)])
        forgetsNothing(
          encryption("software", list, { isMassMarket: false, needsActivation: other }),
        );
    }),
    { numRuns: 150 },
  );
});

test("what the form lets nobody know asks a question, unless it makes no difference", () => {
  const complete = weights({
    base: { name: "base", isPublished: true, trainingOperations: "8e25" },
    training: [{ stage: "pre-training", operations: "9e25" }],
    syntheticData: [
      {
        model: "a",
        shareOfOperations: "0.2",
        generationOperations: "1e24",
        areWeightsPublished: false,
        trainingOperations: "1e24",
      },
    ],
    floatingBar: { operations: "1e20", asOf: "2026-01-01", basis: "CCATS", source: "G1" },
  });
  const before = proposed(complete).questions.map(({ path }) => path);
  let forgotten = 0;
  for (const less of forgetful(complete)) {
    const parsed = datasheetForm.safeParse(less);
    if (!parsed.success) continue;
    const path = pathOf(complete, less);
    if (beside.includes(path.split(".").at(-1) ?? "")) continue;
    forgotten += 1;
    const asked = proposed(parsed.data).questions.map((question) => question.path);
    expect([path, asked.length > before.length, asked.includes(path)]).toEqual([path, true, true]);
  }
  expect(forgotten).toBeGreaterThan(9);
});

/** Where two values differ first. */
function pathOf(one: unknown, other: unknown): string {
  if (typeof one !== "object" || one === null || typeof other !== "object" || other === null)
    return "";
  for (const [name, member] of Object.entries(one)) {
    const less = (other as Readonly<Record<string, unknown>>)[name];
    if (JSON.stringify(member) === JSON.stringify(less)) continue;
    const rest = pathOf(member, less);
    return rest === "" ? name : `${name}.${rest}`;
  }
  return "";
}

function sumText(one: string, other: string): string {
  const plain = (text: string) => {
    const [digits = "0", power = "0"] = text.split("e");
    const [whole = "", fraction = ""] = digits.split(".");
    return BigInt(whole + fraction) * 10n ** BigInt(Number(power) - fraction.length);
  };
  return (plain(one) + plain(other)).toString();
}
