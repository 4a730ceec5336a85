import { Refusal } from "../errors.ts";
import type { Rider } from "../export-control/facts.ts";
import type { Caller } from "../identity/authenticate.ts";
import { recordAs } from "./caller.ts";
import { isNamedOn } from "./own.ts";
import { assertAsRecorded, commitmentOf, recordedRow, submitRow } from "./row.ts";
import type { Vault } from "./vault.ts";

export type RiderMark = {
  readonly license: string;
  /** The rider's id on that license. */
  readonly rider: string;
  readonly met: boolean;
  /** The day since which it is so; null for today. */
  readonly on: string | null;
};

/**
 * Records whether a condition of a license is met, under the lock that a release takes. Nobody speaks of a license that names them or a workload of
 * theirs. Throws `not_found`, `two_person_rule`, and `state_unmovable` for a revoked license.
 */
export async function markRider(
  vault: Pick<Vault, "database" | "ledger" | "now">,
  caller: Caller,
  { license, rider, met, on }: RiderMark,
): Promise<void> {
  await recordAs(vault, caller, async (tx) => {
    const row = await tx
      .selectFrom("license")
      .selectAll()
      .where("id", "=", license)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) throw new Refusal("not_found", "there is no such license");
    await assertAsRecorded(tx, [recordedRow("license", row)]);
    const before = (row.riders ?? []) as readonly Rider[];
    if (!before.some(({ id }) => id === rider))
      throw new Refusal("not_found", "the license has no such condition");
    if (row.state === "revoked")
      throw new Refusal("state_unmovable", "the license is revoked already");
    if (await isNamedOn(tx, caller, row))
      throw new Refusal(
        "two_person_rule",
        "a condition is marked by somebody else than whom the license names",
      );
    const now = vault.now();
    const state = { met, on: on ?? now.toISOString().slice(0, 10), by: caller.person };
    const riders = before.map((each) => (each.id === rider ? { ...each, state } : each));
    const version = row.version + 1;
    const commitment = commitmentOf("license", { ...row, riders });
    const submission = await submitRow(tx, {
      kind: "license.updated",
      row: { id: license, state: row.state, version, commitment },
      by: caller,
      time: now,
      more: { person: caller.person },
    });
    await tx
      .updateTable("license")
      .set({ riders: JSON.stringify(riders), version, submission })
      .where("id", "=", license)
      .execute();
  });
}
