import { Refusal } from "../errors.ts";
import type { Checkpoint } from "../merkle/checkpoint.ts";
import { type Join, rememberingJoins } from "../merkle/joined-nodes.ts";
import { parseVerificationKey, type VerificationKey } from "../merkle/note.ts";
import { verifyInclusion } from "../merkle/proof.ts";
import { parseTlogProof } from "../merkle/tlog-proof.ts";
import { leafHash, nodeHash } from "../merkle/tree.ts";
import { type Entry, parseEntry } from "./entry.ts";
import { Findings } from "./findings.ts";
import { judgeSignatures, type Report, type VerifyOptions } from "./verify.ts";
import {
  judgeOlder,
  type NamedCheckpoint,
  openNewest,
  openOlder,
  tellKey,
} from "./verify-checkpoints.ts";
import { Decisions, wordOf } from "./verify-decisions.ts";
import { SigningKeys } from "./verify-keys.ts";
import { judgePeriod, unseenCheckpoints } from "./verify-period.ts";
import type { SeriesOptions } from "./verify-series.ts";
import { grownByProof, judgeTimestamps, type Stamped } from "./verify-timestamps.ts";

/** Some entries of a ledger with their proofs, in a folder. It is trusted with nothing. */
export interface ExcerptSource {
  /** The signed checkpoint that every proof leads to; null where there is none. */
  checkpoint(): Promise<Buffer | null>;
  /** The bytes of the entry that was at the index; null where there are none. */
  entry(index: number): Promise<Buffer | null>;
  /** Its proof, in C2SP tlog-proof form. */
  proof(index: number): Promise<Buffer | null>;
}

export type ExcerptReport = Report & {
  /** How many of the ledger's entries were there to be verified. */
  readonly entries: number;
  /** What a part of a ledger cannot show, in sentences. */
  readonly notChecked: readonly string[];
};

const notChecked = [
  "that no entry is missing which the excerpt should hold: only the whole ledger shows that",
  "the entries between those that are here, and so the chain across them",
  "whether tokens, grants, licenses, persons and classifications stood when they were relied on, and how often licenses and grants were used",
  "that the ledger goes on from what each replaced key had signed when it named the next",
  "the ledger's growth from older checkpoints: only one of the same size can be compared",
] as const;

type ExcerptOptions = Pick<
  VerifyOptions,
  | "verificationKey"
  | "origin"
  | "olderCheckpoints"
  | "olderSeries"
  | "replay"
  | "policy"
  | "mlDsaKey"
  | "timestamps"
  | "checkIds"
> & {
  /** The checkpoints of the excerpt's period: each with a proof of its own, and complete where the entries are. */
  readonly series?: SeriesOptions;
};

type Judged = { allowed: Map<string, number>; refused: Set<string>; ended: Set<string> };

/**
 * Verifies an excerpt offline: the checkpoint under its key, each entry's form and its way to the signed root, the chain between neighbours,
 * each decision against itself, one decision a release and at most one outcome, of none that was refused, what `replay` finds of decisions, and, where they are asked for, the checkpoint's cosignatures and timestamps. `said` are the indexes that the excerpt
 * says that it holds: in the ledger's order here, whatever order it says them in, since neighbours are held to each other.
 */
