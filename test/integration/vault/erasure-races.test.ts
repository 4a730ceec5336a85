import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { authenticate } from "../../../src/identity/authenticate.ts";
import { approveErasure, proposeErasure } from "../../../src/vault/erasure.ts";
import { makeGrant } from "../../../src/vault/grant.ts";
import { placeHold } from "../../../src/vault/hold.ts";
import { readPerson } from "../../../src/vault/list-persons.ts";
import { exportRecords, searchRecords } from "../../../src/vault/records.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { issueToken } from "../../../src/vault/token.ts";
import { secondsAfter, type Vault } from "../../../src/vault/vault.ts";
import {
  type Actor,
  addPerson,
  addWorkload,
  type Cast,
  foreignPerson,
  license,
  model,
  stage,
  usPerson,
} from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { verified } from "../../support/ledger.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

const firstPage = { from: null, to: null, after: null, limit: 200 };

forEachDatabase("an erasure beside what reads and what holds", (open) => {
  let t: TestVault;
  let cast: Cast;
  const gone: Actor[] = [];
  let late: Actor;
  let responsible: Actor;
  let paper: string;
  let ended: string;

  const renew = async (actor: Actor): Promise<Actor> => {
    const issued = await issueToken(t.vault, cast.first.caller, {
      principal: actor.principal,
      roles: ["export-officer", "operator", "personal-data-reader"],
      expiresAt: secondsAfter(t.vault.now(), 20 * 366 * 86_400),
    });
    const token = issued.text.expose().toString("ascii");
    return {
      ...actor,
      token,
      caller: await authenticate(t.vault.database.db, token, t.vault.now()),
    };
  };

  beforeAll(async () => {
    t = await startVault({ database: await open() });
    cast = await stage(t.vault, { bytes: Buffer.from("weights") });
    cast = { ...cast, first: await renew(cast.first) };
    cast = { ...cast, second: await renew(cast.second) };
    for (const name of ["Gerda Gone", "Gustav Gone", "Greta Gone"])
      gone.push(await addPerson(t.vault, cast.first, { ...foreignPerson("ZW"), name }, []));
    late = await addPerson(t.vault, cast.first, { ...usPerson, name: "Lena Late" }, []);
    ({ grant: ended } = await makeGrant(t.vault, cast.first.caller, {
      ...model,
      principal: late.principal,
      purpose: "evaluation",
      validFrom: t.vault.now(),
      validUntil: secondsAfter(t.vault.now(), 86_400),
      bytesAllowed: null,
    }));
    responsible = await addPerson(t.vault, cast.first, { ...usPerson, name: "Rita Job" }, []);
    const job = await addWorkload(t.vault, cast.first, responsible.person, []);
    paper = await license(t.vault, cast, {
      persons: [],
      scope: { parties: { persons: [], workloads: [job.workload], entities: [] } },
    });
    const revoked = { noun: "workload", id: job.workload, change: "revoked" } as const;
    await changeStanding(t.vault, cast.first.caller, revoked);
    t.clock.advance({ days: 4 * 366 });
    await changeStanding(t.vault, cast.first.caller, {
      noun: "grant",
      id: ended,
      change: "suspended",
    });
    t.clock.advance({ days: 3 * 366 });
  });
  afterAll(async () => {
    await t.stop();
  });

  /** A vault that erases a person once, right after a key of theirs was unwrapped, or one of somebody else's. */
  async function erasing({ person }: Actor, opened: "theirs" | "another"): Promise<Vault> {
    const { erasure } = await proposeErasure(t.vault, cast.first.caller, person);
    const { custodian } = t.vault;
    let isDone = false;
    const unwrap: typeof custodian.unwrap = async (wrapped, context, kek) => {
      const whose = context["weightvault:person"];
      if (whose !== undefined && (whose === person) === (opened === "theirs") && !isDone) {
        isDone = true;
        const key = await custodian.unwrap(wrapped, context, kek);
        await approveErasure(t.vault, cast.second.caller, { person, erasure });
        return key;
      }
      return await custodian.unwrap(wrapped, context, kek);
    };
    return {
      ...t.vault,
      custodian: {
        keyId: custodian.keyId,
        generate: (context) => custodian.generate(context),
        unwrap,
      } as Vault["custodian"],
    };
  }

  const errors = async () =>
    (await verified(t)).findings.filter(({ severity }) => severity === "error");

  test("facts that were opened before an erasure are not told after it, and the ledger verifies", async () => {
    const [reader, exporter] = gone;
    if (reader === undefined || exporter === undefined) throw new Error("nobody to erase");
    await expect(
      readPerson(await erasing(reader, "theirs"), cast.first.caller, reader.person),
    ).rejects.toMatchObject({ code: "erased" });
    // What is exported was found before, so that the export alone opens it.
    const criterion = { by: "document", text: exporter.person } as const;
    await searchRecords(t.vault, cast.first.caller, { criterion, ...firstPage });
    await expect(
      exportRecords(await erasing(exporter, "theirs"), cast.first.caller, {
        criterion,
        ...firstPage,
      }),
    ).rejects.toMatchObject({ code: "erased" });
    expect(await errors()).toEqual([]);
  });

  test("a search is answered although somebody is erased while it makes the index whole", async () => {
    const third = gone[2];
    if (third === undefined) throw new Error("nobody to erase");
    const { db } = t.vault.database;
    // A table is read in the order of its last writes, so the one to be erased comes second.
    for (const id of [late.person, third.person])
      await db.updateTable("person").set({ indexed_version: 0 }).where("id", "=", id).execute();
    const vault = await erasing(third, "another");
    const criterion = { by: "party", text: "Greta Gone" } as const;
    const found = await searchRecords(vault, cast.first.caller, {
      criterion,
      ...firstPage,
    });
    expect(found.records).toEqual([]);
    expect(await errors()).toEqual([]);
  });

  test("retention counts from the last change of a grant, though it came after the grant's end", async () => {
    await expect(proposeErasure(t.vault, cast.first.caller, late.person)).rejects.toMatchObject({
      code: "retention_running",
      members: { retainedUntil: "2035-11-26" },
    });
  });

  test("a hold on a license holds who answers for a workload that it names", async () => {
    const { hold } = await placeHold(t.vault, cast.first.caller, {
      kind: "legal",
      scope: "license",
      target: paper,
      reference: "M-3",
      reason: "r",
    });
    await expect(
      proposeErasure(t.vault, cast.first.caller, responsible.person),
    ).rejects.toMatchObject({ code: "record_held", members: { holds: [hold] } });
  });
});
