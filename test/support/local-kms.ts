import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

export type LocalKms = { readonly binary: string };
export type LocalKmsAbsent = { readonly absent: string };

export type LocalKmsServer = {
  readonly endpoint: string;
  readonly region: string;
  readonly stop: () => Promise<void>;
};

const program = fileURLToPath(new URL("local-kms/", import.meta.url));
const minutesToBuild = 5;
const region = "eu-west-1";

/** local-kms, built with Go from its module into `folder`. */
export function findLocalKms(folder: string): LocalKms | LocalKmsAbsent {
  const go = ["go", "/usr/local/go/bin/go"].find(
    (each) => spawnSync(each, ["version"], { stdio: "ignore", timeout: 60_000 }).status === 0,
  );
  if (go === undefined) return { absent: "local-kms is built with Go, which is not installed" };
  const binary = join(folder, "local-kms");
  // Without a home Go has no place for its caches.
  const homeless =
    (process.env["HOME"] ?? "") === ""
      ? { GOPATH: join(folder, "go"), GOCACHE: join(folder, "go-cache") }
      : {};
  const args = ["build", "-modcacherw", "-mod=readonly", "-o", binary];
  const built = spawnSync(go, [...args, "github.com/nsmithuk/local-kms"], {
    cwd: program,
    encoding: "utf8",
    env: { ...process.env, ...homeless, CGO_ENABLED: "0" },
    timeout: minutesToBuild * 60_000,
  });
  if (built.status === 0 && existsSync(binary)) return { binary };
  const why = built.error?.message ?? built.stderr.trim().split("\n").slice(0, 3).join("; ");
  return { absent: `Go cannot build local-kms: ${why}` };
}

/** What the set-up of the service tests found. */
export function preparedLocalKms(): LocalKms | LocalKmsAbsent {
  const { WEIGHTVAULT_TEST_LOCAL_KMS: found = '{"absent":"the service tests were not set up"}' } =
    process.env;
  return JSON.parse(found) as LocalKms | LocalKmsAbsent;
}

/** Starts a server of its own, without keys, on a free port. It listens on every interface, and holds keys of the tests alone. */
export async function startLocalKms({ binary }: LocalKms): Promise<LocalKmsServer> {
  const folder = mkdtempSync(join(tmpdir(), "weightvault-local-kms-"));
  const env = {
    PORT: "0",
    KMS_DATA_PATH: folder,
    KMS_REGION: region,
    KMS_ACCOUNT_ID: "111122223333",
  };
  const child = spawn(binary, [], { env, stdio: ["ignore", "ignore", "pipe"] });
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
    const port = /Local KMS started on \S+?:(\d+)/.exec(text)?.[1];
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
