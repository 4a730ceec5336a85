import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a measurement leaves behind unless it is ended: processes and folders. They are ended in reverse, once, also on an interruption. */
export class Resources {
  readonly #stack = new AsyncDisposableStack();
  #ending: Promise<void> | null = null;

  /** Takes what must be ended. What comes after the end began is ended at once, and the measurement with it. */
  async keep(end: () => Promise<unknown>): Promise<void> {
    if (this.#ending !== null) {
      await end();
      throw new Error("the measurement was ended");
    }
    this.#stack.defer(async () => {
      await end();
    });
  }

  end(): Promise<void> {
    this.#ending ??= this.#stack.disposeAsync();
    return this.#ending;
  }
}

/** A folder of the measurement's own, where temporary files go or somewhere else. */
export async function temporaryFolder(resources: Resources, parent = tmpdir()): Promise<string> {
  const folder = await mkdtemp(join(parent, "weightvault-bench-"));
  await resources.keep(async () => await rm(folder, { recursive: true, force: true }));
  return folder;
}

export type Program = {
  readonly child: ChildProcess & { readonly pid: number };
  /** Asks it to stop, and resolves when it is gone; one that does not go in time is killed. */
  readonly stop: () => Promise<void>;
  /** What the program has said on standard error. */
  readonly said: () => string;
};

const patienceMs = 20_000;

/**
 * Runs a Node program and waits until it says on standard error what `isReady` waits for. It stands in a process group of its own: an
 * interruption from the keyboard reaches the measurement alone, which then stops it in its turn.
 */
export async function startProgram(
  resources: Resources,
  {
    argv,
    env = {},
    isReady,
  }: {
    readonly argv: readonly string[];
    readonly env?: SpawnOptions["env"];
    readonly isReady: RegExp;
  },
): Promise<Program & { readonly ready: RegExpExecArray }> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...argv], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let text = "";
  const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
  child.stderr.on("data", (chunk: Buffer) => {
    text = `${text}${chunk.toString("utf8")}`.slice(-100_000);
    const ready = isReady.exec(text);
    if (ready !== null) resolve(ready);
  });
  child.once("error", reject);
  child.once("exit", (code) => reject(new Error(`${argv[0]} ended with ${code}: ${text}`)));
  const stop = async () => await stopProgram(child);
  await resources.keep(stop);
  const ready = await promise;
  return { child: child as Program["child"], stop, said: () => text, ready };
}

async function stopProgram(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  await gone;
  clearTimeout(late);
}
