import { z } from "zod";
import { decimalPattern } from "./decimal.ts";

/*
 * The technical datasheet, version 1: what an officer states about an item so that the arithmetic of the Commerce Control List can be
 * done and repeated. A member that is left out is null, and null always means that nobody knows, never that there is none. Numbers are texts,
 * because every digit counts. Unknown members are refused.
 */

/** Text for people: no control character but a line break, nothing that canonical JSON or the database cannot hold. */
function words(most: number) {
  return z
    .string()
    .min(1)
    .max(most)
    .refine((text) => text.isWellFormed() && !/(?!\n)\p{Cc}/u.test(text), {
      message: "must be well-formed Unicode without control characters",
    });
}

const unknownText = (most: number) => words(most).nullable().default(null);
const unknownClaim = z.boolean().nullable().default(null);
const amount = z.string().regex(decimalPattern, "must be a number such as 600, 5.92 or 1.2e26");
const unknownAmount = amount.nullable().default(null);
const positive = amount.refine((text) => /[1-9]/.test(text.split(/e/i)[0] ?? ""), {
  message: "must be more than zero",
});
const wholeNumber = z.string().regex(/^(0|[1-9][0-9]{0,20})$/, "must be a whole number");
const share = z
  .string()
  .regex(/^(0|1)(\.[0-9]{1,20})?$/, "must be a fraction from 0 to 1, such as 0.125")
  .refine((text) => !/^1\..*[1-9]/.test(text), { message: "must be 1 at the most" });
const label = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, "must be a name of letters, digits, '.', '_', '-'");

const published = z.strictObject({
  /** 734.7(a): available to the public without restrictions upon its further dissemination. */
  isPublished: z.boolean(),
  /** Where and how; the claim counts only with it. */
  how: unknownText(2_000),
});

const stage = z.strictObject({
  stage: z.enum([
    "pre-training",
    "fine-tuning",
    "reinforcement-learning",
    "distillation",
    "other-training",
    "data-collection",
  ]),
  name: unknownText(200),
  /** All operations of the stage, forward and backward; null where the rule of thumb has to serve. */
  operations: unknownAmount,
  /** Training tokens, or data points, seen. */
  tokens: unknownAmount,
});

const generator = z.strictObject({
  /** One name for a model and all its variants and checkpoints. */
  model: label,
  /** Of this item's training operations, how many train on its output that is not published. */
  shareOfOperations: share.nullable().default(null),
  /** What it took to generate that output. */
  generationOperations: unknownAmount,
  areWeightsPublished: unknownClaim,
  /** What it took to train it, without the operations of the models in `trainedOn`. */
  trainingOperations: unknownAmount,
  /** Of those, how many are also among this sheet's own training or base model. */
  alreadyCounted: amount.default("0"),
  /** Other models of this list whose output trained it and whose training counts towards its own. */
  trainedOn: z.array(label).max(50).default([]),
});

const base = z.strictObject({
  name: words(200),
  isPublished: unknownClaim,
  /** All operations that trained it. */
  trainingOperations: unknownAmount,
});

const cryptographicFunction = z.strictObject({
  name: words(200),
  purpose: z.enum([
    "data-confidentiality",
    "authentication",
    "digital-signature",
    "data-integrity",
    "non-repudiation",
    "digital-rights-management",
    "entertainment-broadcast-or-medical-records",
    "key-management-for-these",
  ]),
  algorithm: z
    .enum([
      "symmetric",
      "factorization",
      "discrete-logarithm-field",
      "discrete-logarithm-group",
      "post-quantum",
    ])
    .nullable()
    .default(null),
  keyBits: z
    .string()
    .regex(/^(0|[1-9][0-9]{0,5})$/, "must be a whole number of bits")
    .nullable()
    .default(null),
});

const common = {
  form: z.literal("weightvault/datasheet/v1"),
  title: words(200),
  published: published.nullable().default(null),
  intendedUses: z.array(words(500)).max(50).nullable().default(null),
  prohibitedUses: z.array(words(500)).max(50).nullable().default(null),
};

const weightsMembers = z.strictObject({
  ...common,
  item: z.literal("model-weights"),
  architecture: words(500),
  /** All parameters; compared with what the headers of the files say. */
  parameters: wholeNumber,
  /** Those that a token passes through, in a mixture of experts. Null: all of them. */
  activeParameters: wholeNumber.nullable().default(null),
  /** Why the headers may count otherwise, for example tied or packed tensors. */
  parametersExplained: unknownText(2_000),
  precision: words(100),
  /** The model that these weights were trained from: `none` where they were trained from nothing. */
  base: z
    .union([z.literal("none"), base])
    .nullable()
    .default(null),
  /** Every stage after the base model, or all of them where there is none. */
  training: z.array(stage).max(200).nullable().default(null),
  /** Every model whose unpublished output trained these weights; an empty list says that there is none. */
  syntheticData: z.array(generator).max(50).nullable().default(null),
  /** The operations that the best published model stands for, as somebody competent said on a day. */
  floatingBar: z
    .strictObject({
      operations: amount,
      asOf: z.iso.date(),
      basis: z.enum(["bis-guidance", "technical-opinion", "CCATS"]),
      source: words(1_000),
    })
    .nullable()
    .default(null),
  cryptographicFunctions: z.array(cryptographicFunction).max(100).nullable().default(null),
});

