import { z } from "zod";
import { listClassifications } from "../vault/classification.ts";
import {
  createRepository,
  findVisibleRepository,
  listRepositories,
  type Repository,
} from "../vault/repository.ts";
import { classification, outlineOf } from "./classifications.ts";
import { route } from "./route.ts";
import { givenInstant, id, json, repositoryParams, revisionId } from "./schema.ts";

const shape = {
  id,
  namespace: z.string(),
  name: z.string(),
  head: revisionId.nullable(),
  createdAt: givenInstant,
};

export const repositoryRoutes = [
  route({
    method: "post",
    path: "/v1/repositories",
    roles: ["uploader", "export-officer", "operator"],
    summary: "Make a repository",
    // The vault has its own refusal for a bad name.
    body: z.strictObject({ namespace: z.string(), name: z.string() }),
    answers: { 201: json("The repository.", { repository: id }) },
    handle: async ({ body, caller, services: { vault } }) => ({
      status: 201,
      json: await createRepository(vault, caller, body),
    }),
  }),
  route({
    method: "get",
    path: "/v1/repositories",
    roles: "any",
    summary: "List the repositories that the caller may know of",
    answers: {
      200: json("Repositories, by name.", { repositories: z.array(z.strictObject(shape)) }),
    },
    handle: async ({ caller, services: { vault } }) => ({
      status: 200,
      json: { repositories: (await listRepositories(vault, caller)).map(outline) },
    }),
  }),
  route({
    method: "get",
    path: "/v1/repositories/{namespace}/{name}",
    roles: "any",
    summary: "Read a repository and its classification in force",
    params: repositoryParams,
    answers: {
      200: json("The repository.", { ...shape, classification: classification.nullable() }),
    },
    handle: async ({ params, caller, services: { vault } }) => {
      const repository = await findVisibleRepository(vault, caller, params);
      const classifications = await listClassifications(vault, params);
      const approved = classifications.find(({ state }) => state === "approved");
      const inForce = approved === undefined ? null : outlineOf(approved);
      return { status: 200, json: { ...outline(repository), classification: inForce } };
    },
  }),
];

function outline({ id, namespace, name, head, created_at: createdAt }: Repository) {
  return { id, namespace, name, head, createdAt };
}
