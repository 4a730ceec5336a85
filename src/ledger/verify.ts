import { Refusal } from "../errors.ts";
import { type Checkpoint, openCheckpoint } from "../merkle/checkpoint.ts";
import { parseVerificationKey, type VerificationKey } from "../merkle/note.ts";
import type { Policy } from "../merkle/policy.ts";
import type { Entry } from "./entry.ts";
import { type Finding, type FindingCode, Findings } from "./findings.ts";
import type { TileSource } from "./source.ts";
import { EntryChecks } from "./verify-entries.ts";
import type { ReleaseCounts } from "./verify-releases.ts";
import {
  judgeTimestamps,
  type TimestampOptions,
  type TimestampReport,
} from "./verify-timestamps.ts";
import { type TreeRoots, walkTree } from "./verify-tree.ts";
import { judgeWitnesses, type WitnessReport } from "./verify-witnesses.ts";

export type VerifyOptions = {
  /** The ledger's Ed25519 key, `name+keyid+base64`: all that is trusted. */
  readonly verificationKey: string;
  /** The origin that the checkpoint must state; the key's name where it is not given. */
  readonly origin?: string;
  /** A checkpoint kept from earlier: the ledger must have grown from it. */
  readonly olderCheckpoint?: string | Uint8Array;
  /** Whose cosignatures the checkpoint must have. */
  readonly policy?: Policy;
  /** An authority's certificates, and the timestamps that came with the ledger. */
  readonly timestamps?: TimestampOptions;
  /** `opaque` leaves entries unread, for a log of other entries than ours. It is never guessed: a ledger could turn its own checks off. */
  readonly entries?: "parsed" | "opaque";
  /** The checks that every decision lists, in this order; any are taken where it is not given. */
  readonly checkIds?: readonly string[];
  readonly onProgress?: (progress: { readonly verified: number; readonly size: number }) => void;
  /** Decides an entry again, from evidence that the caller holds; a sentence about what differs, or null. */
  readonly replay?: (entry: Entry) => string | null;
};

export type Report = {
  /** Null where no checkpoint of the key was found. */
  readonly origin: string | null;
  readonly size: number | null;
  readonly rootHex: string | null;
  /** Whether there is no error among the findings. */
  readonly verified: boolean;
  /** At most a thousand errors and a thousand notices; `errors` and `notices` count all. */
  readonly findings: readonly Finding[];
  readonly errors: number;
  readonly notices: number;
  /** How many entries of each kind. */
  readonly counts: Readonly<Record<string, number>>;
  readonly releases: ReleaseCounts;
  /** Under a policy alone. */
  readonly witnessed?: WitnessReport;
  /** Where timestamps were asked for alone. */
  readonly timestamps?: TimestampReport;
};

/**
 * Verifies a whole ledger offline, with nothing but its public key: signature, tree, tiles, chain, and what the entries say of one another.
 * What is wrong with the ledger is a finding; trouble in reading it is thrown as a refusal (see `TileSource`), as is a key that is none.
 */
export async function verifyLedger(source: TileSource, options: VerifyOptions): Promise<Report> {
  const key = parseVerificationKey(options.verificationKey);
  if (key === null) {
    throw new Refusal("invalid_request", "The verification key is not an Ed25519 `name+id+key`.");
  }
  const findings = new Findings();
  const checks = new EntryChecks(findings, options);
  const newest = await source.checkpoint();
  const checkpoint = openNewest(newest, key, options, findings);
  const { policy } = options;
  const witnessed =
    newest === null || checkpoint === null || policy === undefined
      ? {}
      : { witnessed: judgeWitnesses(newest, policy, findings) };
  if (checkpoint !== null)
    await verifyEntries(source, { key, checkpoint, options, findings, checks });
  const stamped =
    checkpoint === null || options.timestamps === undefined
      ? {}
      : {
          timestamps: await judgeTimestamps(
            { source, key, checkpoint },
            options.timestamps,
            findings,
          ),
        };
  return {
    origin: checkpoint?.origin ?? null,
    size: checkpoint?.size ?? null,
    rootHex: checkpoint?.root.toString("hex") ?? null,
    verified: findings.errors === 0,
    findings: findings.kept,
    errors: findings.errors,
    notices: findings.notices,
    counts: checks.counts,
    releases: checks.releases,
    ...witnessed,
    ...stamped,
  };
}

