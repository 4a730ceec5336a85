import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { parseVerificationKey, type VerificationKey } from "../../../src/merkle/note.ts";
import { Api, type ApiAnswer, Unexpected } from "../api.ts";
import type { Random } from "./random.ts";

/** One server process as its clients see it. */
export type Life = { readonly api: Api; wasKilled: boolean };

/** A promise of the vault that did not hold. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** What the clients were told, which every later life of the server must stand by, and whether a server is there to ask. */
export class World {
  readonly names: readonly string[];
  readonly verificationKey: VerificationKey;
  readonly verificationKeyText: string;
  /** Ids of the revisions whose commit was acknowledged, by repository. */
  readonly acknowledged = new Map<string, Set<string>>();
  /** Ids of the releases of which a key or a byte arrived. */
  readonly received = new Set<string>();
  /** The newest signed checkpoint that anybody saw. */
  checkpoint: { readonly size: number; readonly note: string } | null = null;
  readonly violations: string[] = [];
  readonly turns = new Map<string, number>();
  /** Turns that an outage or the server's end cut short, by who took them and what they met. */
  readonly cut = new Map<string, number>();
  isOver = false;
  #life: Life | null = null;
  #opened = Promise.withResolvers<void>();
  #hunted = Promise.withResolvers<void>();
  #isHunted = false;

  constructor(names: readonly string[], verificationKey: string) {
    const key = parseVerificationKey(verificationKey);
    if (key === null) throw new Error("the server's verification key is none");
    this.names = names;
    this.verificationKey = key;
    this.verificationKeyText = verificationKey;
    for (const name of names) this.acknowledged.set(name, new Set());
  }

  /** Lets the clients at a server. */
  open(url: string): Life {
    this.#life = { api: new Api(url, null), wasKilled: false };
    this.#opened.resolve();
    return this.#life;
  }

  /** To be said just before the server is killed: from here on broken connections are no wonder. */
  close(): void {
    if (this.#life === null) return;
    this.#life.wasKilled = true;
    this.#life = null;
    this.#opened = Promise.withResolvers();
    this.#hunted = Promise.withResolvers();
    this.#isHunted = false;
  }

  /** From here on the server may be killed at any moment, so the clients hurry: a kill is to meet as much work as it can. */
  hunt(): void {
    this.#isHunted = true;
    this.#hunted.resolve();
  }

  /** Resolves when the clients have taken so many turns more, without those of the witness, who only looks, or after six seconds. */
  async afterTurns(count: number): Promise<void> {
    const taken = () =>
      [...this.turns].reduce((sum, [who, turns]) => sum + (who === "witness" ? 0 : turns), 0);
    const end = performance.now() + 6_000;
    for (const before = taken(); taken() < before + count && performance.now() < end; )
      await sleep(5);
  }

  /** A client's pause between two turns: long while the server is looked at, short once it is hunted. */
  async pause(random: Random): Promise<void> {
    if (this.#isHunted || this.isOver) await sleep(random.below(60));
    else await Promise.race([this.#hunted.promise, sleep(random.below(4_000))]);
  }

  end(): void {
    this.isOver = true;
    this.#opened.resolve();
    this.#hunted.resolve();
  }

  /** The server that runs now, or the next one; null when there will be none. */
  async life(): Promise<Life | null> {
    while (this.#life === null && !this.isOver) await this.#opened.promise;
    return this.isOver ? null : this.#life;
  }

  /** An acknowledged revision of a repository to ask for; null while there is none. */
  someRevision(random: Random): { readonly name: string; readonly revision: string } | null {
    const name = random.pick(this.names);
    const known = [...(this.acknowledged.get(name) ?? [])];
    return known.length === 0 ? null : { name, revision: random.pick(known) };
  }

  /** Keeps a checkpoint; one that is smaller than what was seen before it was asked for is a ledger that shrank. */
  sawCheckpoint(note: string, sizeBefore: number): void {
    const size = Number(note.split("\n")[1]);
    if (!(size >= sizeBefore))
      throw new Violation(`the ledger had ${sizeBefore} entries and has ${size}`);
    if (size > (this.checkpoint?.size ?? 0)) this.checkpoint = { size, note };
  }

  /** Outages and broken connections are what a killed server leaves; anything else is on record as a violation. */
  judge(who: string, life: Life, error: unknown): void {
    const isOutage = error instanceof Unexpected && error.code === "ledger_unavailable";
    const isBroken = !(error instanceof Unexpected || error instanceof Violation) && life.wasKilled;
    if (isOutage || isBroken) {
      const what = `${who}: ${isOutage ? error.code : "broken"}`;
      this.cut.set(what, (this.cut.get(what) ?? 0) + 1);
      return;
    }
    this.violations.push(`${who}: ${inspect(error)}`);
  }
}

/** Gives whether there was anything to do: a kill is to meet work, and a turn without any is none. */
export type Turn = (life: Life) => Promise<boolean>;

export type Client = { readonly who: string; readonly random: Random; readonly turn: Turn };

/** Has a client take turns, each with the server that runs then, until the world is over. */
export async function takeTurns(world: World, { who, random, turn }: Client): Promise<void> {
  for (let life = await world.life(); life !== null; life = await world.life()) {
    try {
      if (await turn(life)) world.turns.set(who, (world.turns.get(who) ?? 0) + 1);
    } catch (error) {
      world.judge(who, life, error);
    }
    await world.pause(random);
  }
}

/** The JSON of an answer with this status; null for a refusal of one of these codes. Throws `Unexpected` for any other. */
export function expectStatus(
  what: string,
  answer: ApiAnswer,
  { status, refusals = [] }: { readonly status: number; readonly refusals?: readonly string[] },
): ApiAnswer["json"] | null {
  if (answer.status === status) return answer.json;
  if (refusals.includes(String(answer.json["code"]))) return null;
  throw new Unexpected(what, answer);
}
