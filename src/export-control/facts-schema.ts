import { z } from "zod";
import { acknowledgementKinds, evidenceKinds, riderKinds } from "./facts.ts";
import { controlCode, regimes } from "./regimes/classification-schema.ts";

/**
 * The shape of `Facts` as a file or a request states it: strict, so that an unknown or a missing member is refused and named. What is not
 * known is null. The published JSON Schema is generated from this, and a test holds it against the type: whoever adds a fact adds it in
 * facts.ts and here.
 */
const country = z
  .string()
  .regex(/^[A-Z]{2}$/, "must be a country code of two capitals")
  .describe("ISO 3166-1 alpha-2, upper case; XK for Kosovo.");
const isoDate = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, "must be a date as YYYY-MM-DD")
  .refine(isRealDay, "must be a day that exists")
  .describe("A calendar date, YYYY-MM-DD.");
const instant = z
  .string()
  .regex(
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?Z$/,
    "must be an instant as YYYY-MM-DDThh:mm:ssZ",
  )
  .refine(isRealDay, "must be of a day and an hour that exist")
  .describe("An instant in UTC, YYYY-MM-DDThh:mm:ss.sssZ.");
const id = z
  .string()
  .min(1)
  .describe("The vault's identifier, or any text that names one party and no other.");
const ids = z.array(id).max(1_000);
const count = z.int().min(0);
const standing = z.enum(["active", "suspended", "revoked"]);
const eccn = z.string().min(1).describe("An ECCN without its paragraph, 4E091, or EAR99.");

const dated = z
  .strictObject({
    country,
    from: isoDate.describe(
      "For a status held from birth any early date serves: the date of birth is not wanted.",
    ),
    until: isoDate.nullable().describe("The day it ended; null while it lasts."),
  })
  .describe("A citizenship or permanent residency and when it was held.");

const verification = z
  .strictObject({
    by: id.describe("The officer's person id."),
    on: isoDate,
    evidence: z.enum(evidenceKinds),
    expiresOn: isoDate.nullable().describe("The last day on which it counts; null: no end."),
  })
  .nullable()
  .describe("Null: nobody recorded one, and nothing expires.");

const acknowledgements = z
  .array(
    z.strictObject({
      kind: z.enum(acknowledgementKinds),
      signedOn: isoDate,
      expiresOn: isoDate.nullable().describe("The last day on which it counts; null: no end."),
      eccns: z.array(eccn).nullable().describe("The ECCNs that it names; null where none."),
      name: z
        .string()
        .nullable()
        .default(null)
        .describe("The name in Supplement No. 8 to Part 740; null for any other paper."),
    }),
  )
  .nullable()
  .describe("Papers in hand. They only help. Null: not known.");

const person = z.strictObject({
  id,
  state: z
    .enum(["active", "suspended", "revoked", "erased"])
    .describe("erased: the facts were destroyed after their retention had run."),
  usPerson: z
    .strictObject({
      value: z.boolean(),
      category: z
        .enum(["citizen", "national", "permanent-resident", "protected-individual"])
        .nullable(),
    })
    .nullable()
    .describe(
      "15 CFR 772.1. Null: not known. Nationality is asked only of those who are not U.S. persons.",
    ),
  citizenships: z
    .array(dated)
    .nullable()
    .describe("All ever stated; an empty list says that there are none, null that nobody knows."),
  permanentResidencies: z
    .array(dated)
    .nullable()
    .describe("All ever stated; an empty list says that there are none, null that nobody knows."),
  employment: z
    .strictObject({
      entityHeadquarters: country,
      ultimateParentHeadquarters: country
        .nullable()
        .describe("An entity without a parent states its own headquarters."),
      permanentRegular: z
        .boolean()
        .describe("A permanent and regular employee, 15 CFR 734.20(d)(2)."),
    })
    .nullable()
    .describe("For whom the person works. Null: not known."),
  engagement: z
    .strictObject({
      entityCountry: country
        .nullable()
        .describe("Where the employing entity is organised and the person works for it."),
      employer: z
        .enum(["private-sector", "university", "us-government", "foreign-government"])
        .nullable(),
      capacity: z.enum(["employee", "contractor", "intern"]).nullable(),
    })
    .nullable()
    .describe("What more is known of the employment. It only helps. Null: not known."),
  acknowledgements,
  verifications: z
    .strictObject({
      usPerson: verification,
      nationality: verification,
      employment: verification.describe("Of employment and engagement."),
      acknowledgements: verification,
    })
    .nullable()
    .describe("Who verified each group of facts. A group whose verification ended is not known."),
});

