import { randomUUID } from "node:crypto";
import { newSalt } from "../crypto/commitment.ts";
import { Refusal } from "../errors.ts";
import type { LicenseKind, LicenseScope, Rider } from "../export-control/facts.ts";
import type { Caller } from "../identity/authenticate.ts";
import { recordAs } from "./caller.ts";
import { assertUsable } from "./license-scope.ts";
import { mayNotActivate } from "./own.ts";
import { assertAsRecorded, commitmentOf, recordedRow, submitRow } from "./row.ts";
import type { Tx, Vault } from "./vault.ts";

export type LicenseRecord = {
  readonly number: string;
  readonly kind: LicenseKind;
  readonly scope: LicenseScope;
  /** Conditions and riders, in the license's words. */
  readonly conditions: string;
  /** The dates on its face; the last one is the last day of use. */
  readonly validFrom: string;
  readonly validUntil: string;
  readonly releasesAllowed: number | null;
  /** Those conditions that are to be checked one by one; nobody has said yet whether they are met. */
  readonly riders?: readonly Omit<Rider, "state">[];
};

type Writer = Pick<Vault, "database" | "ledger" | "now">;

/**
 * One officer enters a license from its paper. It authorizes nothing before another activates it. Throws `license_scope_unusable` for a scope that could hold no
 * release, and `not_found` for a party that is not on record.
 */
export async function enterLicense(
  vault: Writer & Pick<Vault, "rulebook">,
  caller: Caller,
  license: LicenseRecord,
): Promise<{ readonly license: string }> {
  if (license.validUntil < license.validFrom)
    throw new Refusal("invalid_request", "the license would end before it begins");
  const [id, now] = [randomUUID(), vault.now()];
  const riders: readonly Rider[] = (license.riders ?? []).map((each) => ({ ...each, state: null }));
  if (new Set(riders.map((each) => each.id)).size < riders.length)
    throw new Refusal("invalid_request", "two conditions of the license have the same id");
  const row = {
    id,
    number: license.number,
    kind: license.kind,
    scope: license.scope,
    conditions: license.conditions,
    valid_from: license.validFrom,
    valid_until: license.validUntil,
    releases_allowed: license.releasesAllowed,
    entered_by: caller.person,
    riders: riders.length === 0 ? null : riders,
    salt: newSalt(),
  };
  await recordAs(vault, caller, async (tx) => {
    await assertUsable(tx, vault.rulebook, license.scope);
    await assertOnRecord(tx, license.scope.parties);
    const submission = await submitRow(tx, {
      kind: "license.entered",
      row: { id, state: "draft", version: 1, commitment: commitmentOf("license", row) },
      by: caller,
      time: now,
      more: { person: caller.person, releasesAllowed: license.releasesAllowed },
    });
    await tx
      .insertInto("license")
      .values({
        ...row,
        scope: JSON.stringify(license.scope),
        riders: row.riders === null ? null : JSON.stringify(row.riders),
        state: "draft",
        version: 1,
        activated_by: null,
        submission,
        created_at: now,
      })
      .execute();
  });
  return { license: id };
}

/** A party that was mistyped would make a license that covers nobody, and nobody would see it. Throws `not_found`. */
async function assertOnRecord(tx: Tx, parties: LicenseScope["parties"]): Promise<void> {
  if (parties === null) return;
  for (const [noun, ids] of [
    ["person", parties.persons],
    ["workload", parties.workloads],
    ["entity", parties.entities],
  ] as const) {
    if (ids.length === 0) continue;
    const rows = await tx
      .selectFrom(noun)
      .select("id")
      .where("id", "in", [...ids])
      .execute();
    const absent = ids.find((id) => !rows.some((row) => row.id === id));
    if (absent !== undefined) throw new Refusal("not_found", `there is no such ${noun}: ${absent}`);
  }
}

/** Another officer compares it with the paper and activates it; neither the one who entered it nor a person whom it names. */
export async function activateLicense(vault: Writer, caller: Caller, id: string): Promise<void> {
  await recordAs(vault, caller, async (tx) => {
    const row = await tx
      .selectFrom("license")
      .selectAll()
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) throw new Refusal("not_found", "there is no such license");
    if (row.state !== "draft")
      throw new Refusal("state_unmovable", `the license is ${row.state} already`);
    await assertAsRecorded(tx, [recordedRow("license", row)]);
    if (await mayNotActivate(tx, caller, row)) {
      throw new Refusal(
        "two_person_rule",
        "a license is activated by somebody else than who entered it or is named on it",
      );
    }
    const version = row.version + 1;
    const submission = await submitRow(tx, {
      kind: "license.activated",
      row: { id, state: "active", version, commitment: commitmentOf("license", row) },
      by: caller,
      time: vault.now(),
      more: { person: caller.person },
    });
    await tx
      .updateTable("license")
      .set({ state: "active", version, activated_by: caller.person, submission })
      .where("id", "=", id)
      .execute();
  });
}
