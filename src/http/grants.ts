import { z } from "zod";
import { makeGrant } from "../vault/grant.ts";
import { type GrantRow, listGrants } from "../vault/list-grants.ts";
import { route } from "./route.ts";
import {
  byteCount,
  givenInstant,
  id,
  instant,
  json,
  repositoryOf,
  repositoryText,
  standing,
  text,
} from "./schema.ts";

const shape = {
  id,
  principal: id,
  repository: repositoryText,
  purpose: z.string(),
  state: standing,
  version: z.int(),
  validFrom: givenInstant,
  validUntil: givenInstant,
  bytesAllowed: byteCount.nullable(),
  bytesUsed: byteCount,
  madeBy: id,
  createdAt: givenInstant,
};

export const grantRoutes = [
  route({
    method: "post",
    path: "/v1/grants",
    roles: ["export-officer"],
    summary: "Grant a principal need to know of a repository",
    body: z.strictObject({
      principal: id,
      repository: repositoryText,
      purpose: text(2_000),
      validFrom: instant.optional(),
      validUntil: instant,
      bytesAllowed: byteCount.nullable().default(null),
    }),
    answers: { 201: json("The grant.", { grant: id }) },
    handle: async ({ body, caller, services: { vault } }) => {
      const { principal, purpose, validFrom, validUntil, bytesAllowed } = body;
      const made = await makeGrant(vault, caller, {
        ...repositoryOf(body.repository),
        principal,
        purpose,
        validFrom: validFrom === undefined ? vault.now() : new Date(validFrom),
        validUntil: new Date(validUntil),
        bytesAllowed: bytesAllowed === null ? null : BigInt(bytesAllowed),
      });
      return { status: 201, json: made };
    },
  }),
  route({
    method: "get",
    path: "/v1/grants",
    roles: ["export-officer"],
    summary: "List grants",
    query: z.strictObject({ principal: id.optional(), repository: repositoryText.optional() }),
    answers: { 200: json("Grants, newest first.", { grants: z.array(z.strictObject(shape)) }) },
    handle: async ({ query, services: { vault } }) => {
      const { principal = null, repository } = query;
      const grants = await listGrants(vault, {
        principal,
        repository: repository === undefined ? null : repositoryOf(repository),
      });
      return { status: 200, json: { grants: grants.map(outline) } };
    },
  }),
];

function outline(row: GrantRow) {
  const { id, principal, namespace, name, purpose, state, version } = row;
  return {
    id,
    principal,
    repository: `${namespace}/${name}`,
    purpose,
    state,
    version,
    validFrom: row.valid_from,
    validUntil: row.valid_until,
    bytesAllowed: row.bytes_allowed === null ? null : Number(row.bytes_allowed),
    bytesUsed: Number(row.bytes_used),
    madeBy: row.made_by,
    createdAt: row.created_at,
  };
}
