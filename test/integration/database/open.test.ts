import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { type Database, openPglite } from "../../../src/database/open.ts";
import { isOutage, transact } from "../../../src/database/transact.ts";
import { forEachDatabase } from "../../support/database.ts";
import { until } from "../../support/until.ts";

forEachDatabase("a database", (open) => {
  let database: Database;

  beforeAll(async () => {
    database = await open();
  });

  test("gives the same types on both engines", async () => {
    const { rows } = await sql<Record<string, unknown>>`
      select 9007199254740993::int8 as large, count(*) as count, '\\x00ff'::bytea as bytes,
        ''::bytea as nothing, '2024-02-29'::date as day, '[1, {"a": null}]'::jsonb as json,
        1.50::numeric as amount, '2024-02-29T12:00:00.5Z'::timestamptz as time,
        'a51d0a37-1d3c-4c0c-9b53-bb1ed6b8b0c5'::uuid as id`.execute(database.db);
    expect(rows).toEqual([
      {
        large: 9007199254740993n,
        count: 1n,
        bytes: Buffer.from([0, 255]),
        nothing: Buffer.alloc(0),
        day: "2024-02-29",
        json: [1, { a: null }],
        amount: "1.50",
        time: new Date("2024-02-29T12:00:00.500Z"),
        id: "a51d0a37-1d3c-4c0c-9b53-bb1ed6b8b0c5",
      },
    ]);
    expect(Buffer.isBuffer(rows[0]?.["bytes"])).toBe(true);
  });
  test("one statement after the other leaves files and timers their turns", async () => {
    let isRead = false;
    let isDue = false;
    const reading = stat(tmpdir()).then(() => {
      isRead = true;
    });
    setTimeout(() => {
      isDue = true;
    }, 1);
    for (let statements = 0; !(isRead && isDue); statements += 1) {
      expect(statements).toBeLessThan(20_000);
      await sql`select 1`.execute(database.db);
    }
    await reading;
  });

  test("runs a script whole or not at all", async () => {
    await database.runScript("create table note (text text); insert into note values ('a;b');");
    const failing = database.runScript("insert into note values ('c'); select 1 / 0;");
    await expect(failing).rejects.toMatchObject({ code: "22012" });
    const { rows } = await sql`select text from note`.execute(database.db);
    expect(rows).toEqual([{ text: "a;b" }]);
  });

  test("hears a notice once its transaction has committed, until it stops listening", async () => {
    let heard = 0;
    const stop = await database.listen("ledger_pending", () => {
      heard += 1;
    });
    await transact(database.db, async (tx) => {
      await sql`select pg_notify('ledger_pending', '')`.execute(tx);
      expect(heard).toBe(0);
    });
    await until(() => heard === 1);
    await stop();
    await database.notify("ledger_pending");
    await database.check();
    expect(heard).toBe(1);
  });

  test("refuses a channel name that is not a plain word", async () => {
    await expect(database.listen("a; drop table note", () => {})).rejects.toThrow(TypeError);
    await expect(database.notify("A")).rejects.toThrow(TypeError);
  });

  test("answers with an outage once it is closed, and may be closed twice", async () => {
    await database.check();
    await database.close();
    await database.close();
    const error: unknown = await database.check().catch((thrown: unknown) => thrown);
    expect(isOutage(error)).toBe(true);
  });
});

test("PGlite in a folder keeps what was committed, in a folder of its owner alone", async () => {
  const parent = await mkdtemp(join(tmpdir(), "weightvault-open-"));
  try {
    const folder = join(parent, "data", "database");
    const first = await openPglite({ folder });
    await first.runScript("create table note (text text); insert into note values ('kept');");
    await first.close();
    const second = await openPglite({ folder });
    const { rows } = await sql`select text from note`.execute(second.db);
    await second.close();
    expect(rows).toEqual([{ text: "kept" }]);
    expect((await stat(join(parent, "data"))).mode & 0o777).toBe(0o700);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});
