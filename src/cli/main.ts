import { existsSync } from "node:fs";
import type { Context } from "./context.ts";
import { exits } from "./exit.ts";
import { Failure } from "./failure.ts";
import { run } from "./program.ts";
import { outputSentence, unreadSentence } from "./system-error.ts";

/** The command line's composition root: the process, and the server where it is asked for. */
const interrupted = new AbortController();
let interruptedBy: NodeJS.Signals | null = null;

function interruption(): AbortSignal {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      interruptedBy = signal;
      interrupted.abort();
    });
  }
  return interrupted.signal;
}

/** The server's settings may lie in `.env`, as under `npm start`; the client's token never comes from there. */
function serverEnv(): NodeJS.ProcessEnv {
  if (existsSync(".env")) process.loadEnvFile(".env");
  return process.env;
}

// Node tells everyone who downloads that its Web Crypto is partly experimental: nothing that they could do about it.
process.removeAllListeners("warning");
process.on("warning", ({ name, message }) => {
  if (name !== "ExperimentalWarning") process.stderr.write(`${name}: ${message}\n`);
});

const context: Context = {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  interruption,
  serve: async () => await (await import("../main.ts")).serve(serverEnv()),
  rebuild: async (from) => await (await import("../maintain.ts")).rebuildFrom(serverEnv(), from),
  migrate: async (isJson) =>
    await (await import("../maintain.ts")).migrateCommand(serverEnv(), isJson),
  custody: async (what, isJson) =>
    await (await import("../maintain.ts")).custodyCommand(serverEnv(), what, isJson),
  recover: async (person) =>
    await (await import("../maintain.ts")).recoverCommand(serverEnv(), person),
  rotateKey: async (options) =>
    await (await import("../maintain.ts")).rotateKeyCommand(serverEnv(), options),
  witness: {
    init: async (options) => await (await import("../witness.ts")).init(options),
    serve: async (options, signal) => await (await import("../witness.ts")).serve(options, signal),
  },
};

let isCut = false;
// Whoever reads the output may stop reading: `weightvault ... | head` is no error. What is under way ends as if it were interrupted, and the exit
// code stays what the command comes to: a ledger that does not verify must not pass because nobody read on.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // Whoever was to go on until a signal came, a watch for example, tells this end from that one by its reason.
  interrupted.abort(error.code === "EPIPE" ? new Failure("failed", unreadSentence) : undefined);
  if (error.code === "EPIPE" || isCut) return;
  isCut = true;
  process.stderr.write(`${outputSentence(error)}\n`);
});
// What is said about a result changes nothing in it.
process.stderr.on("error", () => {});
process.on("exit", (code) => {
  if (isCut && code === 0) process.exitCode = exits.failed[0];
});

process.exitCode = await run(context, process.argv.slice(2));
// What was open is closed by now; a shell wants to know that a signal ended it, and from which.
if (interruptedBy !== null) process.kill(process.pid, interruptedBy);
