import { z } from "zod";
import { approveShredding, proposeShredding, type Shredded } from "../vault/shred.ts";
import { route } from "./route.ts";
import { byteCount, date, id, json, repositoryParams, revisionId } from "./schema.ts";

const base = "/v1/repositories/{namespace}/{name}/shreddings";

const object = id
  .nullable()
  .describe("The object that is shredded; null for the whole repository.");

const shape = {
  repository: id,
  objects: z.int().describe("How many objects lose their keys."),
  bytes: byteCount.describe("The size of their files."),
  revisions: z
    .array(revisionId)
    .describe("Of one object: every revision that shares it, and can no longer be released whole."),
  restorableUntil: date.describe("Until when a backup of the database may restore the keys."),
};

export const shreddingRoutes = [
  route({
    method: "post",
    path: base,
    roles: ["export-officer"],
    summary: "Propose to shred an object or a repository: nothing is destroyed yet",
    params: repositoryParams,
    body: z.strictObject({ object }),
    answers: { 201: json("The proposal, and what it would destroy.", { shredding: id, ...shape }) },
    handle: async ({ params, body, caller, services: { vault } }) => {
      const { shredding, ...found } = await proposeShredding(vault, caller, { ...params, ...body });
      return { status: 201, json: { shredding, ...counted(found) } };
    },
  }),
  route({
    method: "post",
    path: `${base}/{id}/approve`,
    roles: ["export-officer"],
    summary: "Approve a shredding that another officer proposed: it is done at once and for good",
    params: z.strictObject({ ...repositoryParams.shape, id }),
    body: z.strictObject({ object }),
    answers: { 200: json("What was destroyed.", shape) },
    handle: async ({ params, body, caller, services: { vault } }) => {
      const { id: shredding, ...named } = params;
      const shredded = await approveShredding(vault, caller, { ...named, ...body, shredding });
      return { status: 200, json: counted(shredded) };
    },
  }),
];

function counted({ bytes, ...rest }: Shredded) {
  return { ...rest, revisions: [...rest.revisions], bytes: Number(bytes) };
}
