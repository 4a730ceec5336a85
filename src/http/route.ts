import type { Request, Response } from "express";
import type { Logger } from "pino";
import { z } from "zod";
import type { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import type { Role } from "../identity/token.ts";
import type { ReleaseRequest } from "../vault/decide.ts";
import type { Vault } from "../vault/vault.ts";

/** What the composition root gives to the wire. */
export type Services = {
  readonly vault: Vault;
  /** The ledger's verification key and origin, as an auditor pins them. */
  readonly verificationKey: string;
  readonly origin: string;
  /** The ledger's own keys of ML-DSA-44, as an auditor pins them. */
  readonly mlDsaKeys: readonly string[];
  /** What of the ledger everybody may read: nothing, the checkpoint and the tiles of hashes, or the entries too. */
  readonly ledgerPublic: "none" | "tiles" | "entries";
  /** Where a request from this address will be received; what is no address or of no site of ours is unknown. */
  readonly destinationOf: (address: string) => ReleaseRequest["destination"];
  /** A site of ours as a destination; null for a name that no site has. */
  readonly destinationNamed: (site: string) => ReleaseRequest["destination"] | null;
  /** What /readyz asks, by name. */
  readonly checks: Readonly<Record<string, () => Promise<void>>>;
  readonly isDraining: () => boolean;
  /** Turns what the rooms below throw besides refusals into one. */
  readonly explain: (thrown: unknown) => Refusal;
  readonly log: Logger;
};

export type Method = "get" | "head" | "post" | "put" | "delete";

/** Who may call: holders of one of the roles, everybody with a token, or everybody. */
export type Access = readonly [Role, ...Role[]] | "any" | "public";

export type Answer = {
  readonly description: string;
  /** The schema of a JSON body. */
  readonly json?: z.ZodType;
  /** The content type of another body. */
  readonly content?: string;
};

/** One parsed call of a route. `caller` is null on public routes alone. */
export type Call<Params = unknown, Query = unknown, Body = unknown, Who = Caller | null> = {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly caller: Who;
  readonly services: Services;
  readonly req: Request;
  readonly res: Response;
};

/** A JSON answer, or an empty one. */
export type Reply = {
  readonly status: number;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

type Description = {
  readonly method: Method;
  /** An OpenAPI template; `{path...}` at its end takes the rest of the path, slashes and all. */
  readonly path: `/${string}`;
  readonly summary: string;
  readonly answers: Readonly<Record<number, Answer>>;
  /** The route reads the request's bytes itself: a file's content. */
  readonly takesBytes?: boolean;
  /** The export decision refuses the suspended here, and records that it did. */
  readonly admitsSuspended?: boolean;
  /** The configuration opens it to everybody: nobody is asked who they are then, and there is no caller. */
  readonly isOpen?: (services: Services) => boolean;
};

type Definition<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Who,
> = Description & {
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** Null where the handler has answered itself. */
  handle(call: Call<z.output<Params>, z.output<Query>, z.output<Body>, Who>): Promise<Reply | null>;
};

/** A row of the one table of routes. */
export type Route = Description & {
  readonly roles: Access;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly body: z.ZodType | null;
  handle(call: Call): Promise<Reply | null>;
};

const nothing = z.strictObject({});

/** A route for callers with a token. */
export function route<
  Params extends z.ZodObject = typeof nothing,
  Query extends z.ZodObject = typeof nothing,
  Body extends z.ZodType = z.ZodUndefined,
>(
  definition: Definition<Params, Query, Body, Caller> & {
    readonly roles: Exclude<Access, "public">;
  },
): Route {
  return complete(definition, definition.roles);
}

/** A route for everybody. */
export function publicRoute<
  Params extends z.ZodObject = typeof nothing,
  Query extends z.ZodObject = typeof nothing,
  Body extends z.ZodType = z.ZodUndefined,
>(definition: Definition<Params, Query, Body, null>): Route {
  return complete(definition, "public");
}

function complete<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Who extends Caller | null,
>(definition: Definition<Params, Query, Body, Who>, roles: Access): Route {
  const { params, query, body, ...rest } = definition;
  return {
    ...rest,
    roles,
    params: params ?? nothing,
    query: query ?? nothing,
    body: body ?? null,
    // The call was parsed by this route's own schemas, and its access decides whether there is a caller.
    handle: async (call) =>
      await definition.handle(call as Parameters<typeof definition.handle>[0]),
  };
}
