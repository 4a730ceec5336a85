import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { hasPostgres } from "../support/database.ts";
import { temporaryFolder } from "./command.ts";

const bench = fileURLToPath(new URL("../../scripts/bench.ts", import.meta.url));
const testPostgres = hasPostgres ? test : test.skip;

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Runs the benchmark with temporary files in a folder of its own; `interruptAt` is the progress at which the user interrupts it. */
async function run(folder: string, argv: readonly string[], interruptAt?: string): Promise<Ended> {
  // Under root PostgreSQL runs as a user who must be able to enter.
  await chmod(folder, 0o755);
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", bench, "--scale", "0.005", ...argv],
    {
      env: { PATH: process.env["PATH"], TMPDIR: folder },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => {
    const before = output.stderr;
    output.stderr += chunk.toString();
    const isFirst = interruptAt !== undefined && !before.includes(interruptAt);
    if (isFirst && output.stderr.includes(interruptAt)) child.kill("SIGINT");
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...output };
}

async function processesThatName(text: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "args="], {
    maxBuffer: 64 * 2 ** 20,
  });
  return stdout.split("\n").filter((line) => line.includes(text));
}

testPostgres(
  "the benchmark answers with one figure after the other, whose ratio is that of value and baseline, and cleans up",
  async () => {
    await using folder = await temporaryFolder();
    const only = [
      "--only",
      "seal-stream,upload-http,download-http,memory-discarding,memory",
      "--json",
    ];
    const { code, stdout, stderr } = await run(folder.path, only);
    const ending = stderr.split("\n").slice(-20);
    expect({ code, ending: code === 0 ? [] : ending }).toEqual({ code: 0, ending: [] });
    const figures = JSON.parse(stdout) as { value: number; baseline: number; ratio: number }[];
    expect(figures).toEqual(
      [
        ["seal-stream", "MiB/s"],
        ["upload-http", "MiB/s"],
        ["upload-http-flushed", "MiB/s"],
        ["download-http", "MiB/s"],
        ["memory-discarding", "MiB"],
        ["memory", "MiB"],
      ].map(([name, unit]) => ({
        name,
        unit,
        value: expect.any(Number),
        baseline: expect.any(Number),
        ratio: expect.any(Number),
      })),
    );
    for (const { value, baseline, ratio } of figures) {
      expect(Math.min(value, baseline)).toBeGreaterThan(0);
      expect(ratio).toBeCloseTo(value / baseline, 1);
    }
    expect(figures.at(-1)?.baseline).toBe(400);
    expect(await readdir(folder.path)).toEqual([]);
    expect(await processesThatName(folder.path)).toEqual([]);
  },
  180_000,
);

testPostgres(
  "an interrupted benchmark leaves no process and no file",
  async () => {
    await using folder = await temporaryFolder();
    const { code, stdout, stderr } = await run(
      folder.path,
      ["--only", "upload-http"],
      "round 1 of 5",
    );
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    expect(stderr).not.toContain("round 5 of 5");
    expect(await readdir(folder.path)).toEqual([]);
    expect(await processesThatName(folder.path)).toEqual([]);
  },
  180_000,
);

test("files and ranges are measured without a server: a range reads two segments and the header at the most", async () => {
  await using folder = await temporaryFolder();
  const only = ["--only", "seal-file,range-read", "--json"];
  const { code, stdout } = await run(folder.path, only);
  expect(code).toBe(0);
  const figures = JSON.parse(stdout) as { name: string; unit: string; ratio: number }[];
  const own = figures.filter(({ name }) => !name.endsWith("-age"));
  expect(own.map(({ name, unit }) => `${name} ${unit}`)).toEqual([
    "seal-file MiB/s",
    "open-file MiB/s",
    "range-read MiB",
    "range-read-p50 ms",
    "range-read-p99 ms",
  ]);
  expect(own[2]?.ratio).toBeLessThanOrEqual(1);
  expect(await readdir(folder.path)).toEqual([]);
}, 120_000);

test("decisions are measured in one thread, against the figure asked of them", async () => {
  await using folder = await temporaryFolder();
  const { code, stdout } = await run(folder.path, ["--only", "decide", "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual([
    {
      name: "decide",
      unit: "decisions/s",
      value: expect.any(Number),
      baseline: 20_000,
      ratio: expect.any(Number),
    },
  ]);
});

testPostgres(
  "the ledger's rate and latency are told beside those of bare inserts in the same run, and where the time went",
  async () => {
    await using folder = await temporaryFolder();
    const only = ["--only", "ledger-append,ledger-latency", "--json"];
    const { code, stdout, stderr } = await run(folder.path, only);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    const figures = JSON.parse(stdout) as { name: string; unit: string; value: number }[];
    expect(figures.map(({ name, unit }) => `${name} ${unit}`)).toEqual([
      "ledger-append entries/s",
      "ledger-append-bare entries/s",
      "ledger-append-backlog entries",
      "ledger-latency ms",
      "ledger-latency-p99 ms",
      "ledger-latency-bare ms",
    ]);
    const [append, appendBare, , latency, p99, latencyBare] = figures;
    expect(append?.value).toBeGreaterThan(0);
    expect(appendBare?.value).toBe(append?.value);
    expect(latency?.value).toBeGreaterThan(0);
    expect(latencyBare?.value).toBe(p99?.value);
    const told = [
      /statements in PostgreSQL: .*\bsubmit \d/,
      /statements in PostgreSQL: .*\bsequence \d/,
      /the sequencer's process: .*\bidle \d/,
      /\d+ signatures, /,
    ];
    for (const what of told) expect(stderr.match(new RegExp(what, "g"))).toHaveLength(2);
    expect(stderr).toMatch(/statements in PostgreSQL: .*\bplaces \d/);
    expect(await readdir(folder.path)).toEqual([]);
    expect(await processesThatName(folder.path)).toEqual([]);
  },
  180_000,
);

test.each([["--only", "memory,sealing"], ["--scale", "0"], ["--quick"]])(
  "the benchmark refuses %s %s before it measures anything",
  async (...argv) => {
    await using folder = await temporaryFolder();
    const { code, stdout, stderr } = await run(folder.path, argv);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("npm run bench");
  },
);

test("ledger-verify measures a log of the size that is asked for, and tells rate, memory and proof", async () => {
  await using folder = await temporaryFolder();
  const asked = ["--only", "ledger-verify", "--entries", "1500", "--json"];
  const { code, stdout, stderr } = await run(folder.path, asked);
  expect({ code, isAsked: stderr.includes("  1500 entries,") }).toEqual({ code: 0, isAsked: true });
  const figures = JSON.parse(stdout) as { name: string; unit: string; value: number }[];
  expect(figures.map(({ name, unit }) => `${name} ${unit}`)).toEqual([
    "ledger-verify entries/s",
    "ledger-verify-hash entries/s",
    "ledger-verify-memory MiB",
    "ledger-proof ms",
  ]);
  for (const { value } of figures) expect(value).toBeGreaterThan(0);
  expect(await readdir(folder.path)).toEqual([]);
});
