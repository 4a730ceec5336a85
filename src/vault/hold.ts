import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { newSalt } from "../crypto/commitment.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { latestOf } from "../ledger/outbox.ts";
import { assertCallerStands } from "./caller.ts";
import { assertAsRecorded, commitmentOf, recordedHold, submitRow } from "./row.ts";
import { record, type Tx, type Vault } from "./vault.ts";

export const holdScopes = ["everything", "person", "entity", "repository", "license"] as const;
export const holdKinds = ["legal", "agency-request"] as const;

export type HoldScope = (typeof holdScopes)[number];

export type HoldRequest = {
  /** An agency's request blocks destruction until the agency authorizes it in writing, 15 CFR 762.6(b). */
  readonly kind: (typeof holdKinds)[number];
  readonly scope: HoldScope;
  /** What is held; null for everything. */
  readonly target: string | null;
  /** The matter's or the request's own number. */
  readonly reference: string;
  readonly reason: string;
};

type Writer = Pick<Vault, "database" | "ledger" | "now">;

/** Any number of ours that no other lock of this database has. */
const holdsLock = 7_373_005n;

/** One officer places a hold; nothing in its scope is destroyed from its commit on. Throws `not_found` for a target that is none. */
export async function placeHold(
  vault: Writer,
  caller: Caller,
  { kind, scope, target, reference, reason }: HoldRequest,
): Promise<{ readonly hold: string }> {
  if ((scope === "everything") !== (target === null))
    throw new Refusal("invalid_request", "a hold names its target, and one on everything has none");
  const id = randomUUID();
  const row = { id, kind, scope, target, reference, reason, placed_by: caller.person };
  const salted = { ...row, salt: newSalt() };
  await changeHolds(vault, caller, async (tx) => {
    if (scope !== "everything") await assertThere(tx, scope, target);
    const now = vault.now();
    const submission = await submitRow(tx, {
      kind: "hold.placed",
      row: { id, state: "placed", version: 1, commitment: commitmentOf("hold", salted) },
      by: caller,
      time: now,
      more: { kind, scope, target, person: caller.person },
    });
    await tx
      .insertInto("hold")
      .values({ ...salted, state: "placed", version: 1, placed_at: now, submission })
      .execute();
  });
  return { hold: id };
}

/**
 * Another officer than the one who placed it lifts a hold. One of an agency's takes the reference of the agency's written authorization. Throws
 * `two_person_rule`, `invalid_request`, `state_unmovable` and `not_found`.
 */
export async function liftHold(
  vault: Writer,
  caller: Caller,
  {
    id,
    reason,
    authorization,
  }: { readonly id: string; readonly reason: string; readonly authorization: string | null },
): Promise<void> {
  await changeHolds(vault, caller, async (tx) => {
    const row = await tx
      .selectFrom("hold")
      .selectAll()
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) throw new Refusal("not_found", "there is no such hold");
    await assertAsRecorded(tx, [recordedHold(row)]);
    if (row.state !== "placed") throw new Refusal("state_unmovable", "the hold is lifted already");
    if (row.placed_by === caller.person || row.target === caller.person)
      throw new Refusal(
        "two_person_rule",
        "a hold is lifted by another officer than the one who placed it or whom it is about",
      );
    if (row.kind === "agency-request" && authorization === null)
      throw new Refusal(
        "invalid_request",
        "a hold of an agency's is lifted on the agency's written authorization: state its reference",
      );
    const lifted = { lift_reason: reason, authorization, lifted_by: caller.person };
    const [version, now] = [row.version + 1, vault.now()];
    const submission = await submitRow(tx, {
      kind: "hold.lifted",
      row: {
        id,
        state: "lifted",
        version,
        commitment: commitmentOf("hold", { ...row, ...lifted }),
      },
      by: caller,
      time: now,
      more: { person: caller.person, authorized: authorization !== null },
    });
    await tx
      .updateTable("hold")
      .set({ ...lifted, state: "lifted", version, lifted_at: now, submission })
      .where("id", "=", id)
      .execute();
  });
}

export type StandingHold = {
  readonly id: string;
  readonly scope: HoldScope;
  readonly target: string | null;
};

/**
 * The holds that stand, by their entries and not by their rows, which could be hidden. Keeps any from being placed or lifted until the transaction
 * ends. Throws `record_tampered` (see `latestOf`).
 */
export async function holdHolds(tx: Tx): Promise<readonly StandingHold[]> {
  await lockHolds(tx);
  const { rows } = await sql<{ subject: string }>`
    select distinct subject from ledger_submission where kind in ('hold.placed', 'hold.lifted')`.execute(
    tx,
  );
  if (rows.length === 0) return [];
  const latest = await latestOf(
    tx,
    rows.map(({ subject }) => subject),
  );
  return [...latest].flatMap(([id, { kind, body }]) =>
    kind === "hold.placed"
      ? [
          {
            id,
            scope: body["scope"] as HoldScope,
            target: body["target"] as string | null,
          },
        ]
      : [],
  );
}

/** Holds, the newest first, with what is written about them. */
export async function listHolds({ database }: Pick<Vault, "database">) {
  return await database.db.selectFrom("hold").selectAll().orderBy("submission", "desc").execute();
}

/** The lock on all holds comes before those on the caller, as in an erasure. */
async function changeHolds(
  vault: Writer,
  caller: Caller,
  work: (tx: Tx) => Promise<void>,
): Promise<void> {
  await record(vault, async (tx) => {
    await lockHolds(tx);
    await assertCallerStands(tx, caller, vault.now());
    await work(tx);
  });
}

async function lockHolds(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${holdsLock})`.execute(tx);
}

async function assertThere(
  tx: Tx,
  scope: Exclude<HoldScope, "everything">,
  target: string | null,
): Promise<void> {
  const found = await tx.selectFrom(scope).select("id").where("id", "=", target).executeTakeFirst();
  if (found === undefined) throw new Refusal("not_found", `there is no such ${scope}`);
}
