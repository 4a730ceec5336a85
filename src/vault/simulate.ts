import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { transact } from "../database/transact.ts";
import { Refusal } from "../errors.ts";
import { type Advice, advise } from "../export-control/advise.ts";
import { decide } from "../export-control/decide.ts";
import type { Decision } from "../export-control/decision.ts";
import type { DestinationFacts, Facts, License } from "../export-control/facts.ts";
import type { Rulebook } from "../export-control/rulebook.ts";
import type { Caller } from "../identity/authenticate.ts";
import { parseEntry } from "../ledger/entry.ts";
import type { Place } from "../ledger/ledger.ts";
import { submit } from "../ledger/submit.ts";
import { recordAs } from "./caller.ts";
import { type Party, readFacts } from "./facts.ts";
import { partyOf, withPerson } from "./hypothetical.ts";
import { findRepository, type Repository, type RepositoryName } from "./repository.ts";
import { actedBy } from "./row.ts";
import { keepRulebook, rulebookIn } from "./rulebook.ts";
import type { Vault } from "./vault.ts";

/** What is supposed of a license that nobody has: active, and not counted. */
export type SupposedLicense = Pick<License, "kind" | "scope" | "validFrom" | "validUntil">;

export type SimulationRequest = RepositoryName & {
  /** For whom. */
  readonly principal: string;
  readonly destination: DestinationFacts;
  /** The instant to decide at; null for now. What is on record is taken as it is now in either case. */
  readonly at: Date | null;
  readonly licenses: readonly SupposedLicense[];
};

export type Simulation = {
  readonly id: string;
  readonly recipient: Party;
  readonly decision: Decision;
  readonly advice: Advice;
  /** The rulebook that was read, overrides and all. */
  readonly rulebook: Pick<Rulebook, "asOf" | "overrides">;
  /** The index of its entry. */
  readonly entryIndex: number;
};

/**
 * Decides for a principal on record as a release would, and lets nothing out: the facts are read in one snapshot by a transaction that writes
 * nothing, and neither a release, a license's use nor a byte of a budget comes of it. Since personal facts are
 * read, `decision.simulated` has to be recorded as far as a release's entry before anything is told: no record, no answer. Throws
 * `not_found`, `record_tampered` and `ledger_unavailable`.
 */
export async function simulate(
  vault: Vault,
  caller: Caller,
  request: SimulationRequest,
): Promise<Simulation> {
  const repository = await findRepository(vault.database.db, request);
  const recipient = await partyOf(vault, request.principal);
  const { facts, rulebook: read } = await gather(vault, recipient, repository, request);
  const decision = decide(facts, read);
  const advice = advise(facts, read);
  const id = randomUUID();
  const submission = await recordAs(vault, caller, async (tx) => {
    await keepRulebook(tx, read, vault.now());
    const { verdict, rulebook } = decision;
    const { principal, person, workload } = recipient;
    return await submit(tx, {
      kind: "decision.simulated",
      subject: id,
      time: vault.now(),
      body: {
        decision: id,
        ...actedBy(caller),
        principal,
        person,
        workload,
        repository: repository.id,
        verdict,
        rulebook,
      },
    });
  });
  const { releaseAfter: after, releaseWaitMs: timeoutMs } = vault.limits;
  const place = await vault.ledger.settle(submission, { after, timeoutMs });
  assertRecorded(place, id);
  return { id, recipient, decision, advice, rulebook: read, entryIndex: place.index };
}

/** The facts in one snapshot of the database, and the rulebook with the overrides that stand in it. */
async function gather(
  vault: Vault,
  party: Party,
  repository: Repository,
  { destination, at, licenses }: SimulationRequest,
): Promise<{ readonly facts: Facts; readonly rulebook: Rulebook }> {
  return await withPerson(vault, party, async (person) =>
    transact(vault.database.db, async (tx) => {
      await sql`set transaction isolation level repeatable read, read only`.execute(tx);
      const rulebook = await rulebookIn(tx, vault);
      const { facts } = await readFacts(tx, {
        party,
        repository,
        destination,
        storeCountry: vault.storeCountry,
        person,
        screening: vault.screening(),
        now: at ?? vault.now(),
        grant: null,
        locks: false,
      });
      const supposed = licenses.map(asLicense);
      return { facts: { ...facts, licenses: [...facts.licenses, ...supposed] }, rulebook };
    }),
  );
}

function asLicense(supposed: SupposedLicense, at: number): License {
  const name = `supposed-${at + 1}`;
  return { id: name, number: name, state: "active", releasesLeft: null, riders: [], ...supposed };
}

function assertRecorded({ bytes }: Place, id: string): void {
  const entry = parseEntry(bytes);
  if (entry?.kind === "decision.simulated" && entry.body["decision"] === id) return;
  throw new Refusal(
    "record_tampered",
    "the ledger holds another entry in place of this simulation's",
  );
}
