import { randomUUID } from "node:crypto";
import { z } from "zod";
import { transact } from "../database/transact.ts";
import { Refusal } from "../errors.ts";
import { type Advice, advise } from "../export-control/advise.ts";
import { decide } from "../export-control/decide.ts";
import type { Decision } from "../export-control/decision.ts";
import type { DestinationFacts, Facts, License } from "../export-control/facts.ts";
import { license } from "../export-control/facts-schema.ts";
import type { Caller } from "../identity/authenticate.ts";
import { parseEntry } from "../ledger/entry.ts";
import type { Place } from "../ledger/ledger.ts";
import { submit } from "../ledger/submit.ts";
import { recordAs } from "./caller.ts";
import { gatherFactsOf, PersonMoved, type Recipient } from "./facts.ts";
import { openPerson } from "./person.ts";
import { findRepository, type Repository, type RepositoryName } from "./repository.ts";
import { actedBy } from "./row.ts";
import type { Vault } from "./vault.ts";

/** A license that nobody has, supposed to be active and not counted. */
export const supposedLicense = license.pick({
  kind: true,
  scope: true,
  validFrom: true,
  validUntil: true,
});

export type SimulationRequest = RepositoryName & {
  /** For whom. */
  readonly principal: string;
  readonly destination: DestinationFacts;
  /** The instant to decide at; null for now. What is on record is taken as it is now in either case. */
  readonly at: Date | null;
  readonly licenses: readonly z.output<typeof supposedLicense>[];
};

export type Simulation = {
  readonly id: string;
  readonly recipient: Recipient;
  readonly decision: Decision;
  readonly advice: Advice;
  /** The index of its entry. */
  readonly entryIndex: number;
};

/**
 * Decides for a principal on record as a release would, and lets nothing out: the facts are gathered under the same locks in a
 * transaction that is rolled back, and neither a release, a license's use nor a byte of a budget comes of it. Since personal facts are
 * read, `decision.simulated` has to be recorded as far as a release's entry before anything is told: no record, no answer. Throws
 * `not_found`, `record_tampered` and `ledger_unavailable`.
 */
export async function simulate(
  vault: Vault,
  caller: Caller,
  request: SimulationRequest,
): Promise<Simulation> {
  const repository = await findRepository(vault.database.db, request);
  const recipient = await findRecipient(vault, request.principal);
  const facts = await readFacts(vault, recipient, repository, request);
  const decision = decide(facts, vault.rulebook);
  const advice = advise(facts, vault.rulebook);
  const id = randomUUID();
  const submission = await recordAs(vault, caller, async (tx) => {
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
  return { id, recipient, decision, advice, entryIndex: place.index };
}

async function findRecipient(
  { database }: Pick<Vault, "database">,
  principal: string,
): Promise<Recipient> {
  const row = await database.db
    .selectFrom("principal")
    .leftJoin("workload", "workload.id", "principal.workload")
    .where("principal.id", "=", principal)
    .select(["principal.person", "principal.workload", "workload.accountable"])
    .executeTakeFirst();
  const person = row?.person ?? row?.accountable ?? null;
  if (row === undefined || person === null)
    throw new Refusal("not_found", "there is no such principal");
  return { principal, person, workload: row.workload };
}

/** Carries what was gathered out of the transaction that it undoes. */
class Undone extends Error {
  override readonly name = "Undone";
  readonly facts: Facts;

  constructor(facts: Facts) {
    super("a simulation undoes its transaction");
    this.facts = facts;
  }
}

async function readFacts(
  vault: Vault,
  recipient: Recipient,
  repository: Repository,
  { destination, at, licenses }: SimulationRequest,
): Promise<Facts> {
  const now = at ?? vault.now();
  for (let attempt = 1; ; attempt += 1) {
    const person = await openPerson(vault, recipient.person);
    using _key = person.key;
    try {
      await transact(vault.database.db, async (tx) => {
        const screening = vault.screening();
        const request = { caller: recipient, repository, destination, person, screening, now };
        throw new Undone((await gatherFactsOf(tx, request)).facts);
      });
    } catch (error) {
      if (error instanceof Undone)
        return { ...error.facts, licenses: [...error.facts.licenses, ...licenses.map(asLicense)] };
      if (!(error instanceof PersonMoved) || attempt === 5) throw error;
    }
  }
}

function asLicense(supposed: SimulationRequest["licenses"][number], at: number): License {
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
