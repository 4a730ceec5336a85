import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { sql, type Transaction } from "kysely";
import { canonicalJson } from "../../src/crypto/canonical-json.ts";
import type { Schema } from "../../src/database/schema.ts";
import { isRefusal } from "../../src/errors.ts";
import { type Submission, submit } from "../../src/ledger/submit.ts";
import { type LedgerNode, startLedgerNode } from "./ledger-node.ts";

/** What the measurement tells this program on its command line, and what it hears from it. */
export type SubmitterOptions = {
  readonly url: string;
  readonly folder: string;
  readonly submitters: number;
  readonly queueLimit: number;
  readonly seconds: number;
  /** Submissions a second in all, each waited for until a checkpoint covers it; null submits as fast as there is room, until it is told to end. */
  readonly rate: number | null;
  /** Whether each inserts its body as one row of the table `bare` and is done: what the machine gives for a commit, without a ledger. */
  readonly isBare: boolean;
};

export type SubmitterReport = {
  readonly submitted: number;
  readonly refused: number;
  readonly cpuMs: number;
  /** Milliseconds from before the submission until it was covered. */
  readonly latencies: readonly number[];
};

const warmUpSeconds = 2;

const rulebook = randomBytes(32).toString("hex");
const [principal, repository] = [randomUUID(), randomUUID()];

/** A body of the size and kind that a release's decision has; making one up takes no time that would count as the ledger's. */
function submission(): Submission {
  const release = randomUUID();
  return {
    kind: "release.denied",
    subject: release,
    time: new Date(),
    body: {
      bytes: "70368744177664",
      checks: [
        { check: "classified", outcome: "pass" },
        { check: "deemed-export", outcome: "fail" },
      ],
      commitment: `${release}${randomUUID()}`.replaceAll("-", ""),
      objects: 12,
      principal,
      release,
      repository,
      rulebook,
    },
  };
}

/** One statement is a transaction of its own, so it goes without an explicit one. */
async function submitAlone({ database, ledger }: LedgerNode): Promise<bigint> {
  const id = await submit(database.db as Transaction<Schema>, submission());
  ledger.wake();
  return id;
}

async function insertBare({ database }: LedgerNode): Promise<void> {
  const bytes = canonicalJson(submission().body);
  await sql`/* bench.bare */ insert into bare (body) values (${bytes})`.execute(database.db);
}

type Made = Omit<SubmitterReport, "cpuMs">;

async function flood(node: LedgerNode, submitters: number, isEnded: () => boolean): Promise<Made> {
  let [submitted, refused] = [0, 0];
  const submitter = async () => {
    while (!isEnded()) {
      try {
        if (isBare) await insertBare(node);
        else {
          await node.ledger.assertRoom();
          await submitAlone(node);
        }
        submitted += 1;
      } catch (error) {
        if (!isRefusal(error, "ledger_full")) throw error;
        refused += 1;
        await sleep(20);
      }
    }
  };
  await Promise.all(Array.from({ length: submitters }, submitter));
  return { submitted, refused, latencies: [] };
}

/** The load does not wait for answers: a stall shows in all that was submitted during it. */
async function payFor(node: LedgerNode, rate: number, seconds: number): Promise<Made> {
  const latencies: number[] = [];
  const waiting: Promise<void>[] = [];
  const startedAt = performance.now();
  const one = async (dueAt: number) => {
    if (isBare) await insertBare(node);
    else {
      const id = await submitAlone(node);
      await node.ledger.settle(id, { after: "checkpoint", timeoutMs: 30_000 });
    }
    latencies.push(performance.now() - dueAt);
  };
  for (let made = 0; made < rate * seconds; ) {
    const dueAt = startedAt + (made * 1_000) / rate;
    if (dueAt > performance.now()) await sleep(1);
    else {
      waiting.push(one(dueAt));
      made += 1;
    }
  }
  await Promise.all(waiting);
  return { submitted: latencies.length, refused: 0, latencies };
}

const { submitters, rate, seconds, isBare, ...others } = JSON.parse(
  process.argv[2] ?? "null",
) as SubmitterOptions;
const node = await startLedgerNode({ ...others, name: "submitters", poolSize: submitters }, false);
let ended = false;
process.once("message", () => {
  ended = true;
});
const load = async (forSeconds: number, isEnded: () => boolean) =>
  rate === null ? await flood(node, submitters, isEnded) : await payFor(node, rate, forSeconds);
const warmAt = performance.now() + warmUpSeconds * 1_000;
// Connections are opened, statements prepared and code compiled before anything is counted.
await load(warmUpSeconds, () => performance.now() > warmAt);
process.send?.("begun");
const before = process.cpuUsage();
const made = await load(seconds, () => ended);
const { user, system } = process.cpuUsage(before);
const report: SubmitterReport = { ...made, cpuMs: (user + system) / 1_000 };
await new Promise((sent) => process.send?.(report, undefined, undefined, sent));
await node.stop();
process.disconnect?.();
