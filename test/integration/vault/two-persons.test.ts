import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { authenticate } from "../../../src/identity/authenticate.ts";
import { newToken, tokenHash } from "../../../src/identity/token.ts";
import { approveClassification, proposeClassification } from "../../../src/vault/classification.ts";
import { makeGrant } from "../../../src/vault/grant.ts";
import { activateLicense, enterLicense } from "../../../src/vault/license.ts";
import { updatePerson } from "../../../src/vault/person.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { issueToken, revokeToken } from "../../../src/vault/token.ts";
import { openUpload } from "../../../src/vault/upload.ts";
import { secondsAfter } from "../../../src/vault/vault.ts";
import {
  addPerson,
  addWorkload,
  type Cast,
  grant,
  license,
  model,
  stage,
  usPerson,
} from "../../support/actors.ts";
import { openMemory } from "../../support/database.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

let t: TestVault;
let cast: Cast;

beforeAll(async () => {
  t = await startVault({ database: await openMemory() });
  cast = await stage(t.vault, { bytes: Buffer.from("weights") });
});
afterAll(async () => {
  await t.stop();
  await t.vault.database.close();
});

const proposal = {
  jurisdiction: "EAR",
  eccn: "4E091",
  paragraph: null,
  basis: "self",
  datasheet: {},
} as const;
const refused = { code: "two_person_rule", status: 403 };

function paperOf(persons: readonly string[]) {
  return {
    number: "D000002",
    kind: "bis-license",
    conditions: "",
    validFrom: "2026-01-01",
    validUntil: "2027-01-01",
    releasesAllowed: null,
    scope: {
      eccns: ["4E091"],
      repositories: null,
      destinations: [],
      nationalities: ["IN"],
      parties: { persons, workloads: [], entities: [] },
      reasons: null,
    },
  } as const;
}

/** The same officer with a second token, as if that made them two. */
async function firstAgain() {
  const { text } = await issueToken(t.vault, cast.first.caller, {
    principal: cast.first.principal,
    roles: ["export-officer"],
    expiresAt: secondsAfter(t.vault.now(), 3_600),
  });
  return authenticate(t.vault.database.db, text.expose().toString("ascii"), t.vault.now());
}

test("a classification is not approved by its proposer, whatever token they show", async () => {
  const { classification } = await proposeClassification(
    t.vault,
    cast.first.caller,
    model,
    proposal,
  );
  await expect(
    approveClassification(t.vault, cast.first.caller, model, classification),
  ).rejects.toMatchObject(refused);
  await expect(
    approveClassification(t.vault, await firstAgain(), model, classification),
  ).rejects.toMatchObject(refused);
  await approveClassification(t.vault, cast.second.caller, model, classification);
  const rows = await t.vault.database.db
    .selectFrom("classification")
    .select(["id", "state"])
    .orderBy("proposed_at")
    .execute();
  expect(rows.filter(({ state }) => state === "approved")).toEqual([
    { id: classification, state: "approved" },
  ]);
});

test("the database itself refuses a classification with one officer in both places", async () => {
  const { classification } = await proposeClassification(
    t.vault,
    cast.first.caller,
    model,
    proposal,
  );
  const forged = t.vault.database.db
    .updateTable("classification")
    .set({ approved_by: cast.first.person })
    .where("id", "=", classification)
    .execute();
  await expect(forged).rejects.toThrow(/check constraint/);
});

test("a license is not activated by who entered it, nor by a person whom it names", async () => {
  const { license: id } = await enterLicense(
    t.vault,
    cast.first.caller,
    paperOf([cast.second.person]),
  );
  await expect(activateLicense(t.vault, await firstAgain(), id)).rejects.toMatchObject(refused);
  await expect(activateLicense(t.vault, cast.second.caller, id)).rejects.toMatchObject(refused);
  const third = await addPerson(t.vault, cast.first, { ...usPerson, name: "Third Officer" }, [
    "export-officer",
  ]);
  await activateLicense(t.vault, third.caller, id);
  await expect(activateLicense(t.vault, third.caller, id)).rejects.toMatchObject({
    code: "state_unmovable",
    status: 409,
  });
});

test("nobody grants to themselves, nor to a workload that they answer for", async () => {
  const workload = await addWorkload(t.vault, cast.first, cast.first.person, ["reader"]);
  for (const principal of [cast.first.principal, workload.principal]) {
    const grant = {
      ...model,
      principal,
      purpose: "mine",
      validFrom: t.vault.now(),
      validUntil: secondsAfter(t.vault.now(), 60),
      bytesAllowed: null,
    };
    await expect(makeGrant(t.vault, cast.first.caller, grant)).rejects.toMatchObject(refused);
  }
});

test("nobody changes their own facts, and who is suspended does nothing more, their own reinstatement included", async () => {
  await expect(
    updatePerson(t.vault, cast.first.caller, { id: cast.first.person, facts: usPerson }),
  ).rejects.toMatchObject(refused);
  await changeStanding(t.vault, cast.second.caller, {
    noun: "person",
    id: cast.first.person,
    change: "suspended",
  });
  const suspended = { code: "principal_suspended", status: 403 };
  const own = changeStanding(t.vault, cast.first.caller, {
    noun: "person",
    id: cast.first.person,
    change: "reinstated",
  });
  await expect(own).rejects.toMatchObject(suspended);
  await expect(
    proposeClassification(t.vault, cast.first.caller, model, proposal),
  ).rejects.toMatchObject(suspended);
  await expect(addPerson(t.vault, cast.first, usPerson, [])).rejects.toMatchObject(suspended);
  await changeStanding(t.vault, cast.second.caller, {
    noun: "person",
    id: cast.first.person,
    change: "reinstated",
  });
});

