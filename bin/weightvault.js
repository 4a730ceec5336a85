#!/usr/bin/env node
// Starts the command line under a Node that can run it: a clone runs its TypeScript, an installed package what was built of it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const main = ["../src/cli/main.ts", "../dist/cli/main.js"]
  .map((path) => new URL(path, import.meta.url))
  .find(existsSync);
const localNode = [
  at("../node_modules/node/bin/node"),
  at("../node_modules/node/bin/node.exe"),
].find(existsSync);
const [major, minor] = process.versions.node.split(".").map(Number);

if (main === undefined) {
  process.stderr.write("weightvault was not built: neither src nor dist is there\n");
  process.exitCode = 1;
} else if (major > 24 || (major === 24 && minor >= 12)) {
  await import(main.href);
} else if (localNode !== undefined) {
  restart(localNode, fileURLToPath(main));
} else {
  process.stderr.write(`weightvault needs Node 24.12 or newer, and this is ${process.version}\n`);
  process.exitCode = 1;
}

/** Runs the same command line under another Node, and ends as it ends: with its exit code, or by the signal that ended it. */
function restart(node, script) {
  const child = spawn(node, [script, ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // A terminal sends its interruption to the child as well.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    process.stderr.write(`weightvault cannot start ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exitCode = code ?? 1;
    else {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
      // Where the signal does not end a process, its number does.
      process.exitCode = 128 + constants.signals[signal];
    }
  });
}
