import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onFreePort } from "../free-port.ts";
import { until } from "../until.ts";

/** The reference witness that people run, litewitness, as built here. */
export type Reference = {
  /** Serves a log of that key; `line` is its line in a policy. */
  readonly start: (log: { readonly origin: string; readonly vkey: string }) => Promise<{
    readonly url: string;
    readonly line: (name: string) => string;
  }>;
  readonly remove: () => Promise<void>;
};

export type ReferenceAbsent = { readonly absent: string };

const program = fileURLToPath(new URL(".", import.meta.url));
const commands = ["litewitness", "witnessctl"].map((each) => `filippo.io/torchwood/cmd/${each}`);
const minutesToBuild = 5;

/** Builds litewitness with Go in a temporary folder; it signs with a key that it reaches through OpenSSH's agent alone. */
export function buildReference(): Reference | ReferenceAbsent {
  const go = ["go", "/usr/local/go/bin/go"].find((each) => ran(each, ["version"]) === null);
  if (go === undefined) return { absent: "Go is not installed" };
  for (const each of ["ssh-agent", "ssh-add", "ssh-keygen"])
    if (spawnSync(each, ["-?"], { stdio: "ignore" }).error !== undefined)
      return { absent: `${each} of OpenSSH is not installed` };
  const folder = mkdtempSync(join(tmpdir(), "weightvault-litewitness-"));
  // Without a home Go has no place for its caches; what it fetches must be removable afterwards.
  const homeless =
    (process.env["HOME"] ?? "") === ""
      ? { GOPATH: join(folder, "go"), GOCACHE: join(folder, "cache") }
      : {};
  const why = ran(go, ["build", "-modcacherw", "-mod=readonly", "-o", `${folder}/`, ...commands], {
    ...process.env,
    ...homeless,
    CGO_ENABLED: "0",
  });
  if (why !== null) {
    rmSync(folder, { recursive: true, force: true });
    return { absent: `Go cannot build it: ${why}` };
  }
  const children: ChildProcess[] = [];
  return {
    start: async (log) => await start(folder, children, log),
    remove: async () => {
      for (const child of children.toReversed()) {
        child.kill("SIGTERM");
        if (child.exitCode === null && child.signalCode === null)
          await new Promise((resolve) => {
            child.once("close", resolve);
          });
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function start(
  folder: string,
  children: ChildProcess[],
  { origin, vkey }: { readonly origin: string; readonly vkey: string },
) {
  const [key, socket, db] = ["key", "agent.sock", "witness.db"].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  must(ran("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]));
  children.push(spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" }));
  const withAgent = { ...process.env, SSH_AUTH_SOCK: socket };
  await until(() => ran("ssh-add", ["-q", key], withAgent) === null);
  const fingerprint = spawnSync("ssh-keygen", ["-l", "-f", `${key}.pub`], { encoding: "utf8" });
  const witnessctl = join(folder, "witnessctl");
  must(ran(witnessctl, ["add-log", "-db", db, "-origin", origin]));
  must(ran(witnessctl, ["add-key", "-db", db, "-origin", origin, "-key", vkey]));
  const named = ["-name", "witness.example/lite", "-key", fingerprint.stdout.split(" ")[1] ?? ""];
  return await onFreePort(async (port) => {
    const where = ["-db", db, "-ssh-agent", socket, "-listen", `127.0.0.1:${port}`];
    return await serve(join(folder, "litewitness"), { args: [...named, ...where], port, children });
  });
}

async function serve(
  program: string,
  {
    args,
    port,
    children,
  }: {
    readonly args: readonly string[];
    readonly port: number;
    readonly children: ChildProcess[];
  },
) {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  children.push(child);
  let said = "";
  child.stderr.on("data", (bytes: Buffer) => {
    said += bytes.toString("utf8");
  });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`litewitness ended: ${said}`);
    return await fetch(url).then(
      () => true,
      () => false,
    );
  });
  const own = /vkey="?([^\s"]+)/.exec(said)?.[1];
  if (own === undefined) throw new Error(`litewitness told no key: ${said}`);
  return { url, line: (name: string) => `witness ${name} ${own} ${url}\n` };
}

/** Null where the command succeeded, otherwise what it said. */
function ran(command: string, args: readonly string[], env = process.env): string | null {
  const timeout = minutesToBuild * 60_000;
  const { status, error, stderr } = spawnSync(command, args, {
    cwd: program,
    env,
    encoding: "utf8",
    timeout,
  });
  if (status === 0) return null;
  return error?.message ?? stderr.trim().split("\n").slice(0, 5).join("; ");
}

function must(why: string | null): void {
  if (why !== null) throw new Error(why);
}
