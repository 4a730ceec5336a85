import { sql } from "kysely";
import { doubtOfAge } from "../export-control/parties.ts";
import { callForGrants } from "./calls.ts";
import { type Reviewer, type RiskEvent, reviewGrant } from "./review-grant.ts";
import { secondsAfter, type Vault } from "./vault.ts";

export type Redecided = { readonly reviewed: number; readonly events: readonly RiskEvent[] };

type RedecideOptions = {
  /** Hears of each event as soon as it is committed. */
  readonly onEvent?: (event: RiskEvent) => void;
  /** Hears of a grant that could not be decided; it is tried again later and keeps no other from being decided. */
  readonly onFailure?: (error: unknown) => void;
  /** Ends the pass after the grant that is under way. */
  readonly signal?: AbortSignal;
};

const leaseSeconds = 30;
const retrySeconds = 600;
const grantsAtOnce = 50;

/**
 * One pass of re-decision: calls for the grants that a change can have reached, and decides each that is called for again. One node at a
 * time does it, by a lease of the database's clock that a dead node loses. Each grant is a transaction of its own, and is answered for in
 * the transaction that writes what was found: a pass that was killed goes on where it was, and a second one finds nothing to do.
 */
export async function redecide(
  vault: Reviewer & Pick<Vault, "node">,
  { onEvent = () => {}, onFailure = () => {}, signal }: RedecideOptions = {},
): Promise<Redecided> {
  const done: { reviewed: number; events: RiskEvent[] } = { reviewed: 0, events: [] };
  if (isListDoubtful(vault) || !(await takeLease(vault))) return done;
  await callForGrants(vault);
  for (let after = ""; ; ) {
    const due = await findDue(vault, after);
    for (const { grant, called } of due) {
      if (signal?.aborted === true) break;
      // Whoever was silent for longer than the lease may have been overtaken.
      if (!(await takeLease(vault))) return done;
      try {
        for (const event of await reviewGrant(vault, grant, called)) {
          done.events.push(event);
          onEvent(event);
        }
      } catch (error) {
        onFailure(error);
        await putOff(vault, grant);
      }
      done.reviewed += 1;
    }
    after = due.at(-1)?.grant ?? "";
    if (due.length < grantsAtOnce || signal?.aborted === true) break;
  }
  await endLease(vault);
  return done;
}

/**
 * Under a list that clears nobody every release holds by itself, and nothing about the grants has changed: to suspend them all would only
 * leave them suspended when the list is current again. What is called for meanwhile stays due.
 */
function isListDoubtful({ screening, now }: Reviewer): boolean {
  const used = screening();
  return used === null || doubtOfAge(used, now().toISOString()) !== null;
}

async function findDue({ database, now }: Reviewer, after: string) {
  let due = database.db
    .selectFrom("grant_review")
    .select(["grant", "called"])
    .whereRef("answered", "<", "called")
    .where((where) => where.or([where("retry_at", "is", null), where("retry_at", "<=", now())]))
    .orderBy("grant")
    .limit(grantsAtOnce);
  if (after !== "") due = due.where("grant", ">", after);
  return await due.execute();
}

async function putOff({ database, now }: Reviewer, grant: string): Promise<void> {
  await database.db
    .updateTable("grant_review")
    .set({ retry_at: secondsAfter(now(), retrySeconds) })
    .where("grant", "=", grant)
    .execute();
}

/** Takes or renews the lease; false where another node has it. */
async function takeLease({ database, node }: Pick<Vault, "database" | "node">): Promise<boolean> {
  const taken = await sql`
    update redecision set holder = ${node}, lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
    where holder = ${node} or lease_until is null or lease_until < clock_timestamp() returning holder`.execute(
    database.db,
  );
  return taken.rows.length === 1;
}

async function endLease({ database, node }: Pick<Vault, "database" | "node">): Promise<void> {
  await database.db
    .updateTable("redecision")
    .set({ lease_until: null })
    .where("holder", "=", node)
    .execute();
}
