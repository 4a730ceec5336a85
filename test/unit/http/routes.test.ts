import { expect, test } from "@jest/globals";
import { Validator } from "@seriousme/openapi-schema-validator";
import type express from "express";
import { Refusal, refusals } from "../../../src/errors.ts";
import { createApp } from "../../../src/http/app.ts";
import { routerPath } from "../../../src/http/mount.ts";
import { describeApi } from "../../../src/http/openapi.ts";
import type { Services } from "../../../src/http/route.ts";
import { routes } from "../../../src/http/routes.ts";
import { roles } from "../../../src/identity/token.ts";

const services = {
  checks: {},
  isDraining: () => false,
  explain: () => new Refusal("internal", "unexpected"),
} as unknown as Services;

/** Method and path of what an express application answers, asked of the application itself. */
function mounted(app: express.Express): string[] {
  const layers = app.router.stack as unknown as {
    route?: { path: string; methods: Record<string, boolean> };
  }[];
  return layers.flatMap(({ route }) =>
    route === undefined
      ? []
      : Object.keys(route.methods).map((method) => `${method} ${route.path}`),
  );
}

test("every route says who may call it", () => {
  for (const { method, path, roles: admitted } of routes) {
    const isNamed =
      admitted === "public" ||
      admitted === "any" ||
      (admitted.length > 0 && admitted.every((role) => roles.includes(role)));
    expect([method, path, isNamed]).toEqual([method, path, true]);
  }
});

test("what is public is this and no more", () => {
  const open = routes.filter((route) => route.roles === "public");
  expect(open.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
    "get /livez",
    "get /openapi.json",
    "get /readyz",
    "get /v1/ledger/key",
    "post /v1/bootstrap",
  ]);
});

test("only a release lets the suspended come as far as the decision", () => {
  const admitting = routes.filter((route) => route.admitsSuspended === true);
  expect(admitting.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
    "get /v1/repositories/{namespace}/{name}/revisions/{revision}/files/{path...}",
    "post /v1/releases",
  ]);
});

test("the application answers the routes of the table and no others", () => {
  const app = createApp({ ...services, trustedProxies: [] });
  const wanted = routes.map(({ method, path }) => `${method} ${routerPath(path)}`);
  expect(mounted(app)).toEqual(wanted);
  expect(new Set(wanted).size).toBe(wanted.length);
});

test("HEAD comes before GET wherever it is a route of its own, since a GET would answer it", () => {
  const separate = routes.filter(({ method }) => method === "head");
  expect(separate.length).toBe(2);
  for (const { path } of separate) {
    const methods = routes.filter((route) => route.path === path).map(({ method }) => method);
    expect(methods).toEqual(["head", "get"]);
  }
});

test("the description is valid OpenAPI 3.1 and names every route, its access and its problems", async () => {
  const description = JSON.parse(JSON.stringify(describeApi(routes, "0.1.0"))) as {
    openapi: string;
    components: { securitySchemes: object; schemas: { Problem: { properties: object } } };
    paths: Record<
      string,
      Record<string, { security?: unknown[]; operationId: string; responses: object }>
    >;
  };
  const checked = await new Validator().validate(structuredClone(description));
  expect(checked).toMatchObject({ valid: true });
  expect(description.openapi).toBe("3.1.1");
  expect(Object.keys(description.components.securitySchemes)).toEqual(["token"]);
  expect(description.components.schemas.Problem.properties).toMatchObject({
    code: { enum: Object.keys(refusals) },
  });
  const operations = routes.map(({ method, path, roles: admitted }) => {
    const operation = description.paths[path.replace("...", "")]?.[method];
    expect(operation?.security).toEqual(admitted === "public" ? [] : undefined);
    expect(operation?.responses).toMatchObject({
      default: { content: { "application/problem+json": {} } },
    });
    return operation?.operationId;
  });
  expect(new Set(operations).size).toBe(routes.length);
  expect(Object.values(description.paths).flatMap(Object.keys)).toHaveLength(routes.length);
});
