import { randomUUID } from "node:crypto";
import type { Canonical } from "../crypto/canonical-json.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { parseEntry } from "../ledger/entry.ts";
import type { SettleOptions } from "../ledger/ledger.ts";
import type { EntryKind } from "../ledger/submit.ts";
import { submit } from "../ledger/submit.ts";
import { recordAs } from "./caller.ts";
import { type Evidence, openEvidence } from "./evidence.ts";
import { assertNoneErased } from "./own.ts";
import { actedBy } from "./row.ts";
import type { Vault } from "./vault.ts";

type Recorder = Pick<Vault, "database" | "ledger" | "now" | "limits">;

export type Reading = {
  readonly kind: Extract<
    EntryKind,
    "person.read" | "evidence.read" | "records.searched" | "records.exported"
  >;
  /** What was read, by its ids; no fact. */
  readonly about: Readonly<Record<string, Canonical>>;
  /** Whose facts the answer tells. They are held against erasure until the reading is submitted. */
  readonly of?: readonly string[];
  /** How far it has to be recorded; as far as a release's entry, where it is not given. */
  readonly after?: SettleOptions["after"];
};

/**
 * Records that the caller reads what is personal or what an agency asks for, as far as a release's entry, before any of it is told: no record,
 * no answer. Gives the id of the reading and the index of its entry. Throws `erased` where one of them was erased after their facts were opened,
 * `ledger_unavailable`, and `record_tampered` where the ledger took another entry in its place.
 */
export async function recordReading(
  vault: Recorder,
  caller: Caller,
  { kind, about, of = [], after = vault.limits.releaseAfter }: Reading,
): Promise<{ readonly reading: string; readonly index: number }> {
  const reading = randomUUID();
  const submission = await recordAs(
    vault,
    caller,
    // Not about the person as their row is: the latest entry of a row must stay that row's.
    async (tx) => {
      // Else the ledger could tell of a reading after the erasure, which it calls impossible.
      await assertNoneErased(tx, of);
      return await submit(tx, {
        kind,
        subject: reading,
        time: vault.now(),
        body: { reading, ...about, ...actedBy(caller) },
      });
    },
  );
  const { releaseWaitMs: timeoutMs } = vault.limits;
  const { bytes, index } = await vault.ledger.settle(submission, { after, timeoutMs });
  const entry = parseEntry(bytes);
  if (entry?.kind === kind && entry.body["reading"] === reading) return { reading, index };
  throw new Refusal("record_tampered", "the ledger holds another entry in place of this reading's");
}

/** Opens a release's evidence for who may read personal facts. Throws `not_found`, `erased`, `record_tampered` and `ledger_unavailable`. */
export async function readEvidence(
  vault: Recorder & Pick<Vault, "custodian">,
  caller: Caller,
  release: string,
): Promise<Evidence & { readonly salt: string; readonly commitment: string }> {
  const evidence = await openEvidence(vault, release);
  const { subject } = evidence.facts;
  const person = subject.kind === "person" ? subject.person.id : subject.workload.accountable.id;
  const about = { release, person };
  await recordReading(vault, caller, { kind: "evidence.read", about, of: [person] });
  return evidence;
}
