import type { Response } from "express";
import type { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";

/** What is known of a request while it is served; the log line is made of it. */
export type RequestState = {
  readonly id: string;
  readonly startedAt: number;
  /** The strictly decoded segments of the request's path. */
  segments: readonly string[];
  /** The template of the route that answers; null where none does. */
  route: string | null;
  caller: Caller | null;
  refusal: Refusal | null;
  release: string | null;
  /** Resolves when the route has done what it does; a client that goes away ends the answer earlier. */
  work: Promise<void>;
};

const name = "weightvault";

/** Begins a request's state. */
export function beginState(res: Response, id: string, startedAt: number): RequestState {
  const state: RequestState = {
    id,
    startedAt,
    segments: [],
    route: null,
    caller: null,
    refusal: null,
    release: null,
    work: Promise.resolve(),
  };
  res.locals[name] = state;
  return state;
}

/** The state of the request that `res` answers. */
export function stateOf(res: Response): RequestState {
  return res.locals[name] as RequestState;
}
