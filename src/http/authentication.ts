import type { Request } from "express";
import { Refusal } from "../errors.ts";
import { assertActive, assertRole, authenticate, type Caller } from "../identity/authenticate.ts";
import type { Route, Services } from "./route.ts";

/** RFC 6750, section 2.1; the scheme's name is case-insensitive. */
const bearer = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;

/** Who calls, by the bearer token. Throws `not_authenticated` or `token_expired`. */
export async function identify(
  { vault }: Pick<Services, "vault">,
  req: Pick<Request, "headers">,
): Promise<Caller> {
  const { authorization } = req.headers;
  if (authorization === undefined)
    throw new Refusal("not_authenticated", "the request has no Authorization header");
  const [, token] = bearer.exec(authorization) ?? [];
  if (token === undefined)
    throw new Refusal("not_authenticated", "the Authorization header is not `Bearer <token>`");
  return await authenticate(vault.database.db, token, vault.now());
}

/** Throws `role_missing` or `principal_suspended` where the caller may not use the route. */
export function admit(caller: Caller, route: Pick<Route, "roles" | "admitsSuspended">): void {
  if (typeof route.roles !== "string") assertRole(caller, route.roles);
  if (route.admitsSuspended !== true) assertActive(caller);
}
