import { z } from "zod";
import { createDocument, type ZodOpenApiObject, type ZodOpenApiOperationObject } from "zod-openapi";
import { refusals } from "../errors.ts";
import type { Answer, Route } from "./route.ts";

const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(Object.keys(refusals)),
    remedy: z.string(),
    instance: z.string(),
    requestId: z.string(),
  })
  .meta({ id: "Problem", description: "RFC 9457. Clients branch on `code`." });

const refused = {
  description: "A refusal, with a stable code and what to do about it.",
  content: { "application/problem+json": { schema: problem } },
};

/** The API as OpenAPI 3.1 describes it, made of the same schemas that requests are parsed with. */
export function describeApi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll("...}", "}");
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  const document: ZodOpenApiObject = {
    openapi: "3.1.1",
    info: {
      title: "weightvault",
      version,
      summary:
        "A vault for model weights that releases keys only after a recorded export decision.",
      license: { name: "UNLICENSED" },
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "A token of the vault: `wv_...`" },
      },
    },
  };
  return createDocument(document);
}

function operation(route: Route): ZodOpenApiOperationObject {
  const { method, path, summary, roles, params, query, body } = route;
  return {
    operationId: operationId(method, path),
    summary,
    ...(roles === "public" ? { security: [] } : {}),
    ...(typeof roles === "string" ? {} : { description: `Roles: ${roles.join(", ")}.` }),
    requestParams: {
      ...(isEmpty(params) ? {} : { path: params }),
      ...(isEmpty(query) ? {} : { query }),
    },
    ...(body === null
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: body } } } }),
    ...(route.takesBytes === true
      ? { requestBody: { required: true, content: { "application/octet-stream": {} } } }
      : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.answers).map(([status, answer]) => [status, response(answer)]),
      ),
      default: refused,
    },
  };
}

function response({ description, json, content }: Answer) {
  if (json !== undefined) return { description, content: { "application/json": { schema: json } } };
  return content === undefined ? { description } : { description, content: { [content]: {} } };
}

function isEmpty(schema: z.ZodObject): boolean {
  return Object.keys(schema.shape).length === 0;
}

/** `get /v1/releases/{id}/receipt` is `get-releases-id-receipt`. */
function operationId(method: string, path: string): string {
  const words = path.replace(/^\/v1\//, "/").match(/[A-Za-z]+/g) ?? [];
  return [method, ...words].join("-");
}
