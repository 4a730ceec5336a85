import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "@jest/globals";
import { z } from "zod";
import { makeCheckpoint } from "../../scripts/make-checkpoint.ts";
import { Api } from "../support/api.ts";
import { readSafetensors } from "../support/safetensors.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folders: string[] = [];

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const verdict = z.enum(["allow", "deny", "hold"]);
const reasons = z.array(
  z.strictObject({ check: z.string().min(1), outcome: z.string().min(1), citation: z.string() }),
);

/** The document, with these members and no others. */
const document = z.strictObject({
  file: z.strictObject({ path: z.string(), sizeBytes: z.int().positive(), sha256 }),
  story: z.array(z.strictObject({ step: z.string().min(1), verdict: verdict.nullable(), reasons })),
  allowed: z.strictObject({ sha256Matches: z.literal(true) }),
  denied: z.strictObject({ verdict: z.literal("deny"), reasons }),
  ledger: z.strictObject({
    entries: z.int().positive(),
    root: sha256,
    verified: z.literal(true),
    tamperedCopyCaught: z.literal(true),
  }),
  seconds: z.number().positive(),
});

type Demo = {
  readonly told: z.infer<typeof document>;
  /** The data folder that the demo says it left. */
  readonly data: string;
  readonly tokens: string;
};

/** `npm run demo -- --json`, as a child process; its standard output must be one JSON document and nothing else. */
async function demo(...files: readonly string[]): Promise<Demo> {
  const child = spawn("npm", ["run", "--silent", "demo", "--", "--json", ...files], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = new Promise<number | null>((resolve) => {
    child.once("close", resolve);
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if ((await closed) !== 0) throw new Error(`the demo failed: ${stderr}`);
  const told = document.parse(JSON.parse(stdout));
  const [, data = "", tokens = ""] =
    /The data is in (\S+), and the tokens in (\S+)\./.exec(stderr) ?? [];
  expect(dirname(data)).toMatch(/weightvault-demo-/);
  folders.push(dirname(data));
  return { told, data, tokens };
}

function expectStory({ story, denied }: Demo["told"]): void {
  const verdicts = story.flatMap((step) => step.verdict ?? []);
  expect(verdicts).toEqual(["allow", "deny", "allow", "deny"]);
  for (const { verdict, reasons } of story) expect(reasons.length > 0).toBe(verdict !== null);
  expect(denied.reasons).toEqual(story.find((step) => step.verdict === "deny")?.reasons);
  const failed = denied.reasons.filter(({ outcome }) => outcome === "fail");
  expect(failed.length).toBeGreaterThan(0);
  for (const { citation } of failed) expect(citation).toMatch(/\d/);
}

/** `npm start` on a data folder, until `work` is done with it. */
async function started(data: string, work: (url: string) => Promise<void>): Promise<void> {
  const child = spawn("npm", ["start"], {
    cwd: root,
    detached: true,
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      WEIGHTVAULT_DATA: data,
      WEIGHTVAULT_PORT: "0",
      WEIGHTVAULT_LOG_LEVEL: "error",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const closed = new Promise((resolve) => {
    child.once("close", resolve);
  });
  let said = "";
  const url = new Promise<string>((resolve, reject) => {
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString("utf8");
      const found = /listens on (\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("close", () => reject(new Error(`npm start ended: ${said}`)));
  });
  try {
    await work(await url);
  } finally {
    // Whoever runs the vault knows npm's process: the server behind it has to end with that one, drained.
    child.kill("SIGTERM");
    const late = AbortSignal.timeout(30_000);
    const isEnded = await Promise.race([
      closed.then(() => true),
      once(late, "abort").then(() => false),
    ]);
    if (!isEnded && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    expect(isEnded).toBe(true);
  }
}

test("the demo on a given file prints the one document, and leaves data on which `npm start` works", async () => {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-demo-test-"));
  folders.push(folder);
  const file = join(folder, "small.safetensors");
  const sizeBytes = await makeCheckpoint(file, 3_000_000);
  const { told, data, tokens } = await demo(file);
  const digest = createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
  expect(told.file).toEqual({ path: file, sizeBytes, sha256: digest });
  expectStory(told);

  await started(data, async (url) => {
    const officer = new Api(url, (await readFile(join(tokens, "olive"), "utf8")).trim());
    expect(await officer.json("GET", "/v1/me")).toMatchObject({
      roles: ["export-officer", "operator", "personal-data-reader"],
    });
    const { releases } = await officer.json("GET", "/v1/releases");
    const listed = releases as readonly { readonly verdict: string }[];
    expect(listed.map((release) => release.verdict)).toEqual(["deny", "allow", "deny", "allow"]);
    const reader = new Api(url, (await readFile(join(tokens, "uma"), "utf8")).trim());
    const path = `/v1/repositories/demo/frontier/revisions/main/files/${basename(file)}`;
    const answer = await reader.fetch("GET", path);
    expect(Buffer.from(await answer.arrayBuffer()).equals(await readFile(file))).toBe(true);
    const ledger = new Api(url, (await readFile(join(tokens, "auditor"), "utf8")).trim());
    const checkpoint = await (await ledger.fetch("GET", "/ledger/checkpoint")).text();
    expect(Number(checkpoint.split("\n")[1])).toBeGreaterThan(told.ledger.entries);
  });
}, 300_000);

test("the demo without a file makes a checkpoint of its own", async () => {
  const { told } = await demo();
  expect(told.file.sizeBytes).toBe((await stat(told.file.path)).size);
  const { tensors, tensorBytes } = await readSafetensors(told.file.path);
  expect(tensorBytes).toBe(256 * 2 ** 20);
  expect(new Set(tensors.map(({ dtype }) => dtype))).toEqual(new Set(["BF16"]));
  expectStory(told);
}, 600_000);
