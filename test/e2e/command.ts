import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { run } from "../../src/cli/program.ts";
import { compiled } from "../support/compiled.ts";
import { noServer } from "../support/no-server.ts";

export const bin = fileURLToPath(new URL("../../bin/weightvault.js", import.meta.url));

export type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type RunOptions = {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly onStart?: (child: ChildProcess) => void;
  /** What a shell does before it becomes the command, for example `ulimit -f 100`. */
  readonly limits?: string;
};

export const token = "wv_test_token";

/** Runs the real command as a child process, in an environment that has nothing of the caller's but PATH and where compiled code is kept. */
export async function weightvault(
  args: readonly string[],
  { env = {}, cwd, onStart, limits }: RunOptions = {},
): Promise<Ended> {
  const command = [process.execPath, bin, ...args] as const;
  const [program, ...rest] =
    limits === undefined ? command : ["sh", "-c", `${limits}; exec "$@"`, "sh", ...command];
  const child = spawn(program ?? "", rest, {
    env: { PATH: process.env["PATH"], ...compiled, WEIGHTVAULT_TOKEN: token, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(cwd === undefined ? {} : { cwd }),
  });
  onStart?.(child);
  const { promise, resolve, reject } = Promise.withResolvers<Pick<Ended, "code" | "signal">>();
  child.on("error", reject);
  child.on("close", (code, signal) => resolve({ code, signal }));
  const [stdout, stderr, ended] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    promise,
  ]);
  return { ...ended, stdout, stderr };
}

/** Runs the same command line within the test's process, which is faster: for cases in which the process itself plays no part. */
export async function weightvaultHere(
  args: readonly string[],
  { env = {} }: Pick<RunOptions, "env"> = {},
): Promise<Ended> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await run(
    {
      env: { WEIGHTVAULT_TOKEN: token, ...env },
      stdout,
      stderr,
      ...noServer,
    },
    args,
  );
  stdout.end();
  stderr.end();
  return { code, signal: null, stdout: await textOf(stdout), stderr: await textOf(stderr) };
}

/** A folder of the test's own; `await using` removes it. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "weightvault-cli-"));
  return {
    path,
    [Symbol.asyncDispose]: async () => await rm(path, { recursive: true, force: true }),
  };
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
