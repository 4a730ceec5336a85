import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { Database } from "../database/open.ts";
import { Refusal } from "../errors.ts";
import { type Policy, shownName } from "../merkle/policy.ts";
import { consistencyProof } from "../merkle/proof.ts";
import { cosignedSize, keepCosignature } from "./cosigned.ts";
import { newestCheckpoint } from "./receipt.ts";
import { hashReader } from "./tiles.ts";
import { askWitness, type WitnessReply } from "./witness-client.ts";

export type WitnessingOptions = {
  readonly database: Database;
  /** The name of this process in the ledger's lease: only its holder asks. */
  readonly node: string;
  readonly policy: Policy;
  readonly onFailure: (error: unknown) => void;
  /** Called after a cosignature was stored. */
  readonly onCosignature: () => void;
};

type Checkpoint = { readonly size: number; readonly note: string };

/** A witness as this process knows it. */
type Asked = {
  readonly name: string;
  readonly url: string;
  readonly key: Policy["witnesses"][number]["key"];
  /** What it holds, as far as is known; null before that was looked up. */
  heldSize: number | null;
  /** The largest checkpoint of which a cosignature of it is stored. */
  storedSize: number;
  isBusy: boolean;
  failures: number;
  retryAt: number;
  lastTrouble: string | null;
};

/** Rounds begin no closer together, so that witnesses are asked at most once a second. */
const roundMs = 1_000;
const idleMs = 5_000;
const answerMs = 5_000;
const longestPauseMs = 60_000;

/**
 * Has the newest checkpoint cosigned, behind the sequencer's back: whatever a witness does, the ledger goes on. All witnesses of a round are
 * shown the same checkpoint, since a quorum is of one checkpoint; who is slow or away misses rounds and holds up nobody.
 */
export class Witnessing {
  readonly #options: WitnessingOptions;
  readonly #witnesses: readonly Asked[];
  readonly #stopping = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #woken = Promise.withResolvers<void>();
  #running: Promise<void> = Promise.resolve();

