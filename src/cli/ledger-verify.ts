import type { Command } from "commander";
import { isEveryCheck } from "../export-control/decision.ts";
import type { TileSource } from "../ledger/source.ts";
import type { VerifyOptions as LedgerOptions, Report } from "../ledger/verify.ts";
import { verifyLedger } from "../ledger/verify.ts";
import { type ExcerptReport, verifyExcerpt } from "../ledger/verify-excerpt.ts";
import { local, positive, repeated, whole } from "./command.ts";
import type { Context } from "./context.ts";
import { counted, entriesOf } from "./counted.ts";
import { excerptSource, readExcerpt } from "./excerpt-folder.ts";
import { mlDsaHint } from "./exported-keys.ts";
import { Failure } from "./failure.ts";
import {
  assertRebuiltWithin,
  type Kept,
  type KeptOptions,
  readKept,
  seriesOf,
} from "./ledger-kept.ts";
import {
  demandedKey,
  type LedgerKey,
  openSigned,
  pinnedMlDsaKey,
  withLedgerKey,
  withMlDsaKey,
} from "./ledger-key.ts";
import { boundGarbage, isAddress, sourceOf, verifyingThreads } from "./ledger-source.ts";
import { readTimestamps } from "./ledger-timestamps.ts";
import { createOutput, type Output } from "./output.ts";
import { policyIn } from "./policy-file.ts";

type VerifyOptions = KeptOptions & {
  readonly json?: boolean;
  readonly ledgerKey?: string;
  readonly mlDsaKey?: string;
  readonly evidence?: string;
  readonly tokenFile?: string;
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
    .option(
      "--checkpoints <folder>",
      "a folder of such checkpoints, a monitor's for example, or an older export, whose series it is held to",
    )
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
      const kept = await readKept(options);
      const excerpt = isAddress(place) ? null : await readExcerpt(place);
      if (options.opaqueEntries === true) assertMayBeOpaque(options, excerpt !== null);
      const verifying = { pinned, kept, options, output };
      const hint = isAddress(place) ? null : await mlDsaHint(place, options.mlDsaKey);
      if (hint !== null) output.note(hint);
      if (excerpt === null) await verifyWhole(place, context, verifying);
      else await verifyPart(place, excerpt.entries, verifying);
    });
}

/** Throws `usage` where entries that are not read would be asked for what they mean: nothing would be held to it, and nobody would say so. */
function assertMayBeOpaque({ evidence }: VerifyOptions, isExcerpt: boolean): void {
  if (isExcerpt) throw new Failure("usage", "an excerpt is a vault's: it has no --opaque-entries");
  if (evidence !== undefined)
    throw new Failure(
      "usage",
      "with --opaque-entries no decision is read, so that none could be held to the --evidence",
    );
}

type Verifying = {
  readonly pinned: LedgerKey;
  readonly kept: Kept;
  readonly options: VerifyOptions;
  readonly output: Output;
};

async function verifyWhole(
  place: string,
  context: Context,
  { pinned, kept, options, output }: Verifying,
): Promise<void> {
  const { evidence } = options;
  const replaying = evidence === undefined ? null : await replayOf(evidence);
  const source = await sourceOf(place, context, options);
  await refuseLaterRebuild(source, pinned, options);
  const report = await verifyLedger(source, {
    verificationKey: pinned.text,
    checkIds: isEveryCheck,
    threads: verifyingThreads,
    onProgress: boundGarbage(),
    entries: options.opaqueEntries === true ? "opaque" : "parsed",
    ...kept,
    ...(replaying === null ? {} : { replay: replaying.replay }),
    ...(await seriesOf(place, options)),
    ...(await attestations(place, pinned, options)),
  });
  assertRebuiltWithin(report.size, options);
  output.result(report, () => reportText(report).join("\n"));
  if (replaying !== null) output.note(replaying.sentence());
  if (isOfAnotherKind(report))
    output.note("no entry is a vault's: for another kind of log, ask for --opaque-entries");
  refuseUnverified(report, "ledger");
}

/** Whose signatures besides the ledger key's, and whose timestamps, are asked for. */
async function attestations(
  place: string,
  { key }: Pick<LedgerKey, "key">,
  { policy, timestampCertificate, ...options }: VerifyOptions,
): Promise<Pick<LedgerOptions, "policy" | "mlDsaKey" | "timestamps">> {
  const mlDsaKey = await pinnedMlDsaKey(options.mlDsaKey, key);
  if (timestampCertificate !== undefined && isAddress(place))
    throw new Failure(
      "usage",
      "an address is not asked for its timestamps: export the ledger, and verify the folder with --timestamp-certificate",
    );
  return {
    ...(mlDsaKey === null ? {} : { mlDsaKey }),
    ...(policy === undefined ? {} : { policy: await policyIn(policy) }),
    ...(timestampCertificate === undefined
      ? {}
      : { timestamps: await readTimestamps(place, timestampCertificate) }),
  };
}

