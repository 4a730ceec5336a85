import { randomUUID } from "node:crypto";
import type { RequestHandler } from "express";
import type { Logger } from "pino";
import { beginState, type RequestState } from "./state.ts";

const saneId = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * Names the request, by the client's own name for it where that is sane, and writes its one line when it is over: method, route,
 * status, time and principal; never a body, a token, or an address with its query.
 */
export function logRequests(log: Logger): RequestHandler {
  return (req, res, next) => {
    const given = req.headers["x-request-id"];
    const id = typeof given === "string" && saneId.test(given) ? given : randomUUID();
    const state = beginState(res, id, performance.now());
    res.setHeader("X-Request-Id", id);
    res.once("close", () => {
      const line = { method: req.method, status: res.statusCode, ...outline(state) };
      const isWhole = res.writableFinished;
      if (res.statusCode >= 500 && isWhole && state.refusal !== null)
        log.error(withCause(line, state), "request failed");
      else if (!isWhole) log.warn(withCause(line, state), "request cut off");
      else log.info(line, "request");
    });
    next();
  };
}

function outline({ id, startedAt, route, caller, refusal, release }: RequestState) {
  return {
    request: id,
    route,
    ms: Math.round(performance.now() - startedAt),
    ...(caller === null ? {} : { principal: caller.principal }),
    ...(refusal === null ? {} : { code: refusal.code }),
    ...(release === null ? {} : { release }),
  };
}

function withCause(line: object, { refusal }: RequestState) {
  return refusal === null ? line : { ...line, err: refusal };
}
