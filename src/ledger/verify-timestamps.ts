import { parseAddCheckpoint } from "../merkle/add-checkpoint.ts";
import { type Checkpoint, openCheckpoint } from "../merkle/checkpoint.ts";
import { parseNote, type VerificationKey } from "../merkle/note.ts";
import { readTiles, treeRoot, verifyConsistency } from "../merkle/proof.ts";
import { hashBytes } from "../merkle/tree.ts";
import type { Findings } from "./findings.ts";
import { readTile, type TileSource } from "./source.ts";
import type { SigningKeys } from "./verify-keys.ts";

/** A checkpoint's note, and the DER of an authority's TimeStampResp about its text. */
export type Stamped = {
  readonly checkpoint: Uint8Array;
  readonly response: Uint8Array;
  /** In an excerpt, how the newest checkpoint grew from it (`add-checkpoint` of C2SP tlog-witness). */
  readonly growth?: Uint8Array;
};

export type TimestampOptions = {
  /** PEM of the certificates that stamps must lead to. */
  readonly certificates: string;
  readonly stamped: Iterable<Stamped> | AsyncIterable<Stamped>;
};

/** Whether a ledger grew from a stamped checkpoint; `untold` where what would show it is not there. */
export type Growth = "grown" | "other" | "untold";

/** Sizes at which the ledger is known to have stood, and when: each at the latest then. */
export type TimestampReport = readonly { readonly size: number; readonly stampedAt: string }[];

/**
 * Judges timestamps of a ledger. Each counts where the ledger's key signed its checkpoint, `grewFrom` finds that the newest one grew from it, and the authority truly stamped the text; anything else is `timestamp_invalid`, and none at all `timestamp_missing`.
 */
export async function judgeTimestamps(
  {
    key,
    keys,
    checkpoint,
    grewFrom,
  }: {
    readonly key: VerificationKey;
    /** The keys that the entries told: a stamp from before a rotation is of a checkpoint of the old one. */
    readonly keys: SigningKeys;
    /** The newest. */
    readonly checkpoint: Checkpoint;
    readonly grewFrom: (older: Checkpoint, stamped: Stamped) => Promise<Growth>;
  },
  { certificates, stamped }: TimestampOptions,
  findings: Findings,
): Promise<TimestampReport> {
  // Loaded for those alone who ask for it: it weighs more than the rest of the verifier.
  const { parseAuthority, verifyTimestamp } = await import("./timestamp-token.ts");
  const authority = parseAuthority(certificates);
  const report: { size: number; stampedAt: string }[] = [];
  let isAny = false;
  for await (const each of stamped) {
    isAny = true;
    const { checkpoint: note, response } = each;
    const opened = openCheckpoint(note, key);
    const text = parseNote(note)?.text;
    if (
      opened === null ||
      keys.judge(note) !== "verified" ||
      text === undefined ||
      opened.checkpoint.origin !== checkpoint.origin
    ) {
      findings.add("timestamp_invalid", "a stamped checkpoint is not signed by the ledger's key");
      continue;
    }
    const { size } = opened.checkpoint;
    const growth = await grewFrom(opened.checkpoint, each);
    if (growth !== "grown") {
      findings.add("timestamp_invalid", ungrown[growth](size));
      continue;
    }
    const result = await verifyTimestamp(response, text, authority);
    if ("refused" in result)
      findings.add("timestamp_invalid", `of the timestamp at size ${size}: ${result.refused}`);
    else report.push({ size, stampedAt: result.stampedAt.toISOString() });
  }
  if (!isAny) findings.add("timestamp_missing", "no timestamp came with the ledger");
  return report;
}

const ungrown = {
  other: (size: number) => `the ledger does not have the root that was stamped at size ${size}`,
  untold: (size: number) =>
    `whether the ledger has the root that was stamped at size ${size} cannot be told: what would show it is missing or damaged`,
} as const satisfies Record<Exclude<Growth, "grown">, (size: number) => string>;

/** Whether the tiles, which were held against the entries, make the older checkpoint's root; `untold` where a tile of them is not there. */
export function grownByTiles(
  source: TileSource,
  key: VerificationKey,
  checkpoint: Checkpoint,
): (older: Checkpoint) => Promise<Growth> {
  return async ({ size, root }) => {
    if (size > checkpoint.size) return "other";
    const made = await rootAt(size, { source, key, checkpoint });
    if (made === null) return "untold";
    return made.equals(root) ? "grown" : "other";
  };
}

/** Whether the consistency proof that lies beside a stamp leads from its checkpoint to the newest; `untold` where none that can be read does. */
export function grownByProof(
  { size: oldSize, root: oldRoot }: Checkpoint,
  growth: Uint8Array | undefined,
  { size, root }: Checkpoint,
): Growth {
  const told = growth === undefined ? null : parseAddCheckpoint(growth);
  if (told === null) return "untold";
  if (told.oldSize !== oldSize) return "other";
  const { proof } = told;
  return verifyConsistency({ oldSize, oldRoot, size, root, proof }) ? "grown" : "other";
}

/** Null where the tiles are not there, or not whole. */
async function rootAt(
  size: number,
  {
    source,
    key,
    checkpoint,
  }: {
    readonly source: TileSource;
    readonly key: VerificationKey;
    readonly checkpoint: Checkpoint;
  },
): Promise<Buffer | null> {
  const missing = new Error("a tile is missing");
  const read = readTiles(checkpoint.size, async (tile) => {
    const bytes = await readTile(source, key, tile);
    if (bytes?.length !== tile.width * hashBytes) throw missing;
    return bytes;
  });
  try {
    return await treeRoot(size, read);
  } catch (error) {
    if (error === missing) return null;
    throw error;
  }
}
