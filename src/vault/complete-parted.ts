import { setTimeout as sleep } from "node:timers/promises";
import { isRefusal, Refusal, type RefusalCode } from "../errors.ts";
import { objectBytes, plaintextPartsOf } from "../floe/layout.ts";
import type { Caller } from "../identity/authenticate.ts";
import type { HeldPart } from "../storage/blob-store.ts";
import { adoptParts } from "./adopt-parts.ts";
import { assertOpens, assertSampled } from "./assert-opens.ts";
import { recordAs } from "./caller.ts";
import { declare, dropParts } from "./declare.ts";
import { objectKey, type SealedObject } from "./object.ts";
import { forgetSession, sessionOf } from "./part-session.ts";
import {
  assertOpen,
  isCompleting,
  type ObjectAddress,
  type PartedRow,
  partedOf,
} from "./parted.ts";
import { readWhole } from "./read-whole.ts";
import { discard, keepFile, type UploadedFile } from "./upload.ts";
import { assertNoneSince, handOutsOf } from "./upload-key.ts";
import { secondsAfter, type Vault } from "./vault.ts";

/** How long an answer waits for a completion; whoever asks again joins it. */
const usualWaitMs = 10_000;
const mostNamed = 1_000;

export type Completed =
  | { readonly state: "sealed"; readonly file: UploadedFile }
  | { readonly state: "proving"; readonly provedBytes: number };

/**
 * Puts the parts of a file together, proves that the whole opens and has the declared SHA-256, and lets a commit name it; of a file whose key was handed out, that
 * its header, its last and some other segments open, and takes its digest as declared. It is proved by the digest
 * that ran along where the parts came in order, by reading all of it back otherwise. That can take hours for a big file, so the answer may be
 * that it is under way, and asking again tells how far. Asking again after it is done gives the same answer.
 * Throws `parts_missing`, with their numbers in `parts`, for parts that never came or that the store lost.
 */
export async function completeParted(
  vault: Vault,
  caller: Caller,
  address: ObjectAddress,
  waitMs = usualWaitMs,
): Promise<Completed> {
  const row = await partedOf(vault.database.db, caller, address);
  if (row.state === "sealed" && row.failure !== null)
    throw new Refusal("digest_refuted", "the file does not hold what was declared: begin it anew");
  if (row.state === "sealed") return { state: "sealed", file: fileOf(row) };
  assertOpen(row, vault.now());
  const completion = vault.uploads.complete(
    row.id,
    async () => await claimed(vault, caller, address),
  );
  const waiting = new AbortController();
  const isDone = await Promise.race([
    completion,
    sleep(waitMs, null, { signal: waiting.signal }).catch(() => null),
  ]).finally(() => waiting.abort());
  if (isDone !== null) return { state: "sealed", file: fileOf(row) };
  // Whoever asks again finds out how it ended.
  completion.catch(() => {});
  const { provedBytes } = await vault.database.db
    .selectFrom("parted_object")
    .select("proved_bytes as provedBytes")
    .where("object", "=", row.id)
    .executeTakeFirstOrThrow();
  return { state: "proving", provedBytes: Number(provedBytes) };
}

/** One node completes a file: the claim lasts as long as it is renewed. Null where another node has it. */
async function claimed(vault: Vault, caller: Caller, address: ObjectAddress): Promise<true | null> {
  const { db } = vault.database;
  const { object } = address;
  const until = () => secondsAfter(vault.now(), vault.limits.leaseSeconds);
  const mine = await db
    .updateTable("parted_object")
    .set({ completing_until: until(), proved_bytes: 0n })
    .where("object", "=", object)
    .where((where) =>
      where.or([
        where("completing_until", "is", null),
        where("completing_until", "<=", vault.now()),
      ]),
    )
    .returning("object")
    .executeTakeFirst();
  const row = await partedOf(db, caller, address);
  if (row.state === "sealed") return true;
  if (mine === undefined) {
    if (isCompleting(row, vault.now())) return null;
    throw new Refusal("conflict", "the completion just ended: read the file's state");
  }
  const progress = { provedBytes: 0 };
  const renewal = setInterval(() => {
    db.updateTable("parted_object")
      .set({ completing_until: until(), proved_bytes: BigInt(progress.provedBytes) })
      .where("object", "=", object)
      .where("completing_until", "is not", null)
      .execute()
      .catch(() => {});
  }, vault.limits.leaseSeconds * 100);
  try {
    await complete(vault, caller, { row, address, progress });
    return true;
  } catch (error) {
    // Another node, that took this one for dead, was faster.
    const present = await partedOf(db, caller, address).catch(() => null);
    if (present?.state === "sealed") return true;
    await giveUp(vault, row, error);
    await discard(vault, object, ["removed"]);
    throw error;
  } finally {
    clearInterval(renewal);
    await db
      .updateTable("parted_object")
      .set({ completing_until: null })
      .where("object", "=", object)
      // Whoever reads a declared file has a claim of their own.
      .where("declared_at", "is", null)
      .execute()
      // The claim runs out by itself.
      .catch(() => {});
  }
}

type Completion = {
  readonly row: PartedRow;
  readonly address: ObjectAddress;
  readonly progress: { provedBytes: number };
};

