import { expect, test } from "@jest/globals";
import { Queue } from "../../../src/ledger/queue.ts";
import { forEachDatabase } from "../../support/database.ts";
import { submitMany } from "../../support/log.ts";

forEachDatabase("the queue of what waits for its place", (open) => {
  test("has room below its limit, and refuses more work from there on until there is room again", async () => {
    const database = await open();
    await submitMany(database, 99);
    await new Queue(database.db, 100).assertRoom();
    await submitMany(database, 1);
    await expect(new Queue(database.db, 100).assertRoom()).rejects.toMatchObject({
      code: "ledger_full",
      status: 503,
    });
    await database.db.deleteFrom("ledger_pending").where("submission", "<=", 5n).execute();
    await new Queue(database.db, 100).assertRoom();
  });
});
