import { z } from "zod";
import { listRevisions, type ReadRevision, readRevision } from "../vault/list-revisions.ts";
import { route } from "./route.ts";
import { givenInstant, id, json, repositoryParams, revisionId, revisionName } from "./schema.ts";
import { storedFile } from "./uploads.ts";

const address = "/v1/repositories/{namespace}/{name}/revisions";

const outline = {
  revision: revisionId,
  parent: revisionId.nullable(),
  message: z.string(),
  createdAt: givenInstant,
};

export const revisionRoutes = [
  route({
    method: "get",
    path: address,
    roles: "any",
    summary: "List a repository's revisions",
    params: repositoryParams,
    answers: {
      200: json("The newest thousand, newest first.", {
        revisions: z.array(z.strictObject(outline)),
      }),
    },
    handle: async ({ params, caller, services: { vault } }) => ({
      status: 200,
      json: { revisions: (await listRevisions(vault, caller, params)).map(outlineOf) },
    }),
  }),
  route({
    method: "get",
    path: `${address}/{revision}`,
    roles: "any",
    summary: "Read a revision, by its id or as `main`",
    params: repositoryParams.extend({ revision: revisionName }),
    answers: {
      200: json("The revision.", { ...outline, createdBy: id, files: z.array(storedFile) }),
    },
    handle: async ({ params, caller, services: { vault } }) => {
      const found = await readRevision(vault, caller, params);
      const { createdBy, files } = found.manifest;
      return { status: 200, json: { ...outlineOf(found), createdBy, files } };
    },
  }),
];

function outlineOf({ revision, manifest }: ReadRevision) {
  const { parent, message, createdAt } = manifest;
  return { revision, parent, message, createdAt };
}
