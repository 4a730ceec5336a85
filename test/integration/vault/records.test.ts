import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { authenticate } from "../../../src/identity/authenticate.ts";
import { decideRelease } from "../../../src/vault/decide.ts";
import { approveErasure, proposeErasure } from "../../../src/vault/erasure.ts";
import { openEvidence } from "../../../src/vault/evidence.ts";
import { liftHold, placeHold } from "../../../src/vault/hold.ts";
import { readPerson } from "../../../src/vault/list-persons.ts";
import { noteMovement } from "../../../src/vault/movement.ts";
import { updatePerson } from "../../../src/vault/person.ts";
import { readEvidence } from "../../../src/vault/reading.ts";
import { exportRecords, searchRecords } from "../../../src/vault/records.ts";
import type { Criterion } from "../../../src/vault/selection.ts";
import { simulate } from "../../../src/vault/simulate.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { issueToken } from "../../../src/vault/token.ts";
import { secondsAfter } from "../../../src/vault/vault.ts";
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
import { startVault, type TestVault } from "../../support/vault.ts";

const request = {
  ...model,
  revision: "main",
  paths: null,
  way: "stream",
  recipientKey: null,
  destination: unitedStates,
} as const;
const facts = { ...foreignPerson("ZW"), name: "Zebedee Quillfeather", otherNames: ["Zeb Quill"] };
const firstPage = { from: null, to: null, after: null, limit: 200 };

