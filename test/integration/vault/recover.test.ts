import { expect, test } from "@jest/globals";
import { authenticate } from "../../../src/identity/authenticate.ts";
import type { Role } from "../../../src/identity/token.ts";
import { type Recovered, recoverGovernor } from "../../../src/vault/recover.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { issueToken, revokeToken } from "../../../src/vault/token.ts";
import { type Actor, addPerson, bootstrapOfficer, usPerson } from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { verified } from "../../support/ledger.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

const conflict = { code: "conflict", status: 409 };

forEachDatabase("what time took away", (open) => {
  async function begin(): Promise<
    { readonly t: TestVault; readonly first: Actor } & AsyncDisposable
  > {
    const t = await startVault({ database: await open() });
    const first = await bootstrapOfficer(t.vault);
    return { t, first, [Symbol.asyncDispose]: async () => await t.stop() };
  }

  const add = async (t: TestVault, by: Actor, name: string, ...roles: Role[]) =>
    await addPerson(t.vault, by, { ...usPerson, name }, roles);

  const callerOf = async ({ vault }: TestVault, { text }: Recovered) =>
    await authenticate(vault.database.db, text.expose().toString("ascii"), vault.now());

  test("a governing role whose every token expired is given back, works, and is in a ledger that verifies", async () => {
    await using place = await begin();
    const { t, first } = place;
    const reader = await add(t, first, "Rita Reader", "reader");
    t.clock.advance({ days: 800 });
    const recovered = await recoverGovernor(t.vault, null);
    expect(recovered).toMatchObject({
      person: first.person,
      roles: ["export-officer", "operator"],
      expiresAt: new Date(t.clock.at.getTime() + 86_400_000),
    });
    const caller = await callerOf(t, recovered);
    expect([...caller.roles].sort()).toEqual(["export-officer", "operator"]);
    await issueToken(t.vault, caller, {
      principal: reader.principal,
      roles: ["reader"],
      expiresAt: new Date(t.clock.at.getTime() + 1_000),
    });
    const report = await verified(t);
    expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
    await expect(recoverGovernor(t.vault, null)).rejects.toMatchObject(conflict);
  });

  test("nothing is given back while somebody holds the role", async () => {
    await using place = await begin();
    const { t, first } = place;
    await expect(recoverGovernor(t.vault, null)).rejects.toMatchObject(conflict);
    await expect(recoverGovernor(t.vault, first.person)).rejects.toMatchObject(conflict);
  });

  test("only what was lost is given back, and only to whom it expired on", async () => {
    await using place = await begin();
    const { t, first } = place;
    const second = await add(t, first, "Otto Second", "operator");
    const fired = await add(t, first, "Fred Fired", "operator");
    await revokeToken(t.vault, first.caller, fired.caller.token);
    const expire = async (actor: Actor, at: Date) => {
      await t.vault.database.db
        .updateTable("token")
        .set({ expires_at: at })
        .where("id", "=", actor.caller.token)
        .execute();
    };
    const officer = await add(t, first, "Olga Officer", "export-officer");
    t.clock.advance({ days: 800 });
    await expire(officer, new Date(t.clock.at.getTime() + 1_000));
    await expect(recoverGovernor(t.vault, null)).rejects.toThrow(/name the person/);
    for (const wrong of [fired.person, officer.person])
      await expect(recoverGovernor(t.vault, wrong)).rejects.toMatchObject(conflict);
    const { roles } = await recoverGovernor(t.vault, second.person);
    expect(roles).toEqual(["operator"]);
  });

  test("a suspended person gets nothing back, nor does one whose token's row was forged", async () => {
    await using place = await begin();
    const { t, first } = place;
    const second = await add(t, first, "Otto Second", "export-officer", "operator");
    const reader = await add(t, first, "Rita Reader", "reader");
    await changeStanding(t.vault, first.caller, {
      noun: "person",
      id: second.person,
      change: "suspended",
    });
    await t.vault.database.db
      .updateTable("token")
      .set({ roles: ["export-officer", "operator"] })
      .where("id", "=", reader.caller.token)
      .execute();
    t.clock.advance({ days: 800 });
    await expect(recoverGovernor(t.vault, second.person)).rejects.toMatchObject(conflict);
    await expect(recoverGovernor(t.vault, reader.person)).rejects.toMatchObject({
      code: "record_tampered",
    });
    expect((await recoverGovernor(t.vault, first.person)).person).toBe(first.person);
  });
});
