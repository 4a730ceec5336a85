import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { commit } from "../../../src/crypto/commitment.ts";
import { approveClassification, proposeClassification } from "../../../src/vault/classification.ts";
import { decideRelease } from "../../../src/vault/decide.ts";
import { openEvidence } from "../../../src/vault/evidence.ts";
import { openPerson, updatePerson } from "../../../src/vault/person.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { releaseStream } from "../../../src/vault/stream.ts";
import {
  addPerson,
  addWorkload,
  type Cast,
  foreignPerson,
  grant,
  license,
  model,
  stage,
  unitedStates,
} from "../../support/actors.ts";
import { openMemory } from "../../support/database.ts";
import { entriesOf } from "../../support/ledger.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

let t: TestVault;
let cast: Cast;

const facts = { ...foreignPerson("ZW"), name: "Zebedee Quillfeather", otherNames: ["Zeb Quill"] };
const request = {
  ...model,
  revision: "main",
  paths: null,
  way: "stream",
  recipientKey: null,
  destination: unitedStates,
} as const;

beforeAll(async () => {
  t = await startVault({ database: await openMemory() });
  cast = await stage(t.vault, { bytes: Buffer.from("weights") });
});
afterAll(async () => {
  await t.stop();
  await t.vault.database.close();
});

/** Every row of every table as text, with byte strings as what they spell. */
/** Every row of every table but the rulebooks that decisions named: the regulation names every country, and nobody. */
async function dump(): Promise<string> {
  const { db } = t.vault.database;
  const tables = await sql<{
    name: string;
  }>`select table_name as name from information_schema.tables where table_schema = 'public' and table_name <> 'rulebook'`.execute(
    db,
  );
  const rows = await Promise.all(
    tables.rows.map(
      async ({ name }) =>
        (await sql<Record<string, unknown>>`select * from ${sql.table(name)}`.execute(db)).rows,
    ),
  );
  return rows
    .flat(2)
    .flatMap((row) => Object.values(row))
    .map((value) =>
      Buffer.isBuffer(value)
        ? value.toString("latin1")
        : JSON.stringify(value, (_, each: unknown) =>
            typeof each === "bigint" ? each.toString() : each,
          ),
    )
    .join("\n");
}

test("names, nationalities and reasons lie in no table in clear, nor in the ledger, after a decision about them", async () => {
  const person = await addPerson(t.vault, cast.first, facts, ["reader"]);
  await grant(t.vault, cast.first, person.principal);
  const decided = await decideRelease(t.vault, person.caller, request);
  expect(decided.decision.verdict).not.toBe("allow");
  const everything = await dump();
  expect(everything).toContain(person.person);
  expect(everything).not.toMatch(/Zebedee|Quill|"ZW"|national of/);
  expect(JSON.stringify(await entriesOf(t.vault.database))).not.toMatch(/Zebedee|Quill|"ZW"|"US"/);
});

test("evidence opens for officers and opens the commitment that the entry carries", async () => {
  const decided = await decideRelease(t.vault, cast.visitor.caller, request);
  const evidence = await openEvidence(t.vault, decided.release);
  const entry = (await entriesOf(t.vault.database)).find(
    ({ body }) => body["release"] === decided.release,
  );
  expect(entry?.body["evidence"]).toBe(evidence.commitment);
  expect(
    commit(Buffer.from(evidence.salt, "hex"), JSON.parse(JSON.stringify(evidence.facts))).toString(
      "hex",
    ),
  ).toBe(evidence.commitment);
  expect(evidence.decision).toEqual(decided.decision);
});

test("an older ciphertext of a person put back is seen", async () => {
  const { db } = t.vault.database;
  const person = await addPerson(t.vault, cast.first, facts, ["reader"]);
  await grant(t.vault, cast.first, person.principal);
  const old = await db
    .selectFrom("person")
    .select(["facts", "commitment", "version"])
    .where("id", "=", person.person)
    .executeTakeFirstOrThrow();
  await updatePerson(t.vault, cast.first.caller, {
    id: person.person,
    facts: { ...facts, usPerson: { value: true, category: "citizen" } },
  });
  const opened = await openPerson(t.vault, person.person);
  expect(opened.facts.usPerson).toEqual({ value: true, category: "citizen" });
  opened.key.wipe();
  await db
    .updateTable("person")
    .set({ facts: old.facts })
    .where("id", "=", person.person)
    .execute();
  await expect(decideRelease(t.vault, person.caller, request)).rejects.toMatchObject({
    code: "record_tampered",
  });
  await db.updateTable("person").set(old).where("id", "=", person.person).execute();
  await expect(decideRelease(t.vault, person.caller, request)).rejects.toMatchObject({
    code: "record_tampered",
  });
});

test("another person's ciphertext and key do not open under this person", async () => {
  const { db } = t.vault.database;
  const one = await addPerson(t.vault, cast.first, facts, ["reader"]);
  const other = await db
    .selectFrom("person")
    .select(["facts", "wrapped_key", "commitment"])
    .where("id", "=", cast.reader.person)
    .executeTakeFirstOrThrow();
  await db.updateTable("person").set(other).where("id", "=", one.person).execute();
  await expect(openPerson(t.vault, one.person)).rejects.toMatchObject({
    code: "wrapped_key_rejected",
  });
});

