import { Refusal } from "../errors.ts";
import { decide } from "../export-control/decide.ts";
import type { Decision } from "../export-control/decision.ts";
import type { Facts } from "../export-control/facts.ts";
import type { Rulebook } from "../export-control/rulebook.ts";
import type { Caller } from "../identity/authenticate.ts";
import { historyOf, latestOf, type Submitted } from "../ledger/outbox.ts";
import { assertDigests } from "./digest.ts";
import type { ReleaseRow } from "./outcome.ts";
import { rulebookIn } from "./rulebook.ts";
import { assertNotShredded } from "./shredded.ts";
import type { Screening, Tx, Vault } from "./vault.ts";

/**
 * Whether what an allowed release rests on still stands at this instant: nothing was submitted of any of it since the decision (every change
 * submits), the rulebook is the same one, overrides and all, the keys leave from where they did, and the same facts decided now still allow. The submissions tell, not the rows,
 * which could be edited back. Shares the locks of whoever revokes; the transaction has called `shareRulebook` before any other lock. Throws
 * `release_stopped`, `shredded` where what it is about was shredded, and as `assertDigests`.
 */
export async function assertStands(
  tx: Tx,
  vault: Rechecking,
  row: ReleaseRow,
  facts: Facts,
): Promise<void> {
  const allowed = (await latestOf(tx, [row.id])).get(row.id);
  if (!(await stands(tx, vault, { row, facts, allowed }))) throw stopped();
}

/**
 * As `assertStands`, for a release whose keys were delivered: its entries are the allowance, to this principal and token, and the delivery, and nothing
 * more.
 */
export async function assertStillStands(
  tx: Tx,
  vault: Rechecking,
  row: ReleaseRow,
  { facts, caller }: { readonly facts: Facts; readonly caller: Caller },
): Promise<void> {
  const [allowed, delivered, ...more] = await historyOf(tx, row.id);
  const isOurs =
    allowed?.body["principal"] === caller.principal && allowed.body["token"] === caller.token;
  const isDelivered = delivered?.kind === "release.delivered" && more.length === 0;
  if (isOurs && isDelivered && (await stands(tx, vault, { row, facts, allowed }))) return;
  throw stopped();
}

type Rechecking = Pick<
  Vault,
  "rulebook" | "overridden" | "now" | "screening" | "storeCountry" | "limits"
>;

type Rechecked = {
  readonly row: ReleaseRow;
  readonly facts: Facts;
  readonly allowed: Submitted | undefined;
};

async function stands(
  tx: Tx,
  vault: Rechecking,
  { row, facts, allowed }: Rechecked,
): Promise<boolean> {
  const rulebook = await rulebookIn(tx, vault);
  const now = vault.now();
  const licenses = allowed?.body["licenses"];
  const rows = await lockRests(tx, { row, facts, licenses });
  const repository = allowed?.body["repository"];
  if (typeof repository !== "string") return false;
  await assertNotShredded(tx, repository, async () => await objectsOf(tx, row.id));
  await assertDigests(tx, vault, { repository, objects: { release: row.id } });
  const latest = await latestOf(
    tx,
    rows.map(({ id }) => id),
  );
  const expiresAt = latest.get(row.token)?.body["expiresAt"];
  return (
    allowed?.kind === "release.allowed" &&
    allowed.body["token"] === row.token &&
    rows.every(({ id, isActive }) => isActive && isOlder(latest.get(id), allowed)) &&
    typeof expiresAt === "string" &&
    new Date(expiresAt) > now &&
    isScreenedOn(vault.screening(), facts) &&
    facts.departure?.country === vault.storeCountry &&
    isDecidedOn(rulebook, allowed) &&
    stillAllows(decide({ ...facts, at: now.toISOString() }, rulebook), licenses)
  );
}

function stopped(): Refusal {
  return new Refusal(
    "release_stopped",
    "an authorization behind the release was changed, suspended or revoked, or has ended",
  );
}

async function objectsOf(tx: Tx, release: string): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom("release_object")
    .select("object")
    .where("release", "=", release)
    .execute();
  return rows.map(({ object }) => object);
}

function isOlder(latest: Submitted | undefined, { id }: Submitted): boolean {
  return latest !== undefined && latest.id < id;
}

/** A newer list may name the subject: whoever was screened on another one is decided anew. */
function isScreenedOn(screening: Screening | null, facts: Facts): boolean {
  return (screening?.list.digest ?? null) === (facts.screening?.list.digest ?? null);
}

/** Another reading of the law, an override approved or withdrawn since among them, is decided anew like a changed fact. */
function isDecidedOn({ digest }: Rulebook, { body }: Submitted): boolean {
  const decision = body["decision"];
  return typeof decision === "object" && decision !== null && "rulebook" in decision
    ? decision.rulebook === digest
    : false;
}

/** The same licenses must carry it: another one that would do is not locked here, and its use was not counted. */
function stillAllows({ verdict, licenses }: Decision, recorded: unknown): boolean {
  return (
    verdict === "allow" &&
    Array.isArray(recorded) &&
    licenses.length === recorded.length &&
    licenses.every((id) => recorded.includes(id))
  );
}

type Rest = { readonly id: string; readonly isActive: boolean };

/** Locks what the decision rested on, by the facts that it was made on, in the order of every transaction. */
async function lockRests(
  tx: Tx,
  {
    row,
    facts,
    licenses: named,
  }: Pick<Rechecked, "row" | "facts"> & { readonly licenses: unknown },
): Promise<readonly Rest[]> {
  const { subject, grant, licenses } = facts;
  const person = subject.kind === "person" ? subject.person : subject.workload.accountable;
  // The licenses that the release's own entry names, of those that were decided on.
  const reliedOn = licenses
    .map(({ id }) => id)
    .filter((id) => Array.isArray(named) && named.includes(id));
  const rests = [
    ...(await standing(tx, "grant", [grant?.id ?? noId])),
    ...(await standing(tx, "license", reliedOn)),
    await lockClassification(tx, facts.item.classification?.id ?? noId),
    ...(await standing(tx, "person", [person.id])),
  ];
  if (subject.kind === "workload") {
    rests.push(...(await standing(tx, "workload", [subject.workload.id])));
    rests.push(...(await standing(tx, "entity", [subject.workload.entity.id])));
  }
  const { revoked_at } = await tx
    .selectFrom("token")
    .select("revoked_at")
    .where("id", "=", row.token)
    .forShare()
    .executeTakeFirstOrThrow();
  return [...rests, { id: row.token, isActive: revoked_at === null }];
}

/** Names nothing: what was decided on without a grant or a classification was not allowed. */
const noId = "00000000-0000-0000-0000-000000000000";

async function lockClassification(tx: Tx, id: string): Promise<Rest> {
  const row = await tx
    .selectFrom("classification")
    .select("state")
    .where("id", "=", id)
    .forShare()
    .executeTakeFirst();
  return { id, isActive: row?.state === "approved" };
}

/** A row that is gone does not stand. */
async function standing(
  tx: Tx,
  noun: "grant" | "license" | "person" | "workload" | "entity",
  ids: readonly string[],
): Promise<readonly Rest[]> {
  if (ids.length === 0) return [];
  const rows = await tx
    .selectFrom(noun)
    .select(["id", "state"])
    .where("id", "in", [...ids])
    .orderBy("id")
    .forShare()
    .execute();
  return ids.map((id) => ({
    id,
    isActive: rows.find((row) => row.id === id)?.state === "active",
  }));
}
