import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type GoProgram = { readonly binary: string; readonly remove: () => void };

/** Go is not here, or cannot build the program. */
export type GoAbsent = { readonly absent: string };

const minutesToBuild = 10;

/** Builds a package of the Go module in the folder, its own or a tool that it names, into a temporary one; modules come as the environment says. */
export function buildGoProgram(folder: string, name = "."): GoProgram | GoAbsent {
  const go = ["go", "/usr/local/go/bin/go"].find((each) => runs(each, ["version"]));
  if (go === undefined) return { absent: "Go is not installed" };
  const built = mkdtempSync(join(tmpdir(), "weightvault-go-"));
  const remove = () => rmSync(built, { recursive: true, force: true });
  const binary = join(built, "program");
  // Without a home Go has no place for its caches; what it fetches must be removable afterwards.
  const homeless =
    (process.env["HOME"] ?? "") === ""
      ? { GOPATH: join(built, "go"), GOCACHE: join(built, "cache") }
      : {};
  const ran = spawnSync(go, ["build", "-modcacherw", "-mod=readonly", "-o", binary, name], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, ...homeless, CGO_ENABLED: "0" },
    timeout: minutesToBuild * 60_000,
  });
  if (ran.status === 0) return { binary, remove };
  remove();
  return { absent: `Go cannot build ${name}: ${reasonOf(ran)}` };
}

/** Whether a command is there and ends well. */
export function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore", timeout: 60_000 }).status === 0;
}

/** Why a process did not do what it was asked for. */
export function reasonOf({ error, stderr, signal }: SpawnSyncReturns<string>): string {
  if (error !== undefined) return error.message;
  const text = stderr.trim().split("\n").slice(0, 5).join("; ");
  return text === "" ? `it ended by ${signal}` : text;
}
