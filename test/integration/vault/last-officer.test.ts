import { expect, test } from "@jest/globals";
import type { Role } from "../../../src/identity/token.ts";
import { changeStanding, type StandingChange } from "../../../src/vault/standing.ts";
import { revokeToken } from "../../../src/vault/token.ts";
import { type Actor, addPerson, bootstrapOfficer, usPerson } from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

const last = { code: "last_officer", status: 409 };

forEachDatabase("the last who govern", (open) => {
  async function begin(): Promise<
    { readonly t: TestVault; readonly first: Actor } & AsyncDisposable
  > {
    const t = await startVault({ database: await open() });
    const first = await bootstrapOfficer(t.vault);
    return { t, first, [Symbol.asyncDispose]: async () => await t.stop() };
  }

  const officer = async (t: TestVault, by: Actor, name: string, ...roles: Role[]) =>
    await addPerson(t.vault, by, { ...usPerson, name }, roles);

  const change = async (t: TestVault, by: Actor, whom: Actor, verb: StandingChange) =>
    await changeStanding(t.vault, by.caller, { noun: "person", id: whom.person, change: verb });

  test("the last export officer neither suspends nor revokes themselves, nor revokes their token", async () => {
    await using place = await begin();
    const { t, first } = place;
    await officer(t, first, "Olga Operator", "operator");
    for (const verb of ["suspended", "revoked"] as const)
      await expect(change(t, first, first, verb)).rejects.toMatchObject(last);
    await expect(revokeToken(t.vault, first.caller, first.caller.token)).rejects.toMatchObject(
      last,
    );
    const second = await officer(t, first, "Otto Second", "export-officer");
    await change(t, first, first, "suspended");
    await expect(change(t, second, second, "suspended")).rejects.toMatchObject(last);
    await change(t, second, first, "reinstated");
    await change(t, first, second, "suspended");
  });

  test("the only operator can be suspended at once, and is not revoked before there is another", async () => {
    await using place = await begin();
    const { t, first } = place;
    const second = await officer(t, first, "Otto Second", "export-officer");
    await change(t, second, first, "suspended");
    await change(t, second, first, "reinstated");
    await expect(change(t, second, first, "revoked")).rejects.toMatchObject(last);
    await officer(t, first, "Olga Operator", "operator");
    await change(t, second, first, "revoked");
  });

  test("an officer whose token has expired does not count", async () => {
    await using place = await begin();
    const { t, first } = place;
    const second = await officer(t, first, "Otto Second", "export-officer");
    await t.vault.database.db
      .updateTable("token")
      .set({ expires_at: t.vault.now() })
      .where("id", "=", second.caller.token)
      .execute();
    await expect(change(t, first, first, "suspended")).rejects.toMatchObject(last);
  });

  test("two officers who suspend each other at the same moment do not both succeed", async () => {
    await using place = await begin();
    const { t, first } = place;
    const second = await officer(t, first, "Otto Second", "export-officer", "operator");
    for (let round = 0; round < 5; round += 1) {
      const outcomes = await Promise.allSettled([
        change(t, first, second, "suspended"),
        change(t, second, first, "suspended"),
      ]);
      const [suspended] = outcomes.filter(({ status }) => status === "fulfilled");
      expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      const firstDid = suspended === outcomes[0];
      await change(t, firstDid ? first : second, firstDid ? second : first, "reinstated");
    }
  });
});
