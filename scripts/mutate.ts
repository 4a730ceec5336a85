import { rmSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import type { Checked, Verdict } from "./mutate/checker.ts";
import { type Mutation, mutationsOf } from "./mutate/mutations.ts";

/**
 * Mutates the rules one place at a time and runs the room's unit tests against each mutant, in a thread of its own on a copy of the room.
 * What no test notices survives: the score is the share of mutants that were killed.
 */
const root = fileURLToPath(new URL("..", import.meta.url));
const room = "src/export-control";
const tests = "test/unit/export-control";
const timeoutMs = 60_000;

/** Quick tables first: most mutants never see the properties. */
const lastOfAll = ["rulebook.test.ts", "promises.test.ts"];

type Mutant = Mutation & {
  readonly file: string;
  readonly line: number;
  readonly original: string;
};

const { values } = parseArgs({
  options: {
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    skip: { type: "string" },
    json: { type: "boolean", default: false },
    // Where `regulatory/` lies, whose published tables the rulebook is held against; without them its rows go untested.
    tables: { type: "string", default: fileURLToPath(new URL("../../shared", import.meta.url)) },
  },
});

const folder = await mkdtemp(join(tmpdir(), "weightvault-mutate-"));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  });
try {
  process.exitCode = await mutateAll(folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function mutateAll(copy: string): Promise<number> {
  const place = join(copy, "vault");
  await prepare(place);
  const files = await testFiles(place);
  const clean = await check(files);
  if (clean.killedBy !== null) {
    process.stderr.write(`without a mutation this fails: ${clean.killedBy}\n`);
    return 1;
  }
  const all = await mutantsIn(place);
  const chosen =
    values.sample === undefined ? all : sampled(all, Number(values.sample), Number(values.seed));
  const survivors: Mutant[] = [];
  for (const [at, mutant] of chosen.entries()) {
    const { killedBy } = await tried(place, mutant, files);
    if (killedBy === null) survivors.push(mutant);
    process.stderr.write(
      `${at + 1} of ${chosen.length}: ${killedBy === null ? "SURVIVED" : "killed"} ${nameOf(mutant)}\n`,
    );
  }
  tell(all.length, chosen.length, survivors);
  return 0;
}

/** A copy of what the tests load, with the packages and the documents that they read. */
async function prepare(place: string): Promise<void> {
  await mkdir(place, { recursive: true });
  for (const part of [room, "src/screening", tests])
    await cp(join(root, part), join(place, part), { recursive: true });
  await cp(join(root, "package.json"), join(place, "package.json"));
  await symlink(join(root, "node_modules"), join(place, "node_modules"));
  await symlink(join(root, "docs"), join(place, "docs"));
  await symlink(values.tables, join(place, "..", "shared"));
}

async function testFiles(place: string): Promise<readonly string[]> {
  const names = (await readdir(join(place, tests))).filter((name) => name.endsWith(".test.ts"));
  const rank = (name: string) => lastOfAll.indexOf(name);
  return names
    .sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1))
    .map((name) => pathToFileURL(join(place, tests, name)).href);
}

async function mutantsIn(place: string): Promise<readonly Mutant[]> {
  const names = await readdir(join(place, room), { recursive: true, encoding: "utf8" });
  const wanted = names
    .filter(
      (name) =>
        name.endsWith(".ts") &&
        name.includes(values.only) &&
        !(values.skip !== undefined && name.includes(values.skip)),
    )
    .sort();
  const mutants: Mutant[] = [];
  for (const file of wanted) {
    const text = await readFile(join(place, room, file), "utf8");
    for (const mutation of mutationsOf(text)) {
      const line = text.slice(0, mutation.start).split("\n").length;
      mutants.push({ ...mutation, file, line, original: text.slice(mutation.start, mutation.end) });
    }
  }
  return mutants;
}

async function tried(place: string, mutant: Mutant, files: readonly string[]): Promise<Verdict> {
  const path = join(place, room, mutant.file);
  const text = await readFile(path, "utf8");
  await writeFile(path, text.slice(0, mutant.start) + mutant.replacement + text.slice(mutant.end));
  try {
    return await check(files);
  } finally {
    await writeFile(path, text);
  }
}

/** Runs the tests in a thread whose modules are all its own. A mutant that never ends is killed by the clock. */
async function check(files: readonly string[]): Promise<Verdict> {
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  const workerData: Checked = { files };
  const worker = new Worker(new URL("./mutate/checker.ts", import.meta.url), { workerData });
  const timer = setTimeout(() => resolve({ killedBy: "the clock" }), timeoutMs);
  worker.once("message", (verdict: Verdict) => resolve(verdict));
  worker.once("error", (error) => resolve({ killedBy: String(error) }));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

/** Some of them, the same for the same seed: a shuffle by a 32-bit generator (mulberry32), and the first so many. */
function sampled(all: readonly Mutant[], size: number, seed: number): readonly Mutant[] {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return all
    .map((mutant) => ({ mutant, order: next() }))
    .toSorted((one, other) => one.order - other.order)
    .slice(0, size)
    .map(({ mutant }) => mutant);
}

function tell(all: number, tried: number, survivors: readonly Mutant[]): void {
  const score = tried === 0 ? 0 : (tried - survivors.length) / tried;
  if (values.json) {
    const left = survivors.map((mutant) => nameOf(mutant));
    process.stdout.write(`${JSON.stringify({ mutants: all, tried, score, survivors: left })}\n`);
    return;
  }
  for (const survivor of survivors) process.stdout.write(`survived: ${nameOf(survivor)}\n`);
  process.stdout.write(
    `${(score * 100).toFixed(1)} % of ${tried} mutants killed, of ${all} in all\n`,
  );
}

function nameOf({ file, line, kind, original, replacement }: Mutant): string {
  const short = (text: string) => text.replaceAll(/\s+/g, " ").slice(0, 60);
  return `${file}:${line} ${kind} ${short(original)} -> ${short(replacement) || "nothing"}`;
}
