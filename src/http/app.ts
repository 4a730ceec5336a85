import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import { isRefusal, Refusal } from "../errors.ts";
import { remembered } from "./health.ts";
import { routerPath, serve } from "./mount.ts";
import { matchTemplate, pathSegments, targetPath } from "./path.ts";
import { sendProblem } from "./problem.ts";
import { logRequests } from "./request-log.ts";
import type { Services } from "./route.ts";
import { routes } from "./routes.ts";
import { stateOf } from "./state.ts";

export type AppOptions = Services & {
  /** Addresses and networks whose X-Forwarded-For is believed; empty believes none. */
  readonly trustedProxies: readonly string[];
  /** Further rooms of the wire, asked after the routes of the table. */
  readonly rooms?: readonly RequestHandler[];
};

/** The vault on the wire. Whoever listens calls `attach` on the server too. */
export function createApp({ trustedProxies, rooms = [], ...given }: AppOptions): express.Express {
  const services: Services = { ...given, checks: remembered(given.checks) };
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.enable("strict routing");
  app.enable("case sensitive routing");
  app.set("query parser", "simple");
  app.set("trust proxy", trustedProxies.length === 0 ? false : [...trustedProxies]);
  app.use(logRequests(services.log));
  app.use(protect(services));
  app.use(readPath);
  for (const route of routes) app[route.method](routerPath(route.path), serve(route, services));
  for (const room of rooms) app.use(room);
  app.use(refuseUnknown);
  app.use(refuse(services));
  return app;
}

/** Headers that keep browsers from doing more with an answer than show it, and caches from keeping it. */
function protect({ isDraining }: Services): RequestHandler {
  return (req, res, next) => {
    res.setHeader("X-Content-Type-Options", "nosniff");
    res.setHeader("X-Frame-Options", "DENY");
    res.setHeader("Referrer-Policy", "no-referrer");
    res.setHeader("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    res.setHeader("Cross-Origin-Resource-Policy", "same-origin");
    res.setHeader("Cache-Control", "no-store");
    if (req.secure) res.setHeader("Strict-Transport-Security", "max-age=31536000");
    if (isDraining()) res.setHeader("Connection", "close");
    next();
  };
}

const readPath: RequestHandler = (req, res, next) => {
  const path = targetPath(req.url);
  stateOf(res).segments = pathSegments(path);
  next();
};

/** 405 with the methods that the address answers, else 404. */
const refuseUnknown: RequestHandler = (req, res) => {
  const { segments } = stateOf(res);
  const methods = routes
    .filter(({ path }) => matchTemplate(path, segments) !== null)
    .flatMap(({ method }) => (method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()]));
  // An address that only decodes to a route's is not the route's.
  if (methods.length === 0 || methods.includes(req.method))
    throw new Refusal("not_found", "there is nothing at this address");
  const allowed = [...new Set(methods)].join(", ");
  res.setHeader("Allow", allowed);
  throw new Refusal("method_not_allowed", `the address answers ${allowed}`);
};

/** Everything that is thrown ends here. Once an answer has begun, only cutting it off can say that it failed. */
function refuse({ explain }: Services): ErrorRequestHandler {
  return (thrown: unknown, _req, res, _next) => {
    const refusal = isRefusal(thrown) ? thrown : explain(thrown);
    stateOf(res).refusal = refusal;
    if (res.headersSent) res.destroy();
    else if (!res.destroyed) sendProblem(res, refusal);
  };
}
