import { randomUUID } from "node:crypto";
import { expect, test } from "@jest/globals";
import { sql } from "kysely";
import { grantServerRole } from "../../../src/database/migrate.ts";
import { openPostgres } from "../../../src/database/open.ts";
import { withdrawOverride } from "../../../src/vault/override.ts";
import { redecide } from "../../../src/vault/redecide.ts";
import { stage } from "../../support/actors.ts";
import { cloneDatabase, describePostgres } from "../../support/database.ts";
import { entriesOf } from "../../support/ledger.ts";
import { overridden } from "../../support/overrides.ts";
import { startVault } from "../../support/vault.ts";

describePostgres("the server's lesser role", () => {
  test("overrides, decides again and suspends", async () => {
    const clone = await cloneDatabase();
    const owner = openPostgres({ url: clone.url });
    const role = `server-${randomUUID().slice(0, 8)}`;
    await grantServerRole(owner, role);
    const url = new URL(clone.url);
    url.username = encodeURIComponent(role);
    const database = openPostgres({ url: url.href });
    const t = await startVault({ database });
    try {
      const failures: unknown[] = [];
      const onFailure = (error: unknown) => failures.push(error);
      const cast = await stage(t.vault, { bytes: Buffer.from("the weights") });
      const override = await overridden(t.vault, cast);
      await entriesOf(database);
      await redecide(t.vault, { onFailure });
      await withdrawOverride(t.vault, cast.first.caller, override);
      await entriesOf(database);
      const { events } = await redecide(t.vault, { onFailure });
      expect(failures).toEqual([]);
      expect(events.map(({ event }) => event)).toEqual(["flagged", "suspended"]);
      const editing = sql`update rulebook set content = ''`.execute(database.db);
      await expect(editing).rejects.toMatchObject({ code: "42501" });
    } finally {
      await t.stop();
      await database.close();
      await sql`drop owned by ${sql.id(role)}`.execute(owner.db);
      await sql`drop role ${sql.id(role)}`.execute(owner.db);
      await owner.close();
      await clone.drop();
    }
  });
});
