import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { authenticate } from "../../../src/identity/authenticate.ts";
import { approveClassification, proposeClassification } from "../../../src/vault/classification.ts";
import { makeGrant } from "../../../src/vault/grant.ts";
import { activateLicense, enterLicense } from "../../../src/vault/license.ts";
import { updatePerson } from "../../../src/vault/person.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { issueToken } from "../../../src/vault/token.ts";
import { secondsAfter } from "../../../src/vault/vault.ts";
import { addPerson, addWorkload, type Cast, model, stage, usPerson } from "../../support/actors.ts";
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
  const paper = {
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
      parties: { persons: [cast.second.person], workloads: [], entities: [] },
      reasons: null,
    },
  } as const;
  const { license } = await enterLicense(t.vault, cast.first.caller, paper);
  await expect(activateLicense(t.vault, await firstAgain(), license)).rejects.toMatchObject(
    refused,
  );
  await expect(activateLicense(t.vault, cast.second.caller, license)).rejects.toMatchObject(
    refused,
  );
  const third = await addPerson(t.vault, cast.first, { ...usPerson, name: "Third Officer" }, [
    "export-officer",
  ]);
  await activateLicense(t.vault, third.caller, license);
  await expect(activateLicense(t.vault, third.caller, license)).rejects.toMatchObject({
    code: "license_unmovable",
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

test("nobody changes their own facts or lifts their own suspension", async () => {
  await expect(
    updatePerson(t.vault, cast.first.caller, { id: cast.first.person, facts: usPerson }),
  ).rejects.toMatchObject(refused);
  await changeStanding(t.vault, cast.second.caller, {
    noun: "person",
    id: cast.first.person,
    change: "suspended",
  });
  const own = changeStanding(t.vault, cast.first.caller, {
    noun: "person",
    id: cast.first.person,
    change: "reinstated",
  });
  await expect(own).rejects.toMatchObject(refused);
  await changeStanding(t.vault, cast.second.caller, {
    noun: "person",
    id: cast.first.person,
    change: "reinstated",
  });
});

test("nobody issues themselves a role that they lack", async () => {
  const request = {
    principal: cast.first.principal,
    roles: ["auditor"],
    expiresAt: secondsAfter(t.vault.now(), 60),
  } as const;
  await expect(issueToken(t.vault, cast.first.caller, request)).rejects.toMatchObject(refused);
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