test("nobody reinstates a workload that they answer for, a grant of its or their own, or a license that is about them", async () => {
  const third = await addPerson(t.vault, cast.first, { ...usPerson, name: "Third Again" }, [
    "export-officer",
  ]);
  const workload = await addWorkload(t.vault, cast.first, third.person, ["reader"]);
  const granted = await grant(t.vault, cast.first, workload.principal);
  const named = await license(t.vault, cast, {
    persons: [],
    scope: { parties: { persons: [], workloads: [workload.workload], entities: [] } },
  });
  for (const [noun, id] of [
    ["workload", workload.workload],
    ["grant", granted],
    ["license", named],
  ] as const) {
    await changeStanding(t.vault, cast.first.caller, { noun, id, change: "suspended" });
    await expect(
      changeStanding(t.vault, third.caller, { noun, id, change: "reinstated" }),
    ).rejects.toMatchObject(refused);
    await changeStanding(t.vault, cast.second.caller, { noun, id, change: "reinstated" });
  }
  await changeStanding(t.vault, cast.second.caller, {
    noun: "license",
    id: named,
    change: "suspended",
  });
  await expect(
    changeStanding(t.vault, cast.first.caller, {
      noun: "license",
      id: named,
      change: "reinstated",
    }),
  ).rejects.toMatchObject(refused);
  const entered = await enterLicense(t.vault, cast.first.caller, {
    ...paperOf([]),
    scope: {
      ...paperOf([]).scope,
      parties: { persons: [], workloads: [workload.workload], entities: [] },
    },
  });
  await expect(activateLicense(t.vault, third.caller, entered.license)).rejects.toMatchObject(
    refused,
  );
});

test("nobody activates a license that names the entity behind a workload of theirs, nor reinstates that entity", async () => {
  const third = await addPerson(t.vault, cast.first, { ...usPerson, name: "Third For Entity" }, [
    "export-officer",
  ]);
  const { entity } = await addWorkload(t.vault, cast.first, third.person, ["reader"]);
  const paper = paperOf([]);
  const { license: id } = await enterLicense(t.vault, cast.first.caller, {
    ...paper,
    scope: { ...paper.scope, parties: { persons: [], workloads: [], entities: [entity] } },
  });
  await expect(activateLicense(t.vault, third.caller, id)).rejects.toMatchObject(refused);
  await activateLicense(t.vault, cast.second.caller, id);
  for (const [noun, about] of [
    ["license", id],
    ["entity", entity],
  ] as const) {
    const change = async (officer: typeof third, verb: "suspended" | "reinstated") =>
      await changeStanding(t.vault, officer.caller, { noun, id: about, change: verb });
    await change(cast.second, "suspended");
    await expect(change(third, "reinstated")).rejects.toMatchObject(refused);
    await change(cast.second, "reinstated");
  }
});

test("a license that names nobody on record is not entered", async () => {
  const paper = paperOf([]);
  for (const kind of ["persons", "workloads", "entities"] as const) {
    const parties = { persons: [], workloads: [], entities: [], [kind]: [randomUUID()] };
    const entered = enterLicense(t.vault, cast.first.caller, {
      ...paper,
      scope: { ...paper.scope, parties },
    });
    await expect(entered).rejects.toMatchObject({ code: "not_found", status: 404 });
  }
});

test("nobody issues a governing role that they lack to themselves or to a workload of theirs", async () => {
  const expiresAt = secondsAfter(t.vault.now(), 60);
  const workload = await addWorkload(t.vault, cast.first, cast.first.person, [
    "reader",
    "uploader",
  ]);
  for (const principal of [cast.first.principal, workload.principal]) {
    await expect(
      issueToken(t.vault, cast.first.caller, { principal, roles: ["auditor"], expiresAt }),
    ).rejects.toMatchObject(refused);
    await issueToken(t.vault, cast.first.caller, { principal, roles: ["uploader"], expiresAt });
  }
});

test("a token that was revoked, or forged in the database, does nothing in any verb", async () => {
  const { db } = t.vault.database;
  const spare = await firstAgain();
  await revokeToken(t.vault, cast.first.caller, spare.token);
  await expect(proposeClassification(t.vault, spare, model, proposal)).rejects.toMatchObject({
    code: "not_authenticated",
    status: 401,
  });
  const forged = newToken();
  const hash = tokenHash(forged.expose().toString("ascii")) ?? Buffer.alloc(32);
  const [now, id] = [t.vault.now(), randomUUID()];
  await db
    .insertInto("token")
    .values({
      id,
      hash,
      principal: cast.second.principal,
      roles: ["export-officer"],
      issued_by: null,
      created_at: now,
      expires_at: secondsAfter(now, 60),
      revoked_at: null,
    })
    .execute();
  const caller = await authenticate(db, forged.expose().toString("ascii"), now);
  await expect(proposeClassification(t.vault, caller, model, proposal)).rejects.toMatchObject({
    code: "record_tampered",
    status: 500,
  });
  await expect(openUpload(t.vault, caller, model)).rejects.toMatchObject({
    code: "record_tampered",
  });
});

test("what is revoked stays revoked", async () => {
  const person = await addPerson(t.vault, cast.first, { ...usPerson, name: "Gone" }, ["reader"]);
  await changeStanding(t.vault, cast.first.caller, {
    noun: "person",
    id: person.person,
    change: "revoked",
  });
  for (const change of ["reinstated", "suspended", "revoked"] as const) {
    await expect(
      changeStanding(t.vault, cast.first.caller, { noun: "person", id: person.person, change }),
    ).rejects.toMatchObject({ status: 409 });
  }
  await expect(
    changeStanding(t.vault, cast.first.caller, {
      noun: "person",
      id: randomUUID(),
      change: "revoked",
    }),
  ).rejects.toMatchObject({ code: "not_found" });
});
