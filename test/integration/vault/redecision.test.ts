import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sql } from "kysely";
import type { Database } from "../../../src/database/open.ts";
import { digested, rulebook } from "../../../src/export-control/rulebook.ts";
import { approveClassification, proposeClassification } from "../../../src/vault/classification.ts";
import { decideRelease } from "../../../src/vault/decide.ts";
import { withdrawOverride } from "../../../src/vault/override.ts";
import { updatePerson } from "../../../src/vault/person.ts";
import { redecide } from "../../../src/vault/redecide.ts";
import { listRisks } from "../../../src/vault/risk.ts";
import { readRulebook, rememberOverridden } from "../../../src/vault/rulebook.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import type { Vault } from "../../../src/vault/vault.ts";
import {
  type Actor,
  addPerson,
  addWorkload,
  type Cast,
  foreignPerson,
  grant,
  license,
  model,
  stage,
  unitedStates,
  usPerson,
} from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { entriesOf, verified } from "../../support/ledger.ts";
import { overridden } from "../../support/overrides.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

type Lane = Actor & { readonly grant: string };

forEachDatabase("re-decision", (open) => {
  let t: TestVault;
  let cast: Cast;
  let database: Database;
  let reader: Lane;
  let visitor: Lane;
  let licensed: string;

  beforeAll(async () => {
    database = await open();
    t = await startVault({ database });
    cast = await stage(t.vault, { bytes: Buffer.from("the weights") });
    reader = await lane(await addPerson(t.vault, cast.first, usPerson, ["reader"]));
    visitor = await lane(await addPerson(t.vault, cast.first, foreignPerson("IN"), ["reader"]));
    licensed = await license(t.vault, cast, { persons: [visitor.person] });
    await pass();
  });
  afterAll(async () => await t.stop());

  async function lane<Who extends Actor>(who: Who): Promise<Who & Lane> {
    return { ...who, grant: await grant(t.vault, cast.first, who.principal) };
  }

  /** A pass over all that the ledger has, and what it did. */
  async function pass(vault: Vault = t.vault) {
    await entriesOf(database);
    const { events, reviewed } = await redecide(vault, {
      onFailure: (error) => {
        throw error;
      },
    });
    return { reviewed, events: events.map((each) => ({ event: each.event, grant: each.grant })) };
  }

  async function ask(who: Actor, vault: Vault = t.vault) {
    const { decision } = await decideRelease(vault, who.caller, {
      ...model,
      revision: "main",
      paths: null,
      way: "stream",
      recipientKey: null,
      destination: unitedStates,
    });
    return decision.verdict;
  }

  async function stateOf({ grant: id }: Lane) {
    const row = await database.db
      .selectFrom("grant")
      .select("state")
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    return row.state;
  }

  async function reinstate({ grant: id }: Lane) {
    await changeStanding(t.vault, cast.second.caller, { noun: "grant", id, change: "reinstated" });
  }

  const lost = ({ grant: id }: Lane) => [
    { event: "flagged", grant: id },
    { event: "suspended", grant: id },
  ];
  const cleared = ({ grant: id }: Lane) => [{ event: "cleared", grant: id }];

  test("without a change nothing is decided again", async () => {
    expect(await pass()).toEqual({ reviewed: 0, events: [] });
  });

  test("a grant that never passed is pending and is not suspended", async () => {
    const { risks } = await listRisks(t.vault);
    const pending = risks.filter(({ risk }) => risk === "pending");
    expect(pending.map(({ principal }) => principal)).toContain(cast.visitor.principal);
    expect(pending.every(({ state }) => state === "active")).toBe(true);
    expect(pending.map(({ grant: id }) => id)).not.toContain(visitor.grant);
  });

  test("a license that is suspended flips the grants that rest on it and no other, at once; before the pass it is refused as well", async () => {
    const license = { noun: "license", id: licensed } as const;
    await changeStanding(t.vault, cast.first.caller, { ...license, change: "suspended" });
    expect(await ask(visitor)).toBe("deny");
    expect(await stateOf(visitor)).toBe("active");
    expect((await pass()).events).toEqual(lost(visitor));
    expect([await stateOf(visitor), await stateOf(reader)]).toEqual(["suspended", "active"]);
    expect(await ask(visitor)).toBe("deny");
    expect(await ask(reader)).toBe("allow");
    const { risks } = await listRisks(t.vault);
    expect(risks.find(({ grant: id }) => id === visitor.grant)).toMatchObject({
      risk: "flagged",
      state: "suspended",
      person: visitor.person,
      sites: [
        {
          site: "local",
          verdict: "deny",
          checks: [{ check: "deemed-export-rs", outcome: "fail" }],
        },
      ],
    });
    expect((await pass()).events).toEqual([]);

    await expect(reinstate(visitor)).rejects.toMatchObject({
      code: "grant_would_not_pass",
      status: 409,
    });
    await changeStanding(t.vault, cast.second.caller, { ...license, change: "reinstated" });
    expect((await pass()).events).toEqual(cleared(visitor));
    expect(await stateOf(visitor)).toBe("suspended");
    await reinstate(visitor);
    expect((await pass()).events).toEqual([]);
    expect(await ask(visitor)).toBe("allow");
  });

  test("a person's facts flip their grants, and those of workloads that they answer for", async () => {
    const owner = await addPerson(t.vault, cast.first, usPerson, []);
    const job = await lane(await addWorkload(t.vault, cast.first, owner.person, ["reader"]));
    expect(await pass()).toMatchObject({ events: [] });
    const unknown = { ...usPerson, usPerson: null };
    await updatePerson(t.vault, cast.first.caller, { id: owner.person, facts: unknown });
    expect(await pass()).toEqual({ reviewed: 1, events: lost(job) });
    await updatePerson(t.vault, cast.first.caller, { id: owner.person, facts: usPerson });
    expect(await pass()).toEqual({ reviewed: 1, events: cleared(job) });
    await reinstate(job);
    await pass();

    for (const noun of ["person", "workload"] as const) {
      const id = noun === "person" ? owner.person : job.workload;
      await changeStanding(t.vault, cast.first.caller, { noun, id, change: "suspended" });
      expect(await pass()).toEqual({ reviewed: 1, events: lost(job) });
      await changeStanding(t.vault, cast.first.caller, { noun, id, change: "reinstated" });
      expect(await pass()).toEqual({ reviewed: 1, events: cleared(job) });
      await reinstate(job);
      await pass();
    }
    const { entity } = await database.db
      .selectFrom("workload")
      .select("entity")
      .where("id", "=", job.workload)
      .executeTakeFirstOrThrow();
    await changeStanding(t.vault, cast.first.caller, {
      noun: "entity",
      id: entity,
      change: "revoked",
    });
    expect(await pass()).toEqual({ reviewed: 1, events: lost(job) });
  });

  test("a classification flips the grants of its repository", async () => {
    const { classification } = await proposeClassification(t.vault, cast.first.caller, model, {
      jurisdiction: "ITAR",
      eccn: "4E091",
      paragraph: null,
      basis: "self",
      datasheet: {},
    });
    expect((await pass()).events).toEqual([]);
    await approveClassification(t.vault, cast.second.caller, model, classification);
    const { events } = await pass();
    for (const each of [reader, visitor])
      expect(events).toEqual(expect.arrayContaining(lost(each)));
    expect(await stateOf(reader)).toBe("suspended");
    const back = await proposeClassification(t.vault, cast.first.caller, model, {
      jurisdiction: "EAR",
      eccn: "4E091",
      paragraph: null,
      basis: "self",
      datasheet: {},
    });
    await approveClassification(t.vault, cast.second.caller, model, back.classification);
    await pass();
    for (const each of [reader, visitor]) await reinstate(each);
    expect((await pass()).events).toEqual([]);
  });

  test("an override lets a grant pass, and its withdrawal suspends it", async () => {
    const other = await lane(await addPerson(t.vault, cast.first, foreignPerson("IN"), ["reader"]));
    await pass();
    const override = await overridden(t.vault, cast);
    expect((await pass()).events).toEqual([]);
    await withdrawOverride(t.vault, cast.first.caller, override);
    const { events } = await pass();
    expect(events).toEqual(expect.arrayContaining(lost(other)));
    for (const each of [reader, visitor])
      expect(events.map(({ grant: id }) => id)).not.toContain(each.grant);
  });

  test("another shipped rulebook, and another list, decide every grant again, once for all nodes", async () => {
    const { digest: _, ...shipped } = rulebook;
    const changed = digested({
      ...shipped,
      requirements: rulebook.requirements.map((row) =>
        row.eccn === "4E091" && row.reason === "RS" ? { ...row, eccn: "9E999" } : row,
      ),
      asOf: "2027-01-01",
    });
    const node: Vault = {
      ...t.vault,
      node: "other",
      rulebook: changed,
      overridden: rememberOverridden(changed),
    };
    expect((await pass(node)).reviewed).toBeGreaterThan(2);
    expect((await pass()).reviewed).toBe(0);
    expect((await pass(node)).reviewed).toBe(0);

    const screening = t.vault.screening();
    if (screening === null) throw new Error("no list");
    const listed: Vault = {
      ...t.vault,
      screening: () => ({
        ...screening,
        list: { ...screening.list, digest: "ff".repeat(32) },
        match: (names) =>
          names.includes(foreignPerson("IN").name) ? [{ source: "DPL", entry: "1" }] : [],
      }),
    };
    expect((await pass(listed)).events).toEqual(expect.arrayContaining(lost(visitor)));
    expect(await stateOf(reader)).toBe("active");
  });

  test("a license that is used up costs nobody the grant: the release that took the last use goes on", async () => {
    const once = await lane(await addPerson(t.vault, cast.first, foreignPerson("NO"), ["reader"]));
    await license(t.vault, cast, {
      persons: [once.person],
      nationality: "NO",
      releasesAllowed: 1,
    });
    await pass();
    expect(await ask(once)).toBe("allow");
    expect(await ask(once)).toBe("deny");
    const another = await addPerson(t.vault, cast.first, foreignPerson("FI"), ["reader"]);
    await license(t.vault, cast, { persons: [another.person], nationality: "FI" });
    const { events } = await pass();
    expect(events.filter(({ grant: id }) => id === once.grant)).toEqual([]);
    expect(await stateOf(once)).toBe("active");
    await changeStanding(t.vault, cast.first.caller, {
      noun: "person",
      id: once.person,
      change: "suspended",
    });
    expect((await pass()).events).toEqual(expect.arrayContaining(lost(once)));
  });

  test("a list that grew too old suspends nobody: every release holds by itself until it is current again", async () => {
    await pass();
    const screening = t.vault.screening();
    if (screening === null) throw new Error("no list");
    const aged: Vault = {
      ...t.vault,
      screening: () => ({
        ...screening,
        maxAgeDays: 7,
        list: { ...screening.list, digest: "ee".repeat(32), asOf: "2026-01-01T00:00:00.000Z" },
      }),
    };
    expect(await pass(aged)).toEqual({ reviewed: 0, events: [] });
    expect(await pass({ ...t.vault, screening: () => null })).toEqual({ reviewed: 0, events: [] });
    expect(await stateOf(reader)).toBe("active");
  });

  test("a day that passes finds what ended, and a grant that is over is looked at no more", async () => {
    const guest = await lane(await addPerson(t.vault, cast.first, foreignPerson("FR"), ["reader"]));
    await license(t.vault, cast, {
      persons: [guest.person],
      nationality: "FR",
      validUntil: "2026-11-24",
    });
    await pass();
    t.clock.advance({ days: 2 });
    expect((await pass()).events).toEqual(expect.arrayContaining(lost(guest)));
    expect((await pass()).reviewed).toBe(0);
    t.clock.advance({ days: 400 });
    expect((await pass()).events).toEqual([]);
    expect((await listRisks(t.vault)).total).toBe(0);
    t.clock.advance({ days: -402 });
  });

  test("the ledger holds no sentence, name or country of it, and verifies", async () => {
    const told = (await entriesOf(database)).filter(({ kind }) => /flagged|cleared/.test(kind));
    expect(told.length).toBeGreaterThan(10);
    const named = new Set(told.map(({ body }) => String(body["rulebook"])));
    for (const digest of named) expect(await readRulebook(t.vault, digest)).toBeDefined();
    for (const { body } of told) {
      expect(Object.keys(body).sort()).toEqual(
        expect.arrayContaining(["allowing", "by", "grant", "rulebook", "under"]),
      );
      expect(JSON.stringify(body)).not.toMatch(/license|Visitor|"IN"|local/);
    }
    const { rows } = await sql<{
      text: string;
    }>`select coalesce(string_agg(grant_verdict::text, ''), '') as text from grant_verdict`.execute(
      database.db,
    );
    expect(rows[0]?.text).not.toMatch(/national|Visitor|"IN"/);
    const report = await verified(t);
    expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  });
});
