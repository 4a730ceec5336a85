import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Custodian } from "../../../src/custody/custodian.ts";
import type { Database } from "../../../src/database/open.ts";
import { redecide } from "../../../src/vault/redecide.ts";
import type { RiskEvent } from "../../../src/vault/review-grant.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import type { Vault } from "../../../src/vault/vault.ts";
import {
  type Actor,
  addPerson,
  type Cast,
  foreignPerson,
  grant,
  license,
  stage,
} from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { entriesOf, verified } from "../../support/ledger.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

const size = 4;

forEachDatabase("re-decision by several nodes", (open) => {
  let t: TestVault;
  let cast: Cast;
  let database: Database;
  let licensed: string;
  let guests: readonly (Actor & { readonly grant: string })[];

  beforeAll(async () => {
    database = await open();
    t = await startVault({ database });
    cast = await stage(t.vault, { bytes: Buffer.from("the weights") });
    const made = [];
    for (let n = 0; n < size; n += 1) {
      const guest = await addPerson(t.vault, cast.first, foreignPerson("IN"), ["reader"]);
      made.push({ ...guest, grant: await grant(t.vault, cast.first, guest.principal) });
    }
    guests = made;
    licensed = await license(t.vault, cast, { persons: guests.map(({ person }) => person) });
  });
  afterAll(async () => await t.stop());

  /** Every guest's grant passes; then the license that all of them rest on is suspended. */
  beforeEach(async () => {
    await entriesOf(database);
    await redecide(t.vault);
    for (const { grant: id } of guests) {
      const row = await database.db
        .selectFrom("grant")
        .select("state")
        .where("id", "=", id)
        .executeTakeFirstOrThrow();
      if (row.state === "suspended")
        await changeStanding(t.vault, cast.second.caller, {
          noun: "grant",
          id,
          change: "reinstated",
        });
    }
    await entriesOf(database);
    await redecide(t.vault);
    await changeStanding(t.vault, cast.first.caller, {
      noun: "license",
      id: licensed,
      change: "suspended",
    });
    await entriesOf(database);
  });

  async function restore() {
    await changeStanding(t.vault, cast.second.caller, {
      noun: "license",
      id: licensed,
      change: "reinstated",
    });
  }

  const suspensions = (events: readonly RiskEvent[]) =>
    events.filter(({ event }) => event === "suspended").map(({ grant: id }) => id);
  const all = () => guests.map(({ grant: id }) => id).sort();

  async function entriesPerGrant(kind: string) {
    const entries = (await entriesOf(database)).filter((each) => each.kind === kind);
    return guests.map(({ grant: id }) => entries.filter(({ body }) => body["grant"] === id).length);
  }

  test("two nodes at the same time do it once between them", async () => {
    const before = await entriesPerGrant("grant.suspended");
    const done = await Promise.all([
      redecide(t.vault),
      redecide({ ...t.vault, node: "second" }),
      redecide({ ...t.vault, node: "third" }),
    ]);
    expect(suspensions(done.flatMap(({ events }) => events)).sort()).toEqual(all());
    const after = await entriesPerGrant("grant.suspended");
    expect(after).toEqual(before.map((count) => count + 1));
    await restore();
  });

  test("a pass that was stopped goes on where it was", async () => {
    const stopping = new AbortController();
    const first = await redecide(t.vault, {
      signal: stopping.signal,
      onEvent: () => stopping.abort(),
    });
    expect(suspensions(first.events)).toHaveLength(1);
    const second = await redecide({ ...t.vault, node: "second" });
    expect(suspensions([...first.events, ...second.events]).sort()).toEqual(all());
    await restore();
  });

  test("a node that falls silent in the middle is taken over from, and does nothing twice when it wakes", async () => {
    const before = await entriesPerGrant("grant.flagged");
    const woken = Promise.withResolvers<void>();
    const silent = Promise.withResolvers<void>();
    let suspended = 0;
    const custodian: Custodian = {
      ...t.vault.custodian,
      keyId: t.vault.custodian.keyId,
      unwrap: async (wrapped, context, kek) => {
        if (suspended === 1) {
          silent.resolve();
          await woken.promise;
        }
        return await t.vault.custodian.unwrap(wrapped, context, kek);
      },
    };
    const sleeper: Vault = { ...t.vault, node: "sleeper", custodian };
    const sleeping = redecide(sleeper, {
      onEvent: ({ event }) => {
        if (event === "suspended") suspended += 1;
      },
    });
    await silent.promise;
    expect(await redecide(t.vault)).toEqual({ reviewed: 0, events: [] });
    await database.db
      .updateTable("redecision")
      .set({ lease_until: new Date(0) })
      .execute();
    const taken = await redecide(t.vault);
    expect(suspensions(taken.events)).toHaveLength(size - 1);
    woken.resolve();
    const { events } = await sleeping;
    expect(suspensions([...events, ...taken.events]).sort()).toEqual(all());
    const after = await entriesPerGrant("grant.flagged");
    expect(after).toEqual(before.map((count) => count + 1));
    const report = await verified(t);
    expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
    await restore();
  });

  test("a grant whose facts were tampered with keeps no other from being decided, and is tried again later", async () => {
    const [spoiled] = guests;
    const id = spoiled?.grant ?? "";
    await database.db.updateTable("grant").set({ purpose: "other" }).where("id", "=", id).execute();
    const failures: unknown[] = [];
    const { events } = await redecide(t.vault, { onFailure: (error) => failures.push(error) });
    expect(failures).toMatchObject([{ code: "record_tampered" }]);
    expect(suspensions(events)).toHaveLength(size - 1);
    await database.db
      .updateTable("grant")
      .set({ purpose: "evaluation" })
      .where("id", "=", id)
      .execute();
    expect((await redecide(t.vault)).reviewed).toBe(0);
    t.clock.advance({ seconds: 601 });
    expect(suspensions((await redecide(t.vault)).events)).toEqual([id]);
    await restore();
  });
});
