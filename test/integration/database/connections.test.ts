import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { sql } from "kysely";
import type { Database } from "../../../src/database/open.ts";
import { describePostgres } from "../../support/database.ts";
import { until } from "../../support/until.ts";
import { openCloned } from "./cloned.ts";

const atOnce = 4;

/** The server's processes that answer so many statements at once. */
async function processesOfBurst({ db }: Database): Promise<ReadonlySet<number>> {
  const answers = await Promise.all(
    Array.from({ length: atOnce }, async () =>
      sql<{ pid: number }>`select pg_backend_pid() as pid, pg_sleep(0.2)`.execute(db),
    ),
  );
  return new Set(answers.flatMap(({ rows }) => rows.map(({ pid }) => pid)));
}

const connections = "/proc/net/tcp";
const testLinux = existsSync(connections) ? test : test.skip;

/** Seconds until the system looks whether the peer of our connection from this port is still there; null where it will not. */
async function secondsToKeepAlive(port: number): Promise<number | null> {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = (await readFile(connections, "utf8"))
    .split("\n")
    .map((row) => row.trim().split(/ +/));
  const [kind, ticks = ""] = rows.find((row) => row[1] === local)?.[5]?.split(":") ?? [];
  // 02 is the timer of keepalive; its time is told in hundredths of a second.
  return kind === "02" ? Number.parseInt(ticks, 16) / 100 : null;
}

describePostgres("on PostgreSQL", () => {
  test("a burst after eleven quiet seconds is served by the connections of the one before", async () => {
    await using cloned = await openCloned({ poolSize: atOnce });
    const before = await processesOfBurst(cloned.database);
    expect(before.size).toBe(atOnce);
    await sleep(11_000);
    expect(await processesOfBurst(cloned.database)).toEqual(before);
  });

  testLinux(
    "the peer of a connection that is quiet for thirty seconds is asked whether it is there",
    async () => {
      await using cloned = await openCloned({ poolSize: 1 });
      const { db } = cloned.database;
      const { rows } = await sql<{ port: number }>`select inet_client_port() as port`.execute(db);
      // What was sent last is acknowledged first, which has a timer of its own.
      await until(async () => (await secondsToKeepAlive(rows[0]?.port ?? 0)) !== null);
      expect(await secondsToKeepAlive(rows[0]?.port ?? 0)).toBeLessThanOrEqual(30);
    },
  );
});
