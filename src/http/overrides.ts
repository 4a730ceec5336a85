import { z } from "zod";
import { listOverrides, type OverrideRow, readOverride } from "../vault/list-overrides.ts";
import { approveOverride, proposeOverride, withdrawOverride } from "../vault/override.ts";
import { readRulebook } from "../vault/rulebook.ts";
import { route } from "./route.ts";
import { date, done, givenInstant, id, idParams, json, sha256, text } from "./schema.ts";

const terms = {
  requirement: text(100),
  action: z.enum(["set-aside", "enforce"]),
  reason: text(5_000),
  counsel: text(500),
  validFrom: date,
  validUntil: date,
};

const shape = {
  id,
  ...terms,
  requirementSha256: sha256,
  state: z.enum(["proposed", "approved", "withdrawn"]),
  fits: z.boolean(),
  proposedBy: id,
  proposedAt: givenInstant,
  approvedBy: id.nullable(),
  approvedAt: givenInstant.nullable(),
  withdrawnBy: id.nullable(),
  withdrawnAt: givenInstant.nullable(),
};

export const overrideRoutes = [
  route({
    method: "post",
    path: "/v1/overrides",
    roles: ["export-officer"],
    summary:
      "Propose to set a requirement of the rulebook aside, or to enforce one, on counsel's advice",
    body: z.strictObject(terms),
    answers: { 201: json("The proposal.", { override: id }) },
    handle: async ({ body, caller, services: { vault } }) => ({
      status: 201,
      json: await proposeOverride(vault, caller, body),
    }),
  }),
  route({
    method: "post",
    path: "/v1/overrides/{id}/approve",
    roles: ["export-officer"],
    summary: "Approve an override that another officer proposed",
    params: idParams,
    answers: { 204: done },
    handle: async ({ params, caller, services: { vault } }) => {
      await approveOverride(vault, caller, params.id);
      return { status: 204 };
    },
  }),
  route({
    method: "post",
    path: "/v1/overrides/{id}/withdraw",
    roles: ["export-officer"],
    summary: "Withdraw an override, proposed or approved, at once",
    params: idParams,
    answers: { 204: done },
    handle: async ({ params, caller, services: { vault } }) => {
      await withdrawOverride(vault, caller, params.id);
      return { status: 204 };
    },
  }),
  route({
    method: "get",
    path: "/v1/overrides",
    roles: ["export-officer", "auditor"],
    summary: "List overrides of the rulebook",
    answers: {
      200: json("Overrides, newest first.", { overrides: z.array(z.strictObject(shape)) }),
    },
    handle: async ({ services: { vault } }) => ({
      status: 200,
      json: { overrides: (await listOverrides(vault)).map(outline) },
    }),
  }),
  route({
    method: "get",
    path: "/v1/overrides/{id}",
    roles: ["export-officer", "auditor"],
    summary: "Read an override",
    params: idParams,
    answers: { 200: json("The override.", shape) },
    handle: async ({ params, services: { vault } }) => ({
      status: 200,
      json: outline(await readOverride(vault, params.id)),
    }),
  }),
  route({
    method: "get",
    path: "/v1/rulebooks/{digest}",
    roles: ["export-officer", "auditor"],
    summary: "The rulebook of a digest that a decision names, with the overrides that stood",
    params: z.strictObject({ digest: sha256.toLowerCase() }),
    answers: {
      200: json(
        "The rulebook; the digest is the SHA-256 of the content's canonical form, RFC 8785.",
        {
          digest: sha256,
          content: z.record(z.string(), z.unknown()),
        },
      ),
    },
    handle: async ({ params: { digest }, services: { vault } }) => ({
      status: 200,
      json: { digest, content: await readRulebook(vault, digest) },
    }),
  }),
];

function outline(row: OverrideRow) {
  const { id, requirement, action, reason, counsel, state, fits } = row;
  return {
    id,
    requirement,
    action,
    reason,
    counsel,
    validFrom: row.valid_from,
    validUntil: row.valid_until,
    requirementSha256: row.requirement_sha256.toString("hex"),
    state,
    fits,
    proposedBy: row.proposed_by,
    proposedAt: row.proposed_at,
    approvedBy: row.approved_by,
    approvedAt: row.approved_at,
    withdrawnBy: row.withdrawn_by,
    withdrawnAt: row.withdrawn_at,
  };
}
