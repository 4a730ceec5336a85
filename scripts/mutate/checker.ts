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

const durations = new Map<string, number>();
const killers = new Map<string, readonly string[]>();
const room = new Room((workerData as Checked).files);

/** What stands unchanged has to pass; how long each test takes then is the order for the mutants. */
async function baseline(): Promise<Verdict> {
  for (const test of await room.load()) {
    const start = performance.now();
    if (await fails(test)) return { killedBy: keyOf(test) };
    durations.set(keyOf(test), performance.now() - start);
  }
  return { killedBy: null };
}

async function check({ url, text }: Changed): Promise<Verdict> {
  if (!room.reaches(url)) return { killedBy: null };
  let tests: readonly Test[];
  try {
    tests = await room.loadChanged(url, text);
  } catch (error) {
    return { killedBy: `the file does not load: ${String(error)}` };
  }
  const recent = killers.get(url) ?? [];
  const rank = (test: Test) => {
    const at = recent.indexOf(keyOf(test));
    return at === -1 ? (durations.get(keyOf(test)) ?? 0) : at - remembered;
  };
  for (const test of tests.toSorted((one, other) => rank(one) - rank(other))) {
    if (!(await fails(test))) continue;
    const key = keyOf(test);
    killers.set(url, [key, ...recent.filter((each) => each !== key)].slice(0, remembered));
    return { killedBy: key };
  }
  return { killedBy: null };
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
