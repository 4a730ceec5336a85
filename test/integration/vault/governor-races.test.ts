import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { openPostgres } from "../../../src/database/open.ts";
import { transact } from "../../../src/database/transact.ts";
import { lackingRoles } from "../../../src/vault/governors.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { issueToken } from "../../../src/vault/token.ts";
import { addPerson, bootstrapOfficer, usPerson } from "../../support/actors.ts";
import { cloneDatabase, describePostgres } from "../../support/database.ts";
import { startVault } from "../../support/vault.ts";

describePostgres("while a role is found to be lacking", () => {
  test("nobody comes to hold one, by a token or by a reinstatement, until that is decided", async () => {
    const clone = await cloneDatabase();
    const t = await startVault({ database: openPostgres({ url: clone.url, poolSize: 12 }) });
    try {
      const first = await bootstrapOfficer(t.vault);
      const second = await addPerson(t.vault, first, usPerson, ["export-officer", "operator"]);
      const person = { noun: "person", id: second.person } as const;
      await changeStanding(t.vault, first.caller, { ...person, change: "suspended" });
      const givings = [
        async () => {
          const expiresAt = new Date(t.clock.at.getTime() + 1_000);
          const { principal } = second;
          const roles = ["operator"] as const;
          await issueToken(t.vault, first.caller, { principal, roles, expiresAt });
        },
        async () =>
          await changeStanding(t.vault, first.caller, { ...person, change: "reinstated" }),
      ];
      for (const give of givings) {
        let isGiven = false;
        const found = Promise.withResolvers<void>();
        const decided = Promise.withResolvers<void>();
        const deciding = transact(t.vault.database.db, async (tx) => {
          expect(await lackingRoles(tx, t.vault.now())).toEqual([]);
          found.resolve();
          await decided.promise;
        });
        await found.promise;
        const giving = give().then(() => {
          isGiven = true;
        });
        await sleep(500);
        expect(isGiven).toBe(false);
        decided.resolve();
        await Promise.all([deciding, giving]);
        expect(isGiven).toBe(true);
      }
    } finally {
      await t.stop();
      await t.vault.database.close();
      await clone.drop();
    }
  });
});
