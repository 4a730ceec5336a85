import { expect, test } from "@jest/globals";
import type { Datasheet } from "../../../../src/export-control/datasheet/form.ts";
import { isProposed } from "../../../../src/export-control/datasheet/propose.ts";
import { rulebook } from "../../../../src/export-control/rulebook.ts";
import {
  about,
  circuit,
  confidentiality,
  derived,
  encryption,
  generator,
  hardware,
  memory,
  named,
  proposed,
  trained,
  weights,
} from "../../../support/datasheets.ts";

type Case = readonly [
  name: string,
  citation: string,
  datasheet: Datasheet,
  conclusion: "entry" | "open" | "no-entry" | "outside-ear",
  candidates: readonly string[],
];

const weightsNamed = ["4E091 stated"];
const weightsOpen = ["4E091 open"];
const stages = (...given: readonly Readonly<Record<string, unknown>>[]) =>
  weights({ training: given });
const bar = (operations: string) => ({
  floatingBar: {
    operations,
    asOf: "2026-10-01",
    basis: "bis-guidance",
    source: "guidance of that day",
  },
});
/** Two units: the first is faster at 8 bits, the second at 16. */
const mixed = (first: string, second: string) => ({
  kind: "integrated-circuit",
  processingUnits: [
    {
      name: "first",
      rates: [
        { bitLength: "16", macTops: "1" },
        { bitLength: "8", macTops: first },
      ],
    },
    {
      name: "second",
      rates: [
        { bitLength: "16", macTops: second },
        { bitLength: "8", macTops: "1" },
      ],
    },
  ],
  applicableDieArea: "10000",
  isForDatacenters: true,
});

