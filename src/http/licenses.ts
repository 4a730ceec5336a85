import { z } from "zod";
import type { Rider } from "../export-control/facts.ts";
import { activateLicense, enterLicense, type LicenseRecord } from "../vault/license.ts";
import { type LicenseRow, listLicenses, readLicense } from "../vault/list-licenses.ts";
import { markRider } from "../vault/rider.ts";
import { route } from "./route.ts";
import {
  controlCode,
  country,
  date,
  done,
  givenInstant,
  id,
  idParams,
  json,
  repositoryText,
  text,
} from "./schema.ts";

const ids = z.array(id).max(1_000);
const reason = z.enum(["NS", "MT", "NP", "RS", "CC", "EI", "AT"]);

const scope = z.strictObject({
  eccns: z.array(text(20)).max(200),
  repositories: z.array(repositoryText).max(1_000).nullable(),
  destinations: z.array(country).max(300),
  nationalities: z.array(country).max(300),
  parties: z.strictObject({ persons: ids, workloads: ids, entities: ids }).nullable(),
  reasons: z.array(reason).max(reason.options.length).nullable(),
  controls: z
    .array(z.strictObject(controlCode))
    .min(1)
    .max(200)
    .exactOptional()
    .describe("The items on its face by the lists of other regimes than the EAR."),
}) satisfies z.ZodType<LicenseRecord["scope"]>;

/** A license names an item, by its ECCN or by another regime's list. */
const namingScope = scope.refine(
  ({ eccns, controls }) => eccns.length > 0 || controls !== undefined,
  { path: ["eccns"], message: "must name an item, here or in controls" },
);

const riderId = z
  .string()
  .regex(/^[a-z0-9-]{1,40}$/, "must be lower-case letters, digits and dashes");
const rider = z.strictObject({
  id: riderId,
  text: text(4_000),
  kind: z.enum([
    "technology-control-plan",
    "acknowledgement",
    "report",
    "no-reexport",
    "manual",
  ]) satisfies z.ZodType<Rider["kind"]>,
});
const markedRider = rider.extend({
  state: z.strictObject({ met: z.boolean(), on: date, by: id }).nullable(),
});

/** What a license authorizes and when, whether it exists or is supposed. */
export const licenseTerms = {
  kind: z.enum([
    "bis-license",
    "license-exception",
    "no-license-required",
    "individual-license",
    "global-license",
    "general-authorization",
  ]),
  scope: namingScope,
  validFrom: date,
  validUntil: date,
};

const face = { number: text(100), ...licenseTerms };

const shape = {
  id,
  ...face,
  state: z.enum(["draft", "active", "suspended", "revoked"]),
  conditions: z.string(),
  riders: z.array(markedRider),
  releasesAllowed: z.int().nullable(),
  releasesUsed: z.int(),
  enteredBy: id,
  activatedBy: id.nullable(),
  createdAt: givenInstant,
};

export const licenseRoutes = [
  route({
    method: "post",
    path: "/v1/licenses",
    roles: ["export-officer"],
    summary: "Enter a license, exception or determination from its paper, as a draft",
    body: z.strictObject({
      ...face,
      conditions: text(20_000, 0).default(""),
      riders: z.array(rider).max(100).default([]),
      releasesAllowed: z
        .int()
        .min(1)
        .max(2 ** 31 - 1)
        .nullable()
        .default(null),
    }),
    answers: { 201: json("The license.", { license: id }) },
    handle: async ({ body, caller, services: { vault } }) => ({
      status: 201,
      json: await enterLicense(vault, caller, body),
    }),
  }),
  route({
    method: "post",
    path: "/v1/licenses/{id}/activate",
    roles: ["export-officer"],
    summary: "Activate a license that another officer entered",
    params: idParams,
    answers: { 204: done },
    handle: async ({ params, caller, services: { vault } }) => {
      await activateLicense(vault, caller, params.id);
      return { status: 204 };
    },
  }),
  route({
    method: "put",
    path: "/v1/licenses/{id}/riders/{rider}",
    roles: ["export-officer"],
    summary: "Record whether a condition of a license is met",
    params: idParams.extend({ rider: riderId }),
    body: z.strictObject({ met: z.boolean(), on: date.nullable().default(null) }),
    answers: { 204: done },
    handle: async ({ params, body, caller, services: { vault } }) => {
      await markRider(vault, caller, { license: params.id, rider: params.rider, ...body });
      return { status: 204 };
    },
  }),
  route({
    method: "get",
    path: "/v1/licenses",
    roles: ["export-officer", "auditor"],
    summary: "List licenses",
    answers: {
      200: json("Licenses, newest first.", { licenses: z.array(z.strictObject(shape)) }),
    },
    handle: async ({ services: { vault } }) => ({
      status: 200,
      json: { licenses: (await listLicenses(vault)).map(outline) },
    }),
  }),
  route({
    method: "get",
    path: "/v1/licenses/{id}",
    roles: ["export-officer", "auditor"],
    summary: "Read a license",
    params: idParams,
    answers: { 200: json("The license.", shape) },
    handle: async ({ params, services: { vault } }) => ({
      status: 200,
      json: outline(await readLicense(vault, params.id)),
    }),
  }),
];

function outline(row: LicenseRow) {
  const { id, number, kind, state, scope, conditions } = row;
  return {
    id,
    number,
    kind,
    state,
    scope,
    conditions,
    riders: row.riders ?? [],
    validFrom: row.valid_from,
    validUntil: row.valid_until,
    releasesAllowed: row.releases_allowed,
    releasesUsed: row.releases_used,
    enteredBy: row.entered_by,
    activatedBy: row.activated_by,
    createdAt: row.created_at,
  };
}
