import { spawn } from "node:child_process";
import { rmSync } from "node:fs";

/**
 * Keeps one PostgreSQL server for as long as its standard input is open, then stops it and removes its folder. It is a process of its own,
 * so that nothing is left even of tests that were killed. Arguments: folder, user id (empty for our own), program, its arguments.
 */
const [folder, userId, program, ...programArguments] = process.argv.slice(2);
if (folder === undefined || program === undefined) throw new Error("folder and program are needed");

const server = spawn(program, programArguments, {
  ...(userId ? { uid: Number(userId), gid: Number(userId) } : {}),
  cwd: "/",
  env: { LC_ALL: "C", TZ: "UTC" },
  stdio: ["ignore", "ignore", "inherit"],
});

/** SIGINT is PostgreSQL's fast shutdown: open transactions are rolled back and clients are told. */
const stop = () => {
  server.kill("SIGINT");
};

process.stdin.on("end", stop).on("error", stop).resume();
process.stderr.on("error", stop);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);

server.on("error", () => process.exit(1));
server.on("exit", (code) => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(code ?? 1);
});