const cases: readonly Case[] = [
  ["10^26 operations exactly", "4E091", trained("1e26"), "entry", weightsNamed],
  ["one operation fewer", "4E091", trained("99999999999999999999999999"), "no-entry", []],
  ["one operation more", "4E091", trained("100000000000000000000000001"), "entry", weightsNamed],
  [
    "later training counts with pre-training",
    "4E091 TN 2",
    stages(
      { stage: "pre-training", operations: "9e25" },
      { stage: "fine-tuning", operations: "9e24" },
      { stage: "reinforcement-learning", operations: "1e24" },
    ),
    "entry",
    weightsNamed,
  ],
  [
    "the collection of data does not count",
    "4E091 TN 2",
    stages(
      { stage: "pre-training", operations: "9e25" },
      { stage: "data-collection", operations: "5e25" },
    ),
    "no-entry",
    [],
  ],
  [
    "6ND at the threshold",
    "4E091 TN 2",
    weights({
      parameters: "1000000000000",
      training: [{ stage: "pre-training", tokens: "16666666666666.7" }],
    }),
    "entry",
    ["4E091 estimated"],
  ],
  [
    "6ND one token short of it",
    "4E091 TN 2",
    weights({
      parameters: "1000000000000",
      training: [{ stage: "pre-training", tokens: "16666666666666" }],
    }),
    "no-entry",
    [],
  ],
  [
    "6ND counts the parameters that a token passes through",
    "4E091 TN 2",
    weights({
      parameters: "1000000000000",
      activeParameters: "100000000000",
      training: [{ stage: "pre-training", tokens: "2e13" }],
    }),
    "no-entry",
    [],
  ],
  [
    "reinforcement learning by 6ND leaves out what was generated",
    "4E091 TN 2",
    stages({ stage: "reinforcement-learning", tokens: "1e9" }),
    "open",
    weightsOpen,
  ],
  [
    "a stage of unknown size keeps it open",
    "4E091 TN 2",
    stages({ stage: "pre-training", operations: "1e20" }, { stage: "fine-tuning" }),
    "open",
    weightsOpen,
  ],
  [
    "a stage of unknown size changes nothing above the threshold",
    "4E091 TN 2",
    stages({ stage: "pre-training", operations: "1e26" }, { stage: "fine-tuning" }),
    "entry",
    weightsNamed,
  ],
  [
    "stated operations below 6ND are not believed",
    "4E091 TN 2",
    stages({ stage: "pre-training", operations: "1e20", tokens: "1e15" }),
    "open",
    weightsOpen,
  ],
  ["no training known", "4E091 TN 2", weights({ training: null }), "open", weightsOpen],
  ["weights from nothing without training", "4E091 TN 2", stages(), "open", weightsOpen],
  ["no base known", "4E091 TN 2", trained("1e20", { base: null }), "open", weightsOpen],
  [
    "an unpublished base counts whole",
    "4E091 TN 2",
    derived("1e24", { isPublished: false, trainingOperations: "9.9e25" }),
    "entry",
    weightsNamed,
  ],
  [
    "an unpublished base of unknown size",
    "4E091 TN 2",
    derived("1e24", { isPublished: false }),
    "open",
    weightsOpen,
  ],
  [
    "ten percent of synthetic data is not more than ten percent",
    "4E091 TN 3",
    trained("9e25", {
      syntheticData: [
        generator("a", {
          shareOfOperations: "0.10",
          generationOperations: "2e25",
          trainingOperations: "9e25",
        }),
      ],
    }),
    "no-entry",
    [],
  ],
  [
    "a little more than ten percent adds the generator's generation and training",
    "4E091 TN 3",
    trained("9e25", {
      syntheticData: [
        generator("a", {
          shareOfOperations: "0.10000000000000000001",
          generationOperations: "1e24",
          trainingOperations: "9e24",
        }),
      ],
    }),
    "entry",
    weightsNamed,
  ],
  [
    "the same with one operation fewer",
    "4E091 TN 3",
    trained("9e25", {
      syntheticData: [
        generator("a", { generationOperations: "1e24", trainingOperations: "8.999999999999e24" }),
      ],
    }),
    "no-entry",
    [],
  ],
  [
    "a published generator adds its generation and not its training",
    "4E091 TN 3",
    trained("9e25", {
      syntheticData: [generator("a", { areWeightsPublished: true, trainingOperations: "9e27" })],
    }),
    "no-entry",
    [],
  ],
  [
    "a generator of unknown size keeps it open",
    "4E091 TN 3",
    trained("1e20", { syntheticData: [generator("a", { trainingOperations: null })] }),
    "open",
    weightsOpen,
  ],
  [
    "a share that nobody knows is taken to be more than a tenth, for the generation",
    "4E091 TN 3",
    trained("9e25", {
      syntheticData: [
        generator("a", {
          shareOfOperations: null,
          generationOperations: "1e25",
          areWeightsPublished: true,
        }),
      ],
    }),
    "entry",
    weightsNamed,
  ],
  [
    "and for the training",
    "4E091 TN 3",
    trained("9e25", {
      syntheticData: [
        generator("a", {
          shareOfOperations: null,
          generationOperations: "0",
          trainingOperations: "1e25",
        }),
      ],
    }),
    "entry",
    weightsNamed,
  ],
  [
    "two small generators together are more than a tenth; the training of the bigger one counts",
    "4E091 TN 3",
    trained("9e25", {
      syntheticData: [
        generator("a", { shareOfOperations: "0.06", trainingOperations: "9.99e24" }),
        generator("b", { shareOfOperations: "0.05", trainingOperations: "1e25" }),
      ],
    }),
    "entry",
    weightsNamed,
  ],
  [
    "of two generators only the bigger one's training counts",
    "4E091 TN 3",
    trained("8e25", {
      syntheticData: [
        generator("a", { generationOperations: "0", trainingOperations: "1.9e25" }),
        generator("b", { generationOperations: "0", trainingOperations: "1.8e25" }),
      ],
    }),
    "no-entry",
    [],
  ],
  [
    "a model that trained the generator counts once",
    "4E091 TN 3",
    trained("5e25", {
      syntheticData: [
        generator("a", { shareOfOperations: "0", trainingOperations: "2.4e25" }),
        generator("b", { trainingOperations: "1e25", trainedOn: ["a"] }),
        generator("c", { trainingOperations: "1e25", trainedOn: ["a", "b"] }),
      ],
    }),
    "no-entry",
    [],
  ],
  [
    "an earlier checkpoint of the model itself is not counted twice",
    "4E091 TN 3",
    trained("9e25", {
      syntheticData: [generator("self", { trainingOperations: "6e25", alreadyCounted: "6e25" })],
    }),
    "no-entry",
    [],
  ],
  [
    "synthetic data unknown",
    "4E091 TN 3",
    trained("1e20", { syntheticData: null }),
    "open",
    weightsOpen,
  ],
  [
    "a published base and 2.5 x 10^25 exactly",
    "4E091 N 1",
    derived("2.5e25", { trainingOperations: "8e25" }),
    "no-entry",
    [],
  ],
  [
    "a published base and a little more, below a quarter",
    "4E091 N 1",
    derived("2.50000001e25", { trainingOperations: "8e25" }),
    "no-entry",
    [],
  ],
  [
    "a published base and a quarter exactly",
    "4E091 N 1",
    derived("3e25", { trainingOperations: "9e25" }),
    "no-entry",
    [],
  ],
  [
    "a published base and more than a quarter",
    "4E091 N 1",
    derived("3.0000000001e25", { trainingOperations: "9e25" }),
    "entry",
    weightsNamed,
  ],
  [
    "more than a quarter of a small base stays below 2.5 x 10^25",
    "4E091 N 1",
    derived("2e25", { trainingOperations: "1e24" }),
    "no-entry",
    [],
  ],
  [
    "a published base of unknown size and at most 2.5 x 10^25",
    "4E091 N 1",
    derived("2.5e25", {}),
    "no-entry",
    [],
  ],
  [
    "a published base of unknown size and more than 10^26",
    "4E091 N 1",
    derived("1.5e26", {}),
    "open",
    weightsOpen,
  ],
  [
    "a published base of unknown size and more",
    "4E091 N 1",
    derived("2.6e25", {}),
    "open",
    weightsOpen,
  ],
  [
    "a base of which nobody knows whether it is published counts whole",
    "4E091 N 1",
    derived("1e24", { isPublished: null, trainingOperations: "9.9e25" }),
    "entry",
    weightsNamed,
  ],
  [
    "fewer operations than the floating bar",
    "4E091 N 2",
    trained("1.2e26", bar("1.3e26")),
    "no-entry",
    [],
  ],
  [
    "as many as the floating bar",
    "4E091 N 2",
    trained("1.3e26", bar("1.3e26")),
    "entry",
    weightsNamed,
  ],
  [
    "below the floating bar with a stage unknown",
    "4E091 N 2",
    weights({
      training: [{ stage: "pre-training", operations: "1.2e26" }, { stage: "fine-tuning" }],
      ...bar("1.3e26"),
    }),
    "entry",
    weightsNamed,
  ],
  [
    "published weights",
    "734.3(b)(3), 734.7",
    trained("5e26", { published: { isPublished: true, how: "On a public site for everybody." } }),
    "outside-ear",
    [],
  ],
  [
    "published without an explanation counts as not published",
    "734.7",
    trained("5e26", { published: { isPublished: true } }),
    "entry",
    weightsNamed,
  ],
  [
    "nothing said of publication counts as not published",
    "734.7",
    trained("5e26", { published: null }),
    "entry",
    weightsNamed,
  ],
  [
    "software with encryption beside small weights",
    "5A002.a TN 2",
    trained("1e20", { cryptographicFunctions: [confidentiality("symmetric", "256")] }),
    "open",
    ["5D002 5D002.c.1 open"],
  ],
  [
    "TPP 4800 exactly",
    "3A090.a.1",
    hardware(circuit("150", "100000")),
    "entry",
    ["3A090 3A090.a stated"],
  ],
  [
    "TPP below 4800, of low density",
    "3A090.b.1",
    hardware(circuit("149.99999", "3001")),
    "no-entry",
    [],
  ],
  [
    "TPP 2400 and PD 1.6 exactly",
    "3A090.b.1",
    hardware(circuit("75", "1500")),
    "entry",
    ["3A090 3A090.b stated"],
  ],
  ["TPP 2400 and PD below 1.6", "3A090.b.1", hardware(circuit("75", "1500.0001")), "no-entry", []],
  ["TPP below 2400 and PD 1.6", "3A090.b.1", hardware(circuit("74.999", "1499")), "no-entry", []],
  [
    "TPP 1600 and PD 5.92 exactly",
    "3A090.a.2",
    hardware(circuit("50", "270.27027")),
    "entry",
    ["3A090 3A090.a stated"],
  ],
  [
    "TPP 1600 and PD below 5.92",
    "3A090.b.2",
    hardware(circuit("50", "270.27028")),
    "entry",
    ["3A090 3A090.b stated"],
  ],
  [
    "TPP 1600 and PD 3.2 exactly",
    "3A090.b.2",
    hardware(circuit("50", "500")),
    "entry",
    ["3A090 3A090.b stated"],
  ],
  ["TPP 1600 and PD below 3.2", "3A090.b.2", hardware(circuit("50", "500.001")), "no-entry", []],
  ["TPP below 1600, however dense", "3A090", hardware(circuit("49.999", "1")), "no-entry", []],
  [
    "not for datacenters and below 4800",
    "3A090 N 2",
    hardware(circuit("149", "100", { isForDatacenters: false })),
    "no-entry",
    [],
  ],
  [
    "not for datacenters and 4800",
    "3A090 N 2",
    hardware(circuit("150", "100", { isForDatacenters: false })),
    "entry",
    ["3A090 3A090.a stated"],
  ],
  [
    "nobody knows whether it is for datacenters",
    "3A090 N 2",
    hardware(circuit("149", "100", { isForDatacenters: null })),
    "entry",
    ["3A090 3A090.a stated"],
  ],
  [
    "die area unknown",
    "3A090 TN 4",
    hardware(circuit("50", null)),
    "open",
    ["3A090 3A090.a open", "3A090 3A090.b open"],
  ],
  [
    "no non-planar die",
    "3A090 TN 4",
    hardware(circuit("50", "0")),
    "open",
    ["3A090 3A090.a open", "3A090 3A090.b open"],
  ],
  ["die area unknown below 1600", "3A090 TN 4", hardware(circuit("49", null)), "no-entry", []],
  [
    "rate unknown",
    "3A090 TN 2",
    hardware(circuit(null, "800")),
    "open",
    ["3A090 3A090.a open", "3A090 3A090.b open"],
  ],
  [
    "each unit at its best bit length, added",
    "3A090 TN 1",
    hardware(mixed("150", "75")),
    "entry",
    ["3A090 3A090.a stated"],
  ],
  ["the same a little slower", "3A090 TN 1", hardware(mixed("149.99", "75")), "no-entry", []],
  ["a density of exactly 2 GB/s/mm2", "3A090.c", memory("200", "100"), "no-entry", []],
  [
    "a density of more than 2",
    "3A090.c",
    memory("200.0001", "100"),
    "entry",
    ["3A090 3A090.c stated"],
  ],
  ["a density of 3.3", "740.25", memory("330", "100"), "entry", ["3A090 3A090.c stated"]],
  ["memory of unknown area", "3A090.c", memory("330", null), "open", ["3A090 3A090.c open"]],
  [
    "memory of a processor",
    "3A090.c",
    memory("999", "1", { isPartOfProcessor: true }),
    "no-entry",
    [],
  ],
  [
    "a computer of several circuits goes by the highest and keeps both tiers",
    "4A090",
    hardware({ kind: "computer", circuits: [circuit("75", "1500"), circuit("150", "900")] }),
    "entry",
    ["4A090 4A090.b stated", "4A090 4A090.a stated"],
  ],
  [
    "software for the production of a circuit",
    "3D001",
    about("software", circuit("150", "1"), { purposes: ["production"] }),
    "entry",
    ["3D001 3A090.a stated"],
  ],
  [
    "technology for a circuit",
    "3E001",
    about("technology", circuit("75", "1500")),
    "entry",
    ["3E001 3A090.b stated"],
  ],
  [
    "technology for a computer",
    "4E001",
    about("technology", { kind: "computer", circuits: [circuit("150", "1")] }),
    "entry",
    ["4E001 4A090.a stated"],
  ],
  [
    "software for a computer",
    "4D090",
    about("software", { kind: "computer", circuits: [circuit("150", "1")] }),
    "entry",
    ["4D090 4A090.a stated"],
  ],
  [
    "technology for use alone",
    "3E001",
    about("technology", circuit("150", "1"), { purposes: ["use"] }),
    "no-entry",
    [],
  ],
  [
    "technology of unknown purpose",
    "3E001",
    about("technology", circuit("150", "1"), { purposes: null }),
    "entry",
    ["3E001 3A090.a stated"],
  ],
  [
    "software that is not specially designed",
    "3D001; 772.1",
    about("software", circuit("150", "1"), { isPeculiar: false }),
    "no-entry",
    [],
  ],
  [
    "published technology",
    "734.7",
    about("technology", circuit("150", "1"), {
      published: { isPublished: true, how: "In a journal." },
    }),
    "outside-ear",
    [],
  ],
  [
    "a symmetric key of 56 bits",
    "5A002.a TN 2.a",
    encryption("software", [confidentiality("symmetric", "56")]),
    "no-entry",
    [],
  ],
  [
    "a symmetric key of 57 bits",
    "5A002.a TN 2.a",
    encryption("software", [confidentiality("symmetric", "57")]),
    "entry",
    ["5D002 5D002.c.1 stated"],
  ],
  [
    "factors of 512 bits",
    "5A002.a TN 2.b.1",
    encryption("commodity", [confidentiality("factorization", "512")]),
    "no-entry",
    [],
  ],
  [
    "factors of 513 bits",
    "5A002.a TN 2.b.1",
    encryption("commodity", [confidentiality("factorization", "513")]),
    "entry",
    ["5A002 5A002.a stated"],
  ],
  [
    "a curve of 112 bits",
    "5A002.a TN 2.b.3",
    encryption("technology", [confidentiality("discrete-logarithm-group", "112")]),
    "no-entry",
    [],
  ],
  [
    "a curve of 113 bits",
    "5A002.a TN 2.b.3",
    encryption("technology", [confidentiality("discrete-logarithm-group", "113")]),
    "entry",
    ["5E002 stated"],
  ],
  [
    "a lattice whatever its length",
    "5A002.a TN 2.c",
    encryption("software", [confidentiality("post-quantum", null)]),
    "entry",
    ["5D002 5D002.c.1 stated"],
  ],
  [
    "signatures alone",
    "5A002.a TN 1.b",
    encryption("software", [{ name: "signer", purpose: "digital-signature" }]),
    "no-entry",
    [],
  ],
  ["functions unknown", "5A002.a", encryption("software", null), "open", ["5D002 5D002.c.1 open"]],
  [
    "a key of unknown length",
    "5A002.a TN 2",
    encryption("software", [confidentiality("symmetric", null)]),
    "open",
    ["5D002 5D002.c.1 open"],
  ],
  [
    "mass market software",
    "740.17(b)",
    encryption("software", [confidentiality("symmetric", "256")], { isMassMarket: true }),
    "entry",
    ["5D992 5D992.c stated"],
  ],
  [
    "mass market not said is not mass market",
    "740.17(b)",
    encryption("software", [confidentiality("symmetric", "256")], { isMassMarket: null }),
    "entry",
    ["5D002 5D002.c.1 stated"],
  ],
  [
    "usable only after activation",
    "5A002.a",
    encryption("software", [confidentiality("symmetric", "256")], { needsActivation: true }),
    "no-entry",
    [],
  ],
  [
    "published encryption software stays in",
    "734.7(b)",
    encryption("software", [confidentiality("symmetric", "256")], {
      published: { isPublished: true, how: "On a public site." },
    }),
    "entry",
    ["5D002 5D002.c.1 stated"],
  ],
  [
    "published encryption technology",
    "734.7(a)",
    encryption("technology", [confidentiality("symmetric", "256")], {
      published: { isPublished: true, how: "In a book." },
    }),
    "outside-ear",
    [],
  ],
];