export async function verifyExcerpt(
  source: ExcerptSource,
  said: readonly number[],
  options: ExcerptOptions,
): Promise<ExcerptReport> {
  const key = parseVerificationKey(options.verificationKey);
  if (key === null)
    throw new Refusal(
      "invalid_request",
      "The verification key is not a `name+id+key` of Ed25519 or ECDSA P-256.",
    );
  const findings = new Findings();
  const indexes = [...new Set(said)].toSorted((one, other) => one - other);
  const decisions = new Decisions(findings, options.checkIds ?? null);
  const counts = new Map<string, number>();
  const releases: Judged = { allowed: new Map(), refused: new Set(), ended: new Set() };
  const origin = options.origin ?? key.name;
  const newest = openNewest(await source.checkpoint(), { key, origin, findings });
  const { keys, signed } = await signedBy(source, indexes, { key, origin, newest, findings });
  let [entries, before] = [0, { index: -2, leafHex: "" }];
  const about: number[] = [];
  const join = rememberingJoins();
  for (const index of signed === null ? [] : indexes) {
    if (signed === null) break;
    const proved = await proveEntry(source, index, { findings, join, ...signed.checkpoint });
    if (proved === null) continue;
    entries += 1;
    const { entry, leafHex } = proved;
    // How the key was replaced belongs to every excerpt, whatever its period.
    if (entry.kind !== rotationKind) about.push(index);
    counts.set(entry.kind, (counts.get(entry.kind) ?? 0) + 1);
    if (before.index === index - 1 && entry.previous !== before.leafHex) {
      const message = `entry ${index} does not follow the entry before it`;
      findings.add("chain_broken", message, index);
    }
    before = { index, leafHex };
    follow(entry, releases, findings);
    decisions.judgeAlone(entry);
    const differs = options.replay?.(entry) ?? null;
    if (typeof differs === "string") findings.add("replay_differs", differs, index);
    else if (differs !== null) findings.add(differs.code, differs.message, index);
  }
  for (const [release, index] of releases.allowed) {
    const message = `release ${release} has no outcome in the excerpt`;
    findings.add("release_open", message, index);
  }
  if (newest !== null && keys !== null) {
    const older = openOlder(options.olderCheckpoints ?? [], key, findings);
    const olderRoots = new Map<number, Buffer>();
    const { checkpoint } = newest;
    judgeOlder(older, { newest: checkpoint, olderRoots, keys, keyName: key.name, findings });
  }
  const told =
    newest === null || keys === null
      ? {}
      : {
          ...(await attested(newest, { key, keys, findings, options })),
          ...(await judgePeriod(newest.checkpoint, { key, keys, findings, about, ...options })),
        };
  return {
    origin: newest?.checkpoint.origin ?? null,
    size: newest?.checkpoint.size ?? null,
    rootHex: newest?.checkpoint.root.toString("hex") ?? null,
    verified: findings.errors === 0,
    findings: findings.kept,
    errors: findings.errors,
    notices: findings.notices,
    counts: Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    releases: countsOf(counts, releases),
    entries,
    notChecked: [...notChecked, unseenCheckpoints(options.series)],
    ...told,
  };
}

/** What witnesses and a time-stamping authority say of the checkpoint, where that is asked for. */
async function attested(
  newest: NamedCheckpoint,
  {
    key,
    keys,
    findings,
    options,
  }: {
    readonly key: VerificationKey;
    readonly keys: SigningKeys;
    readonly findings: Findings;
    readonly options: ExcerptOptions;
  },
): Promise<Pick<Report, "witnessed" | "mlDsaSigned" | "timestamps">> {
  const { checkpoint } = newest;
  const { timestamps } = options;
  const grewFrom = async (older: Checkpoint, { growth }: Stamped) =>
    grownByProof(older, growth, checkpoint);
  return {
    ...judgeSignatures(newest, options, findings),
    ...(timestamps === undefined
      ? {}
      : {
          timestamps: await judgeTimestamps(
            { key, keys, checkpoint, grewFrom },
            timestamps,
            findings,
          ),
        }),
  };
}

/**
 * The checkpoint, if the trusted key signed it, or one that the rotations in the excerpt lead to; each of those is first proved to stand in the
 * tree, as every entry is. `checkpoint_unsigned` or `key_retired` otherwise.
 */
