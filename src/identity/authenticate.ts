import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { type Role, tokenHash } from "./token.ts";

/** An authenticated principal with the roles of the token that it showed. */
export type Caller = {
  readonly token: string;
  readonly principal: string;
  readonly roles: ReadonlySet<string>;
  /** The natural person who acts, or who answers for the workload that acts. */
  readonly person: string;
  readonly workload: string | null;
  /** False as soon as the person, workload or its entity is suspended or revoked. */
  readonly isActive: boolean;
  readonly tokenExpiresAt: Date;
};

/**
 * Who shows this bearer token. Throws `not_authenticated` for an unknown, malformed or revoked one and `token_expired`
 * for one whose time is over: the two are told apart only for a token that was once ours.
 */
export async function authenticate(db: Kysely<Schema>, bearer: string, now: Date): Promise<Caller> {
  const hash = tokenHash(bearer);
  const row = hash === null ? undefined : await findToken(db, hash);
  if (row === undefined || row.revoked_at !== null) {
    throw new Refusal("not_authenticated", "the token is unknown or revoked");
  }
  if (row.expires_at <= now)
    throw new Refusal("token_expired", `the token expired at ${row.expires_at.toISOString()}`);
  const person = row.person ?? row.accountable;
  if (person === null) throw new Error("a principal is neither a person nor a workload");
  const states = [row.person_state, row.workload_state, row.accountable_state, row.entity_state];
  return {
    token: row.id,
    principal: row.principal,
    roles: new Set(row.roles),
    person,
    workload: row.workload,
    isActive: states.every((state) => state === null || state === "active"),
    tokenExpiresAt: row.expires_at,
  };
}

/** Throws `role_missing` unless the caller's token has one of the roles. */
export function assertRole(caller: Caller, allowed: readonly Role[]): void {
  if (allowed.some((role) => caller.roles.has(role))) return;
  throw new Refusal("role_missing", `this needs one of the roles ${allowed.join(", ")}`, {
    members: { roles: allowed },
  });
}

/** Throws `principal_suspended` unless the caller is in good standing. A release asks the decision instead, which records the refusal. */
export function assertActive(caller: Caller): void {
  if (!caller.isActive)
    throw new Refusal(
      "principal_suspended",
      "the principal behind this token is suspended or revoked",
    );
}

async function findToken(db: Kysely<Schema>, hash: Buffer) {
  return await db
    .selectFrom("token")
    .innerJoin("principal", "principal.id", "token.principal")
    .leftJoin("person", "person.id", "principal.person")
    .leftJoin("workload", "workload.id", "principal.workload")
    .leftJoin("person as accountable", "accountable.id", "workload.accountable")
    .leftJoin("entity", "entity.id", "workload.entity")
    .where("token.hash", "=", hash)
    .select([
      "token.id",
      "token.principal",
      "token.roles",
      "token.expires_at",
      "token.revoked_at",
      "principal.person",
      "principal.workload",
      "workload.accountable",
      "person.state as person_state",
      "workload.state as workload_state",
      "accountable.state as accountable_state",
      "entity.state as entity_state",
    ])
    .executeTakeFirst();
}