async function verifyEntries(
  source: TileSource,
  subject: {
    readonly key: VerificationKey;
    readonly checkpoint: Checkpoint;
    readonly options: VerifyOptions;
    readonly findings: Findings;
    readonly checks: EntryChecks;
  },
): Promise<void> {
  const { key, checkpoint, options, findings, checks } = subject;
  const { size } = checkpoint;
  const older = openOlder(checkpoint, key, options, findings);
  const isParsed = (options.entries ?? "parsed") === "parsed";
  const roots = await walkTree({
    source,
    key,
    findings,
    size,
    olderSize: older?.size ?? null,
    onEntry: (entry, leaf, index) => isParsed && checks.take(entry, leaf, index),
    onBundle: (verified) => options.onProgress?.({ verified, size }),
  });
  if (roots === null) return;
  compareRoots(roots, checkpoint, older, findings);
  if (isParsed) checks.finish();
}

function compareRoots(
  { root, olderRoot }: TreeRoots,
  checkpoint: Checkpoint,
  older: Checkpoint | null,
  findings: Findings,
): void {
  if (!root.equals(checkpoint.root)) {
    findings.add("root_mismatch", "the entries do not make the root that the checkpoint signs");
  }
  // At the same size the two checkpoints were compared with each other.
  if (older === null || olderRoot === null || older.size === checkpoint.size) return;
  if (!olderRoot.equals(older.root)) {
    const message = `the first ${older.size} entries are not those that the older checkpoint signs`;
    findings.add("history_rewritten", message);
  }
}

function openNewest(
  bytes: Buffer | null,
  key: VerificationKey,
  options: VerifyOptions,
  findings: Findings,
): Checkpoint | null {
  if (bytes === null) {
    findings.add(
      "checkpoint_missing",
      "there is no checkpoint, so nothing vouches for the entries",
    );
    return null;
  }
  const opened = openSigned(bytes, key, options);
  if (!("refused" in opened)) return opened;
  findings.add(opened.refused, opened.message);
  return null;
}

/** The older checkpoint where it can still be held against the tree; a larger or a forked one is a finding already. */
function openOlder(
  checkpoint: Checkpoint,
  key: VerificationKey,
  options: VerifyOptions,
  findings: Findings,
): Checkpoint | null {
  if (options.olderCheckpoint === undefined) return null;
  const older = openSigned(options.olderCheckpoint, key, options);
  if ("refused" in older) {
    findings.add("older_checkpoint_invalid", `of the older checkpoint: ${older.message}`);
    return null;
  }
  if (older.size > checkpoint.size) {
    const message = `the ledger has ${checkpoint.size} entries; it had ${older.size}`;
    findings.add("rolled_back", message);
    return null;
  }
  if (older.size === checkpoint.size && !older.root.equals(checkpoint.root)) {
    findings.add("fork", `two checkpoints of ${older.size} entries have different roots`);
  }
  return older;
}

function openSigned(
  bytes: string | Uint8Array,
  key: VerificationKey,
  options: VerifyOptions,
): Checkpoint | { readonly refused: FindingCode; readonly message: string } {
  const opened = openCheckpoint(bytes, key);
  if (opened === null) {
    return { refused: "checkpoint_malformed", message: "it is not a signed checkpoint" };
  }
  const { checkpoint, verdict } = opened;
  if (verdict === "unsigned") {
    return { refused: "checkpoint_unsigned", message: `${key.name} did not sign it` };
  }
  if (verdict === "forged") {
    return { refused: "checkpoint_forged", message: `the signature is not ${key.name}'s` };
  }
  const origin = options.origin ?? key.name;
  if (checkpoint.origin === origin) return checkpoint;
  return { refused: "origin_mismatch", message: `it is of ${checkpoint.origin}, not of ${origin}` };
}
