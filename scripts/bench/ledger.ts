import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { migrate } from "../../src/database/migrate.ts";
import { openPostgres } from "../../src/database/open.ts";
import { startPostgres } from "../../test/support/postgres.ts";
import { type LedgerNode, startLedgerNode } from "./ledger-node.ts";
import type { SubmitterOptions, SubmitterReport } from "./ledger-submitters.ts";
import { type Figure, figure, type Measurement } from "./measure.ts";
import { type Resources, temporaryFolder } from "./resources.ts";

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
  const { node, run } = await startNodes(resources, { seconds, rate: null });
  const before = await stateOf(node);
  const cpuBefore = await cpuMs();
  const ownBefore = process.cpuUsage();
  const child = run();
  const startedAt = performance.now();
  const backlogs: number[] = [];
  while (performance.now() - startedAt < seconds * 1_000) {
    await sleep(1_000);
    backlogs.push((await stateOf(node)).pending);
  }
  const elapsed = (performance.now() - startedAt) / 1_000;
  const after = await stateOf(node);
  const { submitted, refused, cpuMs: submittersMs } = await child.report;
  const own = process.cpuUsage(ownBefore);
  const covered = (after.covered - before.covered) / elapsed;
  const share = (ms: number) => `${(ms / elapsed / 10).toFixed(0)} % of a core`;
  const third = backlogs[Math.floor(backlogs.length / 3)] ?? 0;
  measurement.progress(
    [
      `  ${submitted} submitted in ${elapsed.toFixed(1)} s, ${refused} times no room; load of the machine ${loadavg()[0]?.toFixed(2)}`,
      `  backlog each second: ${backlogs.join(" ")}`,
      `  submitters ${share(submittersMs)}, sequencer ${share((own.user + own.system) / 1_000)}, PostgreSQL ${share((await cpuMs()) - cpuBefore)}`,
      `  ${node.signing.count} signatures, ${(node.signing.ms / Math.max(1, node.signing.count)).toFixed(2)} ms each; ${((after.covered - before.covered) / Math.max(1, node.signing.count)).toFixed(0)} entries a signature`,
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
  const { run } = await startNodes(resources, { seconds, rate: wanted.rate });
  const { latencies } = await run().report;
  const sorted = latencies.toSorted((one, other) => one - other);
  const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
  measurement.progress(
    `  ${sorted.length} entries: p50 ${at(0.5).toFixed(1)} ms, p90 ${at(0.9).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, most ${sorted.at(-1)?.toFixed(1)} ms; load of the machine ${loadavg()[0]?.toFixed(2)}`,
  );
  return [
    figure("ledger-latency", "ms", { value: at(0.5), baseline: wanted.p50Ms }),
    figure("ledger-latency-p99", "ms", { value: at(0.99), baseline: wanted.p99Ms }),
  ];
}

async function startNodes(resources: Resources, load: Pick<SubmitterOptions, "seconds" | "rate">) {
  const postgres = await startPostgres();
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
  return { node, run: () => startSubmitters(resources, options) };
}

function startSubmitters(resources: Resources, options: SubmitterOptions) {
  const child = fork(program, [JSON.stringify(options)], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const gone = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  };
  const kept = resources.keep(gone);
  return { report: kept.then(async () => await reportOf(child)) };
}

async function reportOf(child: ChildProcess): Promise<SubmitterReport> {
  const { promise, resolve, reject } = Promise.withResolvers<SubmitterReport>();
  child.once("message", (report) => resolve(report as SubmitterReport));
  child.once("exit", (code) => reject(new Error(`the submitters ended with ${code}`)));
  return await promise;
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

/** What all processes of PostgreSQL have used of the processors; 0 where the system does not say. */
async function cpuMs(): Promise<number> {
  const processes = await readdir("/proc").catch(() => []);
  let ticks = 0;
  for (const id of processes.filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${id}/stat`, "utf8").catch(() => "");
    if (!stat.includes("(postgres)")) continue;
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // utime, stime, and those of children that ended (proc(5)), in hundredths of a second.
    for (const at of [11, 12, 13, 14]) ticks += Number(fields[at] ?? 0);
  }
  return ticks * 10;
}