forEachDatabase("records", (open) => {
  let t: TestVault;
  let cast: Cast;
  let reader: Actor;
  let leaver: Actor;
  let release: string;
  let paper: string;

  const entriesOfKind = async (kind: string) =>
    (await entriesOf(t.vault.database)).filter((entry) => entry.kind === kind);
  /** Tokens last for three months; officers of years on have new ones. */
  const renew = async (actor: Actor): Promise<Actor> => {
    const issued = await issueToken(t.vault, cast.first.caller, {
      principal: actor.principal,
      roles: ["export-officer", "operator", "personal-data-reader"],
      expiresAt: secondsAfter(t.vault.now(), 20 * 366 * 86_400),
    });
    const token = issued.text.expose().toString("ascii");
    const caller = await authenticate(t.vault.database.db, token, t.vault.now());
    return { ...actor, token, caller };
  };
  const search = async (criterion: Criterion, who = reader) =>
    await searchRecords(t.vault, who.caller, { criterion, ...firstPage });
  const foundOf = async (criterion: Criterion) =>
    (await search(criterion)).records.map(({ id }) => id);

  beforeAll(async () => {
    t = await startVault({ database: await open() });
    cast = await stage(t.vault, { bytes: Buffer.from("weights") });
    cast = { ...cast, first: await renew(cast.first) };
    cast = { ...cast, second: await renew(cast.second) };
    reader = await addPerson(t.vault, cast.first, { ...usPerson, name: "Rita Records" }, [
      "auditor",
      "personal-data-reader",
    ]);
    leaver = await addPerson(t.vault, cast.first, facts, ["reader"]);
    await grant(t.vault, cast.first, leaver.principal);
    paper = await license(t.vault, cast, { persons: [leaver.person], nationality: "ZW" });
    ({ release } = await decideRelease(t.vault, leaver.caller, request));
  });
  afterAll(async () => {
    await t.stop();
  });

  test("every reading of personal facts is in the ledger, by whom and of whom, without a fact", async () => {
    expect((await readPerson(t.vault, reader.caller, leaver.person)).facts.name).toBe(facts.name);
    await readEvidence(t.vault, reader.caller, release);
    const about = { by: reader.principal, under: reader.caller.token, person: leaver.person };
    const [person] = await entriesOfKind("person.read");
    const [evidence] = await entriesOfKind("evidence.read");
    expect(person?.body).toEqual({ ...about, reading: expect.any(String) });
    expect(evidence?.body).toEqual({ ...about, release, reading: expect.any(String) });
  });

  test("nothing is read that cannot be recorded", async () => {
    const ledger = {
      ...t.vault.ledger,
      wake: () => {},
      settle: async () => {
        throw new Error("the ledger is away");
      },
    };
    const away = { ...t.vault, ledger } as unknown as TestVault["vault"];
    await expect(readPerson(away, reader.caller, leaver.person)).rejects.toThrow("away");
    await expect(readEvidence(away, reader.caller, release)).rejects.toThrow("away");
    await expect(
      exportRecords(away, reader.caller, {
        criterion: { by: "document", text: release },
        ...firstPage,
      }),
    ).rejects.toThrow("away");
  });

  test("records are found by party, country and document number", async () => {
    for (const text of ["zebedee QUILLFEATHER", "Quillfeather, Zebedee", "Zeb Quill"])
      expect(await foundOf({ by: "party", text })).toEqual(
        expect.arrayContaining([leaver.person, release, paper]),
      );
    expect(await foundOf({ by: "party", text: "Somebody Else" })).toEqual([]);
    expect(await foundOf({ by: "country", text: "ZW" })).toEqual(
      expect.arrayContaining([leaver.person, release, paper]),
    );
    expect(await foundOf({ by: "country", text: "US" })).toContain(release);
    expect(await foundOf({ by: "country", text: "FR" })).toEqual([]);
    expect(await foundOf({ by: "document", text: "d000001" })).toContain(paper);
    expect(await foundOf({ by: "document", text: release })).toEqual([release]);
    const { id } = await t.vault.database.db
      .selectFrom("classification")
      .select("id")
      .executeTakeFirstOrThrow();
    expect(await foundOf({ by: "document", text: id })).toEqual(
      expect.arrayContaining([id, release]),
    );
    const [entity] = await t.vault.database.db.selectFrom("entity").select("id").execute();
    expect(await foundOf({ by: "party", text: "LAB, Incorporated" })).toContain(entity?.id);
  });

  test("a person is found under a name that they had before", async () => {
    const person = await addPerson(t.vault, cast.first, { ...usPerson, name: "Mary Maiden" }, []);
    await updatePerson(t.vault, cast.first.caller, {
      id: person.person,
      facts: { ...usPerson, name: "Mary Married" },
    });
    for (const text of ["Mary Maiden", "Mary Married"])
      expect(await foundOf({ by: "party", text })).toContain(person.person);
  });

  test("a search is recorded without its term, and is for officers and auditors", async () => {
    await search({ by: "party", text: "Zeb Quill" });
    const searches = await entriesOfKind("records.searched");
    expect(searches.at(-1)?.body).toMatchObject({ by: reader.principal, sought: "party" });
    expect(JSON.stringify(searches)).not.toMatch(/quill|zeb/i);
    await expect(search({ by: "document", text: release }, leaver)).rejects.toMatchObject({
      code: "role_missing",
    });
    await expect(search({ by: "party", text: "..." })).rejects.toMatchObject({
      code: "invalid_request",
    });
  });

  test("the index tells neither a name nor a country to who has the database", async () => {
    const { rows } = await sql<Record<string, unknown>>`select * from record_term`.execute(
      t.vault.database.db,
    );
    expect(rows.length).toBeGreaterThan(0);
    const values = rows.flatMap((row) => Object.values(row));
    const terms = values.filter((value) => Buffer.isBuffer(value));
    expect(new Set(terms.map(({ length }) => length))).toEqual(new Set([32]));
    // Random bytes spell two letters by chance, and twelve of them never.
    expect(Buffer.concat(terms).toString("latin1")).not.toMatch(/quillfeather/i);
    const others = values.filter((value) => !Buffer.isBuffer(value)).map(String);
    expect(others.join("\n")).not.toMatch(/quillfeather|\bZW\b/i);
    // Nor is a term one that could be guessed without the key.
    const guesses = ["ZW", "zw", "country ZW"].map((text) => createHash("sha256").update(text));
    for (const guess of guesses)
      expect(terms.map((term) => term.toString("hex"))).not.toContain(guess.digest("hex"));
  });

  test("an export holds each record with its history, and opens facts for who may read them", async () => {
    const criterion = { by: "document", text: release } as const;
    const opened = await exportRecords(t.vault, reader.caller, { criterion, ...firstPage });
    const [record] = opened.records;
    expect(record?.content["evidence"]).toMatchObject({ facts: { at: expect.any(String) } });
    expect(record?.content["history"]).toMatchObject([
      { kind: "release.allowed", by: leaver.principal, time: expect.any(String) },
    ]);
    const [entry] = (await entriesOfKind("records.exported")).slice(-1);
    expect(entry?.body).toMatchObject({ persons: [leaver.person], opened: true, count: 1 });
    expect(opened.receipts.map(({ index }) => index)).toContain(opened.entryIndex);
    const auditor = await addPerson(t.vault, cast.first, usPerson, ["auditor"]);
    const closed = await exportRecords(t.vault, auditor.caller, { criterion, ...firstPage });
    expect(closed.records[0]?.content["evidence"]).toBe("not-opened");
    await expect(
      exportRecords(t.vault, auditor.caller, {
        criterion: { by: "party", text: "Zeb Quill" },
        ...firstPage,
      }),
    ).rejects.toMatchObject({ code: "role_missing" });
  });

  test("the rows that erasure empties take no other change", async () => {
    const { db } = t.vault.database;
    const append = { code: "23000" };
    for (const statement of [
      sql`update evidence set sealed = null`,
      sql`update evidence set commitment = '\\x00'`,
      sql`delete from evidence`,
      sql`update person set wrapped_key = null, facts = null, state = 'erased' where id = ${leaver.person}`,
      sql`delete from movement`,
      sql`truncate evidence cascade`,
    ])
      await expect(statement.execute(db)).rejects.toMatchObject(append);
  });

  const propose = async () => await proposeErasure(t.vault, cast.first.caller, leaver.person);

  test("nobody is erased who takes part in what has not ended, or before five years", async () => {
    await expect(propose()).rejects.toMatchObject({ code: "still_in_use" });
    t.clock.advance({ days: 2 * 366 });
    await expect(propose()).rejects.toMatchObject({ code: "retention_running" });
    await expect(
      proposeErasure(t.vault, cast.first.caller, cast.first.person),
    ).rejects.toMatchObject({ code: "two_person_rule" });
  });

  test("the license's end, which is latest, counts; a diversion that becomes known counts anew", async () => {
    await expect(propose()).rejects.toMatchObject({
      members: { retainedUntil: expect.stringMatching(/^2032-11-2[34]$/) },
    });
    t.clock.at = new Date("2029-06-01T12:00:00.000Z");
    await noteMovement(t.vault, cast.first.caller, {
      release,
      what: "diversion",
      on: "2029-05-05",
      description: "seen abroad",
    });
    await expect(propose()).rejects.toMatchObject({ members: { retainedUntil: "2034-06-01" } });
    t.clock.at = new Date("2034-06-01T23:59:59.000Z");
    await expect(propose()).rejects.toMatchObject({ code: "retention_running" });
    t.clock.at = new Date("2034-06-02T00:00:00.000Z");
    expect(await propose()).toMatchObject({ retainedUntil: "2034-06-01" });
  });

  test("an agency's hold outlasts retention, in every scope, and is lifted by another officer on its written authorization", async () => {
    const { id: repository } = await t.vault.database.db
      .selectFrom("repository")
      .select("id")
      .executeTakeFirstOrThrow();
    const scopes = [
      ["everything", null],
      ["person", leaver.person],
      ["repository", repository],
      ["license", paper],
    ] as const;
    for (const [scope, target] of scopes) {
      const { hold } = await placeHold(t.vault, cast.first.caller, {
        kind: "agency-request",
        scope,
        target,
        reference: "OEE 2034/7",
        reason: "a letter came",
      });
      await expect(propose()).rejects.toMatchObject({
        code: "record_held",
        members: { holds: [hold] },
      });
      const lift = { id: hold, reason: "closed", authorization: null };
      await expect(liftHold(t.vault, cast.first.caller, lift)).rejects.toMatchObject({
        code: "two_person_rule",
      });
      await expect(liftHold(t.vault, cast.second.caller, lift)).rejects.toMatchObject({
        code: "invalid_request",
      });
      await liftHold(t.vault, cast.second.caller, { ...lift, authorization: "OEE letter 12" });
    }
    const held = await entriesOfKind("hold.placed");
    expect(JSON.stringify(held)).not.toMatch(/OEE|letter/);
    expect((await propose()).erasure).toBeTruthy();
  });

  test("a hold on another entity or person holds nobody else", async () => {
    const other = await addWorkload(t.vault, cast.first, cast.second.person, []);
    for (const [scope, target] of [
      ["entity", other.entity],
      ["person", cast.reader.person],
    ] as const) {
      const { hold } = await placeHold(t.vault, cast.first.caller, {
        kind: "legal",
        scope,
        target,
        reference: "M-1",
        reason: "r",
      });
      expect((await propose()).erasure).toBeTruthy();
      await liftHold(t.vault, cast.second.caller, { id: hold, reason: "r", authorization: null });
    }
  });

  test("a hold whose row was lifted behind the vault still holds", async () => {
    const { db } = t.vault.database;
    const { hold } = await placeHold(t.vault, cast.first.caller, {
      kind: "legal",
      scope: "everything",
      target: null,
      reference: "M-2",
      reason: "r",
    });
    const row = { state: "lifted", lifted_by: cast.second.person } as const;
    await db.updateTable("hold").set(row).where("id", "=", hold).execute();
    await expect(propose()).rejects.toMatchObject({ code: "record_held" });
    const placed = { state: "placed", lifted_by: null } as const;
    await db.updateTable("hold").set(placed).where("id", "=", hold).execute();
    await liftHold(t.vault, cast.second.caller, { id: hold, reason: "r", authorization: null });
  });

  test("two officers erase a person: key, facts, evidence and terms are gone, decisions hold, and the ledger verifies", async () => {
    const { db } = t.vault.database;
    const { erasure } = await propose();
    const target = { person: leaver.person, erasure };
    await expect(approveErasure(t.vault, cast.first.caller, target)).rejects.toMatchObject({
      code: "two_person_rule",
    });
    expect(await approveErasure(t.vault, cast.second.caller, target)).toEqual({ evidence: 1 });
    const row = await db
      .selectFrom("person")
      .select(["state", "facts", "wrapped_key"])
      .where("id", "=", leaver.person)
      .executeTakeFirstOrThrow();
    expect(row).toEqual({ state: "erased", facts: null, wrapped_key: null });
    const terms = db.selectFrom("record_term").select("record");
    expect(await terms.where("person", "=", leaver.person).execute()).toEqual([]);
    await expect(openEvidence(t.vault, release)).rejects.toMatchObject({ code: "erased" });
    reader = await renew(reader);
    await expect(readPerson(t.vault, reader.caller, leaver.person)).rejects.toMatchObject({
      code: "erased",
    });
    await expect(approveErasure(t.vault, cast.second.caller, target)).rejects.toMatchObject({
      code: "erased",
    });
    const tokenOfErased = { principal: leaver.principal, roles: ["reader"] as const };
    const expiresAt = secondsAfter(t.vault.now(), 60);
    await expect(
      issueToken(t.vault, cast.first.caller, { ...tokenOfErased, expiresAt }),
    ).rejects.toMatchObject({ code: "erased" });
    await expect(grant(t.vault, cast.first, leaver.principal)).rejects.toMatchObject({
      code: "erased",
    });
    await expect(addWorkload(t.vault, cast.first, leaver.person, [])).rejects.toMatchObject({
      code: "erased",
    });
    for (const change of ["reinstated", "revoked", "suspended"] as const)
      await expect(
        changeStanding(t.vault, cast.first.caller, { noun: "person", id: leaver.person, change }),
      ).rejects.toMatchObject({ code: "state_unmovable" });
    const report = await verified(t);
    expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(report.findings.filter(({ code }) => code === "evidence_erased")).toHaveLength(1);
  });

  test("a decision about who was erased does not allow, and holds on the subject", async () => {
    const { decision } = await simulate(t.vault, cast.first.caller, {
      ...model,
      principal: leaver.principal,
      destination: unitedStates,
      at: null,
      licenses: [],
    });
    expect(decision.verdict).not.toBe("allow");
    expect(decision.checks.find(({ check }) => check === "subject")?.outcome).toBe("unknown");
  });

  test("an export says what was erased, and finds the release by its number still", async () => {
    const { records } = await exportRecords(t.vault, reader.caller, {
      criterion: { by: "document", text: release },
      ...firstPage,
    });
    expect(records[0]?.content["evidence"]).toBe("erased");
    expect(await foundOf({ by: "party", text: "Zeb Quill" })).toEqual([]);
  });
});
