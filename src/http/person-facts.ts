import { z } from "zod";
import type { Verification } from "../export-control/facts.ts";
import type { StatedPerson } from "../vault/person.ts";
import { acknowledgements } from "./acknowledgement.ts";
import { country, date, id, text } from "./schema.ts";

const dated = z.strictObject({ country, from: date, until: date.nullable().default(null) });

const known = z.array(dated).max(50).nullable();
const nationalities = known
  .optional()
  .describe("Null or absent: not known. Absent where the other list is stated: there are none.");

/** What a verification may rest on: no document of Form I-9 is among them. */
export const evidenceKind = z.enum([
  "own-statement",
  "employer-statement",
  "contract",
  "public-register",
  "government-authorization",
  "counsel-opinion",
]) satisfies z.ZodType<Verification["evidence"]>;

const verification = z.strictObject({
  evidence: evidenceKind,
  expiresOn: date.nullable().default(null),
});
const recordedVerification = verification.extend({ by: id, on: date });

/** One member a group of facts. */
function ofGroups<Each extends z.ZodType>(each: Each) {
  const group = each.nullable().default(null);
  return z
    .strictObject({
      usPerson: group,
      nationality: group,
      employment: group,
      acknowledgements: group,
    })
    .nullable()
    .default(null);
}

/**
 * What an officer states of a person. What is absent is unknown, and what is unknown holds a decision. Whoever states one of the two lists
 * of nationality states all of it: the list that is then left out is empty, and one that is not known is an explicit null.
 */
const stated = z.strictObject({
  name: text(200).refine((name) => name === "" || /[\p{L}\p{N}]/u.test(name), {
    error: "needs a letter or digit: a name that has none can be compared with no list",
  }),
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
  engagement: z
    .strictObject({
      entityCountry: country.nullable().default(null),
      employer: z
        .enum(["private-sector", "university", "us-government", "foreign-government"])
        .nullable()
        .default(null),
      capacity: z.enum(["employee", "contractor", "intern"]).nullable().default(null),
    })
    .nullable()
    .default(null),
  acknowledgements,
  verifications: ofGroups(verification),
});

/** The facts as they are kept and shown. */
export const recordedFacts = stated.extend({
  citizenships: known,
  permanentResidencies: known,
  verifications: ofGroups(recordedVerification),
});

export const personFacts = stated.transform((facts): StatedPerson => {
  const { citizenships, permanentResidencies } = facts;
  return {
    ...facts,
    citizenships:
      citizenships ?? (permanentResidencies == null || citizenships === null ? null : []),
    permanentResidencies:
      permanentResidencies ?? (citizenships == null || permanentResidencies === null ? null : []),
  };
});
