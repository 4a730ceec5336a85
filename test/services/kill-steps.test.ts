import { spawn } from "node:child_process";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "@jest/globals";
import { migrate } from "../../src/database/migrate.ts";
import { openPglite, openPostgres } from "../../src/database/open.ts";
import { secondsAfter } from "../../src/vault/vault.ts";
import { grant, stage, uploadRevision } from "../support/actors.ts";
import { compiled } from "../support/compiled.ts";
import { cloneDatabase, hasPostgres, migrationsFolder } from "../support/database.ts";
import type { KillOrder } from "../support/kill-child.ts";
import { startVault } from "../support/vault.ts";

const child = fileURLToPath(new URL("../support/kill-child.ts", import.meta.url));
const cleanups: (() => Promise<void>)[] = [];

afterAll(async () => {
  for (const cleanup of cleanups) await cleanup();
});

type Prepared = Pick<
  KillOrder,
  "folder" | "databaseUrl" | "uploaderToken" | "readerToken" | "said"
>;

/** A staged vault in a folder, closed again, for the lives that follow. */
async function prepare(engine: "PGlite" | "PostgreSQL"): Promise<Prepared> {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-kill-"));
  cleanups.push(async () => rm(folder, { recursive: true, force: true }));
  const clone = engine === "PostgreSQL" ? await cloneDatabase() : null;
  if (clone !== null) cleanups.push(async () => clone.drop());
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
    folder,
    databaseUrl: clone?.url ?? null,
    uploaderToken: cast.job.token,
    readerToken: cast.reader.token,
    said,
  };
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

const engines = ["PGlite", ...(hasPostgres ? (["PostgreSQL"] as const) : [])] as const;

test.each(engines)(
  "killed before every effect of an upload and of both ways of a release, nothing acknowledged is lost and nothing left unrecorded (%s)",
  async (engine) => {
    const prepared = await prepare(engine);
    let lives = 0;
    for (const work of ["upload", "enclosed", "stream"] as const) {
      let kills = 0;
      for (let nth = 1; ; nth += 1) {
        const { lines, wasKilled } = await life({ ...prepared, work, nth, life: lives });
        lives += 1;
        expect(lines[0]).toMatch(/^verified \d+$/);
        await appendFile(prepared.said, `${lines.slice(1).join("\n")}\n`);
        if (!wasKilled) {
          expect(lines.at(-1)).toBe("done");
          break;
        }
        kills += 1;
      }
      expect(kills).toBeGreaterThan(40);
      process.stderr.write(`${engine}: ${work} was killed at each of ${kills} effects\n`);
    }
    // One more life to look at what the last one left.
    const last = await life({ ...prepared, work: "stream", nth: 1_000_000, life: lives });
    expect(last.lines[0]).toMatch(/^verified \d+$/);
  },
  1_800_000,
);
