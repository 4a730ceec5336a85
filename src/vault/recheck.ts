import { Refusal } from "../errors.ts";
import { decide } from "../export-control/decide.ts";
import type { Decision } from "../export-control/decision.ts";
import type { Facts } from "../export-control/facts.ts";
import type { Rulebook } from "../export-control/rulebook.ts";
import type { ReleaseRow } from "./outcome.ts";
import { rulebookIn } from "./rulebook.ts";
import type { Screening, Tx, Vault } from "./vault.ts";

/**
 * Whether what an allowed release rests on still stands at this instant: every row is the one that was decided on (each change draws a
 * newer submission), the rulebook is the same one, overrides and all, and the same facts decided now still allow. Shares the locks of whoever
 * revokes; the transaction has called `shareRulebook` before any other lock. Throws `release_stopped`.
 */
export async function assertStands(
  tx: Tx,
  vault: Pick<Vault, "rulebook" | "overridden" | "now" | "screening">,
  row: ReleaseRow,
  facts: Facts,
): Promise<void> {
  const rulebook = await rulebookIn(tx, vault);
  const now = vault.now();
  const classification = facts.item.classification;
  const subject = facts.subject;
  const people =
    subject.kind === "person" ? [subject.person.id] : [subject.workload.accountable.id];
  const licenses = await licensesOf(tx, row.id);
  const latest = [
    ...(await unchanged(tx, "grant", row.grant === null ? [] : [row.grant])),
    ...(await unchanged(tx, "license", licenses)),
    ...(await unchanged(tx, "person", people)),
    ...(subject.kind === "person" ? [] : await unchanged(tx, "workload", [subject.workload.id])),
    ...(subject.kind === "person"
      ? []
      : await unchanged(tx, "entity", [subject.workload.entity.id])),
  ];
  const approved = await tx
    .selectFrom("classification")
    .select("id")
    .where("repository", "=", row.repository)
    .where("state", "=", "approved")
    .forShare()
    .executeTakeFirst();
  const token = await tx
    .selectFrom("token")
    .select(["revoked_at", "expires_at"])
    .where("id", "=", row.token)
    .forShare()
    .executeTakeFirstOrThrow();
  const stands =
    latest.every(({ state, submission }) => state === "active" && submission < row.submission) &&
    approved !== undefined &&
    approved.id === classification?.id &&
    token.revoked_at === null &&
    token.expires_at > now &&
    isScreenedOn(vault.screening(), facts) &&
    isDecidedOn(rulebook, row) &&
    stillAllows(decide({ ...facts, at: now.toISOString() }, rulebook), licenses);
  if (!stands)
    throw new Refusal(
      "release_stopped",
      "an authorization behind the release was changed, suspended or revoked, or has ended",
    );
}

/** A newer list may name the subject: whoever was screened on another one is decided anew. */
function isScreenedOn(screening: Screening | null, facts: Facts): boolean {
  return (screening?.list.digest ?? null) === (facts.screening?.list.digest ?? null);
}

/** Another reading of the law, an override approved or withdrawn since among them, is decided anew like a changed fact. */
function isDecidedOn({ digest }: Rulebook, { decision }: ReleaseRow): boolean {
  return decision["rulebook"] === digest;
}

/** The same licenses must carry it: another one that would do is not locked here, and its use was not counted. */
function stillAllows({ verdict, licenses }: Decision, recorded: readonly string[]): boolean {
  return (
    verdict === "allow" &&
    licenses.length === recorded.length &&
    licenses.every((id) => recorded.includes(id))
  );
}

async function licensesOf(tx: Tx, release: string): Promise<string[]> {
  const rows = await tx
    .selectFrom("release_license")
    .select("license")
    .where("release", "=", release)
    .execute();
  return rows.map(({ license }) => license);
}

async function unchanged(
  tx: Tx,
  noun: "grant" | "license" | "person" | "workload" | "entity",
  ids: readonly string[],
) {
  if (ids.length === 0) return [];
  return await tx
    .selectFrom(noun)
    .select(["state", "submission"])
    .where("id", "in", [...ids])
    .orderBy("id")
    .forShare()
    .execute();
}
