import { stat } from "node:fs/promises";
import type { Command } from "commander";
import { checkIds } from "../export-control/decision.ts";
import type { TileSource } from "../ledger/source.ts";
import { readRegularFile } from "../ledger/source-file.ts";
import { folderSource } from "../ledger/source-folder.ts";
import { urlSource } from "../ledger/source-url.ts";
import { type Report, verifyLedger } from "../ledger/verify.ts";
import { readPolicy } from "../ledger/witness-policy.ts";
import { maximumNoteBytes } from "../merkle/note.ts";
import type { Client } from "./client.ts";
import { local, noun, positive, remote, uuid, whole } from "./command.ts";
import { type Context, openSession, type RemoteOptions, serverUrl } from "./context.ts";
import { findToken } from "./credentials.ts";
import { Failure } from "./failure.ts";
import { exportLedger } from "./ledger-export.ts";
import { ledgerKey, pinnedKey } from "./ledger-key.ts";
import { indexesOf, showEntries } from "./ledger-show.ts";
import { fetchTimestamp, readTimestamps } from "./ledger-timestamps.ts";
import { createOutput } from "./output.ts";

type VerifyOptions = {
  readonly json?: boolean;
  readonly key?: string;
  readonly olderCheckpoint?: string;
  readonly tokenFile?: string;
  readonly opaqueEntries?: boolean;
  readonly policy?: string;
  readonly timestampCertificate?: string;
};

type KeyOptions = RemoteOptions & { readonly ledgerKey?: string };
type ShowOptions = KeyOptions & { readonly last?: number; readonly release?: string };

export function ledgerCommands(program: Command, context: Context): void {
  const ledger = noun(program, "ledger", "the record of every decision: read, keep and verify it");
  verifyCommand(ledger, context);

  withLedgerKey(remote(ledger, "export", "copy the ledger into a folder; run again, it goes on"))
    .argument("<folder>", "where the checkpoint and tiles go")
    .action(async (folder: string, options: KeyOptions) => {
      const session = await openSession(context, options);
      const key = await ledgerKey(session, options.ledgerKey);
      // Before the checkpoint, which then covers what was stamped.
      const timestamp = await fetchTimestamp(session.client);
      const result = await exportLedger(serverLedger(session.client), key, {
        folder,
        timestamp,
        signal: session.client.signal,
      });
      session.output.result(result, () =>
        [
          `${result.size} entries in ${folder}: ${result.fetched} tiles fetched, ${result.kept} there already`,
          `verify them: weightvault ledger verify ${folder} --key '${key.text}'`,
        ].join("\n"),
      );
    });

  withLedgerKey(remote(ledger, "show", "entries, each proved to stand in the signed ledger"))
    .argument("[index]", "an entry's index", whole)
    .option("--last <count>", "the newest entries", positive)
    .option("--release <id>", "a release's decision and outcome", uuid)
    .action(async (index: number | undefined, options: ShowOptions) => {
      const session = await openSession(context, options);
      const key = await ledgerKey(session, options.ledgerKey);
      const source = serverLedger(session.client);
      const wanted = { index, last: options.last, release: options.release };
      const entries = await showEntries(source, key, (size) =>
        indexesOf(session.client, wanted, size),
      );
      session.output.result({ entries }, () =>
        entries
          .map(
            ({ index: at, time, kind, body }) =>
              `${at}  ${time}  ${kind}\n    ${JSON.stringify(body)}`,
          )
          .join("\n"),
      );
    });
}

