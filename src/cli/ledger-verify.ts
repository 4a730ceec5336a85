import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { isEveryCheck } from "../export-control/decision.ts";
import { batchLimit } from "../ledger/batch-limit.ts";
import type { VerifyOptions as LedgerOptions, Report } from "../ledger/verify.ts";
import { type KeptCheckpoint, verifyLedger } from "../ledger/verify.ts";
import { type ExcerptReport, verifyExcerpt } from "../ledger/verify-excerpt.ts";
import { readPolicy } from "../ledger/witness-policy.ts";
import { local, positive, repeated, whole } from "./command.ts";
import type { Context } from "./context.ts";
import { Failure } from "./failure.ts";
import { excerptSource, readExcerpt } from "./ledger-excerpt.ts";
import {
  demandedKey,
  type LedgerKey,
  pinnedMlDsaKey,
  withLedgerKey,
  withMlDsaKey,
} from "./ledger-key.ts";
import { seriesIn } from "./ledger-series.ts";
import { boundGarbage, readCheckpoint, sourceOf, verifyingThreads } from "./ledger-source.ts";
import { readTimestamps } from "./ledger-timestamps.ts";
import { createOutput, type Output } from "./output.ts";

type VerifyOptions = {
  readonly json?: boolean;
  readonly ledgerKey?: string;
  readonly mlDsaKey?: string;
  readonly olderCheckpoint?: readonly string[];
  readonly checkpoints?: string;
  readonly batch?: number;
  readonly rebuiltAt?: number;
  readonly evidence?: string;
  readonly tokenFile?: string;
  readonly opaqueEntries?: boolean;
  readonly policy?: string;
  readonly timestampCertificate?: string;
};

export function verifyCommand(ledger: Command, context: Context): void {
  const command = local(
    ledger,
    "verify",
    "verify a whole ledger, or an excerpt, with nothing but its public key",
  );
  withMlDsaKey(withLedgerKey(command))
    .argument("<folder-or-url>", "a folder in the layout of tlog-tiles, its address, or an excerpt")
    .option(
      "--older-checkpoint <file>",
      "a checkpoint kept from earlier, which it must have grown from; may be given more than once",
      repeated,
    )
    .option("--checkpoints <folder>", "a folder of such checkpoints, a monitor's for example")
    .option(
      "--batch <entries>",
      "a batch has at most so many entries (1024): the folder's own series, or without one the checkpoints given, are all that there were",
      positive,
    )
    .option(
      "--rebuilt-at <entries>",
      "the ledger was rebuilt from what was published when it had so many, and kept no series of checkpoints from before",
      whole,
    )
    .option(
      "--evidence <folder>",
      "an excerpt's folder, whose disclosed evidence decisions are held to and made again from",
    )
    .option("--policy <file>", "a witness policy (C2SP tlog-policy), whose quorum it must have")
    .option(
      "--timestamp-certificate <file>",
      "PEM of a time-stamping authority, to which the folder's timestamps must lead",
    )
    .option(
      "--token-file <file>",
      "the token for that address; without it, one of the environment goes to WEIGHTVAULT_URL alone",
    )
    .option(
      "--opaque-entries",
      "the entries are not a vault's: check signature and tree alone, and say nothing of what they mean",
    )
    .action(async (place: string, options: VerifyOptions) => {
      const output = createOutput(context, options.json === true);
      const pinned = await demandedKey(context.env, options.ledgerKey);
      const olderCheckpoints = await keptCheckpoints(options);
      const isFolder = !/^https?:\/\//.test(place);
      const excerpt = isFolder ? await readExcerpt(place) : null;
      const verifying = { pinned, olderCheckpoints, options, output };
      if (excerpt === null) await verifyWhole(place, context, verifying);
      else await verifyPart(place, excerpt.entries, verifying);
    });
}

type Verifying = {
  readonly pinned: LedgerKey;
  readonly olderCheckpoints: readonly KeptCheckpoint[];
  readonly options: VerifyOptions;
  readonly output: Output;
};

async function verifyWhole(
  place: string,
  context: Context,
  { pinned, olderCheckpoints, options, output }: Verifying,
): Promise<void> {
  const { evidence } = options;
  const replaying = evidence === undefined ? null : await replayOf(evidence);
  const report = await verifyLedger(await sourceOf(place, context, options), {
    verificationKey: pinned.text,
    checkIds: isEveryCheck,
    threads: verifyingThreads,
    onProgress: boundGarbage(),
    entries: options.opaqueEntries === true ? "opaque" : "parsed",
    olderCheckpoints,
    ...(replaying === null ? {} : { replay: replaying.replay }),
    ...(await seriesOf(place, options)),
    ...(await attestations(place, pinned, options)),
  });
  output.result(report, () => reportText(report).join("\n"));
  if (replaying !== null) output.note(replaying.sentence());
  if (isOfAnotherKind(report))
    output.note("no entry is a vault's: for another kind of log, ask for --opaque-entries");
  refuseUnverified(report, "ledger");
}

/** The series of signed checkpoints that came with a folder; nothing is asked of a ledger without one. */
async function seriesOf(
  place: string,
  { batch, rebuiltAt }: VerifyOptions,
): Promise<Pick<LedgerOptions, "series" | "mostEntriesPerCheckpoint">> {
  const checkpoints = /^https?:\/\//.test(place) ? null : await seriesIn(place);
  // Without one, those that were kept are claimed to be all.
  if (checkpoints === null) return batch === undefined ? {} : { mostEntriesPerCheckpoint: batch };
  return { series: { checkpoints, most: batch ?? batchLimit, from: rebuiltAt ?? 0 } };
}