test.each(cases)("%s (%s)", (_, _citation, datasheet, conclusion, candidates) => {
  const proposal = proposed(datasheet);
  expect({ conclusion: proposal.conclusion.kind, candidates: named(proposal) }).toEqual({
    conclusion,
    candidates,
  });
});

test("there are enough cases, each with a name of its own", () => {
  expect(cases.length).toBeGreaterThanOrEqual(40);
  expect(new Set(cases.map(([name]) => name)).size).toBe(cases.length);
});

test.each(cases)(
  "%s (%s): the same bytes again, and a citation for every line",
  (_, _citation, datasheet) => {
    const proposal = proposed(datasheet);
    expect(JSON.stringify(proposed(datasheet))).toBe(JSON.stringify(proposal));
    const { conclusion, steps, questions, candidates } = proposal;
    for (const { citation } of [conclusion, ...steps, ...questions])
      expect(citation).toMatch(/^15 CFR/);
    for (const { citations, because } of candidates) {
      expect(citations.length).toBeGreaterThan(0);
      expect(because).toMatch(/\.$/);
    }
  },
);

test("what no entry names is never EAR99 by itself, and says what it needs", () => {
  const unnamed = cases.filter(([, , , conclusion]) => conclusion === "no-entry");
  expect(unnamed.length).toBeGreaterThan(15);
  for (const [, , datasheet] of unnamed) {
    const { conclusion, candidates } = proposed(datasheet);
    expect(candidates).toEqual([]);
    expect(conclusion.says).toContain("not EAR99 by itself");
    expect(conclusion.says).toContain("on what basis, self, CCATS or counsel");
  }
});