function verifyCommand(ledger: Command, context: Context): void {
  local(ledger, "verify", "verify a whole ledger with nothing but its public key")
    .argument("<folder-or-url>", "a folder in the layout of tlog-tiles, or the address of one")
    .option(
      "--key <key>",
      "the ledger's verification key, or a file with it [WEIGHTVAULT_LEDGER_KEY]",
    )
    .option(
      "--older-checkpoint <file>",
      "a checkpoint kept from earlier, which it must have grown from",
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
      const pinned = await pinnedKey(context.env, options.key);
      if (pinned === null)
        throw new Failure(
          "usage",
          "name the ledger's verification key with --key or WEIGHTVAULT_LEDGER_KEY",
        );
      const older = options.olderCheckpoint;
      const report = await verifyLedger(await sourceOf(place, context, options), {
        verificationKey: pinned.text,
        checkIds,
        entries: options.opaqueEntries === true ? "opaque" : "parsed",
        ...(options.policy === undefined ? {} : { policy: await readPolicy(options.policy) }),
        ...(options.timestampCertificate === undefined
          ? {}
          : { timestamps: await readTimestamps(place, options.timestampCertificate) }),
        ...(older === undefined ? {} : { olderCheckpoint: await readCheckpoint(older) }),
      });
      output.result(report, () => reportText(report));
      if (isOfAnotherKind(report))
        output.note("no entry is a vault's: for another kind of log, ask for --opaque-entries");
      if (!report.verified)
        throw new Failure("integrity", `the ledger does not verify: ${report.errors} findings`, {
          isTold: true,
        });
    });
}

function withLedgerKey(command: Command): Command {
  return command.option(
    "--ledger-key <key>",
    "the ledger's verification key, or a file with it [WEIGHTVAULT_LEDGER_KEY]",
  );
}

/** Signature and tree hold, and every entry is foreign: somebody verifies another log, or a ledger that was never a vault's. */
function isOfAnotherKind({ size, errors, findings }: Report): boolean {
  return errors > 0 && errors === size && findings.every(({ code }) => code === "entry_malformed");
}

/** A folder, or an address. A token of the environment goes to the server that it is for and to no other. */
async function sourceOf(
  place: string,
  { env, stderr, stdout }: Context,
  options: VerifyOptions,
): Promise<TileSource> {
  if (!/^https?:\/\//.test(place)) {
    const found = await stat(place).catch(() => null);
    if (found?.isDirectory() !== true) throw new Failure("failed", `${place} is no folder`);
    return folderSource(place);
  }
  const url = new URL(place);
  const isNamed = options.tokenFile !== undefined;
  if (!isNamed && url.origin !== serverUrl(env, undefined).origin) return urlSource({ url });
  const { note } = createOutput({ stdout, stderr }, false);
  const token = await findToken(env, { file: options.tokenFile, note });
  return urlSource({ url, token: () => token?.expose().toString("latin1") ?? null });
}

function serverLedger({ url, token, timeoutMs }: Client): TileSource {
  const base = new URL(url);
  base.pathname = `${base.pathname.replace(/\/$/, "")}/ledger/`;
  return urlSource({
    url: base,
    timeoutMs,
    token: () => token?.expose().toString("latin1") ?? null,
  });
}

/** A longer one is cut and so does not verify. The file may lie in the folder that is judged. */
async function readCheckpoint(file: string): Promise<Buffer> {
  const bytes = await readRegularFile(file, maximumNoteBytes + 1).catch((cause: unknown) => {
    throw new Failure("failed", `the older checkpoint ${file} cannot be read`, { cause });
  });
  if (bytes === null) throw new Failure("failed", `the older checkpoint ${file} is no file`);
  return bytes;
}

function reportText({
  origin,
  size,
  rootHex,
  verified,
  findings,
  errors,
  notices,
  counts,
  witnessed,
  timestamps = [],
}: Report): string {
  return [
    `${verified ? "verified" : "NOT VERIFIED"}: ${origin ?? "no checkpoint"}, ${size ?? 0} entries`,
    `root ${rootHex ?? "-"}`,
    ...(witnessed === undefined ? [] : witnessLines(witnessed)),
    ...timestamps.map(({ size, stampedAt }) => `stood at ${size} entries by ${stampedAt}`),
    ...Object.entries(counts).map(([kind, count]) => `  ${kind.padEnd(26)} ${count}`),
    ...findings.map(
      ({ severity, code, index, message }) =>
        `${severity} ${code}${index === undefined ? "" : ` at ${index}`}: ${message}`,
    ),
    `${errors} errors, ${notices} notices`,
  ].join("\n");
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
