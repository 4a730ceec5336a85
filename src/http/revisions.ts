import { z } from "zod";
import { keptLineageForm } from "../lineage/form.ts";
import { listRevisions, readRevision } from "../vault/list-revisions.ts";
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
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(200).default(50),
      before: revisionId
        .optional()
        .describe("The last revision of the page before: this page has older ones."),
    }),
    answers: {
      200: json("Newest first; as many as `limit`, while there are older ones.", {
        revisions: z.array(z.strictObject(outline)),
      }),
    },
    handle: async ({ params, query, caller, services: { vault } }) => {
      const { limit, before = null } = query;
      const revisions = await listRevisions(vault, caller, { ...params, limit, before });
      return { status: 200, json: { revisions } };
    },
  }),
  route({
    method: "get",
    path: `${address}/{revision}`,
    roles: "any",
    summary: "Read a revision, by its id or as `main`",
    params: repositoryParams.extend({ revision: revisionName }),
    answers: {
      200: json(
        "The revision. Its id is the beginning of the SHA-256 of the members but for it, and for a lineage that is null, as canonical JSON (RFC 8785).",
        {
          ...outline,
          repository: id,
          createdBy: id,
          files: z.array(storedFile),
          lineage: keptLineageForm.nullable(),
        },
      ),
    },
    handle: async ({ params, caller, services: { vault } }) => {
      const { revision, manifest } = await readRevision(vault, caller, params);
      const { repository, parent, message, createdAt, createdBy, files } = manifest;
      const outlined = { revision, parent, message, createdAt };
      const { lineage = null } = manifest;
      return { status: 200, json: { ...outlined, repository, createdBy, files, lineage } };
    },
  }),
];