const modelWeights = weightsMembers.superRefine((sheet, context) => {
  const refuse = (path: readonly (string | number)[], message: string) =>
    context.addIssue({ code: "custom", path: [...path], message });
  if (sheet.activeParameters !== null && BigInt(sheet.activeParameters) > BigInt(sheet.parameters))
    refuse(["activeParameters"], "must not be more than all parameters");
  const models = (sheet.syntheticData ?? []).map(({ model }) => model);
  for (const [at, { model, trainedOn }] of (sheet.syntheticData ?? []).entries()) {
    if (models.indexOf(model) !== at)
      refuse(["syntheticData", at, "model"], "must come once: variants of a model are one model");
    if (!trainedOn.every((each) => models.includes(each) && each !== model))
      refuse(["syntheticData", at, "trainedOn"], "must name other models of this list");
  }
});

const circuit = z.strictObject({
  kind: z.literal("integrated-circuit"),
  processingUnits: z
    .array(
      z.strictObject({
        name: words(200),
        /** How many of these units there are on the circuit. */
        count: wholeNumber.default("1"),
        /** One rate for each bit length: tera multiply-accumulate operations a second, dense, at the highest claimed. */
        rates: z
          .array(
            z.strictObject({
              bitLength: z.string().regex(/^[1-9][0-9]{0,3}$/, "must be a number of bits"),
              macTops: unknownAmount,
            }),
          )
          .min(1)
          .max(50),
      }),
    )
    .max(200)
    .nullable()
    .default(null),
  /** Square millimetres of logic dies made with non-planar transistors. Null: not known. */
  applicableDieArea: unknownAmount,
  /** Whether it is designed or marketed for datacenters. */
  isForDatacenters: unknownClaim,
});

const memory = z.strictObject({
  kind: z.literal("high-bandwidth-memory"),
  /** Gigabytes a second, of the package where the stack is in one. */
  bandwidth: unknownAmount,
  /** Square millimetres of the package or the stack. */
  area: positive.nullable().default(null),
  /** Whether it is packaged with logic whose processing is the dominant function of the whole. */
  isPartOfProcessor: unknownClaim,
});

const hardware = z.discriminatedUnion("kind", [
  circuit,
  memory,
  z.strictObject({
    kind: z.literal("computer"),
    /** Every advanced circuit that the computer or assembly contains. */
    circuits: z.array(circuit).min(1).max(50),
  }),
]);

const hardwareItem = z.strictObject({
  ...common,
  item: z.literal("hardware"),
  hardware,
});

/** Software or technology for hardware. */
const aboutHardware = z.strictObject({
  ...common,
  item: z.enum(["software", "technology"]),
  /** What it serves; an empty list is no purpose of these. */
  purposes: z
    .array(z.enum(["development", "production", "use"]))
    .max(3)
    .nullable()
    .default(null),
  /** Software: whether it is specially designed (772.1). Technology: whether it is required in the sense of the General Technology Note. */
  isPeculiar: unknownClaim,
  hardware,
});

const encryptionItem = z.strictObject({
  ...common,
  item: z.literal("encryption"),
  kind: z.enum(["commodity", "software", "technology"]),
  functions: z.array(cryptographicFunction).max(100).nullable().default(null),
  /** Whether it was classified as mass market under 740.17(b). */
  isMassMarket: unknownClaim,
  /** Whether the capability can be used only after secure cryptographic activation. */
  needsActivation: unknownClaim,
});

/** The schema of a datasheet, for whoever reads one from outside. */
export const datasheetForm = z.discriminatedUnion("item", [
  modelWeights,
  hardwareItem,
  aboutHardware,
  encryptionItem,
]);

export type Datasheet = z.output<typeof datasheetForm>;
export type WeightsSheet = z.output<typeof modelWeights>;
export type Generator = z.output<typeof generator>;
export type Hardware = z.output<typeof hardware>;
export type Circuit = z.output<typeof circuit>;
export type Memory = z.output<typeof memory>;
export type HardwareSheet = z.output<typeof hardwareItem>;
export type AboutHardwareSheet = z.output<typeof aboutHardware>;
export type EncryptionSheet = z.output<typeof encryptionItem>;
export type CryptographicFunction = z.output<typeof cryptographicFunction>;
