import { z } from "zod";
import { listWorkloads, readWorkload, type WorkloadRow } from "../vault/list-workloads.ts";
import { recordWorkload } from "../vault/workload.ts";
import { route } from "./route.ts";
import { givenInstant, id, idParams, json, standing, text } from "./schema.ts";

const shape = {
  id,
  principal: id,
  name: z.string(),
  accountable: id,
  entity: id,
  state: standing,
  version: z.int(),
  createdAt: givenInstant,
};

export const workloadRoutes = [
  route({
    method: "post",
    path: "/v1/workloads",
    roles: ["export-officer"],
    summary: "Record a job or service with the person who answers for it",
    body: z.strictObject({ name: text(200), accountable: id, entity: id }),
    answers: { 201: json("The workload and its principal.", { workload: id, principal: id }) },
    handle: async ({ body, caller, services: { vault } }) => ({
      status: 201,
      json: await recordWorkload(vault, caller, body),
    }),
  }),
  route({
    method: "get",
    path: "/v1/workloads",
    roles: ["export-officer", "operator"],
    summary: "List workloads",
    answers: {
      200: json("Workloads, oldest first.", { workloads: z.array(z.strictObject(shape)) }),
    },
    handle: async ({ services: { vault } }) => ({
      status: 200,
      json: { workloads: (await listWorkloads(vault)).map(outline) },
    }),
  }),
  route({
    method: "get",
    path: "/v1/workloads/{id}",
    roles: ["export-officer", "operator"],
    summary: "Read a workload",
    params: idParams,
    answers: { 200: json("The workload.", shape) },
    handle: async ({ params, services: { vault } }) => ({
      status: 200,
      json: outline(await readWorkload(vault, params.id)),
    }),
  }),
];

function outline({ id, principal, name, accountable, entity, state, ...row }: WorkloadRow) {
  const { version, created_at: createdAt } = row;
  return { id, principal, name, accountable, entity, state, version, createdAt };
}
