import { sql } from "kysely";
import { transact } from "../database/transact.ts";
import { Refusal } from "../errors.ts";
import { decide } from "../export-control/decide.ts";
import type { Decision } from "../export-control/decision.ts";
import type { DestinationFacts, Facts } from "../export-control/facts.ts";
import { type Party, PersonMoved, readFacts } from "./facts.ts";
import { type OpenedPerson, openForDecision } from "./person.ts";
import type { Repository } from "./repository.ts";
import { rulebookIn } from "./rulebook.ts";
import type { Tx, Vault } from "./vault.ts";

export type Hypothesis = {
  readonly party: Party;
  readonly repository: Pick<Repository, "id" | "namespace" | "name">;
  /** Where the keys would be received; one decision is made for each. */
  readonly destinations: readonly DestinationFacts[];
  /** Decides on this grant, taken as active; null for the grant that would speak for the party. */
  readonly grant: string | null;
};

export type Hypothetical = { readonly facts: Facts; readonly decision: Decision };

type Decider = Pick<
  Vault,
  "database" | "custodian" | "rulebook" | "overridden" | "screening" | "now" | "storeCountry"
>;

/**
 * What the decision on a release would be now, from the stored facts, for each destination in their order. It is recorded nowhere, takes no license
 * use and no lock, and releases nothing. Reads one snapshot of the database. Throws `record_tampered` where a row differs from its latest entry.
 */
export async function decideHypothetically(
  vault: Decider,
  hypothesis: Hypothesis,
): Promise<readonly Hypothetical[]> {
  return await withPerson(vault, hypothesis.party, async (person) =>
    transact(vault.database.db, async (tx) => {
      await sql`set transaction isolation level repeatable read, read only`.execute(tx);
      return await decideIn(tx, vault, { ...hypothesis, person, locks: false });
    }),
  );
}

/** The decisions of a hypothesis in a transaction of the caller's; with `locks`, `shareRulebook` was called first. */
export async function decideIn(
  tx: Tx,
  vault: Decider,
  {
    destinations,
    ...request
  }: Hypothesis & { readonly person: OpenedPerson; readonly locks: boolean },
): Promise<readonly Hypothetical[]> {
  const [destination] = destinations;
  if (destination === undefined) return [];
  const rulebook = await rulebookIn(tx, vault);
  const gathered = await readFacts(tx, {
    ...request,
    destination,
    storeCountry: vault.storeCountry,
    screening: vault.screening(),
    now: vault.now(),
  });
  return destinations.map((each) => {
    const facts = { ...gathered.facts, destination: each };
    return { facts, decision: decide(facts, rulebook) };
  });
}

/** Opens the party's person for a piece of work, again where the person was changed meanwhile, and wipes the key. */
export async function withPerson<Result>(
  vault: Pick<Vault, "database" | "custodian">,
  { person: id }: Party,
  work: (person: OpenedPerson) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    const person = await openForDecision(vault, id);
    using _key = person.key;
    try {
      return await work(person);
    } catch (error) {
      if (!(error instanceof PersonMoved) || attempt === 5) throw error;
    }
  }
}

/** Whom a principal stands for. Throws `not_found`. */
export async function partyOf(
  { database }: Pick<Vault, "database">,
  principal: string,
): Promise<Party> {
  const row = await database.db
    .selectFrom("principal")
    .leftJoin("workload", "workload.id", "principal.workload")
    .select(["principal.person", "principal.workload", "workload.accountable"])
    .where("principal.id", "=", principal)
    .executeTakeFirst();
  const person = row?.person ?? row?.accountable ?? null;
  if (row === undefined || person === null)
    throw new Refusal("not_found", "there is no such principal");
  return { principal, person, workload: row.workload };
}