test("an open conclusion asks a question that could close it", () => {
  for (const [, , datasheet, conclusion] of cases) {
    const { questions } = proposed(datasheet);
    if (conclusion === "open") expect(questions.some(({ isDecisive }) => isDecisive)).toBe(true);
  }
});

test("every candidate's entry and paragraph are known to the rulebook, which narrows its requirements by them", () => {
  for (const [, , datasheet] of cases) {
    for (const { eccn, paragraph, heading } of proposed(datasheet).candidates) {
      expect(heading).not.toBe("not in the rulebook");
      if (paragraph === null || !/^[34][DE]/.test(eccn)) continue;
      const rows = rulebook.requirements.filter((row) => row.eccn === eccn);
      expect([eccn, rows.some(({ only }) => only?.includes(paragraph) === true)]).toEqual([
        eccn,
        true,
      ]);
    }
  }
});

test("the arithmetic of a count can be read line by line", () => {
  const { steps } = proposed(
    weights({
      parameters: "70000000000",
      training: [
        { stage: "pre-training", tokens: "1.5e13" },
        { stage: "fine-tuning", name: "instructions", operations: "2e23" },
      ],
    }),
  );
  expect(steps.map(({ formula }) => formula)).toEqual([
    "6 x 70000000000 parameters x 15000000000000 tokens = 6.3e24 operations",
    "2e23 operations",
    "6.3e24 + 2e23 = 6.5e24 operations",
    "6.5e24 + 0 = 6.5e24 operations",
    "6.5e24 >= 1e26 operations: no",
  ]);
});

