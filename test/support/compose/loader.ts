import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export type ComposeLoader = {
  readonly name: string;
  /** The project of a Compose file as JSON. Throws what the loader says of a file that it does not accept. */
  readonly load: (file: string) => unknown;
  readonly remove: () => void;
};

/** Nothing on this machine can load a Compose file. */
export type ComposeAbsent = { readonly absent: string };

const program = fileURLToPath(new URL(".", import.meta.url));
const minutesToBuild = 5;

/** `docker compose` where it is installed; otherwise its own loader, compose-go, built with Go in a temporary folder. */
export function findComposeLoader(): ComposeLoader | ComposeAbsent {
  if (runs("docker", ["compose", "version"])) {
    const load = (file: string) =>
      parsed("docker", ["compose", "-f", file, "config", "--format", "json"]);
    return { name: "docker compose", load, remove: () => {} };
  }
  const go = ["go", "/usr/local/go/bin/go"].find((each) => runs(each, ["version"]));
  if (go === undefined) return { absent: "neither `docker compose` nor Go is installed" };
  return build(go);
}

function build(go: string): ComposeLoader | ComposeAbsent {
  const folder = mkdtempSync(join(tmpdir(), "weightvault-compose-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const binary = join(folder, "compose");
  // Without a home Go has no place for its caches; what it fetches must be removable afterwards.
  const homeless =
    (process.env["HOME"] ?? "") === ""
      ? { GOPATH: join(folder, "go"), GOCACHE: join(folder, "cache") }
      : {};
  const built = spawnSync(go, ["build", "-modcacherw", "-mod=readonly", "-o", binary, "."], {
    cwd: program,
    encoding: "utf8",
    env: { ...process.env, ...homeless, CGO_ENABLED: "0" },
    timeout: minutesToBuild * 60_000,
  });
  if (built.status !== 0) {
    remove();
    return {
      absent: `\`docker compose\` is not installed, and Go cannot build: ${reasonOf(built)}`,
    };
  }
  const load = (file: string) => parsed(binary, [file, dirname(file)]);
  return { name: "compose-go", load, remove };
}

function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore", timeout: 60_000 }).status === 0;
}

function parsed(command: string, args: readonly string[]): unknown {
  const ran = spawnSync(command, args, { encoding: "utf8", timeout: 60_000 });
  if (ran.status !== 0) throw new Error(reasonOf(ran));
  return JSON.parse(ran.stdout) as unknown;
}

function reasonOf({ error, stderr, signal }: SpawnSyncReturns<string>): string {
  if (error !== undefined) return error.message;
  const text = stderr.trim().split("\n").slice(0, 5).join("; ");
  return text === "" ? `it ended by ${signal}` : text;
}
