import { parseArgs } from "node:util";
import { decisions } from "./bench/decide.ts";
import { downloadHttp } from "./bench/download-http.ts";
import { ledgerAppend, ledgerLatency } from "./bench/ledger.ts";
import { ledgerVerify } from "./bench/ledger-verify.ts";
import type { Figure, Measurement } from "./bench/measure.ts";
import { memory, memoryDiscarding, memoryPglite } from "./bench/memory.ts";
import { rangeRead } from "./bench/range-read.ts";
import { Resources } from "./bench/resources.ts";
import { rotate } from "./bench/rotate.ts";
import { sealAndOpenFile } from "./bench/seal-file.ts";
import { sealStream } from "./bench/seal-stream.ts";
import { uploadHttp } from "./bench/upload-http.ts";

type Measure = (measurement: Measurement, resources: Resources) => Promise<readonly Figure[]>;

/** Every measurement, in the order in which they run. */
const measures: Readonly<Record<string, Measure>> = {
  "seal-stream": sealStream,
  "seal-file": sealAndOpenFile,
  "upload-http": uploadHttp,
  "download-http": downloadHttp,
  "range-read": rangeRead,
  memory,
  "memory-discarding": memoryDiscarding,
  "memory-pglite": memoryPglite,
  decide: decisions,
  "ledger-verify": ledgerVerify,
  "ledger-append": ledgerAppend,
  "ledger-latency": ledgerLatency,
  rotate,
};

/** What a ratio must keep to; the others only inform. */
const limits: Readonly<Record<string, { readonly least?: number; readonly most?: number }>> = {
  "seal-stream": { least: 0.7 },
  "seal-file": { least: 0.6 },
  "open-file": { least: 0.6 },
  "upload-http": { least: 0.7 },
  "download-http": { least: 0.6 },
  "range-read": { most: 1 },
  memory: { most: 1 },
  "memory-discarding": { most: 1 },
  decide: { least: 1 },
  "ledger-verify": { least: 1 },
  "ledger-verify-memory": { most: 1 },
  "ledger-proof": { most: 1 },
  "ledger-append": { least: 1 },
  "ledger-append-backlog": { most: 1.5 },
  "ledger-latency": { most: 1 },
  "ledger-latency-p99": { most: 1 },
};

const usage = `npm run bench -- [--json] [--only name,name] [--scale factor] [--entries count]
  names: ${Object.keys(measures).join(", ")}
  --scale multiplies every size; figures of a scale below 1 say little
  --entries is the size of the log of ledger-verify (1000000); ten million take some 12 GB of temporary files\n`;

type Options = {
  readonly json: boolean;
  readonly names: readonly string[];
  readonly scale: number;
  readonly entries: number | null;
};

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean", default: false },
      only: { type: "string" },
      scale: { type: "string", default: "1" },
      entries: { type: "string" },
    },
  });
  const names = values.only?.split(",") ?? Object.keys(measures);
  const unknown = names.find((name) => !(name in measures));
  if (unknown !== undefined) throw new RangeError(`there is no measurement ${unknown}`);
  const scale = Number(values.scale);
  if (!(scale > 0 && scale <= 100)) throw new RangeError("--scale is a number above 0");
  const entries = values.entries === undefined ? null : Number(values.entries);
  if (entries !== null && !(Number.isSafeInteger(entries) && entries > 0))
    throw new RangeError("--entries is a whole number above 0");
  return { json: values.json, names, scale, entries };
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** One after the other, each with resources of its own, which are gone when it ends, fails or is interrupted. */
async function measureAll({ names, scale, entries }: Options): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const measurement = { scale, progress, ...(entries === null ? {} : { entries }) };
  for (const name of names) {
    const measure = measures[name];
    if (measure === undefined) continue;
    progress(name);
    const resources = new Resources();
    const interrupt = () => {
      progress("interrupted, cleaning up");
      void resources.end().finally(() => process.exit(130));
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, interrupt);
    try {
      figures.push(...(await measure(measurement, resources)));
    } finally {
      await resources.end();
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, interrupt);
    }
  }
  return figures;
}

function verdictOn({ name, ratio }: Figure): string {
  const { least, most } = limits[name] ?? {};
  if (least !== undefined) return `at least ${least}: ${ratio >= least ? "kept" : "MISSED"}`;
  if (most !== undefined) return `at most ${most}: ${ratio <= most ? "kept" : "MISSED"}`;
  return "for information";
}

function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.name,
    `${figure.value.toFixed(1)} ${figure.unit}`,
    `${figure.baseline.toFixed(1)} ${figure.unit}`,
    figure.ratio.toFixed(3),
    verdictOn(figure),
  ]);
  const table = [["figure", "value", "baseline", "ratio", "limit"], ...rows];
  const widths = [0, 1, 2, 3, 4].map((at) => Math.max(...table.map((row) => row[at]?.length ?? 0)));
  return table
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

try {
  const options = readOptions();
  const figures = await measureAll(options);
  process.stdout.write(`${options.json ? JSON.stringify(figures) : tableOf(figures)}\n`);
  for (const figure of figures.filter((each) => verdictOn(each).endsWith("MISSED")))
    progress(`${figure.name}: ${figure.ratio.toFixed(3)}, ${verdictOn(figure)}`);
} catch (error) {
  if (error instanceof RangeError || error instanceof TypeError)
    process.stderr.write(`${error.message}\n${usage}`);
  else process.stderr.write(`${Error.isError(error) ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
