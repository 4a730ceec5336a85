import type { RequestHandler, Response } from "express";
import type { z } from "zod";
import { isRefusal, Refusal } from "../errors.ts";
import { admit, identify } from "./authentication.ts";
import { hasBody, receiveAll } from "./bytes.ts";
import { jsonLimitBytes, receiveJson } from "./json.ts";
import { matchTemplate } from "./path.ts";
import { repeatedRefusal, schemaRefusal } from "./problem.ts";
import type { Call, Reply, Route, Services } from "./route.ts";
import { stateOf } from "./state.ts";

/** A route's template as the router writes it. */
export function routerPath(template: string): string {
  return template.replaceAll(/\{(\w+)\.\.\.\}/g, "*$1").replaceAll(/\{(\w+)\}/g, ":$1");
}

/**
 * Serves one route: who calls, whether they may, what they ask for, the answer; each only after the one before. The caller is known and
 * admitted before a byte of the body is read.
 */
export function serve(route: Route, services: Services): RequestHandler {
  return async (req, res) => {
    const state = stateOf(res);
    const { promise, resolve } = Promise.withResolvers<void>();
    state.route = route.path;
    state.work = promise;
    try {
      const reply = await answer(route, services, { req, res });
      if (reply !== null) send(res, reply);
    } catch (thrown) {
      state.refusal = isRefusal(thrown) ? thrown : services.explain(thrown);
      throw state.refusal;
    } finally {
      resolve();
    }
  };
}

async function answer(
  route: Route,
  services: Services,
  { req, res }: Pick<Call, "req" | "res">,
): Promise<Reply | null> {
  const state = stateOf(res);
  if (route.roles !== "public" && route.isOpen?.(services) !== true) {
    state.caller = await identify(services, req);
    admit(state.caller, route);
  }
  const params = parseParams(route, state.segments);
  const query = parseQuery(route, { ...req.query });
  const body = await readBody(route, req, res);
  const caller = state.caller;
  return await route.handle({ params, query, body, caller, services, req, res });
}

/** Identifiers that cannot be ours name nothing. */
function parseParams(route: Route, segments: readonly string[]): unknown {
  const given = matchTemplate(route.path, segments);
  const parsed = given === null ? null : route.params.safeParse(given);
  if (parsed?.success !== true) throw new Refusal("not_found", "the address names no such thing");
  return parsed.data;
}

/** No member of a query of ours is a list. */
function parseQuery({ query }: Route, given: Readonly<Record<string, unknown>>): unknown {
  const repeated = Object.keys(given).filter((name) => Array.isArray(given[name]));
  if (repeated.length > 0) throw repeatedRefusal(repeated);
  return parse(query, given, "query");
}

function parse(schema: z.ZodType, given: unknown, place: "body" | "query"): unknown {
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw schemaRefusal(parsed.error.issues, place);
  return parsed.data;
}

async function readBody(
  route: Route,
  req: Parameters<RequestHandler>[0],
  res: Response,
): Promise<unknown> {
  if (route.takesBytes === true) return undefined;
  if (route.body !== null) return parse(route.body, await receiveJson(req, res), "body");
  if (hasBody(req)) await receiveAll(req, res, jsonLimitBytes);
  return undefined;
}

function send(res: Response, { status, json, headers = {} }: Reply): void {
  res.status(status);
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  if (json === undefined) {
    res.end();
    return;
  }
  const body = Buffer.from(JSON.stringify(json), "utf8");
  res.setHeader("Content-Type", "application/json; charset=utf-8");
  res.setHeader("Content-Length", body.length);
  res.end(body);
}