  constructor(options: WitnessingOptions) {
    this.#options = options;
    this.#witnesses = options.policy.witnesses.flatMap(({ name, key, url }) =>
      url === null ? [] : [newlyAsked(shownName(name), key, url)],
    );
  }

  start(): void {
    this.#running = this.#run();
  }

  /** A checkpoint was signed. */
  wake(): void {
    this.#woken.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#running;
    await Promise.all(this.#underWay);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#woken = Promise.withResolvers<void>();
      const isAllStored = await this.#round().catch((error: unknown) => {
        if (!signal.aborted) this.#options.onFailure(error);
        return false;
      });
      if (isAllStored) await this.#rest();
      else await sleep(roundMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #rest(): Promise<void> {
    const timer = new AbortController();
    await Promise.race([
      this.#woken.promise,
      sleep(idleMs, undefined, { signal: timer.signal, ref: false }).catch(() => {}),
    ]);
    timer.abort();
  }

  /** Shows the newest checkpoint to everybody who is free and has not cosigned it; whether there is nobody left to ask. */
  async #round(): Promise<boolean> {
    const { database, node } = this.#options;
    const held = await sql`
      select 1 from ledger_lease where holder = ${node} and expires_at > clock_timestamp()`.execute(
      database.db,
    );
    const newest = held.rows.length === 0 ? null : await newestCheckpoint(database.db);
    if (newest === null) return true;
    await this.#learn();
    const behind = this.#witnesses.filter(({ storedSize }) => storedSize < newest.size);
    for (const witness of behind) {
      if (witness.isBusy || witness.retryAt > performance.now()) continue;
      const showing = this.#show(witness, newest).finally(() => this.#underWay.delete(showing));
      this.#underWay.add(showing);
    }
    return behind.length === 0;
  }

  async #learn(): Promise<void> {
    for (const witness of this.#witnesses) {
      if (witness.heldSize !== null) continue;
      witness.storedSize = await cosignedSize(this.#options.database.db, witness.key);
      witness.heldSize = witness.storedSize;
    }
  }

  /** Never throws. */
  async #show(witness: Asked, checkpoint: Checkpoint): Promise<void> {
    witness.isBusy = true;
    try {
      const trouble = await this.#ask(witness, checkpoint);
      if (trouble === null) witness.failures = 0;
      else this.#putOff(witness, trouble);
      witness.lastTrouble = trouble?.message ?? null;
    } catch (error) {
      this.#putOff(witness, error);
    } finally {
      witness.isBusy = false;
    }
  }

  /** What stands in the way, or null where a cosignature was stored. A witness that holds another size is asked again at once, from that. */
  async #ask(witness: Asked, checkpoint: Checkpoint): Promise<Refusal | null> {
    for (let tries = 0; tries < 3; tries += 1) {
      const oldSize = witness.heldSize ?? 0;
      if (oldSize > checkpoint.size) return await this.#outgrown(witness, oldSize);
      const reply = await this.#send(witness, oldSize, checkpoint);
      if (reply.kind === "cosigned") {
        await this.#keep(witness, checkpoint.size, reply);
        return null;
      }
      if (reply.kind === "contradicted")
        return tampered(
          `the ${oldSize} entries that the witness ${witness.name} has cosigned are not the first ones of this ledger: they were rewritten, or two databases are written under one key`,
        );
      if (reply.kind !== "conflict") return unavailable(witness, reply.why);
      if (reply.heldSize === oldSize)
        return tampered(
          `the witness ${witness.name} holds another ledger of ${oldSize} entries under this one's key: two databases are written under one key, or this one was rewritten`,
        );
      witness.heldSize = reply.heldSize;
    }
    return unavailable(witness, "it names another size each time that it is asked");
  }

  async #send(witness: Asked, oldSize: number, { size, note }: Checkpoint): Promise<WitnessReply> {
    const { db } = this.#options.database;
    const proof = await consistencyProof(oldSize, size, hashReader(db, size));
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(answerMs)]);
    return await askWitness(witness, { oldSize, proof, checkpoint: note }, signal);
  }

  async #keep(
    witness: Asked,
    size: number,
    { cosignature, cosignedAt }: Extract<WitnessReply, { kind: "cosigned" }>,
  ): Promise<void> {
    const { database, onCosignature, onFailure } = this.#options;
    await keepCosignature(database.db, size, { ...cosignature, cosignedAt });
    witness.heldSize = size;
    witness.storedSize = size;
    onCosignature();
    if (database.engine === "postgresql") database.notify("ledger_cosignature").catch(onFailure);
  }

  /** Another node may have shown it a newer checkpoint; if the database has none as large, its ledger was rolled back. */
  async #outgrown(witness: Asked, heldSize: number): Promise<Refusal | null> {
    const newest = await newestCheckpoint(this.#options.database.db);
    if (newest !== null && newest.size >= heldSize)
      return unavailable(witness, "it has seen a newer checkpoint; that is shown to it next");
    return tampered(
      `the witness ${witness.name} has cosigned ${heldSize} entries of this ledger, which now has ${newest?.size ?? 0}: it was rolled back`,
    );
  }

  /** Doubles the pause up to a minute, and tells a trouble once. */
  #putOff(witness: Asked, trouble: unknown): void {
    if (this.#stopping.signal.aborted) return;
    const message = Error.isError(trouble) ? trouble.message : String(trouble);
    if (message !== witness.lastTrouble) this.#options.onFailure(trouble);
    witness.lastTrouble = message;
    witness.retryAt =
      performance.now() + Math.min(roundMs * 2 ** witness.failures, longestPauseMs) - roundMs / 2;
    witness.failures += 1;
  }
}

function newlyAsked(name: string, key: Asked["key"], url: string): Asked {
  return {
    name,
    url,
    key,
    heldSize: null,
    storedSize: 0,
    isBusy: false,
    failures: 0,
    retryAt: 0,
    lastTrouble: null,
  };
}

function unavailable({ name }: Asked, why: string): Refusal {
  return new Refusal("witnesses_unavailable", `the witness ${name} did not cosign: ${why}`);
}

function tampered(message: string): Refusal {
  return new Refusal("record_tampered", message);
}
