import { expect, test } from "@jest/globals";
import { transact } from "../../../src/database/transact.ts";
import { type EntryKind, submit } from "../../../src/ledger/submit.ts";
import { rolesOfKinds } from "../../../src/ledger/verify-roles.ts";
import { forEachDatabase } from "../../support/database.ts";

const kinds = Object.keys(rolesOfKinds) as readonly EntryKind[];

forEachDatabase("no entry tells a country", (open) => {
  test("a body of any kind with a country in it is not submitted, and its transaction fails", async () => {
    const { db } = await open();
    for (const kind of kinds) {
      const submitted = transact(db, async (tx) => {
        const body = { release: "r", checks: [{ check: "embargo-IR", outcome: "fail" }] };
        return await submit(tx, { kind, time: new Date("2026-11-23T12:00:00Z"), body });
      });
      await expect(submitted).rejects.toThrow(`the member checks of ${kind} could tell a country`);
    }
    expect(await db.selectFrom("ledger_submission").selectAll().execute()).toEqual([]);
  });
});
