import { z } from "zod";
import { roles } from "../identity/token.ts";
import { listTokens } from "../vault/list-tokens.ts";
import { type IssuedToken, issueToken, revokeToken } from "../vault/token.ts";
import { route } from "./route.ts";
import { daysAfter, done, expiresInDays, givenInstant, id, idParams, json } from "./schema.ts";

const roleList = z.array(z.enum(roles));

/** The text of a token just issued, for the one answer that carries it. */
export function revealText({ text }: IssuedToken): string {
  using secret = text;
  return secret.expose().toString("ascii");
}

export const tokenRoutes = [
  route({
    method: "get",
    path: "/v1/me",
    roles: "any",
    summary: "Who the token speaks for",
    answers: {
      200: json("The caller.", {
        principal: id,
        person: id,
        workload: id.nullable(),
        roles: roleList,
        token: id,
        tokenExpiresAt: givenInstant,
      }),
    },
    handle: async ({ caller }) => {
      const { principal, person, workload, token, tokenExpiresAt } = caller;
      const roles = [...caller.roles].sort();
      return { status: 200, json: { principal, person, workload, roles, token, tokenExpiresAt } };
    },
  }),
  route({
    method: "post",
    path: "/v1/tokens",
    roles: ["operator"],
    summary: "Issue a token",
    body: z.strictObject({
      principal: id,
      roles: roleList.min(1).max(roles.length),
      expiresInDays,
    }),
    answers: {
      201: json("The token; its text is shown this once.", {
        id,
        text: z.string(),
        principal: id,
        roles: roleList,
        expiresAt: givenInstant,
      }),
    },
    handle: async ({ body, caller, services: { vault } }) => {
      const { principal } = body;
      const expiresAt = daysAfter(vault.now(), body.expiresInDays);
      const issued = await issueToken(vault, caller, { principal, roles: body.roles, expiresAt });
      const text = revealText(issued);
      const roles = [...new Set(body.roles)].sort();
      return { status: 201, json: { id: issued.id, text, principal, roles, expiresAt } };
    },
  }),
  route({
    method: "get",
    path: "/v1/tokens",
    roles: ["operator"],
    summary: "List tokens, without their texts",
    query: z.strictObject({ principal: id.optional() }),
    answers: {
      200: json("Tokens, newest first.", {
        tokens: z.array(
          z.strictObject({
            id,
            principal: id,
            roles: roleList,
            createdAt: givenInstant,
            expiresAt: givenInstant,
            revokedAt: givenInstant.nullable(),
          }),
        ),
      }),
    },
    handle: async ({ query, services: { vault } }) => ({
      status: 200,
      json: { tokens: await listTokens(vault, query.principal ?? null) },
    }),
  }),
  route({
    method: "delete",
    path: "/v1/tokens/{id}",
    roles: "any",
    summary: "Revoke a token: one's own, or any as an operator",
    params: idParams,
    answers: { 204: done },
    handle: async ({ params, caller, services: { vault } }) => {
      await revokeToken(vault, caller, params.id);
      return { status: 204 };
    },
  }),
];
