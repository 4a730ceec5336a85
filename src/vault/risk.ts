import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { helpFor } from "../export-control/help.ts";
import type { Caller } from "../identity/authenticate.ts";
import { decideHypothetically, type Hypothetical, partyOf } from "./hypothetical.ts";
import { recordReading } from "./reading.ts";
import type { FoundCheck } from "./review.ts";
import type { Reviewer } from "./review-grant.ts";
import type { Vault } from "./vault.ts";

/** A grant at risk: it was allowed and is not any more from some site, or it never was. */
export type Risk = {
  readonly grant: string;
  readonly principal: string;
  readonly person: string;
  readonly workload: string | null;
  readonly namespace: string;
  readonly name: string;
  readonly state: "active" | "suspended";
  /** `flagged`: allowed before, and no longer from every site; `pending`: never allowed. */
  readonly risk: "flagged" | "pending";
  readonly since: Date;
  readonly sites: readonly {
    readonly site: string;
    readonly verdict: "allow" | "deny" | "hold";
    readonly since: Date;
    /** What stands in the way, and what would help. */
    readonly checks: readonly (FoundCheck & { readonly help: string })[];
  }[];
};

export const risksAtOnce = 500;

/** The grants at risk that are not revoked and not over, longest at risk first, at most 500 of them, and how many there are. */
export async function listRisks({
  database: { db },
  now,
  sites,
}: Pick<Vault, "database" | "now" | "sites">): Promise<{
  readonly total: number;
  readonly risks: readonly Risk[];
}> {
  const { total } = await atRisk(db, now())
    .select((row) => row.fn.countAll<bigint>().as("total"))
    .executeTakeFirstOrThrow();
  const rows = await atRisk(db, now())
    .select([
      "grant.id",
      "grant.principal",
      "grant.state",
      "grant.created_at",
      "principal.person",
      "principal.workload",
      "workload.accountable",
      "repository.namespace",
      "repository.name",
      "grant_review.flagged_at",
    ])
    .orderBy("grant_review.flagged_at", (order) => order.asc().nullsLast())
    .orderBy("grant.created_at")
    .orderBy("grant.id")
    .limit(risksAtOnce)
    .execute();
  const verdicts = await verdictsOf(
    db,
    rows.map(({ id }) => id),
    sites.map(({ name }) => name),
  );
  const risks = rows.map((row): Risk => {
    const { id, principal, workload, namespace, name, flagged_at } = row;
    return {
      grant: id,
      principal,
      person: row.person ?? row.accountable ?? "",
      workload,
      namespace,
      name,
      state: row.state === "active" ? "active" : "suspended",
      risk: flagged_at === null ? "pending" : "flagged",
      since: flagged_at ?? row.created_at,
      sites: verdicts
        .filter(({ grant }) => grant === id)
        .map(({ site, verdict, since, checks }) => ({
          site,
          verdict,
          since,
          checks: checks.map((each) => ({ ...each, help: helpFor(each.check) })),
        })),
    };
  });
  return { total: Number(total), risks };
}

/** What a grant would come to, and whether its reasons may be told. */
export type Explanation = {
  readonly decisions: readonly Hypothetical[];
  /** Whether the caller may read personal facts, and the ledger says that they did. */
  readonly isOpened: boolean;
};

/**
 * What a grant would come to from each site now. Its reasons speak of the person's facts: they are opened for who may read those, once `person.read` is
 * recorded, and told to nobody else. Throws `not_found`, and as `recordReading`.
 */
export async function explainRisk(
  vault: Reviewer & Pick<Vault, "limits">,
  caller: Caller,
  id: string,
): Promise<Explanation> {
  const grant = await vault.database.db
    .selectFrom("grant")
    .innerJoin("repository", "repository.id", "grant.repository")
    .select(["grant.principal", "repository.id", "repository.namespace", "repository.name"])
    .where("grant.id", "=", id)
    .executeTakeFirst();
  if (grant === undefined) throw new Refusal("not_found", "there is no such grant");
  const party = await partyOf(vault, grant.principal);
  const decisions = await decideHypothetically(vault, {
    party,
    repository: grant,
    destinations: vault.sites.map(({ name, country }) => ({ country, basis: "site", site: name })),
    grant: id,
  });
  const isOpened = caller.roles.has("personal-data-reader");
  const { person } = party;
  if (isOpened)
    await recordReading(vault, caller, { kind: "person.read", about: { person }, of: [person] });
  return { decisions, isOpened };
}

function atRisk(db: Kysely<Schema>, now: Date) {
  return db
    .selectFrom("grant_review")
    .innerJoin("grant", "grant.id", "grant_review.grant")
    .innerJoin("repository", "repository.id", "grant.repository")
    .innerJoin("principal", "principal.id", "grant.principal")
    .leftJoin("workload", "workload.id", "principal.workload")
    .where("grant.state", "in", ["active", "suspended"])
    .where("grant.valid_until", ">", now)
    .where((where) =>
      where.or([
        where("grant_review.flagged_at", "is not", null),
        where.and([
          where("grant_review.was_allowed", "=", false),
          where("grant_review.decided_at", "is not", null),
        ]),
      ]),
    );
}

async function verdictsOf(db: Kysely<Schema>, grants: readonly string[], sites: readonly string[]) {
  if (grants.length === 0 || sites.length === 0) return [];
  return await db
    .selectFrom("grant_verdict")
    .selectAll()
    .where("grant", "in", [...grants])
    .where("site", "in", [...sites])
    .orderBy("site")
    .execute();
}