const entity = z.strictObject({
  id,
  state: standing,
  country: country.nullable().describe("Where it is incorporated or organised."),
  headquarters: country.nullable(),
  ultimateParentHeadquarters: country
    .nullable()
    .describe("An entity without a parent states its own headquarters."),
  ownership: z
    .enum(["no-listed-owner", "listed-owner-below-half", "listed-owner-half-or-more"])
    .nullable()
    .describe(
      "Ownership by parties on the Entity List, the MEU List or the SDN List, taken together.",
    ),
  acknowledgements,
});

const subject = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("person"), person }),
  z.strictObject({
    kind: z.literal("workload"),
    workload: z.strictObject({
      id,
      state: standing,
      accountable: person.describe("The natural person who answers for the workload."),
      entity: entity.describe("The company that operates it."),
    }),
  }),
]);

const classification = z.strictObject({
  id,
  state: z.enum(["proposed", "approved", "rejected", "superseded"]),
  jurisdiction: z.enum(["EAR", "ITAR", "other"]),
  eccn,
  paragraph: z
    .string()
    .nullable()
    .describe("The paragraph that the item meets, or is for. Null takes all of them together."),
  basis: z.enum(["self", "CCATS", "counsel"]),
  form: z
    .enum(["object-code", "source-code", "technology"])
    .nullable()
    .describe("What the files are. Null is taken as source code or technology."),
  published: z
    .strictObject({
      basis: z.enum(["public-dissemination", "subscription", "library", "conference"]),
      on: isoDate.describe("The day since which it has been public."),
    })
    .nullable()
    .describe("How and when it was published, 15 CFR 734.7. Null: nobody says so."),
  statements: z
    .array(
      z.enum([
        "minimum-operation",
        "sales-technology",
        "bug-fix",
        "mass-market",
        "copy-of-authorized",
        "encryption-classified",
        "encryption-source-notified",
      ]),
    )
    .nullable()
    .describe("What else the officers state, where a license exception turns on it."),
  computer: z
    .strictObject({
      peakPerformanceWt: count.describe("Adjusted peak performance in WT, rounded up."),
      purpose: z.enum(["development-or-production", "use"]),
    })
    .nullable()
    .describe("The computers that software or technology of 4D001 or 4E001 is for."),
  determination: z
    .string()
    .nullable()
    .describe("On what it was determined that no higher control applies. Null: not stated."),
  regimes,
  proposedBy: id,
  approvedBy: id.nullable(),
});

const grant = z.strictObject({
  id,
  state: standing,
  purpose: z.string().describe("What the keys are wanted for, in the granting officer's words."),
  validFrom: instant,
  validUntil: instant.describe("No longer in force at this instant."),
});

