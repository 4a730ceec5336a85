import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { migrate } from "../../src/database/migrate.ts";
import { openPostgres } from "../../src/database/open.ts";
import { startPostgres } from "../../test/support/postgres.ts";
import { type LedgerNode, startLedgerNode } from "./ledger-node.ts";
import type { SubmitterOptions, SubmitterReport } from "./ledger-submitters.ts";
import { type Figure, figure, type Measurement } from "./measure.ts";
import { type Resources, temporaryFolder } from "./resources.ts";
import { countingStatements, TimeSpent } from "./time-spent.ts";

const migrations = fileURLToPath(new URL("../../migrations", import.meta.url));
const program = fileURLToPath(new URL("./ledger-submitters.ts", import.meta.url));

const submitters = 64;
const queueLimit = 4_000;
const wanted = { entries: 5_000, rate: 1_000, p50Ms: 20, p99Ms: 100 };

/**
 * 64 submitters on a node of their own submit, one statement each and as fast as there is room, while another node sequences, signs and
 * publishes. The figure is what checkpoints came to cover in the time, divided by it; the backlog at the end is held against the one after a third.
 */
export async function ledgerAppend(
  measurement: Measurement,
  resources: Resources,
): Promise<readonly Figure[]> {
  const seconds = Math.max(2, 60 * measurement.scale);
  const { node, child } = await startNodes(resources, { seconds, rate: null });
  await child.begun;
  const spent = await TimeSpent.begin(node);
  const before = await stateOf(node);
  const startedAt = performance.now();
  const backlogs: number[] = [];
  while (performance.now() - startedAt < seconds * 1_000) {
    await sleep(1_000);
    backlogs.push((await stateOf(node)).pending);
  }
  const elapsed = (performance.now() - startedAt) / 1_000;
  const after = await stateOf(node);
  const lines = await spent.end(after.covered - before.covered);
  child.end();
  const { submitted, refused, cpuMs } = await child.report;
  const covered = (after.covered - before.covered) / elapsed;
  const third = backlogs[Math.floor(backlogs.length / 3)] ?? 0;
  measurement.progress(
    [
      `  ${submitted} submitted, ${refused} times no room; backlog each second: ${backlogs.join(" ")}`,
      `  the submitters' process: ${(cpuMs / seconds / 10).toFixed(0)} % of a core`,
      ...lines,
    ].join("\n"),
  );
  return [
    figure("ledger-append", "entries/s", { value: covered, baseline: wanted.entries }),
    figure("ledger-append-backlog", "entries", {
      value: backlogs.at(-1) ?? 0,
      baseline: Math.max(third, 1_024),
    }),
  ];
}

/** From before the submission on one node until that node has proved that a checkpoint, signed on another, covers it; at a steady rate. */
export async function ledgerLatency(
  measurement: Measurement,
  resources: Resources,
): Promise<readonly Figure[]> {
  const seconds = Math.max(2, 60 * measurement.scale);
  const { node, child } = await startNodes(resources, { seconds, rate: wanted.rate });
  await child.begun;
  const spent = await TimeSpent.begin(node);
  const { latencies, cpuMs } = await child.report;
  const lines = await spent.end(latencies.length);
  const sorted = latencies.toSorted((one, other) => one - other);
  const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
  measurement.progress(
    [
      `  ${sorted.length} entries: p50 ${at(0.5).toFixed(1)} ms, p90 ${at(0.9).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, most ${sorted.at(-1)?.toFixed(1)} ms`,
      `  the submitters' process: ${(cpuMs / seconds / 10).toFixed(0)} % of a core`,
      ...lines,
    ].join("\n"),
  );
  return [
    figure("ledger-latency", "ms", { value: at(0.5), baseline: wanted.p50Ms }),
    figure("ledger-latency-p99", "ms", { value: at(0.99), baseline: wanted.p99Ms }),
  ];
}

/** The server is on the same machine, so it is spoken to over its Unix socket. */
async function startNodes(resources: Resources, load: Pick<SubmitterOptions, "seconds" | "rate">) {
  const postgres = await startPostgres({ isLocal: true, settings: countingStatements });
  await resources.keep(postgres.stop);
  const url = postgres.url("postgres");
  const owner = openPostgres({ url, poolSize: 1 });
  await migrate(owner, migrations);
  await owner.close();
  const folder = await temporaryFolder(resources);
  const node = await startLedgerNode(
    { name: "sequencer", url, folder, poolSize: 6, queueLimit },
    true,
  );
  await resources.keep(node.stop);
  while ((await node.database.db.selectFrom("ledger_lease").selectAll().execute()).length === 0)
    await sleep(20);
  const options: SubmitterOptions = { url, folder, submitters, queueLimit, ...load };
  return { node, child: await startSubmitters(resources, options) };
}

/** `begun` when they have warmed up, as a node that serves for days is. */
async function startSubmitters(resources: Resources, options: SubmitterOptions) {
  const child = fork(program, [JSON.stringify(options)], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  await resources.keep(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  });
  const begun = Promise.withResolvers<void>();
  const report = Promise.withResolvers<SubmitterReport>();
  child.on("message", (said) =>
    said === "begun" ? begun.resolve() : report.resolve(said as SubmitterReport),
  );
  // An exit may be seen before what was said last; the end of the channel is not.
  child.once("disconnect", () => {
    const ended = new Error("the submitters ended before they had told what they measured");
    begun.reject(ended);
    report.reject(ended);
  });
  report.promise.catch(() => {});
  return {
    begun: begun.promise,
    end: () => {
      child.send("end");
    },
    report: report.promise,
  };
}

async function stateOf({ database: { db } }: LedgerNode) {
  const { pending } = await db
    .selectFrom("ledger_pending")
    .select(({ fn }) => fn.countAll<bigint>().as("pending"))
    .executeTakeFirstOrThrow();
  const newest = await db
    .selectFrom("ledger_checkpoint")
    .select("size")
    .orderBy("size", "desc")
    .limit(1)
    .executeTakeFirst();
  return { pending: Number(pending), covered: Number(newest?.size ?? 0n) };
}
