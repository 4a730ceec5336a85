import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { recordAs } from "./caller.ts";
import { keepingGovernors, lockGovernors } from "./governors.ts";
import { actsFor, mayNotActivate, responsibleFor } from "./own.ts";
import { type Reviewer, wouldBeLost } from "./review-grant.ts";
import {
  assertAsRecorded,
  commitmentOf,
  recordedRow,
  type StandingNoun,
  submitRow,
} from "./row.ts";
import type { Tx } from "./vault.ts";

export type StandingChange = "suspended" | "reinstated" | "revoked";

type Standing = "draft" | "active" | "suspended" | "revoked" | "erased";

/** Suspends, reinstates or revokes under the lock that a release takes, so that no release commits on the old state. */
export async function changeStanding(
  vault: Reviewer,
  caller: Caller,
  {
    noun,
    id,
    change,
  }: { readonly noun: StandingNoun; readonly id: string; readonly change: StandingChange },
): Promise<void> {
  if (noun === "grant" && change === "reinstated") await assertWouldStand(vault, id);
  await recordAs(vault, caller, async (tx) => {
    const row = await tx
      .selectFrom(noun)
      .selectAll()
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) throw new Refusal("not_found", `there is no such ${noun}`);
    // Recording a new state over a row that was edited behind the vault would give the edit an entry of its own.
    await assertAsRecorded(tx, [recordedRow(noun, row)]);
    if (change === "reinstated") await assertOther(tx, caller, noun, row);
    const state = nextState(row.state, change);
    const version = row.version + 1;
    const now = vault.now();
    const commit = async () => {
      const submission = await submitRow(tx, {
        kind: `${noun}.${change}`,
        row: { id, state, version, commitment: commitmentOf(noun, row) },
        by: caller,
        time: now,
      });
      await tx.updateTable(noun).set({ state, version, submission }).where("id", "=", id).execute();
    };
    if (noun !== "person") return await commit();
    if (change === "reinstated") {
      await lockGovernors(tx);
      return await commit();
    }
    // An officer can lift a suspension again, so that even the only operator can be stopped at once.
    const roles =
      change === "revoked"
        ? (["export-officer", "operator"] as const)
        : (["export-officer"] as const);
    await keepingGovernors(tx, { now, roles }, commit);
  });
}

/**
 * A grant that passed once and passes from no site now would be suspended again at once. A change that comes in between is found by the
 * re-decision that every reinstatement calls for. Throws `grant_would_not_pass`.
 */
async function assertWouldStand(vault: Reviewer, id: string): Promise<void> {
  if (!(await wouldBeLost(vault, id))) return;
  throw new Refusal(
    "grant_would_not_pass",
    "no site's decision allows what the grant is for, so it would be suspended again",
  );
}

/** Nobody lifts a suspension of their own, of a workload that they answer for or the entity behind it, or of what authorizes any of them. */
async function assertOther(
  tx: Tx,
  caller: Caller,
  noun: StandingNoun,
  row: { readonly id: string },
): Promise<void> {
  if (await isTheirOwn(tx, caller, noun, row)) {
    throw new Refusal(
      "two_person_rule",
      `a ${noun} is reinstated by somebody else than whom it is about`,
    );
  }
}

async function isTheirOwn(
  tx: Tx,
  caller: Caller,
  noun: StandingNoun,
  row: { readonly id: string },
): Promise<boolean> {
  switch (noun) {
    case "person":
      return row.id === caller.person;
    case "workload":
      return "accountable" in row && row.accountable === caller.person;
    case "grant":
      return (
        "principal" in row && (await responsibleFor(tx, String(row.principal))) === caller.person
      );
    case "license":
      return await mayNotActivate(
        tx,
        caller,
        row as unknown as Parameters<typeof mayNotActivate>[2],
      );
    case "entity":
      return await actsFor(tx, caller.person, row.id);
  }
}

function nextState(state: Standing, change: StandingChange): "active" | "suspended" | "revoked" {
  if (change === "suspended" && state === "active") return "suspended";
  if (change === "reinstated" && state === "suspended") return "active";
  if (change === "revoked" && state !== "revoked" && state !== "erased") return "revoked";
  throw new Refusal("state_unmovable", `what is ${state} cannot be ${change}`);
}