/** An authorization as a decision takes it. */
export const license = z.strictObject({
  id,
  number: z
    .string()
    .describe("On its face; or the symbol of an exception, or a determination's reference."),
  kind: z.enum([
    "bis-license",
    "license-exception",
    "no-license-required",
    "individual-license",
    "global-license",
    "general-authorization",
  ]),
  state: z.enum(["draft", "active", "suspended", "revoked"]),
  scope: z.strictObject({
    eccns: z.array(eccn).max(1_000),
    repositories: z
      .array(z.string())
      .max(1_000)
      .nullable()
      .describe("Null: every repository so classified."),
    destinations: z
      .array(country)
      .max(1_000)
      .describe("Countries of export. Empty: it authorizes none."),
    nationalities: z
      .array(country)
      .max(1_000)
      .describe("For deemed exports. Empty: it authorizes none."),
    parties: z
      .strictObject({ persons: ids, workloads: ids, entities: ids })
      .nullable()
      .describe("The parties named on it; null where it names none."),
    reasons: z
      .array(z.enum(["NS", "MT", "NP", "RS", "CC", "EI", "AT"]))
      .max(7)
      .nullable()
      .describe("The reasons for control that it overcomes; null for all."),
    controls: z
      .array(z.strictObject(controlCode))
      .max(200)
      .exactOptional()
      .describe("The items on its face by the lists of other regimes. Absent: none."),
  }),
  validFrom: isoDate,
  validUntil: isoDate.describe("The expiration date printed on it, its last day of use."),
  releasesLeft: count.nullable().describe("Null where releases are not counted."),
  riders: z
    .array(
      z.strictObject({
        id,
        text: z.string(),
        kind: z.enum(riderKinds),
        state: z
          .strictObject({ met: z.boolean(), on: isoDate, by: id })
          .nullable()
          .describe("Whether it is met, as of what day, by whose word. Null: nobody said."),
      }),
    )
    .describe("Its conditions as items to check."),
});

const screening = z.strictObject({
  list: z.strictObject({
    name: z.string(),
    digest: z.string().describe("SHA-256 of the list's bytes, hex."),
    asOf: z
      .union([isoDate, instant])
      .nullable()
      .describe("When the list was current; null where nothing tells."),
    kind: z.enum(["sample", "loaded"]),
  }),
  parties: count.describe("One for a person; two for a workload."),
  screened: count.describe("How many of them have a name that could be compared."),
  maxAgeDays: count
    .nullable()
    .describe("The operator's limit on the list's age; null where none is set."),
  isTrial: z.boolean(),
  matches: z.array(
    z.strictObject({
      source: z.string().describe("The list's code: DPL, EL, SDN, MEU, UVL or another."),
      entry: z.string(),
      clearedBy: id
        .nullable()
        .describe("The officer who found that the subject is not this party."),
    }),
  ),
});

/** Everything that a decision may rest on. */
export const facts = z.strictObject({
  at: instant.describe("The instant of the decision."),
  item: z.strictObject({
    repository: z.string().min(1).describe("namespace/name"),
    classification: classification.nullable(),
  }),
  subject,
  grant: grant.nullable().describe("Need to know. Null: none was made."),
  destination: z.strictObject({
    country: country.nullable().describe("Where the keys or bytes will be received."),
    basis: z
      .enum(["site", "unknown"])
      .describe("site: the country was recorded for a site of the operator's."),
    site: z.string().nullable(),
  }),
  departure: z
    .strictObject({
      country: country.nullable().describe("Where the vault's nodes and store stand."),
    })
    .exactOptional()
    .describe("Where the keys or bytes leave from. Absent: decided under the EAR alone."),
  licenses: z.array(license).describe("Every authorization that might apply."),
  screening: screening.nullable().describe("Null: nobody was compared with a list."),
});

/** The JSON Schema of a facts file, 2020-12. */
export function factsJsonSchema(): Readonly<Record<string, unknown>> {
  return {
    $id: "urn:weightvault:schema:decision-facts:v1",
    title: "The facts of an export decision",
    description:
      "What `weightvault decide` reads. Every member is present; what is not known is null, and null never helps.",
    ...z.toJSONSchema(facts, { target: "draft-2020-12" }),
  };
}

/** A day or an instant that its calendar has; JavaScript reads the 30th of February as the 2nd of March. */
function isRealDay(text: string): boolean {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text.slice(0, 10));
}
