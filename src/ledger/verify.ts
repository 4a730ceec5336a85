import { Refusal } from "../errors.ts";
import type { CosignerKey } from "../merkle/cosignature.ts";
import { parseVerificationKey, type VerificationKey } from "../merkle/note.ts";
import type { Policy } from "../merkle/policy.ts";
import { tileWidth } from "../merkle/tile.ts";
import type { Entry } from "./entry.ts";
import { type Finding, Findings } from "./findings.ts";
import type { TileSource } from "./source.ts";
import { readingOf, unlessSpent } from "./source-budget.ts";
import { growsFrom } from "./source-growth.ts";
import { judgeBeside } from "./verify-beside.ts";
import { BundleEntries } from "./verify-bundle.ts";
import {
  judgeOlder,
  judgeSeries,
  type KeptCheckpoint,
  type NamedCheckpoint,
  openNewest,
  openOlder,
  tellKey,
} from "./verify-checkpoints.ts";
import type { ExpectedChecks } from "./verify-decisions.ts";
import { EntryChecks, type Replayed } from "./verify-entries.ts";
import type { KeptSeries } from "./verify-kept.ts";
import { SigningKeys } from "./verify-keys.ts";
import { judgeMlDsa } from "./verify-ml-dsa.ts";
import type { ReleaseCounts } from "./verify-releases.ts";
import { rootsByLeaves, type SeriesOptions, type SeriesReport } from "./verify-series.ts";
import {
  grownByTiles,
  judgeTimestamps,
  type TimestampOptions,
  type TimestampReport,
} from "./verify-timestamps.ts";
import { walkTree } from "./verify-tree.ts";
import type { EntryWatch } from "./verify-watch.ts";
import { judgeWitnesses, type WitnessReport } from "./verify-witnesses.ts";

export type { KeptCheckpoint } from "./verify-checkpoints.ts";
export type { Replayed } from "./verify-entries.ts";

export type VerifyOptions = {
  /** The ledger's key, `name+keyid+base64`: all that is trusted. Keys that replaced it are believed on its word. */
  readonly verificationKey: string;
  /** The origin that the checkpoint must state; the key's name where it is not given. */
  readonly origin?: string;
  /** A checkpoint kept from earlier: the ledger must have grown from it. */
  readonly olderCheckpoint?: string | Uint8Array;
  /** More of them, each of which the ledger must have grown from. */
  readonly olderCheckpoints?: readonly KeptCheckpoint[];
  /**
   * How many entries a batch of the ledger has at most, where the older checkpoints are meant to be all that there were: two neighbours that
   * are missing are then found.
   */
  readonly mostEntriesPerCheckpoint?: number;
  /** All checkpoints that were signed, as they came with the ledger; null where they could have come and did not, which is told. */
  readonly series?: SeriesOptions | null;
  /** The series of an older copy, to each of which the ledger and its own series are held. */
  readonly olderSeries?: KeptSeries;
  /** Whose cosignatures the checkpoint must have. */
  readonly policy?: Policy;
  /** The ledger's own ML-DSA-44 key, which must have signed the checkpoint as well. */
  readonly mlDsaKey?: CosignerKey;
  /** An authority's certificates, and the timestamps that came with the ledger. */
  readonly timestamps?: TimestampOptions;
  /** `opaque` leaves entries unread, for a log of other entries than ours. It is never guessed: a ledger could turn its own checks off. */
  readonly entries?: "parsed" | "opaque";
  /** The checks that every decision lists, in this order, or what tells whether it lists them; any are taken where it is not given. */
  readonly checkIds?: ExpectedChecks;
  /** How many threads hash and read beside the caller's own, where the ledger is long enough for them; none where it is not given. */
  readonly threads?: number;
  /** Collects what the entries say of one another, apart from the report, and can go on from there. */
  readonly watch?: EntryWatch;
  readonly onProgress?: (progress: { readonly verified: number; readonly size: number }) => void;
  /** Decides an entry again, from evidence that the caller holds. Called for every entry, in order, in the caller's thread. */
  readonly replay?: (entry: Entry) => Replayed;
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
  /** Whether the ML-DSA-44 key signed it, where that was demanded alone. */
  readonly mlDsaSigned?: boolean;
  /** Where a series of checkpoints came with the ledger alone. */
  readonly series?: SeriesReport;
  /** Where an older copy's series was given alone. */
  readonly olderSeries?: SeriesReport;
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
    throw new Refusal(
      "invalid_request",
      "The verification key is not a `name+id+key` of Ed25519 or ECDSA P-256.",
    );
  }
  const origin = options.origin ?? key.name;
  const findings = new Findings();
  const newest = openNewest(await source.checkpoint(), { key, origin, findings });
  if (newest === null) return reportOf(null, findings, new EntryChecks(findings, options));
  const { timestamps } = options;
  const attested = judgeSignatures(newest, options, findings);
  const reading = await readingOf(source, { key, checkpoint: newest.bytes });
  const reads = verifyEntries(reading.source, { key, newest, options, findings });
  const verified = await unlessSpent(reading, reads);
  if (verified === null) return unproved(key, newest, { spent: reading.spent() ?? "", options });
  if (!newest.isProvisional || verified.isSigned) {
    const { checkpoint } = newest;
    const stamped =
      timestamps === undefined
        ? {}
        : {
            timestamps: await judgeTimestamps(
              {
                key,
                keys: verified.keys,
                checkpoint,
                grewFrom: grownByTiles(source, key, checkpoint),
              },
              timestamps,
              findings,
            ),
          };
    const series = await judgeBeside(
      { source, key, newest: checkpoint, findings },
      options,
      verified,
    );
    return { ...reportOf(newest, findings, verified.checks), ...attested, ...stamped, ...series };
  }
  // No key that the trusted one named signed it, so that nothing that it covers is the ledger's.
  const alone = new Findings();
  tellKey("unsigned", key.name, { findings: alone, of: "" });
  return reportOf(null, alone, new EntryChecks(alone, options));
}