async function signedBy(
  source: ExcerptSource,
  indexes: readonly number[],
  {
    key,
    origin,
    newest,
    findings,
  }: {
    readonly key: VerificationKey;
    readonly origin: string;
    readonly newest: NamedCheckpoint | null;
    readonly findings: Findings;
  },
): Promise<{ readonly keys: SigningKeys | null; readonly signed: NamedCheckpoint | null }> {
  if (newest === null) return { keys: null, signed: null };
  const keys = new SigningKeys(findings, key, origin);
  for (const index of indexes) {
    const bytes = await source.entry(index);
    // Most entries are no rotation, and are proved once, when their turn comes.
    if (bytes?.includes(rotationKind) !== true) continue;
    const aside = { findings: new Findings(), ...newest.checkpoint };
    const proved = await proveEntry(source, index, aside);
    if (proved?.entry.kind === rotationKind) keys.rotate(proved.entry);
  }
  keys.finish();
  const verdict = keys.judgeNewest(newest.bytes);
  tellKey(verdict, key.name, { findings, of: "" });
  return { keys, signed: verdict === "verified" ? newest : null };
}

const rotationKind = "ledger.key-rotated";

async function proveEntry(
  source: ExcerptSource,
  index: number,
  {
    size,
    root,
    findings,
    join = nodeHash,
  }: {
    readonly size: number;
    readonly root: Buffer;
    readonly findings: Findings;
    readonly join?: Join;
  },
): Promise<{ readonly entry: Entry; readonly leafHex: string } | null> {
  const [bytes, proofBytes] = [await source.entry(index), await source.proof(index)];
  if (bytes === null || proofBytes === null) {
    const what = bytes === null ? "entry" : "proof of entry";
    findings.add("entries_missing", `the ${what} ${index} is not in the excerpt`, index);
    return null;
  }
  const proof = parseTlogProof(proofBytes);
  const leaf = leafHash(bytes);
  // The proof's own checkpoint is for other tools; here the one that was opened under the key counts.
  const isIncluded =
    proof !== null &&
    proof.index === index &&
    verifyInclusion({ index, size, leaf, proof: proof.hashes, root, join });
  if (!isIncluded) {
    const message = `entry ${index} is not proved to stand in the signed ledger`;
    findings.add("leaf_mismatch", message, index);
    return null;
  }
  const entry = parseEntry(bytes);
  if (entry === null)
    findings.add("entry_malformed", `entry ${index} is not in the ledger's form`, index);
  else if (entry.index !== index) {
    const message = `the entry at ${index} says that it is ${entry.index}`;
    findings.add("index_mismatch", message, index);
  }
  return entry === null ? null : { entry, leafHex: leaf.toString("hex") };
}

const outcomes = /^release\.(?:delivered|failed|abandoned|unknown)$/;

/** An outcome whose decision lies outside of the excerpt is none of its concern. */
function follow(
  { kind, index, body }: Entry,
  { allowed, refused, ended }: Judged,
  findings: Findings,
): void {
  const { release } = body;
  if (typeof release !== "string") return;
  const word = wordOf(kind);
  if (word !== null) {
    if ([allowed, refused, ended].some((decided) => decided.has(release)))
      findings.add("release_decided_twice", `release ${release} is decided again`, index);
    else if (word === "allowed") allowed.set(release, index);
    else refused.add(release);
  }
  if (!outcomes.test(kind)) return;
  if (refused.has(release)) {
    const message = `release ${release} ends as ${kind.slice("release.".length)} but was refused`;
    findings.add("outcome_without_allowed", message, index);
  }
  if (ended.has(release))
    findings.add("second_outcome", `release ${release} ends again, as ${kind}`, index);
  ended.add(release);
  allowed.delete(release);
}

function countsOf(counts: ReadonlyMap<string, number>, { allowed }: Judged): Report["releases"] {
  const of = (verb: string): number => counts.get(`release.${verb}`) ?? 0;
  return {
    allowed: of("allowed"),
    denied: of("denied"),
    held: of("held"),
    delivered: of("delivered"),
    failed: of("failed"),
    abandoned: of("abandoned"),
    unknown: of("unknown"),
    open: allowed.size,
  };
}
