import { expect, test } from "@jest/globals";
import { sql } from "kysely";
import { forEachDatabase } from "../../support/database.ts";

forEachDatabase("a database", (open) => {
  test("gives the same types on both engines", async () => {
    const { db } = await open();
    const { rows } = await sql<Record<string, unknown>>`
      select 9007199254740993::int8 as large, count(*) as count, '\\x00ff'::bytea as bytes,
        ''::bytea as nothing, '2024-02-29'::date as day, '[1, {"a": null}]'::jsonb as json,
        1.50::numeric as amount, '2024-02-29T12:00:00.5Z'::timestamptz as time,
        'a51d0a37-1d3c-4c0c-9b53-bb1ed6b8b0c5'::uuid as id`.execute(db);
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
});
