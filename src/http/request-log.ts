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
      const status = res.headersSent ? res.statusCode : null;
      const line = {
        method: req.method,
        status,
        ms: sinceMs(state),
        isWhole: res.writableFinished,
      };
      // The client may go away first; what became of the work belongs into the line.
      void state.work.then(() => write(log, state, line));
    });
    next();
  };
}

type Ending = {
  readonly method: string;
  readonly status: number | null;
  readonly ms: number;
  readonly isWhole: boolean;
};

function write(log: Logger, state: RequestState, { isWhole, ...ending }: Ending): void {
  const line = { ...ending, ...outline(state) };
  const { refusal } = state;
  if (refusal !== null && refusal.status >= 500)
    log.error({ ...line, err: refusal }, "request failed");
  else if (!isWhole) log.warn(line, "request cut off");
  else log.info(line, "request");
}

function sinceMs({ startedAt }: RequestState): number {
  return Math.round(performance.now() - startedAt);
}

function outline({ id, route, caller, refusal, release }: RequestState) {
  return {
    request: id,
    route,
    ...(caller === null ? {} : { principal: caller.principal }),
    ...(refusal === null ? {} : { code: refusal.code }),
    ...(release === null ? {} : { release }),
  };
}
