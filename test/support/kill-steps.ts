import { spawn } from "node:child_process";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { migrate } from "../../src/database/migrate.ts";
import { openPglite, openPostgres } from "../../src/database/open.ts";
import { secondsAfter } from "../../src/vault/vault.ts";
import { grant, stage, uploadRevision } from "./actors.ts";
import { compiled } from "./compiled.ts";
import { cloneDatabase, migrationsFolder } from "./database.ts";
import type { KillOrder } from "./kill-child.ts";
import { startVault } from "./vault.ts";

const child = fileURLToPath(new URL("./kill-child.ts", import.meta.url));
/** A staged vault in a folder, closed, for the lives that follow. */
export type Prepared = {
  /** What the orders to its lives have in common. */
  readonly vault: Omit<KillOrder, "work" | "nth" | "life">;
  readonly remove: () => Promise<void>;
};

export async function prepareVault(engine: "PGlite" | "PostgreSQL"): Promise<Prepared> {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-kill-"));
  const clone = engine === "PostgreSQL" ? await cloneDatabase() : null;
  const database =
    clone === null
      ? await openPglite({ folder: join(folder, "database") })
      : openPostgres({ url: clone.url });
  if (clone === null) await migrate(database, migrationsFolder);
  const t = await startVault({ database, folder });
  const cast = await stage(t.vault, { bytes: Buffer.from("first") });
  t.clock.at = secondsAfter(t.clock.at, 1);
  await uploadRevision(t.vault, cast.job, { "a.bin": Buffer.alloc(1_500_000, 7) }, cast.revision);
  await grant(t.vault, cast.first, cast.job.principal);
  await t.stop();
  await database.close();
  const said = join(folder, "said");
  await writeFile(said, "");
  return {
    vault: {
      folder,
      databaseUrl: clone?.url ?? null,
      uploaderToken: cast.job.token,
      readerToken: cast.reader.token,
      said,
    },
    remove: async () => {
      await clone?.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type Work = { readonly work: KillOrder["work"]; readonly firstLife: number };

/**
 * Runs lives that are killed before the first effect of the work, the second, and so on, until one gets through. Each begins by holding what
 * it finds against all that was acknowledged before. Gives how many were killed, and throws for anything lost, half-written or unrecorded.
 */
export async function killAtEach({ vault }: Prepared, { work, firstLife }: Work): Promise<number> {
  for (let kills = 0; ; kills += 1) {
    const order = { ...vault, work, nth: kills + 1, life: firstLife + kills };
    const { lines, wasKilled } = await life(order);
    assertVerified(lines);
    await appendFile(vault.said, `${lines.slice(1).join("\n")}\n`);
    if (wasKilled) continue;
    if (lines.at(-1) !== "done")
      throw new Error(`${work} did not get through: ${lines.join("; ")}`);
    return kills;
  }
}

/** One more life, which nobody kills and which looks at what the last one left. */
export async function lookOnceMore({ vault }: Prepared, { work, firstLife }: Work): Promise<void> {
  const order = { ...vault, work, nth: Number.MAX_SAFE_INTEGER, life: firstLife };
  assertVerified((await life(order)).lines);
}

function assertVerified([first = ""]: readonly string[]): void {
  if (!/^verified \d+$/.test(first)) throw new Error(`a life began with ${first}`);
}

/** One life. Gives its output and whether it was killed; throws when it ended in any other way. */
async function life(
  order: KillOrder,
): Promise<{ readonly lines: readonly string[]; readonly wasKilled: boolean }> {
  const process_ = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", child, JSON.stringify(order)],
    { env: { ...process.env, ...compiled }, stdio: ["ignore", "pipe", "pipe"] },
  );
  const output = { out: "", err: "" };
  process_.stdout.on("data", (chunk: Buffer) => (output.out += chunk.toString()));
  process_.stderr.on("data", (chunk: Buffer) => (output.err += chunk.toString()));
  const { promise, resolve } = Promise.withResolvers<[number | null, NodeJS.Signals | null]>();
  process_.once("close", (code, signal) => resolve([code, signal]));
  const [code, signal] = await promise;
  if (signal !== "SIGKILL" && code !== 0)
    throw new Error(
      `life ${order.life} at ${order.work} ${order.nth} ended with ${code}: ${output.err}`,
    );
  return {
    lines: output.out.split("\n").filter((line) => line !== ""),
    wasKilled: signal === "SIGKILL",
  };
}