async function verifyPart(
  folder: string,
  indexes: readonly number[],
  { pinned, kept, options, output }: Verifying,
): Promise<void> {
  const { replay, sentence } = await replayOf(options.evidence ?? folder);
  const source = excerptSource(folder);
  await refuseLaterRebuild(source, pinned, options);
  const { series = null } = await seriesOf(folder, options);
  const report = await verifyExcerpt(source, indexes, {
    verificationKey: pinned.text,
    ...kept,
    replay,
    ...(series === null ? {} : { series }),
    ...(await attestations(folder, pinned, options)),
    checkIds: isEveryCheck,
  });
  assertRebuiltWithin(report.size, options);
  output.result(report, () => excerptText(report).join("\n"));
  output.note(sentence());
  refuseUnverified(report, "excerpt");
}

/** Before ten million entries are read, where the pinned key itself signed the checkpoint; where another did, its size counts only after them. */
async function refuseLaterRebuild(
  source: Pick<TileSource, "checkpoint">,
  pinned: LedgerKey,
  options: VerifyOptions,
): Promise<void> {
  const bytes = options.rebuiltAt === undefined ? null : await source.checkpoint();
  const opened = bytes === null ? null : openSigned(bytes, pinned);
  if (opened?.verdict === "verified") assertRebuiltWithin(opened.checkpoint.size, options);
}

/** The rulebook is big, and no other command of the ledger needs it. */
async function replayOf(folder: string) {
  const { replayFrom } = await import("./ledger-replay.ts");
  const excerpt = await readExcerpt(folder);
  const { replay, counts } = replayFrom(folder, new Set(excerpt?.evidence));
  const sentence = () => {
    const { decisions, held, decidedAgain } = counts;
    const without = counted(decisions - held, "decision has", "decisions have");
    const rest = decisions === held ? "" : `; ${without} none here`;
    return `${counted(held, "decision was", "decisions were")} held to their evidence, ${decidedAgain} of them made again${rest}`;
  };
  return { replay, sentence };
}

function refuseUnverified({ verified, errors }: Report, what: string): void {
  if (!verified)
    throw new Failure("integrity", `the ${what} does not verify: ${counted(errors, "finding")}`, {
      isTold: true,
    });
}

/** Signature and tree hold, and every entry is foreign: somebody verifies another log, or a ledger that was never a vault's. */
function isOfAnotherKind({ size, errors, findings }: Report): boolean {
  const found = findings.filter(({ severity }) => severity === "error");
  return errors > 0 && errors === size && found.every(({ code }) => code === "entry_malformed");
}

function reportText(report: Report): string[] {
  const { origin, size, rootHex, verified, errors, notices, counts, findings } = report;
  const { witnessed, mlDsaSigned, timestamps = [], series, olderSeries } = report;
  return [
    `${verified ? "verified" : "NOT VERIFIED"}: ${origin ?? "no checkpoint"}, ${entriesOf(size ?? 0)}`,
    `root ${rootHex ?? "-"}`,
    ...(mlDsaSigned === undefined ? [] : [`signed with ML-DSA-44: ${mlDsaSigned ? "yes" : "NO"}`]),
    ...(witnessed === undefined ? [] : witnessLines(witnessed)),
    ...(series === undefined ? [] : [`a series of ${signed(series)}`]),
    ...(olderSeries === undefined ? [] : [`held to an older series of ${signed(olderSeries)}`]),
    ...timestamps.map((stamp) => `stood at ${entriesOf(stamp.size)} by ${stamp.stampedAt}`),
    ...Object.entries(counts).map(([kind, count]) => `  ${kind.padEnd(26)} ${count}`),
    ...findings.map(
      ({ severity, code, index, message }) =>
        `${severity} ${code}${index === undefined ? "" : ` at ${index}`}: ${message}`,
    ),
    `${counted(errors, "error")}, ${counted(notices, "notice")}`,
  ];
}

function signed({ checkpoints }: NonNullable<Report["series"]>): string {
  return counted(checkpoints, "signed checkpoint");
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
    `${counted(report.entries, "entry is", "entries are")} in the excerpt; what an excerpt cannot show:`,
    ...report.notChecked.map((sentence) => `  not checked: ${sentence}`),
  ];
}
