import { z } from "zod";
import type { PersonRecord } from "../vault/person.ts";
import { country, date, text } from "./schema.ts";

const dated = z.strictObject({ country, from: date, until: date.nullable().default(null) });

const known = z.array(dated).max(50).nullable();
const nationalities = known
  .optional()
  .describe("Null or absent: not known. Absent where the other list is stated: there are none.");

/**
 * What an officer states of a person. What is absent is unknown, and what is unknown holds a decision. Whoever states one of the two lists
 * of nationality states all of it: the list that is then left out is empty, and one that is not known is an explicit null.
 */
const stated = z.strictObject({
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
  citizenships: nationalities,
  permanentResidencies: nationalities,
  employment: z
    .strictObject({
      entityHeadquarters: country,
      ultimateParentHeadquarters: country.nullable().default(null),
      permanentRegular: z.boolean(),
    })
    .nullable()
    .default(null),
});

/** The facts as they are kept and shown. */
export const recordedFacts = stated.extend({ citizenships: known, permanentResidencies: known });

export const personFacts = stated.transform((facts): PersonRecord => {
  const { citizenships, permanentResidencies } = facts;
  return {
    ...facts,
    citizenships:
      citizenships ?? (permanentResidencies == null || citizenships === null ? null : []),
    permanentResidencies:
      permanentResidencies ?? (citizenships == null || permanentResidencies === null ? null : []),
  };
});
