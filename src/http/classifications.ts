import type { Selectable } from "kysely";
import { z } from "zod";
import type { Schema } from "../database/schema.ts";
import { datasheetForm } from "../export-control/datasheet/form.ts";
import {
  approveClassification,
  type ClassificationAttributes,
  listClassifications,
  proposeClassification,
  readClassification,
} from "../vault/classification.ts";
import { arithmetic } from "./arithmetic.ts";
import { route } from "./route.ts";
import {
  controlCode,
  date,
  done,
  givenInstant,
  id,
  json,
  repositoryParams,
  revisionId,
  sha256,
  text,
} from "./schema.ts";

const eccn = z.string().regex(/^([0-9][A-E][0-9]{3}|EAR99)$/, "must be an ECCN without paragraph");
const jurisdiction = z.enum(["EAR", "ITAR", "other"]);
const basis = z.enum(["self", "CCATS", "counsel"]);
/** One of the form, none, or what was stated before there was a form. */
const storedDatasheet = z.record(z.string(), z.unknown());
const digest = sha256.nullable();

/** What is stated of the item besides its ECCN. What is absent is not stated, and helps nobody. */
const attributes = z
  .strictObject({
    form: z.enum(["object-code", "source-code", "technology"]).nullable().default(null),
    published: z
      .strictObject({
        basis: z.enum(["public-dissemination", "subscription", "library", "conference"]),
        on: date,
      })
      .nullable()
      .default(null),
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
      .max(7)
      .nullable()
      .default(null),
    computer: z
      .strictObject({
        peakPerformanceWt: z.int().min(0),
        purpose: z.enum(["development-or-production", "use"]),
      })
      .nullable()
      .default(null),
    determination: text(2_000).nullable().default(null),
    regimes: z
      .array(
        z.strictObject({
          ...controlCode,
          decontrol: z
            .enum([
              "public-domain",
              "basic-scientific-research",
              "generally-available",
              "minimum-necessary",
            ])
            .nullable()
            .default(null),
          determination: text(2_000).nullable().default(null),
        }),
      )
      .min(1)
      .max(50)
      .nullable()
      .exactOptional(),
  })
  .nullable()
  .default(null) satisfies z.ZodType<ClassificationAttributes | null>;

/** A repository that this one was made from, and how it is classified. */
const base = z.strictObject({
  repository: z.string(),
  revisions: z.array(revisionId),
  classification: z
    .strictObject({ jurisdiction: z.string(), eccn: z.string(), paragraph: z.string().nullable() })
    .nullable(),
  isLessStrict: z
    .string()
    .nullable()
    .describe("Why this one's classification is less strict than that; null where it is not."),
});

/** A classification as answers give it. */
export const classification = z.strictObject({
  id,
  state: z.enum(["proposed", "approved", "superseded"]),
  jurisdiction: z.string(),
  eccn: z.string(),
  paragraph: z.string().nullable(),
  basis,
  datasheet: storedDatasheet,
  datasheetSha256: digest,
  justification: z.string().nullable(),
  attributes,
  proposedBy: id,
  proposedAt: givenInstant,
  approvedBy: id.nullable(),
  approvedAt: givenInstant.nullable(),
});

export const classificationRoutes = [
  route({
    method: "post",
    path: "/v1/repositories/{namespace}/{name}/classifications",
    roles: ["export-officer"],
    summary: "Propose a classification",
    params: repositoryParams,
    body: z.strictObject({
      jurisdiction: jurisdiction.default("EAR"),
      eccn,
      paragraph: text(40).nullable().default(null),
      basis,
      datasheet: datasheetForm.nullable().default(null),
      datasheetSha256: digest.default(null),
      justification: text(2_000, 10).nullable().default(null),
      attributes,
    }),
    answers: {
      201: json("The proposal.", {
        classification: id,
        datasheetSha256: digest,
        bases: z.array(base),
      }),
    },
    handle: async ({ params, body, caller, services: { vault } }) => ({
      status: 201,
      json: await proposeClassification(vault, caller, params, {
        ...body,
        datasheet: body.datasheet ?? {},
      }),
    }),
  }),
  route({
    method: "get",
    path: "/v1/repositories/{namespace}/{name}/classifications/{id}",
    roles: ["export-officer", "auditor"],
    summary: "Read a classification with the arithmetic of its datasheet, before approving it",
    params: repositoryParams.extend({ id }),
    answers: {
      200: json("The classification, and what its datasheet leads to.", {
        ...classification.shape,
        proposal: arithmetic.nullable(),
        bases: z.array(base),
      }),
    },
    handle: async ({ params, services: { vault } }) => {
      const { row, proposal, bases } = await readClassification(vault, params, params.id);
      return { status: 200, json: { ...outlineOf(row), proposal, bases } };
    },
  }),
  route({
    method: "post",
    path: "/v1/repositories/{namespace}/{name}/classifications/{id}/approve",
    roles: ["export-officer"],
    summary: "Approve a classification that another officer proposed",
    params: repositoryParams.extend({ id }),
    answers: { 204: done },
    handle: async ({ params, caller, services: { vault } }) => {
      await approveClassification(vault, caller, params, params.id);
      return { status: 204 };
    },
  }),
  route({
    method: "get",
    path: "/v1/repositories/{namespace}/{name}/classifications",
    roles: ["export-officer", "auditor"],
    summary: "List a repository's classifications",
    params: repositoryParams,
    answers: {
      200: json("Classifications, newest first.", { classifications: z.array(classification) }),
    },
    handle: async ({ params, services: { vault } }) => ({
      status: 200,
      json: { classifications: (await listClassifications(vault, params)).map(outlineOf) },
    }),
  }),
];

/** What an answer says of a classification. */
export function outlineOf(row: Selectable<Schema["classification"]>) {
  const { id, state, jurisdiction, eccn, paragraph, basis, datasheet } = row;
  return {
    id,
    state,
    jurisdiction,
    eccn,
    paragraph,
    basis,
    datasheet,
    datasheetSha256: row.datasheet_sha256,
    justification: row.justification,
    attributes: row.attributes,
    proposedBy: row.proposed_by,
    proposedAt: row.proposed_at,
    approvedBy: row.approved_by,
    approvedAt: row.approved_at,
  };
}
