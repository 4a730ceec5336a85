import type { Kysely, Selectable } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { makeReceipt, type Receipt } from "../ledger/receipt.ts";
import { findRepository, type RepositoryName } from "./repository.ts";
import type { Vault } from "./vault.ts";

export type ReadRelease = Selectable<Schema["release"]> & {
  readonly namespace: string;
  readonly name: string;
  readonly licenses: readonly string[];
  /** The place of the decision's entry; null until it is sequenced. */
  readonly entryIndex: number | null;
  /** What came of it; its index is null until that entry is sequenced. */
  readonly ending: { readonly kind: string; readonly index: number | null } | null;
};

export type ReleaseFilter = {
  readonly repository: RepositoryName | null;
  readonly principal: string | null;
  readonly state: Selectable<Schema["release"]>["state"] | null;
};

const listLimit = 200;

/** The newest releases that the filter lets through: officers and auditors see all, everybody else their own. */
export async function listReleases(
  { database }: Pick<Vault, "database">,
  caller: Caller,
  { repository, principal, state }: ReleaseFilter,
): Promise<readonly ReadRelease[]> {
  let rows = visibleReleases(database.db, caller);
  if (repository !== null) {
    const found = await findRepository(database.db, repository);
    rows = rows.where("release.repository", "=", found.id);
  }
  if (principal !== null) rows = rows.where("release.principal", "=", principal);
  if (state !== null) rows = rows.where("release.state", "=", state);
  return await completed(
    database.db,
    await rows.orderBy("release.submission", "desc").limit(listLimit).execute(),
  );
}

/** One release that the caller may see. Throws `not_found`. */
export async function readRelease(
  { database }: Pick<Vault, "database">,
  caller: Caller,
  id: string,
): Promise<ReadRelease> {
  const rows = await visibleReleases(database.db, caller).where("release.id", "=", id).execute();
  const [release] = await completed(database.db, rows);
  if (release === undefined) throw new Refusal("not_found", "there is no such release");
  return release;
}

/** The receipt of a release's decision. Throws `not_found`, and `ledger_unavailable` while no checkpoint covers the entry. */
export async function readReceipt(
  vault: Pick<Vault, "database">,
  caller: Caller,
  id: string,
): Promise<Receipt> {
  const { submission } = await readRelease(vault, caller, id);
  const entry = await vault.database.db
    .selectFrom("ledger_entry")
    .select(["index", "bytes", "leaf"])
    .where("submission", "=", submission)
    .executeTakeFirst();
  if (entry === undefined)
    throw new Refusal("ledger_unavailable", "the release's entry has no place yet");
  return await makeReceipt(vault.database.db, { ...entry, index: Number(entry.index) });
}

function visibleReleases(db: Kysely<Schema>, caller: Caller) {
  const rows = db
    .selectFrom("release")
    .innerJoin("repository", "repository.id", "release.repository")
    .selectAll("release")
    .select(["repository.namespace", "repository.name"]);
  const seesAll = caller.roles.has("export-officer") || caller.roles.has("auditor");
  return seesAll ? rows : rows.where("release.principal", "=", caller.principal);
}

type FoundRelease = Omit<ReadRelease, "licenses" | "entryIndex" | "ending">;

async function completed(
  db: Kysely<Schema>,
  releases: readonly FoundRelease[],
): Promise<ReadRelease[]> {
  if (releases.length === 0) return [];
  const licenses = await db
    .selectFrom("release_license")
    .selectAll()
    .where(
      "release",
      "in",
      releases.map(({ id }) => id),
    )
    .orderBy("license")
    .execute();
  const places = await db
    .selectFrom("ledger_submission")
    .leftJoin("ledger_entry", "ledger_entry.submission", "ledger_submission.id")
    .select(["ledger_submission.id", "ledger_submission.kind", "ledger_entry.index"])
    .where(
      "ledger_submission.id",
      "in",
      releases.flatMap(({ submission, outcome }) =>
        outcome === null ? [submission] : [submission, outcome],
      ),
    )
    .execute();
  const placeOf = new Map(
    places.map(({ id, kind, index }) => [
      id,
      { kind, index: index === null ? null : Number(index) },
    ]),
  );
  return releases.map((release) => ({
    ...release,
    licenses: licenses.filter((row) => row.release === release.id).map((row) => row.license),
    entryIndex: placeOf.get(release.submission)?.index ?? null,
    ending: release.outcome === null ? null : (placeOf.get(release.outcome) ?? null),
  }));
}
