import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { newRecipientKeyPair } from "../../../src/crypto/enclosure.ts";
import type { Outcome, Verdict } from "../../../src/export-control/decision.ts";
import { approveClassification, proposeClassification } from "../../../src/vault/classification.ts";
import { recordEntity } from "../../../src/vault/entity.ts";
import { activateLicense, enterLicense } from "../../../src/vault/license.ts";
import { readPerson } from "../../../src/vault/list-persons.ts";
import { updatePerson } from "../../../src/vault/person.ts";
import { releaseEnclosed } from "../../../src/vault/release.ts";
import { markRider } from "../../../src/vault/rider.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import {
  type Actor,
  type Cast,
  foreignPerson,
  model,
  stage,
  unitedStates,
} from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { entriesOf, verified } from "../../support/ledger.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

forEachDatabase("what officers state", (open) => {
  let t: TestVault;
  let cast: Cast;

  beforeAll(async () => {
    t = await startVault({ database: await open() });
    cast = await stage(t.vault, { bytes: Buffer.from("weights") });
  });
  afterAll(async () => {
    await t.stop();
  });

  async function decidedFor({ caller }: Actor) {
    const { publicKey } = await newRecipientKeyPair();
    const { decided } = await releaseEnclosed(t.vault, caller, {
      ...model,
      revision: "main",
      paths: null,
      way: "enclosed",
      recipientKey: publicKey,
      destination: unitedStates,
    });
    return decided;
  }

  async function verdictFor(who: Actor): Promise<Verdict> {
    return (await decidedFor(who)).decision.verdict;
  }

  async function conditionalLicense(): Promise<string> {
    const { license } = await enterLicense(t.vault, cast.first.caller, {
      number: "D000007",
      kind: "bis-license",
      conditions: "1. The licensee keeps a technology control plan. 2. It reports every year.",
      riders: [
        { id: "plan", text: "A technology control plan is kept.", kind: "technology-control-plan" },
        { id: "yearly", text: "A report every year.", kind: "report" },
      ],
      validFrom: "2026-01-01",
      validUntil: "2027-11-22",
      releasesAllowed: null,
      scope: {
        eccns: ["4E091"],
        repositories: null,
        destinations: [],
        nationalities: ["IN"],
        parties: { persons: [cast.visitor.person], workloads: [], entities: [] },
        reasons: null,
      },
    });
    await activateLicense(t.vault, cast.second.caller, license);
    return license;
  }

  test("a license covers only while an officer's word stands that its condition is met", async () => {
    const license = await conditionalLicense();
    const mark = async (met: boolean, on: string | null = null) =>
      await markRider(t.vault, cast.second.caller, { license, rider: "plan", met, on });
    expect(await verdictFor(cast.visitor)).toBe("deny");
    await mark(true);
    const { decision, facts } = await decidedFor(cast.visitor);
    expect(decision.verdict).toBe("allow");
    expect(facts.licenses[0]?.riders[0]?.state).toMatchObject({
      met: true,
      by: cast.second.person,
    });
    await mark(false);
    const denied = await decidedFor(cast.visitor);
    expect(denied.decision.verdict).toBe("deny");
    const check = denied.decision.checks.find(({ check: id }) => id === "deemed-export-rs");
    expect(check?.remedy).toContain(`License ${license} would cover it, but its condition plan`);
    await mark(true, "2099-01-01");
    expect(await verdictFor(cast.visitor)).toBe("deny");
    expect((await verified(t)).verified).toBe(true);
    const entries = (await entriesOf(t.vault.database)).filter(
      ({ kind }) => kind === "license.updated",
    );
    expect(entries).toHaveLength(3);
    await changeStanding(t.vault, cast.second.caller, {
      noun: "license",
      id: license,
      change: "revoked",
    });
    await expect(mark(true)).rejects.toMatchObject({ code: "state_unmovable" });
  });

  test("a condition is not marked by whom the license names, nor where there is none", async () => {
    const license = await conditionalLicense();
    const mark = { license, rider: "plan", met: true, on: null };
    await expect(markRider(t.vault, cast.visitor.caller, mark)).rejects.toMatchObject({
      code: "two_person_rule",
    });
    await expect(
      markRider(t.vault, cast.first.caller, { ...mark, rider: "other" }),
    ).rejects.toMatchObject({ code: "not_found" });
  });

  test("a condition that was marked in the database alone stops every decision that it would carry", async () => {
    const license = await conditionalLicense();
    const { riders } = await t.vault.database.db
      .selectFrom("license")
      .select("riders")
      .where("id", "=", license)
      .executeTakeFirstOrThrow();
    const met = JSON.stringify(riders).replace(
      '"state":null',
      '"state":{"met":true,"on":"2026-01-01","by":"x"}',
    );
    const set = async (text: string) =>
      await sql`update license set riders = ${text}::jsonb where id = ${license}`.execute(
        t.vault.database.db,
      );
    await set(met);
    await expect(verdictFor(cast.visitor)).rejects.toMatchObject({ code: "record_tampered" });
    await set(JSON.stringify(riders));
    expect(await verdictFor(cast.visitor)).toBe("deny");
  });

  test("two conditions of one id are refused", async () => {
    const rider = { id: "a", text: "x", kind: "manual" } as const;
    await expect(
      enterLicense(t.vault, cast.first.caller, {
        number: "D1",
        kind: "bis-license",
        conditions: "",
        riders: [rider, rider],
        validFrom: "2026-01-01",
        validUntil: "2027-01-01",
        releasesAllowed: null,
        scope: {
          eccns: ["4E091"],
          repositories: null,
          destinations: [],
          nationalities: [],
          parties: null,
          reasons: null,
        },
      }),
    ).rejects.toMatchObject({ code: "invalid_request" });
  });

  test("the officer who states evidence is on record as verifier, and facts that expired hold", async () => {
    const facts = { ...foreignPerson("CA"), name: "Visitor IN" };
    const state = async (expiresOn: string) =>
      await updatePerson(t.vault, cast.first.caller, {
        id: cast.visitor.person,
        facts: {
          ...facts,
          verifications: {
            usPerson: null,
            nationality: { evidence: "own-statement", expiresOn },
            employment: null,
            acknowledgements: null,
          },
        },
      });
    const nationality = async (): Promise<Outcome | undefined> =>
      (await decidedFor(cast.visitor)).decision.checks.find(({ check }) => check === "nationality")
        ?.outcome;
    await state("2099-12-31");
    expect(await nationality()).toBe("pass");
    const read = await readPerson(t.vault, cast.first.caller, cast.visitor.person);
    expect(read.facts.verifications?.nationality).toMatchObject({
      by: cast.first.person,
      evidence: "own-statement",
    });
    await state("2020-01-01");
    expect(await nationality()).toBe("unknown");
    await updatePerson(t.vault, cast.first.caller, {
      id: cast.visitor.person,
      facts: foreignPerson("IN"),
    });
  });

  test("an entity keeps the papers that it gave, and its row answers for them", async () => {
    const paper = {
      kind: "tsr-written-assurance",
      signedOn: "2026-01-01",
      expiresOn: null,
      eccns: ["4E001"],
      name: null,
    } as const;
    const { entity } = await recordEntity(t.vault, cast.first.caller, {
      name: "Consignee",
      country: "DE",
      headquarters: "DE",
      ultimateParentHeadquarters: "DE",
      ownership: "no-listed-owner",
      acknowledgements: [paper],
    });
    const row = await t.vault.database.db
      .selectFrom("entity")
      .select("acknowledgements")
      .where("id", "=", entity)
      .executeTakeFirstOrThrow();
    expect(row.acknowledgements).toEqual([paper]);
  });

  test("a publication opens a release once a second officer approves it, and not before", async () => {
    expect(await verdictFor(cast.visitor)).toBe("deny");
    const { classification } = await proposeClassification(t.vault, cast.first.caller, model, {
      jurisdiction: "EAR",
      eccn: "4E091",
      paragraph: null,
      basis: "counsel",
      datasheet: {},
      attributes: {
        form: "technology",
        published: { basis: "public-dissemination", on: "2026-01-01" },
        statements: null,
        computer: null,
        determination: null,
      },
    });
    expect(await verdictFor(cast.visitor)).toBe("deny");
    await approveClassification(t.vault, cast.second.caller, model, classification);
    const { decision, facts } = await decidedFor(cast.visitor);
    expect(facts.item.classification?.published?.basis).toBe("public-dissemination");
    expect(decision.verdict).toBe("allow");
    await sql`update classification set attributes = null where id = ${classification}`.execute(
      t.vault.database.db,
    );
    await expect(verdictFor(cast.visitor)).rejects.toMatchObject({ code: "record_tampered" });
  });
});
