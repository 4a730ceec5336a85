import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { buildGoProgram } from "./go-program.ts";

export type LocalKms = { readonly binary: string };
export type LocalKmsAbsent = { readonly absent: string };

export type LocalKmsServer = {
  readonly endpoint: string;
  readonly region: string;
  readonly stop: () => Promise<void>;
};

const program = fileURLToPath(new URL("local-kms/", import.meta.url));
const region = "eu-west-1";

/** local-kms, built with Go from its module into `folder`, behind a server of ours, which listens on loopback alone. */
export function findLocalKms(folder: string): LocalKms | LocalKmsAbsent {
  const built = buildGoProgram(program);
  if ("absent" in built) return built;
  const binary = join(folder, "local-kms");
  copyFileSync(built.binary, binary);
  built.remove();
  return { binary };
}

/** What the set-up of the service tests found. */
export function preparedLocalKms(): LocalKms | LocalKmsAbsent {
  const { WEIGHTVAULT_TEST_LOCAL_KMS: found = '{"absent":"the service tests were not set up"}' } =
    process.env;
  return JSON.parse(found) as LocalKms | LocalKmsAbsent;
}

/** Starts a server of its own, without keys, on a free port of the loopback interface. */
export async function startLocalKms({ binary }: LocalKms): Promise<LocalKmsServer> {
  const folder = mkdtempSync(join(tmpdir(), "weightvault-local-kms-"));
  const child = spawn(binary, [folder, region], { env: {}, stdio: ["ignore", "ignore", "pipe"] });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  return {
    endpoint: `http://127.0.0.1:${await portOf(child.stderr)}`,
    region,
    stop: async () => {
      process.removeListener("exit", kill);
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** It says its port when it listens. What it says later is read and dropped. */
async function portOf(said: Readable): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  said.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    const port = /listening on 127\.0\.0\.1:(\d+)/.exec(text)?.[1];
    if (port !== undefined) resolve(port);
  });
  said.once("end", () => reject(new Error(`local-kms does not start: ${text}`)));
  return await promise;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
