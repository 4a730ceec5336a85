import { registerHooks } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import type { Stated } from "./jest-globals.ts";

/** What the checker is given: the test files in the order in which they run. */
export type Checked = { readonly files: readonly string[] };

/** The test that failed first; null where all passed. */
export type Verdict = { readonly killedBy: string | null };

const globals = new URL("./jest-globals.ts", import.meta.url).href;
const hurried = new URL("./fast-check.ts", import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier === "@jest/globals") return { url: globals, shortCircuit: true };
    if (specifier === "fast-check" && context.parentURL !== hurried)
      return { url: hurried, shortCircuit: true };
    return next(specifier, context);
  },
});

const { take } = (await import(globals)) as { readonly take: () => readonly Stated[] };

async function firstFailure({ files }: Checked): Promise<string | null> {
  for (const file of files) {
    try {
      await import(file);
    } catch (error) {
      return `the file does not load: ${String(error)}`;
    }
    for (const { name, run } of take()) {
      try {
        await run();
      } catch {
        return name;
      }
    }
  }
  return null;
}

const verdict: Verdict = { killedBy: await firstFailure(workerData as Checked) };
parentPort?.postMessage(verdict);
