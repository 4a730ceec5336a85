import { sql } from "kysely";
import { isRefusal, Refusal } from "../errors.ts";
import { latestOf } from "../ledger/outbox.ts";
import { submit } from "../ledger/submit.ts";
import { listDigest } from "./decide.ts";
import { lockRepository } from "./lock-repository.ts";
import type { SealedObject } from "./object.ts";
import { readWhole } from "./read-whole.ts";
import { record, secondsAfter, type Tx, type Vault } from "./vault.ts";

export type ProvingOptions = {
  readonly onFailure: (error: unknown) => void;
  /** Ends the pass with the read that is under way; it begins anew later. */
  readonly signal: AbortSignal;
};

type Declared = SealedObject & { readonly path: string; readonly declared: Buffer };
type Found = "as_declared" | "digest_mismatch" | "object_corrupt";

/** What fits into one entry. */
const mostLists = 300;

/**
 * Reads every object whose digest is its uploader's word, and records what it found: `object.proved`, or `object.refuted` for good. Any number of nodes do
 * it beside each other, one object after the other and each by one node, under a claim that it renews. What fails otherwise is left for a later pass, and does not hold up
 * the others. Gives how many were read.
 */
export async function proveDeclared(
  vault: Pick<Vault, "database" | "ledger" | "custodian" | "store" | "now" | "limits" | "uploads">,
  { onFailure, signal }: ProvingOptions,
): Promise<number> {
  for (let count = 0; ; count += 1) {
    const object = signal.aborted ? null : await claim(vault);
    if (object === null) return count;
    try {
      await keep(vault, object, await judge(vault, object, signal));
    } catch (error) {
      // Its claim runs out by itself, so that this pass goes on with the others.
      if (!signal.aborted) onFailure(error);
    }
  }
}

async function claim({
  database,
  now,
  limits,
}: Pick<Vault, "database" | "now" | "limits">): Promise<Declared | null> {
  const { db } = database;
  const claimed = await db
    .updateTable("parted_object")
    .set({ completing_until: secondsAfter(now(), limits.leaseSeconds), proved_bytes: 0n })
    .where("object", "=", (from) =>
      from
        .selectFrom("parted_object")
        .innerJoin("object", "object.id", "parted_object.object")
        .select("parted_object.object")
        .where("declared_at", "is not", null)
        .where("read_at", "is", null)
        .where("object.state", "=", "sealed")
        .where((where) =>
          where.or([where("completing_until", "is", null), where("completing_until", "<=", now())]),
        )
        .orderBy("declared_at")
        .orderBy("parted_object.object")
        .limit(1)
        .forUpdate("parted_object")
        .skipLocked(),
    )
    .returning(["object", "path", "sha256"])
    .executeTakeFirst();
  if (claimed === undefined) return null;
  const row = await db
    .selectFrom("object")
    .selectAll()
    .where("id", "=", claimed.object)
    .executeTakeFirstOrThrow();
  return { ...row, path: claimed.path, declared: claimed.sha256 };
}

type Reader = Pick<Vault, "database" | "custodian" | "store" | "now" | "limits">;

/** A finding is for good, and an answer of the store may have been garbled on its way: what does not open is read once more. */
async function judge(vault: Reader, object: Declared, signal: AbortSignal): Promise<Found> {
  const found = await read(vault, object, signal);
  return found === "object_corrupt" ? await read(vault, object, signal) : found;
}

async function read(vault: Reader, object: Declared, signal: AbortSignal): Promise<Found> {
  let readBytes = 0;
  const renewal = setInterval(() => {
    vault.database.db
      .updateTable("parted_object")
      .set({
        completing_until: secondsAfter(vault.now(), vault.limits.leaseSeconds),
        proved_bytes: BigInt(readBytes),
      })
      .where("object", "=", object.id)
      .where("read_at", "is", null)
      .execute()
      .catch(() => {});
  }, vault.limits.leaseSeconds * 100);
  try {
    const onBytes = (bytes: number) => {
      readBytes += bytes;
    };
    const hash = await readWhole(vault, object, { signal, onBytes });
    return hash.digest().equals(object.declared) ? "as_declared" : "digest_mismatch";
  } catch (error) {
    if (isRefusal(error, "object_corrupt")) return "object_corrupt";
    throw error;
  } finally {
    clearInterval(renewal);
  }
}

/** Records what was found, once, unless the object was shredded meanwhile. Throws as `assertDeclared`. After `object.refuted` the ledger has no allowance of the object. */
async function keep(
  vault: Pick<Vault, "database" | "ledger" | "now">,
  object: Declared,
  found: Found,
): Promise<void> {
  await record(vault, async (tx) => {
    // Every decision and recheck shares these locks, and looks at the entries after it has them.
    if (found !== "as_declared") await lockRepository(tx, object.repository);
    const now = vault.now();
    const kept = await tx
      .updateTable("parted_object")
      .set({
        read_at: now,
        completing_until: null,
        proved_bytes: object.size_bytes ?? 0n,
        ...(found === "as_declared" ? {} : { failure: found }),
      })
      .where("object", "=", object.id)
      .where("read_at", "is", null)
      .where("object", "in", (from) =>
        from.selectFrom("object").select("id").where("state", "=", "sealed").forUpdate(),
      )
      .returning("object")
      .executeTakeFirst();
    if (kept === undefined) return;
    await assertDeclared(tx, object);
    const common = {
      object: object.id,
      repository: object.repository,
      sha256: object.declared.toString("hex"),
    };
    if (found === "as_declared") {
      await submit(tx, { kind: "object.proved", subject: object.id, time: now, body: common });
      return;
    }
    const lists = await listsOf(tx, object);
    await submit(tx, {
      kind: "object.refuted",
      subject: object.id,
      time: now,
      body: { ...common, found, lists },
    });
    // An upload that is still open takes the file anew.
    await tx.deleteFrom("upload_file").where("object", "=", object.id).execute();
  });
}

/** Holds what was read to what its entry declared: rows that were edited prove and refute nothing. Throws `record_tampered`. */
async function assertDeclared(tx: Tx, object: Declared): Promise<void> {
  const latest = (await latestOf(tx, [object.id])).get(object.id);
  const isIt =
    latest?.kind === "object.declared" &&
    latest.body["repository"] === object.repository &&
    latest.body["bytes"] === String(object.size_bytes) &&
    latest.body["sha256"] === object.declared.toString("hex");
  if (isIt) return;
  throw new Refusal(
    "record_tampered",
    "an object that was to be read differs from its latest ledger entry",
    { cause: new Error(`object ${object.id}`) },
  );
}

/** The digest that a release of the object alone has for its list, for each path that it was committed or uploaded under. */
async function listsOf(tx: Tx, object: Declared): Promise<readonly string[]> {
  const { rows } = await sql<{ path: string }>`
    select distinct path from revision_file where repository = ${object.repository}::uuid
    and object = ${object.id}::uuid order by path limit ${mostLists}`.execute(tx);
  const paths = new Set([object.path, ...rows.map(({ path }) => path)]);
  const [size, sha256] = [Number(object.size_bytes), object.declared.toString("hex")];
  return [...paths]
    .slice(0, mostLists)
    .map((path) => listDigest([{ path, size, sha256, object: object.id }]).toString("hex"));
}
