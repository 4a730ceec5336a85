import type { ColumnType, Generated, JSONColumnType } from "kysely";
import type { LedgerSchema } from "./ledger-schema.ts";
import type { ObjectSchema } from "./object-schema.ts";
import type { RepositorySchema } from "./repository-schema.ts";

/** Rows may be added and read, never changed: triggers refuse it, and the server's role has no right to it. */
export const appendOnlyTables = [
  "ledger_submission",
  "ledger_entry",
  "ledger_tile",
  "ledger_checkpoint",
  "ledger_cosignature",
  "ledger_timestamp",
  "revision",
  "revision_file",
  "model_signature",
  "release_object",
  "release_license",
  "rulebook",
  "movement",
  "rewrapped_key",
  "repository_policy",
] as const;

/** The tables whose rows the server may delete: working state that the ledger has absorbed, that was never committed or that is derived. */
export const deletableTables = [
  "ledger_pending",
  "upload_file",
  "object_part",
  "direct_part",
  "record_term",
] as const;

type Standing = "active" | "suspended" | "revoked";
/** A check that did not pass, by its id and outcome alone. */
type FoundCheck = { readonly check: string; readonly outcome: string };
type Json = JSONColumnType<Record<string, unknown>, string, string>;
/** JSON that is null where nothing is stated. */
type Stated<Value extends object> = ColumnType<Value | null, string | null, string | null>;

type SchemaElsewhere = LedgerSchema & ObjectSchema & RepositorySchema;

