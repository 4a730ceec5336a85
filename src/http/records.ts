import { z } from "zod";
import { approveErasure, proposeErasure } from "../vault/erasure.ts";
import { movementKinds, noteMovement } from "../vault/movement.ts";
import { exportRecords, searchRecords } from "../vault/records.ts";
import { recordNouns, type SelectionRequest } from "../vault/selection.ts";
import { route } from "./route.ts";
import {
  country,
  date,
  id,
  idParams,
  instant,
  json,
  repositoryOf,
  repositoryText,
  text,
} from "./schema.ts";

const after = z
  .string()
  .regex(/^[0-9]{1,18}$/, "must be a page's `next`")
  .nullable()
  .default(null)
  .describe("The `next` of the page before; left out for the first.");

/** How many releases a page has. */
const pageSize = 200;
const firstPage = { from: null, to: null, limit: pageSize };

const sought = { party: text(200), country, document: text(500) };
const members = ["party", "country", "document"] as const;

type Sought = Readonly<Partial<Record<(typeof members)[number], string | undefined>>>;

const searched = z
  .strictObject({
    party: sought.party.optional(),
    country: sought.country.optional(),
    document: sought.document.optional(),
    after,
  })
  .refine((body) => given(body).length === 1, { error: "names one of party, country, document" });

const exported = z
  .strictObject({
    party: sought.party.optional(),
    country: sought.country.optional(),
    document: sought.document.optional(),
    repository: repositoryText.optional(),
    from: instant.nullable().default(null).describe("Releases decided from this instant on."),
    to: instant.nullable().default(null).describe("Releases decided before this instant."),
    after,
  })
  .refine((body) => given(body).length + (body.repository === undefined ? 0 : 1) <= 1, {
    error: "names at most one of party, country, document, repository",
  })
  .refine(
    (body) =>
      given(body).length === 1 ||
      body.repository !== undefined ||
      body.from !== null ||
      body.to !== null,
    { error: "names a party, a country, a document, a repository or a time" },
  );

const reference = { noun: z.enum(recordNouns), id };
const receipt = z.strictObject({ index: z.int(), entry: z.base64(), proof: z.string() });
const erasureParams = z.strictObject({ id, erasure: id });

export const recordRoutes = [
  route({
    method: "post",
    path: "/v1/records/search",
    roles: ["personal-data-reader"],
    summary:
      "Find the records that a party, a country or a document's number figures in; officers and auditors alone",
    body: searched,
    answers: {
      200: json("A page of records: on the first all that are no releases, then 200 releases.", {
        search: id,
        entry: z.strictObject({ index: z.int() }),
        records: z.array(z.strictObject(reference)),
        next: z.string().nullable(),
      }),
    },
    handle: async ({ body, caller, services: { vault } }) => {
      const request = { ...criterionOf(body), ...firstPage, after: placeOf(body.after) };
      const found = await searchRecords(vault, caller, request);
      const { search, entryIndex, records, next } = found;
      return {
        status: 200,
        json: { search, entry: { index: entryIndex }, records, next: next?.toString() ?? null },
      };
    },
  }),
  route({
    method: "post",
    path: "/v1/records/exports",
    roles: ["export-officer", "auditor"],
    summary:
      "A page of records for an agency, with history, receipts and, for who may read personal facts, what was opened",
    body: exported,
    answers: {
      200: json("A page, which the entry in `entry` records with its digest.", {
        export: id,
        entry: z.strictObject({ index: z.int() }),
        records: z.array(
          z.strictObject({ ...reference, content: z.record(z.string(), z.unknown()) }),
        ),
        receipts: z.array(receipt),
        next: z.string().nullable(),
      }),
    },
    handle: async ({ body, caller, services: { vault } }) => {
      const page = await exportRecords(vault, caller, {
        ...(body.repository === undefined
          ? criterionOf(body)
          : { criterion: { by: "repository", repository: repositoryOf(body.repository) } }),
        from: body.from === null ? null : new Date(body.from),
        to: body.to === null ? null : new Date(body.to),
        after: placeOf(body.after),
        limit: pageSize,
      });
      const { records, receipts, entryIndex, next } = page;
      return {
        status: 200,
        json: {
          export: page.export,
          entry: { index: entryIndex },
          records,
          receipts,
          next: next?.toString() ?? null,
        },
      };
    },
  }),
  route({
    method: "post",
    path: "/v1/releases/{id}/movements",
    roles: ["export-officer"],
    summary:
      "Note a reexport, transfer or diversion that became known: retention runs anew from it",
    params: idParams,
    body: z.strictObject({
      what: z.enum(movementKinds),
      on: date,
      description: text(5_000),
    }),
    answers: { 201: json("What was noted.", { movement: id }) },
    handle: async ({ params, body, caller, services: { vault } }) => ({
      status: 201,
      json: await noteMovement(vault, caller, { release: params.id, ...body }),
    }),
  }),
  route({
    method: "post",
    path: "/v1/persons/{id}/erasures",
    roles: ["export-officer"],
    summary: "Propose to erase a person's facts and evidence, after their retention",
    params: idParams,
    answers: { 201: json("The proposal.", { erasure: id, retainedUntil: date }) },
    handle: async ({ params, caller, services: { vault } }) => ({
      status: 201,
      json: await proposeErasure(vault, caller, params.id),
    }),
  }),
  route({
    method: "post",
    path: "/v1/persons/{id}/erasures/{erasure}/approve",
    roles: ["export-officer"],
    summary: "Approve an erasure that another officer proposed: it is done at once and for good",
    params: erasureParams,
    answers: {
      200: json("What was erased.", { person: id, evidence: z.int().describe("How many rows.") }),
    },
    handle: async ({ params, caller, services: { vault } }) => {
      const { evidence } = await approveErasure(vault, caller, {
        person: params.id,
        erasure: params.erasure,
      });
      return { status: 200, json: { person: params.id, evidence } };
    },
  }),
];

function given(body: Sought) {
  return members.flatMap((by) => {
    const value = body[by];
    return value === undefined ? [] : [{ by, text: value }];
  });
}

function criterionOf(body: Sought): Pick<SelectionRequest, "criterion"> {
  const [criterion] = given(body);
  return { criterion: criterion ?? { by: "time" } };
}

function placeOf(page: string | null): bigint | null {
  return page === null ? null : BigInt(page);
}