test("a token whose roles were raised, or that was moved to another principal, is seen", async () => {
  const { db } = t.vault.database;
  const { token, principal } = cast.reader.caller;
  await db
    .updateTable("token")
    .set({ roles: ["reader", "operator"] })
    .where("id", "=", token)
    .execute();
  await expect(decideRelease(t.vault, cast.reader.caller, request)).rejects.toMatchObject({
    code: "record_tampered",
  });
  await db
    .updateTable("token")
    .set({ roles: ["reader"], principal: cast.visitor.principal })
    .where("id", "=", token)
    .execute();
  await expect(decideRelease(t.vault, cast.reader.caller, request)).rejects.toMatchObject({
    code: "record_tampered",
  });
  await db.updateTable("token").set({ principal }).where("id", "=", token).execute();
  expect((await decideRelease(t.vault, cast.reader.caller, request)).decision.verdict).toBe(
    "allow",
  );
});

test("a workload is decided on its entity and on who answers for it", async () => {
  const visiting = await addWorkload(t.vault, cast.first, cast.visitor.person, ["reader"]);
  await grant(t.vault, cast.first, visiting.principal);
  expect((await decideRelease(t.vault, visiting.caller, request)).decision.verdict).toBe("deny");
  const ours = await addWorkload(t.vault, cast.first, cast.reader.person, ["reader"]);
  await grant(t.vault, cast.first, ours.principal);
  const allowed = await decideRelease(t.vault, ours.caller, request);
  expect(allowed.decision).toMatchObject({ verdict: "allow" });
});

test("a principal moved to another person in the database is seen", async () => {
  const { db } = t.vault.database;
  await db
    .updateTable("principal")
    .set({ person: cast.reader.person })
    .where("id", "=", cast.visitor.principal)
    .execute();
  const caller = { ...cast.visitor.caller, person: cast.reader.person };
  await expect(decideRelease(t.vault, caller, request)).rejects.toMatchObject({
    code: "record_tampered",
  });
  await db
    .updateTable("principal")
    .set({ person: cast.visitor.person })
    .where("id", "=", cast.visitor.principal)
    .execute();
});

test("what was edited behind the vault gets no entry of its own by a later change", async () => {
  const { db } = t.vault.database;
  const id = await license(t.vault, cast, { persons: [cast.visitor.person] });
  const { scope } = await db
    .selectFrom("license")
    .select("scope")
    .where("id", "=", id)
    .executeTakeFirstOrThrow();
  await db
    .updateTable("license")
    .set({ scope: JSON.stringify({ ...scope, nationalities: ["IN", "ZW"] }) })
    .where("id", "=", id)
    .execute();
  await expect(
    changeStanding(t.vault, cast.first.caller, { noun: "license", id, change: "suspended" }),
  ).rejects.toMatchObject({ code: "record_tampered", status: 500 });
  await db
    .updateTable("license")
    .set({ scope: JSON.stringify(scope) })
    .where("id", "=", id)
    .execute();
  await changeStanding(t.vault, cast.first.caller, { noun: "license", id, change: "revoked" });
  const { classification } = await proposeClassification(t.vault, cast.first.caller, model, {
    jurisdiction: "EAR",
    eccn: "4E091",
    paragraph: null,
    basis: "self",
    datasheet: {},
  });
  await db
    .updateTable("classification")
    .set({ eccn: "EAR99" })
    .where("id", "=", classification)
    .execute();
  await expect(
    approveClassification(t.vault, cast.second.caller, model, classification),
  ).rejects.toMatchObject({ code: "record_tampered" });
});

test("a manifest edited behind the vault is seen", async () => {
  const { database } = t.vault;
  const { manifest } = await database.db
    .selectFrom("revision")
    .select("manifest")
    .executeTakeFirstOrThrow();
  const edited = Buffer.from(
    manifest.toString("utf8").replace("weights.safetensors", "weights.safetensorz"),
  );
  const replace = async (bytes: Buffer) =>
    database.runScript(
      `set session_replication_role = replica; update revision set manifest = decode('${bytes.toString("hex")}', 'hex'); set session_replication_role = origin;`,
    );
  await replace(edited);
  await expect(decideRelease(t.vault, cast.reader.caller, request)).rejects.toMatchObject({
    code: "record_tampered",
  });
  await replace(manifest);
});

test("a denied release that the database calls allowed opens no stream", async () => {
  const { db } = t.vault.database;
  const wanted = {
    ...model,
    revision: "main",
    path: "weights.safetensors",
    destination: unitedStates,
  };
  const { decided } = await releaseStream(t.vault, cast.visitor.caller, wanted);
  const allowed = await decideRelease(t.vault, cast.reader.caller, request);
  const forged = { state: "allowed", verdict: "allow", submission: allowed.submission } as const;
  await db
    .updateTable("release")
    .set(forged)
    .where("id", "=", decided?.release ?? "")
    .execute();
  await expect(releaseStream(t.vault, cast.visitor.caller, wanted)).rejects.toMatchObject({
    code: "record_tampered",
  });
});