export type Schema = SchemaElsewhere & {
  vault: { singleton: Generated<boolean>; id: string; created_at: Date };
  bootstrap_token: { hash: Buffer; created_at: Date; used_at: Date | null };
  person: {
    id: string;
    state: Standing | "erased";
    version: number;
    /** Both null as soon as the person is erased. */
    facts: Buffer | null;
    wrapped_key: Buffer | null;
    custodian_key: string;
    commitment: Buffer;
    submission: bigint;
    created_at: Date;
    indexed_version: Generated<number>;
  };
  entity: {
    id: string;
    state: Standing;
    version: number;
    name: string;
    country: string | null;
    headquarters: string | null;
    ultimate_parent_headquarters: string | null;
    ownership: "no-listed-owner" | "listed-owner-below-half" | "listed-owner-half-or-more" | null;
    acknowledgements: Stated<readonly unknown[]>;
    salt: Buffer;
    submission: bigint;
    created_at: Date;
  };
  workload: {
    id: string;
    state: Standing;
    version: number;
    name: string;
    accountable: string;
    entity: string;
    salt: Buffer;
    submission: bigint;
    created_at: Date;
  };
  principal: {
    id: string;
    issuer: string;
    subject: string;
    person: string | null;
    workload: string | null;
    created_at: Date;
  };
  token: {
    id: string;
    hash: Buffer;
    principal: string;
    roles: string[];
    issued_by: string | null;
    created_at: Date;
    expires_at: Date;
    revoked_at: Date | null;
  };
  classification: {
    id: string;
    repository: string;
    state: "proposed" | "approved" | "superseded";
    jurisdiction: string;
    eccn: string;
    paragraph: string | null;
    basis: "self" | "CCATS" | "counsel";
    datasheet: Json;
    datasheet_sha256: string | null;
    justification: string | null;
    attributes: Stated<Record<string, unknown>>;
    proposed_by: string;
    proposed_at: Date;
    approved_by: string | null;
    approved_at: Date | null;
    salt: Buffer;
    submission: bigint;
  };
  license: {
    id: string;
    number: string;
    kind: string;
    state: "draft" | Standing;
    version: number;
    scope: Json;
    conditions: string;
    riders: Stated<readonly unknown[]>;
    valid_from: string;
    valid_until: string;
    releases_allowed: number | null;
    releases_used: Generated<number>;
    entered_by: string;
    activated_by: string | null;
    salt: Buffer;
    submission: bigint;
    created_at: Date;
  };
  grant: {
    id: string;
    principal: string;
    repository: string;
    purpose: string;
    state: Standing;
    version: number;
    valid_from: Date;
    valid_until: Date;
    bytes_allowed: bigint | null;
    bytes_used: Generated<bigint>;
    made_by: string;
    salt: Buffer;
    submission: bigint;
    created_at: Date;
  };
  override: {
    id: string;
    state: "proposed" | "approved" | "withdrawn";
    version: number;
    requirement: string;
    requirement_sha256: Buffer;
    action: "set-aside" | "enforce";
    reason: string;
    counsel: string;
    valid_from: string;
    valid_until: string;
    proposed_by: string;
    proposed_at: Date;
    approved_by: string | null;
    approved_at: Date | null;
    withdrawn_by: string | null;
    withdrawn_at: Date | null;
    salt: Buffer;
    submission: bigint;
  };
  rulebook: { digest: string; content: string; created_at: Date };
  redecision: {
    singleton: Generated<boolean>;
    next_index: Generated<bigint>;
    swept_at: Date | null;
    holder: string | null;
    lease_until: Date | null;
  };
  redecision_seen: { what: "rulebook" | "list" | "sites"; value: string; seen_at: Date };
  grant_review: {
    grant: string;
    called: Generated<bigint>;
    answered: Generated<bigint>;
    retry_at: Date | null;
    was_allowed: Generated<boolean>;
    sites_allowing: number | null;
    flagged_at: Date | null;
    decided_at: Date | null;
  };
  grant_verdict: {
    grant: string;
    site: string;
    verdict: "allow" | "deny" | "hold";
    checks: JSONColumnType<readonly FoundCheck[], string, string>;
    rulebook: string;
    was_allowed: boolean;
    since: Date;
    decided_at: Date;
  };
  release: {
    id: string;
    principal: string;
    token: string;
    repository: string;
    revision: string;
    way: "enclosed" | "stream";
    verdict: "allow" | "deny" | "hold";
    state:
      | "allowed"
      | "opening"
      | "delivered"
      | "failed"
      | "abandoned"
      | "unknown"
      | "denied"
      | "held";
    decision: Json;
    grant: string | null;
    reuse_key: Buffer;
    object_count: number;
    object_list_sha256: Buffer;
    bytes_total: bigint;
    bytes_charged: Generated<bigint>;
    bytes_delivered: Generated<bigint>;
    streams: Generated<number>;
    is_broken: Generated<boolean>;
    node: string | null;
    lease_until: Date;
    created_at: Date;
    expires_at: Date;
    submission: bigint;
    outcome: bigint | null;
  };
  release_object: {
    release: string;
    position: number;
    path: string;
    object: string;
    size_bytes: bigint;
    sha256: Buffer;
  };
  release_license: { release: string; license: string };
  evidence: {
    id: string;
    release: string;
    person: string;
    commitment: Buffer;
    /** Null as soon as the person is erased. */
    sealed: Buffer | null;
    created_at: Date;
    is_indexed: Generated<boolean>;
  };
  hold: {
    id: string;
    state: "placed" | "lifted";
    version: number;
    kind: "legal" | "agency-request";
    scope: "everything" | "person" | "entity" | "repository" | "license";
    target: string | null;
    reference: string;
    reason: string;
    placed_by: string;
    placed_at: Date;
    lift_reason: string | null;
    authorization: string | null;
    lifted_by: string | null;
    lifted_at: Date | null;
    salt: Buffer;
    submission: bigint;
  };
  movement: {
    id: string;
    release: string;
    what: "reexport" | "transfer" | "diversion";
    moved_on: string;
    description: string;
    noted_by: string;
    noted_at: Date;
    salt: Buffer;
    submission: bigint;
  };
  term_key: {
    singleton: Generated<boolean>;
    wrapped_key: Buffer;
    custodian_key: string;
    created_at: Date;
  };
  custody_rotation: {
    id: string;
    kek: string;
    state: "running" | "finished" | "superseded";
    begun_by: string;
    begun_at: Date;
    ended_at: Date | null;
    rewrapped: Generated<bigint>;
    rejected: Generated<bigint>;
    digest: Buffer;
    holder: string | null;
    lease_until: Date | null;
    submission: bigint;
    outcome: bigint | null;
  };
  rewrapped_key: {
    rotation: string;
    position: bigint;
    noun: "object" | "person" | "term";
    record: string;
    old_sha256: Buffer;
    new_sha256: Buffer;
  };
  record_term: {
    term: Buffer;
    noun: "person" | "release";
    place: bigint;
    record: string;
    person: string;
  };
};
