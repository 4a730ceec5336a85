import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, beforeEach, expect, test } from "@jest/globals";
import { type Kysely, sql } from "kysely";
import type { Database } from "../../../src/database/open.ts";
import type { Schema } from "../../../src/database/schema.ts";
import { isContention, isUniqueViolation, transact } from "../../../src/database/transact.ts";
import { describePostgres, forEachDatabase } from "../../support/database.ts";
import { openCloned } from "./cloned.ts";

const balances = `
  drop table if exists balance;
  create table balance (name text primary key, amount int8 not null);
  insert into balance values ('left', 10), ('right', 20);`;

async function amounts(db: Kysely<Schema>): Promise<Record<string, bigint>> {
  const { rows } = await sql<{ name: string; amount: bigint }>`
    select name, amount from balance order by name`.execute(db);
  return Object.fromEntries(rows.map(({ name, amount }) => [name, amount]));
}

const add = (name: string, amount: number) =>
  sql`update balance set amount = amount + ${amount} where name = ${name}`;

forEachDatabase("transact", (open) => {
  let database: Database;
  let db: Kysely<Schema>;

  beforeAll(async () => {
    database = await open();
    db = database.db;
  });

  beforeEach(() => database.runScript(balances));

  test("commits what the work did and gives its result", async () => {
    const result = await transact(db, async (tx) => {
      await add("left", 1).execute(tx);
      return "done";
    });
    expect(result).toBe("done");
    expect(await amounts(db)).toEqual({ left: 11n, right: 20n });
  });

  test("leaves nothing of work that throws, and does not run it again", async () => {
    let runs = 0;
    const failing = transact(db, async (tx) => {
      runs += 1;
      await add("left", 1).execute(tx);
      await sql`insert into balance values ('right', 0)`.execute(tx);
    });
    const error: unknown = await failing.catch((thrown: unknown) => thrown);
    expect(isUniqueViolation(error, "balance_pkey")).toBe(true);
    expect(runs).toBe(1);
    expect(await amounts(db)).toEqual({ left: 10n, right: 20n });
  });

  test("runs contended work again from the beginning", async () => {
    let runs = 0;
    await transact(db, async (tx) => {
      runs += 1;
      await add("left", 1).execute(tx);
      if (runs < 3) await sql`do $$ begin raise sqlstate '40001'; end $$`.execute(tx);
    });
    expect(runs).toBe(3);
    expect(await amounts(db)).toEqual({ left: 11n, right: 20n });
  });

  test("gives up after the attempts that it was given", async () => {
    let runs = 0;
    const failing = transact(
      db,
      async (tx) => {
        runs += 1;
        await sql`do $$ begin raise sqlstate '40P01'; end $$`.execute(tx);
      },
      { attempts: 2 },
    );
    const error: unknown = await failing.catch((thrown: unknown) => thrown);
    expect(isContention(error)).toBe(true);
    expect(runs).toBe(2);
  });

  test("refuses the database itself inside a transaction, where it would wait for ever", async () => {
    const using = transact(db, async () => amounts(db));
    await expect(using).rejects.toThrow("must use its `tx`");
    const nesting = transact(db, async () => transact(db, async () => 1));
    await expect(nesting).rejects.toThrow("must use its `tx`");
    expect(await amounts(db)).toEqual({ left: 10n, right: 20n });
  });

  test("lets what a transaction left running use the database after it has ended", async () => {
    const [later] = await transact(db, async () => [sleep(20).then(() => amounts(db))] as const);
    expect(await later).toEqual({ left: 10n, right: 20n });
  });
});

describePostgres("transact on PostgreSQL", () => {
  test("both sides of a deadlock commit, one of them at the second attempt", async () => {
    await using cloned = await openCloned();
    const { db } = cloned.database;
    await cloned.database.runScript(balances);
    const { promise: bothHold, resolve } = Promise.withResolvers<void>();
    let runs = 0;
    let holding = 0;
    const cross = (first: string, second: string) =>
      transact(db, async (tx) => {
        runs += 1;
        await add(first, 1).execute(tx);
        holding += 1;
        if (holding === 2) resolve();
        await bothHold;
        await add(second, 1).execute(tx);
      });
    await Promise.all([cross("left", "right"), cross("right", "left")]);
    expect(runs).toBe(3);
    expect(await amounts(db)).toEqual({ left: 12n, right: 22n });
  });
});
