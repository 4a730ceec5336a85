import { sql, type Transaction } from "kysely";
import type { Schema } from "../database/schema.ts";
import { isRefusal, Refusal } from "../errors.ts";
import { parseNote } from "../merkle/note.ts";
import { treeRoot } from "../merkle/proof.ts";
import type { Succession } from "../merkle/rotation.ts";
import type { TileSource } from "./source.ts";
import { mostTimestampNames, stampedSize, type TimestampPlace } from "./source-timestamps.ts";
import { hashReader } from "./tiles.ts";

/** How many stamps are in the database again, and how many are not. */
export type RebuiltTimestamps = {
  readonly kept: number;
  /** They are none of this ledger. */
  readonly refused: number;
  /** They are of this ledger, and the authority that was named did not make them. */
  readonly unvouched: number;
  /** They could not be read, while the ledger could. */
  readonly unread: number;
  /** Whether there were more names than anybody's vault makes, so that the others were not looked at. */
  readonly isCut: boolean;
  /** Whether nobody told which there are, so that none was looked at: an address that is no vault's, or a caller who may not ask. */
  readonly isUntold: boolean;
};

type Judged = Exclude<keyof RebuiltTimestamps, "isCut" | "isUntold">;

/** When the authority says that it stamped the text; `refused` where the answer is none about it, `unvouched` where the authority did not make it. */
export type Stamper = (response: Buffer, text: string) => Promise<Date | "refused" | "unvouched">;

type Of = { readonly keys: Succession; readonly origin: string; readonly size: number };

export type TimestampRebuilding = Of & {
  readonly stamper: Stamper;
  readonly mostNames?: number;
};

/**
 * Brings back the stamped checkpoints of a ledger whose entries and tiles are there again, and its newest checkpoint. One counts where a key of the ledger signed the
 * checkpoint, the entries lead to its root and the stamper takes the authority's answer about its text. What else lies in the place is left out and fails nothing, however much it is: a store's administrator may have
 * put it there. One stamp is in memory at a time. Throws what the source throws where the ledger itself cannot be read any more.
 */
export async function rebuildTimestamps(
  tx: Transaction<Schema>,
  source: TileSource,
  { stamper, mostNames = mostTimestampNames, ...of }: TimestampRebuilding,
): Promise<RebuiltTimestamps> {
  const counts = { kept: 0, refused: 0, unvouched: 0, unread: 0 };
  const place = source.timestamps;
  if (place === undefined) return { ...counts, isCut: false, isUntold: true };
  let left = mostNames;
  try {
    for await (const name of place.names()) {
      if (left === 0) return { ...counts, isCut: true, isUntold: false };
      left -= 1;
      const at = stampedSize(name);
      if (at !== null) counts[await rebuild(tx, source, { ...of, place, at, stamper })] += 1;
    }
  } catch (error) {
    if (!isRefusal(error, "not_found")) throw error;
    await assertThere(source);
    return { ...counts, isCut: false, isUntold: true };
  }
  return { ...counts, isCut: false, isUntold: false };
}

async function rebuild(
  tx: Transaction<Schema>,
  source: TileSource,
  {
    place,
    at,
    stamper,
    ...of
  }: Of & { readonly place: TimestampPlace; readonly at: number; readonly stamper: Stamper },
): Promise<Judged> {
  if (at > of.size) return "refused";
  const checkpoint = await unlessUnread(source, async () => await place.checkpoint(at));
  if (checkpoint === null) return "unread";
  const root = await rootOf(tx, { checkpoint, at }, of);
  if (root === null) return "refused";
  const response = await unlessUnread(source, async () => await place.response(at));
  if (response === null) return "unread";
  const stampedAt = await stamper(response, parseNote(checkpoint)?.text ?? "");
  if (typeof stampedAt === "string") return stampedAt;
  const [size, note] = [BigInt(at), checkpoint.toString("utf8")];
  await tx
    .insertInto("ledger_checkpoint")
    .values({ size, root, note, fence: 0n, signed_at: sql<Date>`now()` })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  // A store that lists a name twice has one stamp under it.
  await tx
    .insertInto("ledger_timestamp")
    .values({ size, response, stamped_at: stampedAt })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return "kept";
}

/** Null where what lies there cannot be read and the ledger beside it can, so that this is no outage. Throws what reading the ledger throws. */
async function unlessUnread(
  source: TileSource,
  read: () => Promise<Buffer>,
): Promise<Buffer | null> {
  try {
    return await read();
  } catch {
    await assertThere(source);
    return null;
  }
}

/** Throws where the ledger itself cannot be read any more: then this is an outage, and nothing is left out for it. */
async function assertThere(source: TileSource): Promise<void> {
  if ((await source.checkpoint()) !== null) return;
  throw new Refusal("ledger_unavailable", "The checkpoint that is rebuilt is not there any more.");
}

/**
 * Takes those answers alone that lead to the certificates (PEM); without any, each that is of its text: whether the authority truly signed it is
 * judged then, as ever, by whoever relies on it. Throws `configuration_invalid` where the text holds no certificate.
 */
export async function stamperOf(certificates: string | null): Promise<Stamper> {
  const { parseAuthority, readStampedAt, verifyTimestamp } = await import("./timestamp-token.ts");
  let authority: ReturnType<typeof parseAuthority> | null;
  try {
    authority = certificates === null ? null : parseAuthority(certificates);
  } catch (cause) {
    const message = "the time-stamping certificate is no certificate in PEM: nothing was rebuilt";
    throw new Refusal("configuration_invalid", message, { cause });
  }
  return async (response, text) => {
    const told = readStampedAt(response, text);
    if (told === null || authority === null) return told ?? "refused";
    const found = await verifyTimestamp(response, text, authority);
    return "refused" in found ? "unvouched" : found.stampedAt;
  };
}

/** The root of the stamped checkpoint, if it is a state of this ledger that one of its keys signed; null otherwise. */
async function rootOf(
  tx: Transaction<Schema>,
  { checkpoint, at }: { readonly checkpoint: Buffer; readonly at: number },
  { keys, origin }: Of,
): Promise<Buffer | null> {
  const opened = keys.open(checkpoint);
  if (opened?.verdict !== "verified" || opened.checkpoint.origin !== origin) return null;
  const { root, size } = opened.checkpoint;
  if (size !== at) return null;
  return (await treeRoot(at, hashReader(tx, at))).equals(root) ? root : null;
}
