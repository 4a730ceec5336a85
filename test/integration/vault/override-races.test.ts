import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { openPostgres } from "../../../src/database/open.ts";
import { decideRelease } from "../../../src/vault/decide.ts";
import { approveOverride, withdrawOverride } from "../../../src/vault/override.ts";
import { type Cast, model, stage, unitedStates } from "../../support/actors.ts";
import { type ClonedDatabase, cloneDatabase, describePostgres } from "../../support/database.ts";
import { entriesOf, verified } from "../../support/ledger.ts";
import { proposed } from "../../support/overrides.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

const races = 200;

describePostgres(
  "an override withdrawn, or one to enforce approved, is never overtaken by an allowance",
  () => {
    let clone: ClonedDatabase;
    let t: TestVault;
    let cast: Cast;

    beforeAll(async () => {
      clone = await cloneDatabase();
      t = await startVault({ database: openPostgres({ url: clone.url, poolSize: 12 }) });
      cast = await stage(t.vault, { bytes: Buffer.alloc(10) });
    });
    afterAll(async () => {
      await t.stop();
      await t.vault.database.close();
      await clone.drop();
    });

    test(`in ${races} races`, async () => {
      const seen = { allow: 0, deny: 0, hold: 0 };
      for (let n = 0; n < races; n += 1) {
        const override = await proposed(t.vault, cast);
        const isWithdrawn = n % 2 === 0;
        const enforced = isWithdrawn ? null : await proposed(t.vault, cast, { action: "enforce" });
        await approveOverride(t.vault, cast.second.caller, override);
        const change = async () => {
          await sleep(Math.random() * 12);
          if (enforced === null) await withdrawOverride(t.vault, cast.first.caller, override);
          else await approveOverride(t.vault, cast.second.caller, enforced);
          expect(await ask()).not.toBe("allow");
        };
        const [one, other] = await Promise.all([ask(), ask(), change()]);
        for (const verdict of [one, other]) seen[verdict] += 1;
        for (const left of enforced === null ? [] : [override, enforced])
          await withdrawOverride(t.vault, cast.first.caller, left);
      }
      // Both sides must have won often, or nothing was raced.
      expect(seen.allow).toBeGreaterThan(races / 20);
      expect(seen.deny).toBeGreaterThan(races / 20);
      expect(await allowedWithout()).toEqual([]);
      const report = await verified(t);
      expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
    }, 900_000);

    async function ask() {
      const { decision } = await decideRelease(t.vault, cast.visitor.caller, {
        ...model,
        revision: "main",
        paths: null,
        way: "stream",
        recipientKey: null,
        destination: unitedStates,
      });
      return decision.verdict;
    }

    /** By the ledger's own order: allowances while nothing set the requirement aside, or something enforced it. */
    async function allowedWithout(): Promise<readonly number[]> {
      const standing = new Map<unknown, unknown>();
      const wrong: number[] = [];
      for (const { index, kind, body } of await entriesOf(t.vault.database)) {
        if (kind === "override.approved") standing.set(body["override"], body["action"]);
        if (kind === "override.withdrawn") standing.delete(body["override"]);
        const actions = [...standing.values()];
        const isSetAside = actions.includes("set-aside") && !actions.includes("enforce");
        if (kind === "release.allowed" && !isSetAside) wrong.push(index);
      }
      return wrong;
    }
  },
);
