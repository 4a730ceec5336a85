import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { compiled } from "./compiled.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type ServerProcess = {
  readonly child: ChildProcess;
  /** Settles when the process is gone. */
  readonly gone: Promise<Exit>;
  /** Where it listens. Rejects, with what it said, when it ends before it listens. */
  readonly url: Promise<string>;
  /** Everything that it has said on standard error. */
  readonly said: () => string;
  /** Sends a signal and waits until the process is gone. */
  readonly end: (signal: NodeJS.Signals) => Promise<Exit>;
};

export type ProcessSettings = Readonly<Record<string, string>>;

/**
 * The server as a process of its own, `node src/main.ts`, on a free loopback port and with nothing of this process's environment but PATH
 * and where compiled code is kept.
 */
export function spawnServer(env: ProcessSettings): ServerProcess {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main], {
    env: { PATH: process.env["PATH"], ...compiled, WEIGHTVAULT_PORT: "0", ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  const listening = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<Exit>();
  // Whoever kills a server that is still starting does not wait for its address.
  listening.promise.catch(() => {});
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString("utf8");
    const url = /^weightvault listens on (\S+)$/m.exec(said)?.[1];
    if (url !== undefined) listening.resolve(url);
  });
  child.once("error", ended.reject);
  child.once("close", (code, signal) => {
    listening.reject(new Error(`the server ended with ${code ?? signal}: ${said}`));
    ended.resolve({ code, signal });
  });
  return {
    child,
    gone: ended.promise,
    url: listening.promise,
    said: () => said,
    end: async (signal) => {
      child.kill(signal);
      return await ended.promise;
    },
  };
}

/** Runs a server that is to refuse its start; gives its exit code and what it said. One that starts instead is ended, and throws. */
export async function refusedStart(
  env: ProcessSettings,
): Promise<{ readonly code: number | null; readonly said: string }> {
  const server = spawnServer(env);
  const url = await Promise.race([server.url.catch(() => null), server.gone.then(() => null)]);
  if (url !== null) {
    await server.end("SIGKILL");
    throw new Error("the server started");
  }
  const { code } = await server.gone;
  return { code, said: server.said() };
}
