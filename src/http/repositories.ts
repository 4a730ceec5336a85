import { z } from "zod";
import { listClassifications } from "../vault/classification.ts";
import { type RepositoryPolicy, readPolicy, setPolicy } from "../vault/policy.ts";
import {
  createRepository,
  findVisibleRepository,
  listRepositories,
  type Repository,
} from "../vault/repository.ts";
import type { Vault } from "../vault/vault.ts";
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

const policy = z
  .strictObject({
    requireProved: z
      .boolean()
      .describe("Whether the repository itself demands that files are proved before a release."),
    requiredByVault: z
      .boolean()
      .describe("Whether the vault demands it of every repository, whatever this one does."),
    version: z.int().min(0).describe("Counts the changes; 0 where nobody set one."),
    setBy: id.nullable().describe("The officer behind the newest change."),
    setAt: givenInstant.nullable(),
  })
  .describe("What the repository demands of its releases.");

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
    summary: "Read a repository, its policy and its classification in force",
    params: repositoryParams,
    answers: {
      200: json("The repository.", {
        ...shape,
        policy,
        classification: classification.nullable(),
      }),
    },
    handle: async ({ params, caller, services: { vault } }) => {
      const repository = await findVisibleRepository(vault, caller, params);
      const classifications = await listClassifications(vault, params);
      const approved = classifications.find(({ state }) => state === "approved");
      const inForce = approved === undefined ? null : outlineOf(approved);
      const inPolicy = policyOutline(vault, await readPolicy(vault, repository.id));
      return {
        status: 200,
        json: { ...outline(repository), policy: inPolicy, classification: inForce },
      };
    },
  }),
  route({
    method: "put",
    path: "/v1/repositories/{namespace}/{name}/policy",
    roles: ["export-officer"],
    summary:
      "Set a repository's policy; another officer than the one who made it strict makes it less strict",
    params: repositoryParams,
    body: z.strictObject({
      requireProved: z
        .boolean()
        .describe("No file is released before the vault has read it and proved its digest."),
    }),
    answers: { 200: json("The policy in force.", { policy }) },
    handle: async ({ params, body, caller, services: { vault } }) => ({
      status: 200,
      json: {
        policy: policyOutline(vault, await setPolicy(vault, caller, { ...params, ...body })),
      },
    }),
  }),
];

function outline({ id, namespace, name, head, created_at: createdAt }: Repository) {
  return { id, namespace, name, head, createdAt };
}

function policyOutline({ limits }: Pick<Vault, "limits">, inForce: RepositoryPolicy) {
  const { requireProved, version, setBy, setAt } = inForce;
  const requiredByVault = limits.releaseDeclared === "refuse";
  return { requireProved, requiredByVault, version, setBy, setAt };
}
