import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { openPostgres } from "../../../src/database/open.ts";
import { decideRelease } from "../../../src/vault/decide.ts";
import type { StandingNoun } from "../../../src/vault/row.ts";
import { changeStanding, type StandingChange } from "../../../src/vault/standing.ts";
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
const nouns = ["license", "grant", "person"] as const;
/** A revocation is final, so the next race needs a visitor, a license and a grant anew: every so many races. */
const revokeEvery = 10;

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
    const lanes = await Promise.all(nouns.map(raceInLane));
    // Both sides must have won often in each lane and by each change, or nothing was raced there.
    const ran = lanes.reduce(
      (sum, { suspended, revoked }) => sum + suspended.races + revoked.races,
      0,
    );
    expect(ran).toBeGreaterThanOrEqual(races);
    for (const { noun, suspended, revoked } of lanes) {
      for (const [change, seen] of Object.entries({ suspended, revoked })) {
        const enough = { allow: seen.allow > seen.races / 20, deny: seen.deny > seen.races / 20 };
        expect({ noun, change, ...enough }).toEqual({ noun, change, allow: true, deny: true });
      }
    }
    expect(await allowedWhileNotActive()).toEqual([]);
    const report = await verified(t);
    expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  }, 900_000);

  /** One after the other, a third of the races: two requests against a suspension that is then taken back, or against a revocation. */
  async function raceInLane(noun: (typeof nouns)[number]) {
    const tallies = { suspended: newTally(), revoked: newTally() };
    let { ask, change } = await openLane(noun);
    // However fast the machine is at the moment, a change comes somewhere in the time that a decision takes, or shortly after it.
    let usualMs = 10;
    const timed = async () => {
      const startedAt = performance.now();
      const verdict = await ask();
      usualMs = 0.8 * usualMs + 0.2 * (performance.now() - startedAt);
      return verdict;
    };
    for (let n = 1; n <= Math.ceil(races / nouns.length); n += 1) {
      const by = n % revokeEvery === 0 ? "revoked" : "suspended";
      const stop = async () => {
        await sleep(Math.random() * 1.2 * usualMs);
        await change(by);
        expect(await ask()).not.toBe("allow");
      };
      const [one, other] = await Promise.all([timed(), timed(), stop()]);
      tallies[by].races += 1;
      for (const verdict of [one, other]) tallies[by][verdict] += 1;
      if (by === "suspended") await change("reinstated");
      else ({ ask, change } = await openLane(noun));
    }
    return { noun, ...tallies };
  }

  /** A visitor with a license and a grant of their own, one of which (or who themselves) is suspended again and again, and at last revoked. */
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
      change: async (change: StandingChange) =>
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

function newTally() {
  return { races: 0, allow: 0, deny: 0, hold: 0 };
}