test("the arithmetic of a circuit can be read line by line", () => {
  const { steps } = proposed(hardware(circuit("50", "270.27028")));
  expect(steps.map(({ formula }) => formula)).toEqual([
    "1 x 2 x 50 MacTOPS x 16 bits = 1600 TPP",
    "1600 = 1600 TPP",
    "1600 >= 4800 TPP: no",
    "1600 >= 1600 TPP: yes",
    "1600 TPP / 270.27028 mm2 = 5.9199... TPP/mm2",
    "1600 >= 5.92 x 270.27028: no",
    "1600 >= 3.2 x 270.27028: yes",
    "1600 >= 2400 TPP: no",
    "1600 >= 1.6 x 270.27028: yes",
  ]);
});

test("a candidate for weights says that 4E091 is printed and not enforced", () => {
  expect(proposed(trained("1e26")).candidates[0]?.notes.join()).toContain("2025-05-13");
});

test("an officer's entry is the proposed one with its paragraph or with none, under the EAR alone", () => {
  const proposal = proposed(hardware(circuit("75", "1500")));
  const stated = { jurisdiction: "EAR", eccn: "3A090", paragraph: "3A090.b" };
  expect(isProposed(proposal, stated)).toBe(true);
  expect(isProposed(proposal, { ...stated, paragraph: null })).toBe(true);
  expect(isProposed(proposal, { ...stated, paragraph: "3A090.a" })).toBe(false);
  expect(isProposed(proposal, { ...stated, eccn: "EAR99", paragraph: null })).toBe(false);
  expect(isProposed(proposal, { ...stated, jurisdiction: "ITAR" })).toBe(false);
});

test.each([
  ["1e26", "1e26 >= 1e26 operations: yes"],
  ["9.9e25", "9.9e25 >= 1e26 operations: no"],
])("%s operations and the threshold: %s", (operations, formula) => {
  expect(proposed(trained(operations)).steps.at(-1)).toMatchObject({ formula });
});

test.each([
  ["2.5e25", "1e24", "2.5e25 > 2.5e25 operations: no", "too little additional training"],
  ["2.50001e25", "1e24", "2.50001e25 > 2.5e25 operations: yes", "fewer than 10^26"],
  ["3e25", "9e25", "3e25 > 3e25 operations: no", "too little additional training"],
])("%s on a published base of %s: %s", (extra, trainingOperations, formula, says) => {
  const { steps, conclusion } = proposed(derived(extra, { trainingOperations }));
  expect(steps.map((each) => each.formula)).toContain(formula);
  expect(conclusion.says).toContain(says);
});

test.each([
  ["329.999", "may be looked at"],
  ["330", "is out"],
])("memory of %s GB/s on 100 mm2: License Exception HBM %s", (bandwidth, says) => {
  expect(proposed(memory(bandwidth, "100")).candidates[0]?.because).toContain(says);
});