/** Whose signatures besides the ledger key's, and whose timestamps, are asked for. */
async function attestations(
  place: string,
  { key }: Pick<LedgerKey, "key">,
  { policy, timestampCertificate, ...options }: VerifyOptions,
): Promise<Pick<LedgerOptions, "policy" | "mlDsaKey" | "timestamps">> {
  const mlDsaKey = await pinnedMlDsaKey(options.mlDsaKey, key);
  return {
    ...(mlDsaKey === null ? {} : { mlDsaKey }),
    ...(policy === undefined ? {} : { policy: await readPolicy(policy) }),
    ...(timestampCertificate === undefined
      ? {}
      : { timestamps: await readTimestamps(place, timestampCertificate) }),
  };
}

async function verifyPart(
  folder: string,
  indexes: readonly number[],
  { pinned, olderCheckpoints, options, output }: Verifying,
): Promise<void> {
  const { replay, sentence } = await replayOf(options.evidence ?? folder);
  const report = await verifyExcerpt(excerptSource(folder), indexes, {
    verificationKey: pinned.text,
    olderCheckpoints,
    replay,
    ...(await seriesOf(folder, options)),
    ...(await attestations(folder, pinned, options)),
    checkIds: isEveryCheck,
  });
  output.result(report, () => excerptText(report).join("\n"));
  output.note(sentence());
  refuseUnverified(report, "excerpt");
}

/** The rulebook is big, and no other command of the ledger needs it. */
async function replayOf(folder: string) {
  const { replayFrom } = await import("./ledger-replay.ts");
  const { replay, counts } = replayFrom(folder);
  const sentence = () =>
    `${counts.held} decisions were held to their evidence, ${counts.decidedAgain} of them made again`;
  return { replay, sentence };
}

function refuseUnverified({ verified, errors }: Report, what: string): void {
  if (!verified)
    throw new Failure("integrity", `the ${what} does not verify: ${errors} findings`, {
      isTold: true,
    });
}

async function keptCheckpoints({
  olderCheckpoint = [],
  checkpoints,
}: VerifyOptions): Promise<readonly KeptCheckpoint[]> {
  const names = checkpoints === undefined ? [] : await namesIn(checkpoints);
  const files = [...olderCheckpoint, ...names];
  // One after the other: a monitor keeps more in a month than may be open at once.
  const kept: KeptCheckpoint[] = [];
  for (const name of files) kept.push({ name, bytes: await readCheckpoint(name) });
  return kept;
}

/** The files of a folder of checkpoints; of a monitor's state folder, those that it keeps there. Throws `usage` for a ledger, whose files are mostly none. */
async function namesIn(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new Failure("failed", `${folder} is no folder that can be read`, { cause });
  });
  const has = (name: string) => found.some((each) => each.name === name);
  if (has("state.json") && has("checkpoints")) return await namesIn(join(folder, "checkpoints"));
  if (has("tile"))
    throw new Failure(
      "usage",
      `${folder} is a ledger and no folder of checkpoints: its own is --older-checkpoint ${join(folder, "checkpoint")}`,
    );
  return found
    .filter((each) => each.isFile() && !each.name.endsWith(".partial"))
    .map(({ name }) => join(folder, name));
}

/** Signature and tree hold, and every entry is foreign: somebody verifies another log, or a ledger that was never a vault's. */
function isOfAnotherKind({ size, errors, findings }: Report): boolean {
  return errors > 0 && errors === size && findings.every(({ code }) => code === "entry_malformed");
}

function reportText(report: Report): string[] {
  const { origin, size, rootHex, verified, errors, notices, counts, findings } = report;
  const { witnessed, mlDsaSigned, timestamps = [], series } = report;
  return [
    `${verified ? "verified" : "NOT VERIFIED"}: ${origin ?? "no checkpoint"}, ${size ?? 0} entries`,
    `root ${rootHex ?? "-"}`,
    ...(mlDsaSigned === undefined ? [] : [`signed with ML-DSA-44: ${mlDsaSigned ? "yes" : "NO"}`]),
    ...(witnessed === undefined ? [] : witnessLines(witnessed)),
    ...(series === undefined ? [] : [`a series of ${series.checkpoints} signed checkpoints`]),
    ...timestamps.map((stamp) => `stood at ${stamp.size} entries by ${stamp.stampedAt}`),
    ...Object.entries(counts).map(([kind, count]) => `  ${kind.padEnd(26)} ${count}`),
    ...findings.map(
      ({ severity, code, index, message }) =>
        `${severity} ${code}${index === undefined ? "" : ` at ${index}`}: ${message}`,
    ),
    `${errors} errors, ${notices} notices`,
  ];
}

function witnessLines({ hasQuorum, witnesses }: NonNullable<Report["witnessed"]>): string[] {
  return [
    hasQuorum ? "quorum of witnesses: yes" : "quorum of witnesses: NO",
    ...witnesses.map(({ name, cosignedAt }) =>
      cosignedAt === null
        ? `  ${name}: did not cosign`
        : `  ${name}: cosigned at ${timeOf(cosignedAt)}`,
    ),
  ];
}

/** A time past what a calendar knows is told in seconds. */
function timeOf(seconds: number): string {
  const date = new Date(seconds * 1_000);
  return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString();
}

function excerptText(report: ExcerptReport): string[] {
  return [
    ...reportText(report),
    `${report.entries} entries are in the excerpt; what an excerpt cannot show:`,
    ...report.notChecked.map((sentence) => `  not checked: ${sentence}`),
  ];
}
