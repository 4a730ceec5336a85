import { sql } from "kysely";
import { removeObject } from "./object.ts";
import { endRelease, isUnended, lockRelease, type Outcome, type ReleaseRow } from "./outcome.ts";
import { record, secondsAfter, type Vault } from "./vault.ts";

export type Swept = {
  readonly releases: number;
  readonly uploads: number;
  readonly objects: number;
};

const sweepLimit = 200;
const unnamedSeconds = 3_600;
const mostUnremoved = 3;

/**
 * Ends what a crash or a silent client left open: releases without an outcome, uploads past their time, and objects that nothing
 * names. Safe beside any number of other sweepers, since each row is locked and looked at again.
 */
export async function sweep(
  vault: Pick<Vault, "database" | "ledger" | "store" | "now">,
): Promise<Swept> {
  const passes = await Promise.allSettled([
    sweepReleases(vault),
    sweepUploads(vault),
    sweepObjects(vault),
  ]);
  const failures = passes.flatMap((pass) =>
    pass.status === "rejected" ? [pass.reason as unknown] : [],
  );
  if (failures.length > 0) throw new AggregateError(failures, "the sweeper could not finish");
  const [releases, uploads, objects] = passes.map((pass) =>
    pass.status === "fulfilled" ? pass.value : 0,
  );
  return { releases: releases ?? 0, uploads: uploads ?? 0, objects: objects ?? 0 };
}

async function sweepReleases(vault: Pick<Vault, "database" | "ledger" | "now">): Promise<number> {
  const due = await vault.database.db
    .selectFrom("release")
    .select("id")
    .where("state", "in", ["allowed", "opening"])
    .where("lease_until", "<", vault.now())
    .orderBy("lease_until")
    .limit(sweepLimit)
    .execute();
  const failures: unknown[] = [];
  for (const { id } of due) {
    // One that cannot be ended must not keep the others open.
    await record(vault, async (tx) => {
      const row = await lockRelease(tx, id);
      const now = vault.now();
      if (row === null || !isUnended(row) || row.lease_until >= now) return;
      await endRelease(tx, row, { outcome: outcomeOf(row), now });
    }).catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0)
    throw new AggregateError(failures, `${failures.length} releases could not be ended`);
  return due.length;
}

/**
 * Never opened: nothing left, all is given back. Opened for streaming with every stream ended well: delivered. Anything else was open
 * when its node fell silent, so that nobody knows what left: unknown, and counted as delivered.
 */
function outcomeOf(row: ReleaseRow): Outcome {
  if (row.state === "allowed") return "abandoned";
  return row.way === "stream" && row.streams === 0 && !row.is_broken ? "delivered" : "unknown";
}

async function sweepUploads({ database, now }: Pick<Vault, "database" | "now">): Promise<number> {
  const ended = await database.db
    .updateTable("upload")
    .set({ state: "expired" })
    .where("state", "=", "open")
    .where("expires_at", "<", now())
    .returning("id")
    .execute();
  return ended.length;
}

/** Objects whose upload died under them, that no revision and no open upload names, and those that an earlier sweep could not remove. */
async function sweepObjects(
  vault: Pick<Vault, "database" | "ledger" | "store" | "now">,
): Promise<number> {
  const { database } = vault;
  const claimed = await database.db
    .updateTable("object")
    .set({ state: "removing" })
    .where("id", "in", (from) =>
      from
        .selectFrom("object")
        .select("id")
        .where((where) =>
          where.or([
            where.and([where("state", "=", "opening"), where("lease_until", "<", vault.now())]),
            where.and([
              where("state", "=", "sealed"),
              // An object sealed a moment ago may be named by a transaction that this statement's snapshot does not see.
              where("sealed_at", "<", secondsAfter(vault.now(), -unnamedSeconds)),
              where.not(
                where.exists(
                  from
                    .selectFrom("revision_file")
                    .select(sql`1`.as("one"))
                    .whereRef("revision_file.object", "=", "object.id"),
                ),
              ),
              where.not(
                where.exists(
                  from
                    .selectFrom("upload_file")
                    .innerJoin("upload", "upload.id", "upload_file.upload")
                    .select(sql`1`.as("one"))
                    .whereRef("upload_file.object", "=", "object.id")
                    .where("upload.state", "=", "open"),
                ),
              ),
            ]),
          ]),
        )
        .limit(sweepLimit)
        .forUpdate()
        .skipLocked(),
    )
    .returning("id")
    .execute();
  const left = await database.db
    .selectFrom("object")
    .select("id")
    .where("state", "=", "removing")
    // Those that cannot be removed must not be the ones that every sweep begins with.
    .orderBy(sql`random()`)
    .limit(sweepLimit)
    .execute();
  const ids = new Set([...claimed, ...left].map(({ id }) => id));
  const failures: unknown[] = [];
  for (const id of ids) {
    await removeObject(vault, id).catch((error: unknown) => failures.push(error));
    // A store that is away would make each of them wait.
    if (failures.length === mostUnremoved) break;
  }
  if (failures.length > 0)
    throw new AggregateError(failures, `${failures.length} objects could not be removed`);
  return ids.size;
}