async function complete(vault: Vault, caller: Caller, { row, address, progress }: Completion) {
  assertOpen(row, vault.now());
  const of = { object: row.id, principal: caller.principal };
  const handOuts = await handOutsOf(vault.database.db, of);
  await adoptParts(vault, row);
  const parts = await heldParts(vault, row);
  const sizeBytes = Number(row.size_bytes);
  const isOfParts = await assemble(vault, row, parts);
  const sealed: SealedObject = {
    ...row,
    object_bytes: BigInt(objectBytes(sizeBytes)),
  };
  await assertOpens(vault, sealed);
  const handOut = handOuts.at(-1);
  if (handOut !== undefined) {
    await assertSampled(vault, sealed);
    return await declare(vault, caller, { row, sealed, handOut, handOuts });
  }
  const tags = parts.map(({ tag }) => tag);
  const digest =
    (isOfParts ? vault.uploads.digestOf(row.id, tags) : null) ??
    (await vault.uploads.readBack(async () => await prove(vault, sealed, { tags, progress })));
  if (!digest.equals(row.sha256))
    throw new Refusal("digest_mismatch", "the whole file does not have the declared SHA-256");
  await recordAs(vault, caller, async (tx) => {
    await keepFile(tx, {
      caller,
      request: address,
      path: row.path,
      sealed: {
        id: row.id,
        size_bytes: row.size_bytes,
        object_bytes: BigInt(objectBytes(sizeBytes)),
        sha256: digest,
      },
      now: vault.now(),
    });
    await assertNoneSince(tx, of, handOuts);
    await dropParts(tx, row.id);
  });
  vault.uploads.forget(row.id);
}

/** All parts as the database knows them. Throws `parts_missing`. */
async function heldParts({ database }: Vault, row: PartedRow): Promise<readonly HeldPart[]> {
  const held = await database.db
    .selectFrom("object_part")
    .select(["part", "sealed_bytes", "tag"])
    .where("object", "=", row.id)
    .orderBy("part")
    .execute();
  const present = new Set(held.map(({ part }) => part));
  const { parts } = plaintextPartsOf(Number(row.size_bytes));
  const missing = Array.from({ length: parts }, (_, at) => at + 1).filter(
    (part) => !present.has(part),
  );
  if (missing.length > 0) throw partsMissing(missing);
  return held.map(({ part, sealed_bytes, tag }) => ({
    part,
    sizeBytes: Number(sealed_bytes),
    tag,
  }));
}

/**
 * The store puts the parts together, once: after a crash behind that, what lies there is taken as it is. Gives whether it is known to be of these
 * parts. Otherwise an earlier attempt may have made it of others, so that no digest of what came tells what it holds: its row has no session then.
 */
async function assemble(
  vault: Vault,
  row: PartedRow,
  parts: readonly HeldPart[],
): Promise<boolean> {
  const { db } = vault.database;
  if (row.assembled_at !== null) return row.session !== null;
  const found = await vault.store.stat(objectKey(row.id));
  if (found === null) {
    let { session } = row;
    try {
      const blob = await sessionOf(vault, row);
      ({ session } = blob);
      await blob.complete(parts);
    } catch (error) {
      if (isRefusal(error, "multipart_gone")) await forgetSession(vault, { id: row.id, session });
      if (!isRefusal(error, "parts_missing")) throw error;
      const lost = error.members["parts"] as readonly number[];
      const tags = parts.filter(({ part }) => lost.includes(part)).map(({ tag }) => tag);
      await db
        .deleteFrom("object_part")
        .where("object", "=", row.id)
        .where("part", "in", lost)
        // One that came anew since is held.
        .where("tag", "in", tags)
        .execute();
      throw partsMissing(lost, error);
    }
  } else if (found.sizeBytes !== objectBytes(Number(row.size_bytes)))
    throw new Refusal("object_corrupt", "the store put together an object of another size");
  const isOfParts = found === null;
  await db
    .updateTable("parted_object")
    .set({ assembled_at: vault.now(), ...(isOfParts ? {} : { session: null }) })
    .where("object", "=", row.id)
    .execute();
  return isOfParts;
}

type Proving = {
  readonly tags: readonly string[];
  readonly progress: { provedBytes: number };
};

/** The digest of what the object holds, remembered for a completion that is asked for again. */
async function prove(vault: Vault, sealed: SealedObject, { tags, progress }: Proving) {
  const hash = await readWhole(vault, sealed, {
    signal: vault.uploads.signal,
    onBytes: (bytes) => {
      progress.provedBytes += bytes;
    },
  });
  vault.uploads.keepProof(sealed.id, hash, tags);
  return hash.copy().digest();
}

/** Other bytes than were declared, or bytes that do not open, stay so: the file is removed and its refusal kept. Anything else may pass. */
async function giveUp(vault: Vault, { id }: PartedRow, error: unknown): Promise<void> {
  const lasting: readonly RefusalCode[] = ["digest_mismatch", "object_corrupt"];
  if (!isRefusal(error) || !lasting.includes(error.code)) return;
  vault.uploads.forget(id);
  await vault.database.db
    .updateTable("parted_object")
    .set({ failure: error.code })
    .where("object", "=", id)
    .execute();
  await discard(vault, id);
}

function partsMissing(parts: readonly number[], cause?: unknown): Refusal {
  const few = parts.length === 1 ? `part ${parts[0]} is` : `${parts.length} parts are`;
  return new Refusal("parts_missing", `${few} not held`, {
    cause,
    members: { parts: parts.slice(0, mostNamed) },
  });
}

function fileOf({ id, path, size_bytes: size, sha256 }: PartedRow): UploadedFile {
  return { path, size: Number(size), sha256: sha256.toString("hex"), object: id };
}
