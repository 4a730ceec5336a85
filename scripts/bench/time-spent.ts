import { readdir, readFile } from "node:fs/promises";
import { type Profiler, Session } from "node:inspector/promises";
import { loadavg } from "node:os";
import { type Kysely, sql } from "kysely";
import type { Schema } from "../../src/database/schema.ts";
import type { LedgerNode } from "./ledger-node.ts";

/** What PostgreSQL must be started with, so that its statements are counted. */
export const countingStatements = ["shared_preload_libraries=pg_stat_statements"];

/** A node that serves as a role of no great rights, and the database's owner, whom PostgreSQL tells of everybody's statements. */
export type Observed = { readonly node: LedgerNode; readonly owner: Kysely<Schema> };

/** Where the time goes while a ledger is written: in the sequencer's process, which is this one, and in PostgreSQL. */
export class TimeSpent {
  readonly #node: LedgerNode;
  readonly #owner: Kysely<Schema>;
  readonly #session: Session;
  readonly #startedAt = performance.now();
  readonly #cpuBefore = process.cpuUsage();
  readonly #databaseBefore: number;
  readonly #signedBefore: { readonly ms: number; readonly count: number };

  private constructor(
    { node, owner }: Observed,
    { session, databaseBefore }: { readonly session: Session; readonly databaseBefore: number },
  ) {
    this.#node = node;
    this.#owner = owner;
    this.#session = session;
    this.#databaseBefore = databaseBefore;
    this.#signedBefore = { ...node.signing };
  }

  static async begin(observed: Observed): Promise<TimeSpent> {
    const { owner } = observed;
    await sql`create extension if not exists pg_stat_statements`.execute(owner);
    await sql`select pg_stat_statements_reset()`.execute(owner);
    const session = new Session();
    session.connect();
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: samplingMicroseconds });
    const databaseBefore = await databaseMs();
    await session.post("Profiler.start");
    return new TimeSpent(observed, { session, databaseBefore });
  }

  /** A line each: the processes, the sequencer's work by kind, PostgreSQL's by statement, the signatures. */
  async end(entries: number): Promise<readonly string[]> {
    const { profile } = await this.#session.post("Profiler.stop");
    this.#session.disconnect();
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    const database = (await databaseMs()) - this.#databaseBefore;
    const share = (ms: number) => `${(ms / seconds / 10).toFixed(0)} % of a core`;
    const count = this.#node.signing.count - this.#signedBefore.count;
    const signingMs = this.#node.signing.ms - this.#signedBefore.ms;
    return [
      `  the sequencer's process: ${share((user + system) / 1_000)}; PostgreSQL: ${share(database)}; load of the machine ${loadavg()[0]?.toFixed(2)}`,
      `  of ${seconds.toFixed(1)} s, the sequencer's process: ${describe(secondsByKind(profile))}`,
      `  statements in PostgreSQL: ${await statementsOf(this.#owner)}`,
      `  ${count} signatures, ${(signingMs / Math.max(1, count)).toFixed(2)} ms each, ${(entries / Math.max(1, count)).toFixed(0)} entries a signature`,
    ];
  }
}

/** The first that a frame of the stack answers to, seen from the innermost frame outward. */
const kinds: readonly (readonly [string, RegExp])[] = [
  ["idle", /^\(idle\) /],
  ["garbage collection", /^\(garbage collector\) /],
  ["signing", /soft-signer|merkle\/(note|checkpoint)/],
  ["hashing", /crypto\/hash|merkle\//],
  ["reading and splicing bodies", /ledger\/entry\.ts/],
  ["sockets", /^(writev|writeBuffer|readStart|writeUtf8String) |stream_base_commons/],
  ["statements", /node_modules\/(pg|kysely)|src\/database\//],
  ["publishing", /storage\/|ledger\/publish|internal\/fs/],
  ["the sequencer's own", /src\/ledger\//],
];
const samplingMicroseconds = 1_000;

function describe(spent: ReadonlyMap<string, number>): string {
  return [...spent]
    .toSorted(([, one], [, other]) => other - one)
    .map(([kind, seconds]) => `${kind} ${seconds.toFixed(1)} s`)
    .join(", ");
}

function secondsByKind({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile) {
  const above = new Map(nodes.flatMap(({ id, children = [] }) => children.map((at) => [at, id])));
  const frames = new Map(
    nodes.map(({ id, callFrame: { functionName, url } }) => [id, `${functionName} ${url}`]),
  );
  const kindOf = (sample: number): string => {
    for (let at: number | undefined = sample; at !== undefined; at = above.get(at)) {
      const frame = frames.get(at) ?? "";
      const kind = kinds.find(([, pattern]) => pattern.test(frame));
      if (kind !== undefined) return kind[0];
    }
    return "the rest";
  };
  const spent = new Map<string, number>();
  for (const [at, sample] of samples.entries()) {
    const kind = kindOf(sample);
    spent.set(kind, (spent.get(kind) ?? 0) + (timeDeltas[at] ?? 0) / 1e6);
  }
  return spent;
}

/** pg_stat_statements keeps a statement's text without the comment that names it. */
const statements: readonly (readonly [string, RegExp])[] = [
  ["submit", /insert into ledger_submission/],
  ["sequence", /insert into ledger_entry/],
  ["checkpoint", /insert into ledger_checkpoint/],
  ["pending", /^select oldest\.id, submission\.\* from/],
  ["reading for publishing", /^select "bytes" from "ledger_entry"/],
  ["places", /^with newest as/],
  ["cover", /string_agg\(leaf/],
  ["notify", /^select pg_notify/],
];

/** The time in which PostgreSQL ran the ledger's statements, commits not included: of each how often, and how long one took. */
async function statementsOf(db: Kysely<Schema>): Promise<string> {
  const { rows } = await sql<{ query: string; calls: bigint; ms: number }>`
    select query, calls, total_exec_time as ms from pg_stat_statements`.execute(db);
  const spent = new Map<string, { calls: number; ms: number }>();
  for (const { query, calls, ms } of rows) {
    const name = statements.find(([, pattern]) => pattern.test(query))?.[0] ?? "others";
    const before = spent.get(name) ?? { calls: 0, ms: 0 };
    spent.set(name, { calls: before.calls + Number(calls), ms: before.ms + ms });
  }
  return [...spent]
    .toSorted(([, one], [, other]) => other.ms - one.ms)
    .map(
      ([name, { calls, ms }]) =>
        `${name} ${(ms / 1_000).toFixed(1)} s (${calls} of ${(ms / calls).toFixed(2)} ms)`,
    )
    .join(", ");
}

/** What all processes of PostgreSQL have used of the processors; 0 where the system does not say. */
async function databaseMs(): Promise<number> {
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
