import { z } from "zod";
import type { PersonRecord } from "../vault/person.ts";
import { country, date, text } from "./schema.ts";

const dated = z.strictObject({ country, from: date, until: date.nullable().default(null) });

/** What an officer states of a person. What is absent is unknown, and what is unknown holds a decision. */
export const personFacts = z.strictObject({
  name: text(200),
  otherNames: z.array(text(200)).max(50).default([]),
  usPerson: z
    .strictObject({
      value: z.boolean(),
      category: z
        .enum(["citizen", "national", "permanent-resident", "protected-individual"])
        .nullable()
        .default(null),
    })
    .nullable()
    .default(null),
  citizenships: z.array(dated).max(50).nullable().default(null),
  permanentResidencies: z.array(dated).max(50).nullable().default(null),
  employment: z
    .strictObject({
      entityHeadquarters: country,
      ultimateParentHeadquarters: country.nullable().default(null),
      permanentRegular: z.boolean(),
    })
    .nullable()
    .default(null),
}) satisfies z.ZodType<PersonRecord>;
