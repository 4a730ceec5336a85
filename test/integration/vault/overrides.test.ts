import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { verifyEvidence } from "../../../src/cli/evidence.ts";
import type { Database } from "../../../src/database/open.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { decideRelease } from "../../../src/vault/decide.ts";
import { openEvidence } from "../../../src/vault/evidence.ts";
import { listOverrides, readOverride } from "../../../src/vault/list-overrides.ts";
import { approveOverride, proposeOverride, withdrawOverride } from "../../../src/vault/override.ts";
import { readRulebook } from "../../../src/vault/rulebook.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { releaseStream } from "../../../src/vault/stream.ts";
import {
  type Actor,
  addPerson,
  type Cast,
  model,
  stage,
  unitedStates,
  usPerson,
} from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { entriesOf, verified } from "../../support/ledger.ts";
import { overridden, proposed, setAside, worldwide } from "../../support/overrides.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

forEachDatabase("overrides of the rulebook", (open) => {
  let t: TestVault;
  let cast: Cast;
  let database: Database;

  beforeAll(async () => {
    database = await open();
    t = await startVault({ database });
    cast = await stage(t.vault, { bytes: Buffer.from("the weights") });
  });
  afterEach(async () => {
    for (const { id, state } of await listOverrides(t.vault))
      if (state !== "withdrawn") await withdrawOverride(t.vault, cast.first.caller, id);
  });
  afterAll(async () => await t.stop());

  async function asked(who: Actor = cast.visitor) {
    return await decideRelease(t.vault, who.caller, {
      ...model,
      revision: "main",
      paths: null,
      way: "stream",
      recipientKey: null,
      destination: unitedStates,
    });
  }

  test("nothing is set aside before another officer approves, and everything shows it afterwards", async () => {
    expect((await asked()).decision.verdict).toBe("deny");
    const override = await proposed(t.vault, cast);
    expect((await asked()).decision).toMatchObject({ verdict: "deny", rulebook: rulebook.digest });
    await approveOverride(t.vault, cast.second.caller, override);
    const { decision, release } = await asked();
    expect(decision.verdict).toBe("allow");
    expect(decision.rulebook).not.toBe(rulebook.digest);
    const touched = decision.checks.find(({ check }) => check === "deemed-export-rs");
    expect(touched?.reason).toContain(override);
    const entries = await entriesOf(database);
    const allowed = entries.find(({ body }) => body["release"] === release);
    expect(allowed?.body["decision"]).toMatchObject({ rulebook: decision.rulebook });
    const told = entries.filter(({ body }) => body["override"] === override);
    const kinds = told.map(({ kind }) => kind);
    expect(kinds).toEqual(["override.proposed", "override.approved"]);
    expect((await verified(t)).findings.filter(({ severity }) => severity === "error")).toEqual([]);
  });

  test("the reason and counsel's name stand in no entry and in no rulebook", async () => {
    await overridden(t.vault, cast);
    const { decision } = await asked();
    const kept = JSON.stringify(await readRulebook(t.vault, decision.rulebook));
    const told = JSON.stringify(await entriesOf(database));
    for (const text of [setAside.reason, setAside.counsel])
      expect([kept.includes(text), told.includes(text)]).toEqual([false, false]);
  });

  test("the proposer does not approve, and withdrawing takes one officer and effect at once", async () => {
    const override = await proposed(t.vault, cast);
    const own = approveOverride(t.vault, cast.first.caller, override);
    await expect(own).rejects.toMatchObject({ code: "two_person_rule", status: 403 });
    await approveOverride(t.vault, cast.second.caller, override);
    const again = approveOverride(t.vault, cast.second.caller, override);
    await expect(again).rejects.toMatchObject({ code: "conflict" });
    await withdrawOverride(t.vault, cast.first.caller, override);
    expect((await asked()).decision).toMatchObject({ verdict: "deny", rulebook: rulebook.digest });
    const revived = approveOverride(t.vault, cast.second.caller, override);
    await expect(revived).rejects.toMatchObject({ code: "conflict" });
    const twice = withdrawOverride(t.vault, cast.first.caller, override);
    await expect(twice).rejects.toMatchObject({ code: "conflict" });
    expect((await readOverride(t.vault, override)).state).toBe("withdrawn");
  });

  test("an override has no effect before its first day and none after its last", async () => {
    await overridden(t.vault, cast, { validFrom: "2026-11-24", validUntil: "2026-11-25" });
    const verdicts: string[] = [];
    for (let day = 0; day < 4; day += 1) {
      verdicts.push((await asked()).decision.verdict);
      t.clock.advance({ days: 1 });
    }
    t.clock.advance({ days: -4 });
    expect(verdicts).toEqual(["deny", "allow", "allow", "deny"]);
  });

  test.each([
    ["an embargo", { requirement: "embargo-IR" }],
    ["a list", { requirement: "list-DPL" }],
    ["a principle", { requirement: "principle-affiliates" }],
    ["no reason", { reason: " " }],
    ["nobody's advice", { counsel: "\t" }],
    ["days that end before they begin", { validUntil: "2026-10-31" }],
    ["the enforcement of what is in force", { requirement: "4E091-at-2", action: "enforce" }],
  ] as const)("%s is refused", async (_, change) => {
    const requirement =
      change !== undefined && "action" in change
        ? (rulebook.requirements.find(({ status }) => status.kind === "in-force")?.id ?? "")
        : undefined;
    const refused = proposeOverride(t.vault, cast.first.caller, {
      ...setAside,
      ...change,
      ...(requirement === undefined ? {} : { requirement }),
    });
    const before = await listOverrides(t.vault);
    await expect(refused).rejects.toMatchObject({ code: "invalid_request" });
    expect(await listOverrides(t.vault)).toEqual(before);
  });

  test("enforcing what another override set aside wins, and its withdrawal gives way again", async () => {
    await overridden(t.vault, cast);
    expect((await asked()).decision.verdict).toBe("allow");
    const enforced = await overridden(t.vault, cast, { action: "enforce" });
    expect((await asked()).decision.verdict).toBe("deny");
    await withdrawOverride(t.vault, cast.second.caller, enforced);
    expect((await asked()).decision.verdict).toBe("allow");
  });

  test("a live release stops as soon as the rulebook under it changes, whichever way", async () => {
    const file = {
      ...model,
      revision: "main",
      path: "weights.safetensors",
      destination: unitedStates,
    };
    const read = async (stream: Awaited<ReturnType<typeof releaseStream>>["stream"]) => {
      for await (const _ of stream?.read({ start: 0, end: 3 }) ?? []);
    };
    const before = (await releaseStream(t.vault, cast.reader.caller, file)).stream;
    await read(before);
    const override = await overridden(t.vault, cast);
    await expect(read(before)).rejects.toMatchObject({ code: "release_stopped" });
    const under = (await releaseStream(t.vault, cast.visitor.caller, file)).stream;
    await read(under);
    await withdrawOverride(t.vault, cast.first.caller, override);
    await expect(read(under)).rejects.toMatchObject({ code: "release_stopped" });
  });

  test("a decision made under an override that was withdrawn since gives the same again", async () => {
    const override = await overridden(t.vault, cast);
    const { release, decision } = await asked();
    await withdrawOverride(t.vault, cast.first.caller, override);
    const evidence = await openEvidence(t.vault, release);
    const kept = await readRulebook(t.vault, decision.rulebook);
    const entries = await entriesOf(t.vault.database);
    const entry = entries.find(({ body }) => body["release"] === release);
    if (entry === undefined) throw new Error("the release has no entry");
    const verify = (shown: Readonly<Record<string, unknown>>, by: unknown) =>
      verifyEvidence(shown, { entry: entry as never, release, kept: by });
    expect(verify(evidence, kept)).toMatchObject({
      isDecidedAgain: true,
      sentence: expect.stringContaining(
        `same decision again under the operator's overrides ${override}`,
      ),
    });
    expect(verify(evidence, null)).toMatchObject({
      isDecidedAgain: false,
      sentence: expect.stringContaining("not kept"),
    });
    const without = { ...kept, overrides: [] };
    expect(() => verify(evidence, without)).toThrow("not the one that the decision names");
    const changed = { ...evidence, decision: { ...evidence.decision, verdict: "deny" } };
    expect(() => verify(changed, kept)).toThrow("another than the ledger entry's");
    await expect(readRulebook(t.vault, "00".repeat(32))).rejects.toMatchObject({
      code: "not_found",
    });
  });

  test("an officer who was suspended meanwhile changes no override", async () => {
    const override = await proposed(t.vault, cast);
    await changeStanding(t.vault, cast.first.caller, {
      noun: "person",
      id: cast.second.person,
      change: "suspended",
    });
    for (const change of [approveOverride, withdrawOverride])
      await expect(change(t.vault, cast.second.caller, override)).rejects.toMatchObject({
        code: "principal_suspended",
      });
    const third = await addPerson(t.vault, cast.first, usPerson, ["export-officer"]);
    await changeStanding(t.vault, third.caller, {
      noun: "person",
      id: cast.second.person,
      change: "reinstated",
    });
  });

  test("a row that was edited, forged, hidden or deleted behind the vault lets nothing out", async () => {
    const override = await overridden(t.vault, cast);
    const tampered = { code: "record_tampered", status: 500 };
    const edits = [
      [sql`valid_until = '2099-01-01'`, sql`valid_until = '2027-10-31'`],
      [sql`requirement = '4E091-at-2'`, sql`requirement = ${worldwide}`],
      [sql`action = 'enforce'`, sql`action = 'set-aside'`],
      [sql`reason = 'other'`, sql`reason = ${setAside.reason}`],
      [sql`version = 9`, sql`version = 2`],
      [sql`state = 'proposed'`, sql`state = 'approved'`],
    ] as const;
    for (const [edit, undo] of edits) {
      await sql`update override set ${edit} where id = ${override}`.execute(database.db);
      await expect(asked()).rejects.toMatchObject(tampered);
      await expect(asked(cast.reader)).rejects.toMatchObject(tampered);
      await sql`update override set ${undo} where id = ${override}`.execute(database.db);
    }
    expect((await asked()).decision.verdict).toBe("allow");
    await withdrawOverride(t.vault, cast.first.caller, override);
    await sql`update override set state = 'approved' where id = ${override}`.execute(database.db);
    await expect(asked()).rejects.toMatchObject(tampered);
    await sql`update override set state = 'withdrawn' where id = ${override}`.execute(database.db);
    const forged = await proposed(t.vault, cast);
    await sql`update override set state = 'approved', version = 2, approved_by = ${cast.second.person} where id = ${forged}`.execute(
      database.db,
    );
    await expect(asked()).rejects.toMatchObject(tampered);
    await sql`update override set state = 'proposed', version = 1, approved_by = null where id = ${forged}`.execute(
      database.db,
    );
    await approveOverride(t.vault, cast.second.caller, forged);
    const [row] = await database.db
      .selectFrom("override")
      .selectAll()
      .where("id", "=", forged)
      .execute();
    await sql`delete from override where id = ${forged}`.execute(database.db);
    await expect(asked()).rejects.toMatchObject(tampered);
    if (row !== undefined) await database.db.insertInto("override").values(row).execute();
  });
});
