import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import type { Finding } from "../ledger/findings.ts";
import { local, positive, whole } from "./command.ts";
import type { Context } from "./context.ts";
import { Failure } from "./failure.ts";
import { demandedKey, pinnedMlDsaKey, withLedgerKey, withMlDsaKey } from "./ledger-key.ts";
import { Looks } from "./ledger-looks.ts";
import { type MeaningOptions, MeaningWatch } from "./ledger-meaning.ts";
import type { Watched } from "./ledger-monitor.ts";
import { sourceOf } from "./ledger-source.ts";
import { createOutput, type Output } from "./output.ts";

type MonitorOptions = {
  readonly json?: boolean;
  readonly url: string;
  readonly ledgerKey?: string;
  readonly mlDsaKey?: string;
  readonly state: string;
  readonly tokenFile?: string;
  readonly once?: boolean;
  readonly every: number;
  readonly unreachableFor: number;
  readonly verifyWithin: number;
  readonly outcomeWithin: number;
  readonly readEvery: number;
  readonly evidence?: string;
};

/** `ledger monitor`: looks at a vault's ledger now and then, and prints a line a look and one for each finding. */
export function monitorCommand(ledger: Command, context: Context): void {
  const command = local(
    ledger,
    "monitor",
    "watch a vault's ledger, and alarm on whatever an honest one never does",
  );
  withMlDsaKey(withLedgerKey(command))
    .requiredOption("--url <url>", "the address of the ledger, https://vault.example/ledger/")
    .requiredOption("--state <folder>", "the folder that remembers what was verified")
    .option("--token-file <file>", "the token for that address")
    .option(
      "--once",
      "look once and end, with 6 for an alarm and 7 where the vault is out of reach",
    )
    .option("--every <seconds>", "how often to look", positive, 60)
    .option(
      "--unreachable-for <seconds>",
      "for how long the vault may be out of reach before that is an alarm",
      positive,
      3_600,
    )
    .option(
      "--verify-within <seconds>",
      "for how long a look may last before that is an alarm; the next one goes on with it, but for a first one with --once, which begins anew",
      positive,
      3_600,
    )
    .option(
      "--outcome-within <seconds>",
      "for how long a release may be without an outcome; longer than the vault lets one last",
      positive,
      3_600,
    )
    .option(
      "--read-every <seconds>",
      "with --once, how often the whole ledger is read for what its entries mean, 0 for each time; without, that is at the start",
      whole,
      86_400,
    )
    .option(
      "--evidence <folder>",
      "an excerpt's folder, whose disclosed evidence decisions are held to and made again from",
    )
    .action(async (options: MonitorOptions) => {
      const key = await demandedKey(context.env, options.ledgerKey);
      const stopping = new AbortController();
      const source = await sourceOf(options.url, context, options, stopping.signal);
      const output = createOutput(context, options.json === true);
      const now = () => new Date();
      const monitor = {
        source,
        key,
        mlDsaKey: await pinnedMlDsaKey(options.mlDsaKey, key.key),
        folder: options.state,
        unreachableLimitMs: options.unreachableFor * 1_000,
        now,
        meaning: new MeaningWatch({
          graceMs: options.outcomeWithin * 1_000,
          everyMs: options.once === true ? options.readEvery * 1_000 : 0,
          ...(await replaying(options.evidence)),
          tell: (finding) => tell(output, finding, now()),
        }),
      };
      const withinMs = options.verifyWithin * 1_000;
      await watch(context, options, new Looks({ monitor, withinMs, stopping }));
    });
}

/** The rulebook is big, and no other watch needs it. */
async function replaying(folder: string | undefined): Promise<Pick<MeaningOptions, "replay">> {
  if (folder === undefined) return {};
  const { replayFrom } = await import("./ledger-replay.ts");
  return { replay: replayFrom(folder).replay };
}

function tell(output: Output, { code, index, message }: Finding, now: Date): void {
  const at = now.toISOString();
  output.result({ at, isAlarm: true, code, index, message }, () =>
    [at, "ALARM", `${code}${index === undefined ? "" : ` at ${index}`}: ${message}`].join("  "),
  );
}

function lineOf(at: string, { isAlarm, code, message, contradicting }: Watched): string {
  const kept = contradicting === undefined ? "" : `; its checkpoint is kept as ${contradicting}`;
  return [at, ...(isAlarm ? ["ALARM"] : []), `${code}: ${message}${kept}`].join("  ");
}

/** A line a look, after those of its findings, which end no watch but that of one look. A ledger that is not what it was stays so: that ends the watch; an outage may pass. Throws where nobody hears it any more. */
async function watch(context: Context, options: MonitorOptions, looks: Looks): Promise<void> {
  const signal = context.interruption();
  const stop = () => void looks.stop();
  signal.addEventListener("abort", stop);
  try {
    while (!signal.aborted) {
      const watched = await looks.next();
      if (watched === null) break;
      report(context, options, watched);
      if (options.once === true) return;
      await delay(options.every * 1_000, undefined, { signal }).catch(() => {});
    }
  } finally {
    signal.removeEventListener("abort", stop);
    await looks.stop();
  }
  // A signal asked for this end. A watch whose reader went away would alarm nobody, and must not end as if all were well.
  if (signal.reason instanceof Failure) throw signal.reason;
}

/** Throws what ends the watch. */
function report(context: Context, { json, once = false }: MonitorOptions, watched: Watched): void {
  const output = createOutput(context, json === true);
  const at = new Date().toISOString();
  output.result({ at, ...watched }, () => lineOf(at, watched));
  const isOutage = watched.code === "unreachable_too_long" || watched.code === "too_slow";
  if (watched.isAlarm && (once || !isOutage))
    throw new Failure("integrity", `${watched.code}: ${watched.message}`, { isTold: true });
  if (once && watched.code === "unreachable")
    throw new Failure("unavailable", watched.message, { isTold: true });
  if (once && (watched.findings ?? 0) > 0)
    throw new Failure("integrity", watched.message, { isTold: true });
}
