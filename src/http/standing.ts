import type { StandingNoun } from "../vault/row.ts";
import { changeStanding, type StandingChange } from "../vault/standing.ts";
import { type Route, route } from "./route.ts";
import { done, idParams } from "./schema.ts";

const collections = {
  persons: "person",
  entities: "entity",
  workloads: "workload",
  licenses: "license",
  grants: "grant",
} as const satisfies Record<string, StandingNoun>;

const changes = {
  suspend: "suspended",
  reinstate: "reinstated",
  revoke: "revoked",
} as const satisfies Record<string, StandingChange>;

/** Suspend, reinstate and revoke, the same for whatever a decision rests on. */
export const standingRoutes: readonly Route[] = Object.entries(collections).flatMap(
  ([collection, noun]) =>
    Object.entries(changes).map(([verb, change]) =>
      route({
        method: "post",
        path: `/v1/${collection}/{id}/${verb}`,
        roles: ["export-officer"],
        summary: `${verb[0]?.toUpperCase()}${verb.slice(1)} a ${noun}`,
        params: idParams,
        answers: { 204: done },
        handle: async ({ params, caller, services: { vault } }) => {
          await changeStanding(vault, caller, { noun, id: params.id, change });
          return { status: 204 };
        },
      }),
    ),
);
