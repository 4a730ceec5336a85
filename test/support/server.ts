import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { readConfig } from "../../src/config.ts";
import { type Adapters, openAdapters, type RunningServer, startServer } from "../../src/main.ts";
import { Clock } from "./vault.ts";

export type TestServer = RunningServer & {
  readonly folder: string;
  readonly clock: Clock;
  /** The text of the one-time token, while it is not traded. */
  bootstrapToken(): Promise<string>;
};

export type TestServerOptions = {
  /** Settings beside the data folder and the free port. */
  readonly env?: Readonly<Record<string, string>>;
  readonly wrap?: (adapters: Adapters) => Adapters;
  /** A data folder to go on with; it is then left in place. */
  readonly folder?: string;
};

/** The real server on a free loopback port, on the embedded default unless `env` names a database, with a clock that a test moves. */
export async function startTestServer({
  env = {},
  wrap = (same) => same,
  folder,
}: TestServerOptions = {}): Promise<TestServer> {
  const data = folder ?? (await mkdtemp(join(tmpdir(), "weightvault-server-")));
  const config = readConfig({
    WEIGHTVAULT_DATA: data,
    WEIGHTVAULT_PORT: "0",
    WEIGHTVAULT_DRAIN_SECONDS: "1",
    ...env,
  });
  const clock = new Clock();
  const adapters = wrap(await openAdapters(config));
  const server = await startServer({
    config,
    adapters,
    now: clock.now,
    log: pino({ level: "silent" }),
  });
  return {
    ...server,
    folder: data,
    clock,
    bootstrapToken: async () => (await readFile(join(data, "bootstrap-token"), "utf8")).trim(),
    stop: async () => {
      await server.stop();
      if (folder === undefined) await rm(data, { recursive: true, force: true });
    },
  };
}
