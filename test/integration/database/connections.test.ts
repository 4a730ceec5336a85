import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { sql } from "kysely";
import type { Database } from "../../../src/database/open.ts";
import { describePostgres } from "../../support/database.ts";
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

describePostgres("on PostgreSQL", () => {
  test("a burst after eleven quiet seconds is served by the connections of the one before", async () => {
    await using cloned = await openCloned({ poolSize: atOnce });
    const before = await processesOfBurst(cloned.database);
    expect(before.size).toBe(atOnce);
    await sleep(11_000);
    expect(await processesOfBurst(cloned.database)).toEqual(before);
  });
});
