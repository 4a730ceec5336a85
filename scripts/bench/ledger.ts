import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { grantServerRole, migrate } from "../../src/database/migrate.ts";
import { openPostgres } from "../../src/database/open.ts";
import { startPostgres } from "../../test/support/postgres.ts";
import { type LedgerNode, startLedgerNode } from "./ledger-node.ts";
import type { SubmitterOptions, SubmitterReport } from "./ledger-submitters.ts";
import { type Figure, figure, type Measurement } from "./measure.ts";
import { type Resources, temporaryFolder } from "./resources.ts";
import { countingStatements, type Observed, TimeSpent } from "./time-spent.ts";

const migrations = fileURLToPath(new URL("../../migrations", import.meta.url));
const program = fileURLToPath(new URL("./ledger-submitters.ts", import.meta.url));

/** Who serves, with the rights that a server is given. */
const role = "weightvault";

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
  const { node, owner, begin } = await startNodes(resources, null);
  const bareBefore = await bareRate(begin, seconds);
  const child = await begin({ isBare: false, seconds });
  await child.begun;
  const before = await stateOf(node);
  const startedAt = performance.now();
  const backlogs: number[] = [];
  while (performance.now() - startedAt < seconds * 1_000) {
    await sleep(1_000);
    backlogs.push((await stateOf(node)).pending);
  }
  const elapsed = (performance.now() - startedAt) / 1_000;
  const after = await stateOf(node);
  const lines = await timeSpent(
    { node, owner },
    async () => await sleep(besideSeconds(seconds) * 1_000),
  );
  const ranSeconds = (performance.now() - startedAt) / 1_000;
  child.end();
  const { submitted, refused, cpuMs } = await child.report;
  const bareAfter = await bareRate(begin, seconds);
  const covered = (after.covered - before.covered) / elapsed;
  const third = backlogs[Math.floor(backlogs.length / 3)] ?? 0;
  measurement.progress(
    [
      `  ${submitted} submitted, ${refused} times no room; backlog each second: ${backlogs.join(" ")}`,
      `  the submitters' process: ${(cpuMs / ranSeconds / 10).toFixed(0)} % of a core`,
      ...lines,
      `  bare inserts before and after: ${bareBefore.toFixed(0)} and ${bareAfter.toFixed(0)} a second`,
    ].join("\n"),
  );
  return [
    figure("ledger-append", "entries/s", { value: covered, baseline: wanted.entries }),
    figure("ledger-append-bare", "entries/s", {
      value: covered,
      baseline: (bareBefore + bareAfter) / 2,
    }),
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
  const { node, owner, begin } = await startNodes(resources, wanted.rate);
  const bare = await bareLatencies(begin, seconds);
  const child = await begin({ isBare: false, seconds });
  await child.begun;
  const { latencies, cpuMs } = await child.report;
  const profiled = await begin({ isBare: false, seconds: besideSeconds(seconds) });
  await profiled.begun;
  const lines = await timeSpent({ node, owner }, async () => {
    await profiled.report;
  });
  const covered = percentiles(latencies);
  const { p50, p90, p99, most } = covered;
  measurement.progress(
    [
      `  ${latencies.length} entries: p50 ${p50.toFixed(1)} ms, p90 ${p90.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, most ${most.toFixed(1)} ms`,
      `  a bare insert: p50 ${bare.p50.toFixed(1)} ms, p90 ${bare.p90.toFixed(1)} ms, p99 ${bare.p99.toFixed(1)} ms, most ${bare.most.toFixed(1)} ms`,
      `  the submitters' process: ${(cpuMs / seconds / 10).toFixed(0)} % of a core`,
      ...lines,
    ].join("\n"),
  );
  return [
    figure("ledger-latency", "ms", { value: p50, baseline: wanted.p50Ms }),
    figure("ledger-latency-p99", "ms", { value: p99, baseline: wanted.p99Ms }),
    figure("ledger-latency-bare", "ms", { value: p99, baseline: bare.p99 }),
  ];
}

/** What is measured beside a figure takes a sixth of its time, before it or after it. */
const besideSeconds = (seconds: number) => Math.max(2, seconds / 6);

/** Where the time goes under the load that the figure was of, asked once that is taken: to begin a profile holds a process up for a fifth of a second. */
async function timeSpent(observed: Observed, load: () => Promise<void>) {
  const { node } = observed;
  const spent = await TimeSpent.begin(observed);
  const { covered } = await stateOf(node);
  await load();
  return await spent.end((await stateOf(node)).covered - covered);
}

/** Rows a second that the same clients insert into one table with one key, each in a transaction of its own, while the ledger rests. */
async function bareRate(begin: Begin, seconds: number): Promise<number> {
  const child = await begin({ isBare: true, seconds: besideSeconds(seconds) });
  await child.begun;
  const startedAt = performance.now();
  await sleep(besideSeconds(seconds) * 1_000);
  child.end();
  const { submitted } = await child.report;
  return submitted / ((performance.now() - startedAt) / 1_000);
}

async function bareLatencies(begin: Begin, seconds: number): Promise<Percentiles> {
  const child = await begin({ isBare: true, seconds: besideSeconds(seconds) });
  await child.begun;
  const { latencies } = await child.report;
  return percentiles(latencies);
}

type Percentiles = Readonly<Record<"p50" | "p90" | "p99" | "most", number>>;

function percentiles(latencies: readonly number[]): Percentiles {
  const sorted = latencies.toSorted((one, other) => one - other);
  const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), most: sorted.at(-1) ?? Number.NaN };
}

type Begin = (
  what: Pick<SubmitterOptions, "isBare" | "seconds">,
) => ReturnType<typeof startSubmitters>;

/** The server is on the same machine, so it is spoken to over its Unix socket. */
async function startNodes(resources: Resources, rate: SubmitterOptions["rate"]) {
  const postgres = await startPostgres({ isLocal: true, settings: countingStatements });
  await resources.keep(postgres.stop);
  const owner = openPostgres({ url: postgres.url("postgres"), poolSize: 1 });
  await resources.keep(async () => await owner.close());
  await migrate(owner, migrations);
  await grantServerRole(owner, role);
  await owner.runScript(
    `create table bare (id bigint generated always as identity primary key, body bytea not null);
     grant insert on bare to ${role}`,
  );
  const url = postgres.url("postgres", role);
  const folder = await temporaryFolder(resources);
  const node = await startLedgerNode(
    { name: "sequencer", url, folder, poolSize: 6, queueLimit },
    true,
  );
  await resources.keep(node.stop);
  while ((await node.database.db.selectFrom("ledger_lease").selectAll().execute()).length === 0)
    await sleep(20);
  const begin: Begin = async (what) =>
    await startSubmitters(resources, { url, folder, submitters, queueLimit, rate, ...what });
  return { node, owner: owner.db, begin };
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
