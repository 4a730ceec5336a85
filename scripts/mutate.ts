import { readdir, readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { type Mutation, mutationsOf } from "./mutate/mutations.ts";
import { Checker } from "./mutate/pool.ts";
import { parses, runnable } from "./mutate/room.ts";
import { type Result, tell, told } from "./mutate/score.ts";

/**
 * Mutates the rules one place at a time and runs the room's unit tests against each mutant, in memory. What no test notices survives:
 * the score is the share of mutants that were killed. Exits with 1 where it is under 90 %, or where a test fails without a mutation.
 */
const root = new URL("..", import.meta.url);
const room = new URL("src/export-control/", root);
const tests = new URL("test/unit/export-control/", root);
const leastScore = 0.9;

/** One mutation of one file of the room, and the text that it leaves to run. */
type Mutant = Mutation & {
  readonly file: string;
  readonly line: number;
  readonly original: string;
  readonly text: string;
};

const { values } = parseArgs({
  options: {
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    skip: { type: "string" },
    threads: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});

process.exitCode = await mutateAll();

async function mutateAll(): Promise<number> {
  const files = (await filesBelow(tests, ".test.ts")).map((name) => new URL(name, tests).href);
  const checkers = Array.from({ length: Number(values.threads) }, () => new Checker(files));
  const clean = await checkers[0]?.baseline();
  if (clean === undefined || clean.killedBy !== null) {
    process.stderr.write(`without a mutation this fails: ${clean?.killedBy ?? "no thread"}\n`);
    await checkers[0]?.stop();
    return 1;
  }
  const all = await mutants();
  const chosen =
    values.sample === undefined ? all : sampled(all, Number(values.sample), Number(values.seed));
  const results: Result[] = [];
  const waiting = chosen.values();
  const work = async (checker: Checker) => {
    for (const mutant of waiting) {
      const url = new URL(mutant.file, room).href;
      const { killedBy } = await checker.check({ url, text: mutant.text });
      const result: Result = { file: mutant.file, name: nameOf(mutant), killedBy };
      results.push(result);
      process.stderr.write(`${results.length} of ${chosen.length}: ${told(result)}\n`);
    }
    await checker.stop();
  };
  await Promise.all(checkers.map(work));
  const score = tell(results, { all: all.length, asJson: values.json });
  return score < leastScore ? 1 : 0;
}

async function filesBelow(folder: URL, ending: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(ending)).sort();
}

/** Every mutant that can run. A place that is a type is none, since nothing of it is left at run time. */
async function mutants(): Promise<readonly Mutant[]> {
  const names = (await filesBelow(room, ".ts")).filter(
    (name) =>
      name.includes(values.only) && !(values.skip !== undefined && name.includes(values.skip)),
  );
  const found: Mutant[] = [];
  for (const file of names) {
    const text = await readFile(new URL(file, room), "utf8");
    const running = runnable(text);
    for (const mutation of mutationsOf(text)) {
      const { start, end, replacement } = mutation;
      const original = text.slice(start, end);
      const changed = running.slice(0, start) + replacement + running.slice(end);
      if (running.slice(start, end) !== original || !parses(changed)) continue;
      const line = text.slice(0, start).split("\n").length;
      found.push({ ...mutation, file, line, original, text: changed });
    }
  }
  return found;
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

function nameOf({ file, line, kind, original, replacement }: Mutant): string {
  const short = (text: string) => text.replaceAll(/\s+/g, " ").slice(0, 60);
  return `${file}:${line} ${kind} ${short(original)} -> ${short(replacement) || "nothing"}`;
}
