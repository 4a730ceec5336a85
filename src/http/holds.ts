import { z } from "zod";
import { holdKinds, holdScopes, liftHold, listHolds, placeHold } from "../vault/hold.ts";
import { route } from "./route.ts";
import { done, givenInstant, id, idParams, json, text } from "./schema.ts";

const shape = {
  id,
  state: z.enum(["placed", "lifted"]),
  kind: z.enum(holdKinds),
  scope: z.enum(holdScopes),
  target: id.nullable(),
  reference: z.string(),
  reason: z.string(),
  placedBy: id,
  placedAt: givenInstant,
  liftReason: z.string().nullable(),
  authorization: z.string().nullable(),
  liftedBy: id.nullable(),
  liftedAt: givenInstant.nullable(),
};

export const holdRoutes = [
  route({
    method: "post",
    path: "/v1/holds",
    roles: ["export-officer"],
    summary: "Place a hold at once: nothing in its scope is destroyed until it is lifted",
    body: z.strictObject({
      kind: z.enum(holdKinds),
      scope: z.enum(holdScopes),
      target: id.nullable().default(null).describe("What is held; null for everything."),
      reference: text(200),
      reason: text(5_000),
    }),
    answers: { 201: json("The hold.", { hold: id }) },
    handle: async ({ body, caller, services: { vault } }) => ({
      status: 201,
      json: await placeHold(vault, caller, body),
    }),
  }),
  route({
    method: "post",
    path: "/v1/holds/{id}/lift",
    roles: ["export-officer"],
    summary: "Lift a hold that another officer placed; an agency's takes its written authorization",
    params: idParams,
    body: z.strictObject({
      reason: text(5_000),
      authorization: text(500)
        .nullable()
        .default(null)
        .describe("The reference of the agency's written authorization, 15 CFR 762.6(b)."),
    }),
    answers: { 204: done },
    handle: async ({ params, body, caller, services: { vault } }) => {
      await liftHold(vault, caller, { id: params.id, ...body });
      return { status: 204 };
    },
  }),
  route({
    method: "get",
    path: "/v1/holds",
    roles: ["export-officer", "auditor"],
    summary: "List holds",
    answers: { 200: json("Holds, newest first.", { holds: z.array(z.strictObject(shape)) }) },
    handle: async ({ services: { vault } }) => ({
      status: 200,
      json: { holds: (await listHolds(vault)).map(outlineOf) },
    }),
  }),
];

function outlineOf(row: Awaited<ReturnType<typeof listHolds>>[number]) {
  const { state, kind, scope, target, reference, reason, authorization } = row;
  return {
    id: row.id,
    state,
    kind,
    scope,
    target,
    reference,
    reason,
    placedBy: row.placed_by,
    placedAt: row.placed_at,
    liftReason: row.lift_reason,
    authorization,
    liftedBy: row.lifted_by,
    liftedAt: row.lifted_at,
  };
}
