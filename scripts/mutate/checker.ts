import { parentPort, workerData } from "node:worker_threads";
import { Room, type Test } from "./room.ts";

/** What the checker is given: the URLs of the test files. */
export type Checked = { readonly files: readonly string[] };

/** A module's URL and its text with one place changed, types gone. */
export type Changed = { readonly url: string; readonly text: string };

/** The test that failed first; null where all passed. */
export type Verdict = { readonly killedBy: string | null };

/** How many of the tests that killed last go first for the same file: neighbours mostly die of the same tests. */
const remembered = 12;

/** A test by its name, without what it holds on to. */
type Killer = { readonly key: string; readonly file: string };

/** What takes longer waits. */
const slowMs = 20;

const durations = new Map<string, number>();
const totals = new Map<string, number>();
const killers = new Map<string, readonly Killer[]>();
const room = new Room((workerData as Checked).files);

/** What stands unchanged has to pass; how long each test takes then is the order for the mutants. */
async function baseline(): Promise<Verdict> {
  for (const test of await room.load()) {
    const start = performance.now();
    if (await fails(test)) return { killedBy: keyOf(test) };
    const tookMs = performance.now() - start;
    durations.set(keyOf(test), tookMs);
    totals.set(test.file, (totals.get(test.file) ?? 0) + tookMs);
  }
  return { killedBy: null };
}

/**
 * The files of the last killers first, and in every file the quick tests in the order of how long they take. What takes long waits until every quick
 * test has passed.
 */
async function check({ url, text }: Changed): Promise<Verdict> {
  const recent = killers.get(url) ?? [];
  const changing = room.change(url, text);
  const slow: Test[] = [];
  for (const file of byRank(changing.files, (each) => rankOfFile(each, recent))) {
    let tests: readonly Test[];
    try {
      tests = await changing.load(file);
    } catch (error) {
      return { killedBy: `the file does not load: ${String(error)}` };
    }
    const isSlow = (test: Test) => (durations.get(keyOf(test)) ?? 0) > slowMs;
    slow.push(...tests.filter(isSlow));
    const quick = tests.filter((test) => !isSlow(test));
    const killer = await firstToFail(byRank(quick, (test) => rankOf(test, recent)));
    if (killer !== null) return killed(url, killer, recent);
  }
  const killer = await firstToFail(byRank(slow, (test) => rankOf(test, recent)));
  return killer === null ? { killedBy: null } : killed(url, killer, recent);
}

async function firstToFail(tests: readonly Test[]): Promise<Test | null> {
  for (const test of tests) if (await fails(test)) return test;
  return null;
}

function killed(url: string, killer: Test, recent: readonly Killer[]): Verdict {
  const key = keyOf(killer);
  const others = recent.filter((each) => each.key !== key);
  killers.set(url, [{ key, file: killer.file }, ...others].slice(0, remembered));
  return { killedBy: key };
}

function byRank<Item>(items: readonly Item[], rank: (item: Item) => number): readonly Item[] {
  return items.toSorted((one, other) => rank(one) - rank(other));
}

function rankOf(test: Test, recent: readonly Killer[]): number {
  const at = recent.findIndex(({ key }) => key === keyOf(test));
  return at === -1 ? (durations.get(keyOf(test)) ?? 0) : at - remembered;
}

function rankOfFile(file: string, recent: readonly Killer[]): number {
  const at = recent.findIndex((each) => each.file === file);
  return at === -1 ? (totals.get(file) ?? 0) : at - remembered;
}

async function fails({ run }: Test): Promise<boolean> {
  try {
    await run();
    return false;
  } catch {
    return true;
  }
}

function keyOf({ file, name }: Test): string {
  return `${file.slice(file.lastIndexOf("/") + 1)}: ${name}`;
}

parentPort?.on("message", (changed: Changed) => {
  void check(changed).then((verdict) => parentPort?.postMessage(verdict));
});
parentPort?.postMessage(await baseline());
