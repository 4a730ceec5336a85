import { z } from "zod";
import { sha256 } from "./schema.ts";

const quantity = { value: z.string(), unit: z.string() };

const step = z.strictObject({
  says: z.string(),
  formula: z.string(),
  operands: z.array(z.strictObject({ name: z.string(), ...quantity })),
  result: z.strictObject(quantity).nullable(),
  threshold: z
    .strictObject({
      row: z.string().nullable(),
      ...quantity,
      relation: z.enum([">=", ">", "<", "<="]),
      isMet: z.boolean(),
    })
    .nullable(),
  citation: z.string(),
});

const candidate = z.strictObject({
  eccn: z.string(),
  paragraph: z.string().nullable(),
  heading: z.string(),
  confidence: z.enum(["stated", "estimated", "open"]),
  because: z.string(),
  citations: z.array(z.string()),
  notes: z.array(z.string()),
});

/** What a datasheet leads to, as answers give it: it advises, and classifies nothing. */
export const arithmetic = z.strictObject({
  asOf: z.iso.date(),
  rulebook: sha256,
  conclusion: z.strictObject({
    kind: z.enum(["entry", "open", "no-entry", "outside-ear"]),
    says: z.string(),
    citation: z.string(),
  }),
  candidates: z.array(candidate),
  steps: z.array(step),
  questions: z.array(
    z.strictObject({
      path: z.string(),
      asks: z.string(),
      citation: z.string(),
      isDecisive: z.boolean(),
    }),
  ),
});
