import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type GoProgram = { readonly path: string; readonly remove: () => void };

/** It cannot be built on this machine, and why. */
export type GoAbsent = { readonly absent: string };

/** Go where it is installed; null where it is not. */
export function findGo(): string | null {
  return (
    ["go", "/usr/local/go/bin/go"].find(
      (each) => spawnSync(each, ["version"], { stdio: "ignore", timeout: 60_000 }).status === 0,
    ) ?? null
  );
}

/** Builds a package of a module that is committed with its sums, in a temporary folder. */
export function buildGo(
  module: string,
  name: string,
  { minutes }: { readonly minutes: number },
): GoProgram | GoAbsent {
  const go = findGo();
  if (go === null) return { absent: "Go is not installed" };
  const folder = mkdtempSync(join(tmpdir(), "weightvault-go-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const path = join(folder, "program");
  // Without a home Go has no place for its caches; what it fetches must be removable afterwards.
  const homeless =
    (process.env["HOME"] ?? "") === ""
      ? { GOPATH: join(folder, "go"), GOCACHE: join(folder, "cache") }
      : {};
  const built = spawnSync(go, ["build", "-modcacherw", "-mod=readonly", "-o", path, name], {
    cwd: module,
    encoding: "utf8",
    env: { ...process.env, ...homeless, CGO_ENABLED: "0" },
    timeout: minutes * 60_000,
  });
  if (built.status === 0) return { path, remove };
  remove();
  return { absent: `Go cannot build ${name}: ${reasonOf(built)}` };
}

export function reasonOf({ error, stderr, signal }: SpawnSyncReturns<string>): string {
  if (error !== undefined) return error.message;
  const text = stderr.trim().split("\n").slice(0, 5).join("; ");
  return text === "" ? `it ended by ${signal}` : text;
}
