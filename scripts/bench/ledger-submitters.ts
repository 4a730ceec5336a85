import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Transaction } from "kysely";
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
  /** Submissions a second in all, each waited for until a checkpoint covers it; null submits as fast as there is room. */
  readonly rate: number | null;
};

export type SubmitterReport = {
  readonly submitted: number;
  readonly refused: number;
  readonly cpuMs: number;
  /** Milliseconds from before the submission until it was covered. */
  readonly latencies: readonly number[];
};

/** A body of the size and kind that a release's decision has. */
function submission(): Submission {
  const hex = () => randomBytes(32).toString("hex");
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
      commitment: hex(),
      objects: 12,
      principal: randomUUID(),
      release,
      repository: randomUUID(),
      rulebook: hex(),
    },
  };
}

/** One statement is a transaction of its own, so it goes without an explicit one. */
async function submitAlone({ database, ledger }: LedgerNode): Promise<bigint> {
  const id = await submit(database.db as Transaction<Schema>, submission());
  ledger.wake();
  return id;
}

async function floodFor(node: LedgerNode, options: SubmitterOptions) {
  let [submitted, refused] = [0, 0];
  const endsAt = performance.now() + options.seconds * 1_000;
  const submitter = async () => {
    while (performance.now() < endsAt) {
      try {
        await node.ledger.assertRoom();
        await submitAlone(node);
        submitted += 1;
      } catch (error) {
        if (!isRefusal(error, "ledger_full")) throw error;
        refused += 1;
        await sleep(20);
      }
    }
  };
  await Promise.all(Array.from({ length: options.submitters }, submitter));
  return { submitted, refused, latencies: [] };
}

/** The load does not wait for answers: a stall shows in all that was submitted during it. */
async function payFor(node: LedgerNode, rate: number, seconds: number) {
  const latencies: number[] = [];
  const waiting: Promise<void>[] = [];
  const startedAt = performance.now();
  const one = async (dueAt: number) => {
    const id = await submitAlone(node);
    await node.ledger.settle(id, { after: "checkpoint", timeoutMs: 30_000 });
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

const options = JSON.parse(process.argv[2] ?? "null") as SubmitterOptions;
const node = await startLedgerNode(
  { ...options, name: "submitters", poolSize: options.submitters },
  false,
);
process.stderr.write("ready\n");
const before = process.cpuUsage();
const made =
  options.rate === null
    ? await floodFor(node, options)
    : await payFor(node, options.rate, options.seconds);
const { user, system } = process.cpuUsage(before);
const report: SubmitterReport = { ...made, cpuMs: (user + system) / 1_000 };
process.send?.(report);
await node.stop();
process.disconnect?.();