/** What others' signatures on a checkpoint are found to be, as far as they were asked for. */
export function judgeSignatures(
  { bytes }: Pick<NamedCheckpoint, "bytes">,
  { policy, mlDsaKey }: Pick<VerifyOptions, "policy" | "mlDsaKey">,
  findings: Findings,
): Pick<Report, "witnessed" | "mlDsaSigned"> {
  return {
    ...(policy === undefined ? {} : { witnessed: judgeWitnesses(bytes, policy, findings) }),
    ...(mlDsaKey === undefined ? {} : { mlDsaSigned: judgeMlDsa(bytes, mlDsaKey, findings) }),
  };
}

/** No key that is known signed the checkpoint, and what may be read on its own word named none. */
function unproved(
  { name }: VerificationKey,
  { checkpoint }: NamedCheckpoint,
  { spent, options }: { readonly spent: string; readonly options: VerifyOptions },
): Report {
  const findings = new Findings();
  findings.add(
    "checkpoint_unsigned",
    `it is not signed by ${name}, says that it covers ${checkpoint.size} entries, and ${spent} named no key that signed it: the rest was not read. If the key was replaced, pin the one that signs now`,
  );
  return reportOf(null, findings, new EntryChecks(findings, options));
}

type Subject = {
  readonly key: VerificationKey;
  readonly newest: NamedCheckpoint;
  readonly options: VerifyOptions;
  readonly findings: Findings;
};

type Verified = {
  readonly checks: EntryChecks;
  readonly keys: SigningKeys;
  readonly older: readonly NamedCheckpoint[];
  readonly isSigned: boolean;
};

async function verifyEntries(
  source: TileSource,
  { key, newest, options, findings }: Subject,
): Promise<Verified> {
  const { origin, size, root } = newest.checkpoint;
  const keys = new SigningKeys(findings, key, origin);
  const checks =
    options.watch?.begin(size, keys) ?? new EntryChecks(findings, { ...options, keys });
  const entries = new BundleEntries(findings, checks);
  const older = openOlder(keptBy(options), key, findings);
  const isParsed = (options.entries ?? "parsed") === "parsed";
  const roots = await walkTree({
    source,
    key,
    findings,
    size,
    olderSizes: older.map(sizeIn),
    isParsed,
    threads: size < threadsFrom ? 0 : (options.threads ?? 0),
    onBundle: (index, digested) => {
      if (isParsed) entries.take(index, digested);
      const verified = index + digested.digest.leaves.length / 32;
      options.onProgress?.({ verified, size });
    },
  });
  keys.finish();
  const verdict = keys.judgeNewest(newest.bytes);
  if (verdict !== "unsigned") tellKey(verdict, key.name, { findings, of: "" });
  const { checkpoint } = newest;
  const olderRoots =
    roots?.olderRoots ??
    (await rootsByLeaves(older.map(sizeIn), { source, key, newest: checkpoint }));
  judgeOlder(older, { newest: checkpoint, olderRoots, keys, keyName: key.name, findings });
  const most = options.mostEntriesPerCheckpoint;
  // With an older copy's series, the steps are judged along it.
  if (most !== undefined && options.olderSeries === undefined)
    judgeSeries([...older.map(sizeIn), size], most, findings);
  if (roots !== null && !roots.root.equals(root))
    findings.add("root_mismatch", "the entries do not make the root that the checkpoint signs");
  if (roots !== null)
    await keys.judgeHeads(
      async (head) => await growsFrom(head, { source, key, newest: newest.checkpoint }),
    );
  if (roots !== null && isParsed) checks.finish();
  return { checks, keys, older, isSigned: verdict === "verified" || verdict === "retired" };
}

function sizeIn({ checkpoint }: NamedCheckpoint): number {
  return checkpoint.size;
}

/** Below this a thread takes longer to start than to work. */
const threadsFrom = 64 * tileWidth;

function keptBy({
  olderCheckpoint,
  olderCheckpoints = [],
}: VerifyOptions): readonly KeptCheckpoint[] {
  if (olderCheckpoint === undefined) return olderCheckpoints;
  return [{ name: "the older checkpoint", bytes: olderCheckpoint }, ...olderCheckpoints];
}

function reportOf(newest: NamedCheckpoint | null, findings: Findings, checks: EntryChecks): Report {
  return {
    origin: newest?.checkpoint.origin ?? null,
    size: newest?.checkpoint.size ?? null,
    rootHex: newest?.checkpoint.root.toString("hex") ?? null,
    verified: findings.errors === 0,
    findings: findings.kept,
    errors: findings.errors,
    notices: findings.notices,
    counts: checks.counts,
    releases: checks.releases,
  };
}
