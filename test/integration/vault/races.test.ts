import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { openPostgres } from "../../../src/database/open.ts";
import { decideRelease } from "../../../src/vault/decide.ts";
import type { StandingNoun } from "../../../src/vault/row.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import {
  addPerson,
  type Cast,
  foreignPerson,
  grant,
  license,
  model,
  stage,
  unitedStates,
} from "../../support/actors.ts";
import { type ClonedDatabase, cloneDatabase, describePostgres } from "../../support/database.ts";
import { entriesOf, verified } from "../../support/ledger.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

const races = 1_000;

describePostgres("a suspended or revoked license, grant or person never commits an allow", () => {
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
    const lanes = await Promise.all((["license", "grant", "person"] as const).map(openLane));
    const seen = { allow: 0, deny: 0, hold: 0 };
    await Promise.all(
      lanes.map(async ({ ask, change }) => {
        for (let n = 0; n < races / lanes.length; n += 1) {
          const suspend = async () => {
            await sleep(Math.random() * 12);
            await change("suspended");
            expect(await ask()).not.toBe("allow");
          };
          const [one, other] = await Promise.all([ask(), ask(), suspend()]);
          for (const verdict of [one, other]) seen[verdict] += 1;
          await change("reinstated");
        }
      }),
    );
    // Both sides must have won often, or nothing was raced.
    expect(seen.allow).toBeGreaterThan(races / 20);
    expect(seen.deny).toBeGreaterThan(races / 20);
    expect(await allowedWhileNotActive()).toEqual([]);
    const report = await verified(t);
    expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  }, 240_000);

  /** A visitor with a license and a grant of their own, one of which (or who themselves) is suspended again and again. */
  async function openLane(noun: StandingNoun) {
    const visitor = await addPerson(t.vault, cast.first, foreignPerson("IN"), ["reader"]);
    const ids: Partial<Record<StandingNoun, string>> = {
      person: visitor.person,
      grant: await grant(t.vault, cast.first, visitor.principal),
      license: await license(t.vault, cast, { persons: [visitor.person] }),
    };
    const request = {
      ...model,
      revision: "main",
      paths: null,
      way: "stream",
      recipientKey: null,
      destination: unitedStates,
    } as const;
    return {
      ask: async () => (await decideRelease(t.vault, visitor.caller, request)).decision.verdict,
      change: async (change: "suspended" | "reinstated") =>
        changeStanding(t.vault, cast.second.caller, { noun, id: ids[noun] ?? "", change }),
    };
  }

  /** By the ledger's own order: allowances between a suspension and the reinstatement of what they name. */
  async function allowedWhileNotActive(): Promise<readonly number[]> {
    const standing = new Map<unknown, string>();
    const wrong: number[] = [];
    for (const { index, kind, body } of await entriesOf(t.vault.database)) {
      const [noun = "", verb = ""] = kind.split(".");
      if (["suspended", "reinstated", "revoked"].includes(verb)) standing.set(body[noun], verb);
      if (kind !== "release.allowed") continue;
      const named = [body["grant"], body["person"], ...(body["licenses"] as readonly unknown[])];
      if (named.some((id) => ["suspended", "revoked"].includes(standing.get(id) ?? "")))
        wrong.push(index);
    }
    return wrong;
  }
});
