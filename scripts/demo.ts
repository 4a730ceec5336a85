import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Writable } from "node:stream";
import { parseArgs } from "node:util";
import { pino } from "pino";
import type { Context } from "../src/cli/context.ts";
import { run } from "../src/cli/program.ts";
import { readConfig } from "../src/config.ts";
import { openAdapters, type RunningServer, startServer } from "../src/main.ts";
import { noServer } from "../test/support/no-server.ts";
import { makeCheckpoint } from "./make-checkpoint.ts";

type Reason = { readonly check: string; readonly outcome: string; readonly citation: string };
type Verdict = "allow" | "deny" | "hold";
type Step = {
  readonly step: string;
  readonly verdict: Verdict | null;
  readonly reasons: readonly Reason[];
};
type Checked = Reason & { readonly reason?: string | null };

const days = 86_400_000;
const checkpointBytes = 256 * 2 ** 20;
const repository = "demo/frontier";

const { isJson, given } = readArguments(process.argv.slice(2));
const startedAt = performance.now();

// The story takes five weeks, which end today: the vault's clock is moved, nothing else is pretended.
const clock = { at: new Date(Date.now() - 35 * days) };
const story: Step[] = [];

function readArguments(argv: readonly string[]): {
  readonly isJson: boolean;
  readonly given: string | undefined;
} {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { json: { type: "boolean", default: false } },
      allowPositionals: true,
    });
    const [given, ...others] = positionals;
    if (others.length > 0) throw new TypeError("one file at the most");
    if (given !== undefined && !statSync(given).isFile())
      throw new TypeError(`${given} is no regular file`);
    return { isJson: values.json, given };
  } catch (error) {
    const message = Error.isError(error) ? error.message : String(error);
    process.stderr.write(`${message}\nnpm run demo -- [--json] [path/to/model.safetensors]\n`);
    process.exit(2);
  }
}

function tell(text: string): void {
  if (!isJson) process.stdout.write(`${text}\n`);
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Runs a real command line, as a person with this token would type it. Gives its exit code and its JSON. */
async function command(
  url: string,
  tokenFile: string | null,
  ...argv: readonly string[]
): Promise<{ code: number; answer: Answer }> {
  progress(`  $ weightvault ${argv.join(" ")}`);
  const printed: Buffer[] = [];
  const said: Buffer[] = [];
  const context: Context = {
    env: {
      WEIGHTVAULT_URL: url,
      ...(tokenFile === null ? {} : { WEIGHTVAULT_TOKEN_FILE: tokenFile }),
    },
    stdout: into(printed),
    stderr: Object.assign(into(said), { isTTY: false }),
    ...noServer,
  };
  const code = await run(context, [...argv, "--json"]);
  const text = Buffer.concat(printed).toString("utf8");
  const answer = text === "" ? {} : (JSON.parse(text) as Answer);
  if (code !== 0 && code !== 4)
    throw new Error(
      `weightvault ${argv.join(" ")} ended with ${code}: ${Buffer.concat(said).toString("utf8")}${text}`,
    );
  return { code, answer };
}

type Answer = { readonly [name: string]: unknown };

function into(chunks: Buffer[]): Writable {
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

function isoDate(instant: Date): string {
  return instant.toISOString().slice(0, 10);
}

/** The people and jobs of the story, each with a token of their own in a file of their own. */
type Cast = { readonly [who in "olive" | "otto" | "job" | "uma" | "visitor" | "auditor"]: string };

class Demo {
  readonly #server: RunningServer;
  readonly #folder: string;
  readonly #ids = new Map<string, string>();

  constructor(server: RunningServer, folder: string) {
    this.#server = server;
    this.#folder = folder;
  }

  token(who: string): string {
    return join(this.#folder, "tokens", who);
  }

  async as(
    who: keyof Cast | null,
    ...argv: readonly string[]
  ): Promise<{ code: number; answer: Answer }> {
    return command(this.#server.url, who === null ? null : this.token(who), ...argv);
  }

  id(name: string): string {
    return this.#ids.get(name) ?? "";
  }

  remember(name: string, answer: Answer, member: string): void {
    const value = answer[member];
    if (typeof value !== "string") throw new Error(`the answer has no ${member}`);
    this.#ids.set(name, value);
  }

  /** Two officers, a training job with somebody who answers for it, two readers and an auditor. */
  async castActors(): Promise<void> {
    await mkdir(join(this.#folder, "tokens"), { mode: 0o700 });
    const bootstrap = this.#server.bootstrapTokenFile ?? "";
    await this.as(
      null,
      "init",
      "--bootstrap-token-file",
      bootstrap,
      "--name",
      "Olive Officer",
      "--us-person",
      "citizen",
      "--token-file",
      this.token("olive"),
    );
    await this.person(
      "otto",
      ["--name", "Otto Officer", "--us-person", "permanent-resident"],
      ["export-officer", "operator"],
    );
    await this.person("uma", ["--name", "Uma Researcher", "--us-person", "citizen"], ["reader"]);
    const employer = ["--employer-headquarters", "IN", "--employer-parent-headquarters", "IN"];
    await this.person(
      "visitor",
      [
        "--name",
        "Vikram Visitor",
        "--not-us-person",
        "--citizenship",
        "IN:1990-01-01",
        ...employer,
      ],
      ["reader"],
    );
    await this.person("auditor", ["--name", "Ada Auditor", "--us-person", "citizen"], ["auditor"]);
    const entity = [
      "--name",
      "Demo Lab Inc.",
      "--country",
      "US",
      "--headquarters",
      "US",
      "--parent-headquarters",
      "US",
      "--ownership",
      "no-listed-owner",
    ];
    this.remember("lab", (await this.as("olive", "entity", "add", ...entity)).answer, "entity");
    const job = await this.as(
      "olive",
      "workload",
      "add",
      "--name",
      "training-run-7",
      "--accountable",
      this.id("uma"),
      "--entity",
      this.id("lab"),
    );
    this.remember("job principal", job.answer, "principal");
    await this.issue("job", ["uploader"]);
  }

  async person(who: keyof Cast, facts: readonly string[], roles: readonly string[]): Promise<void> {
    const { answer } = await this.as("olive", "person", "add", ...facts);
    this.remember(who, answer, "person");
    this.remember(`${who} principal`, answer, "principal");
    await this.issue(who, roles);
  }

  async issue(who: keyof Cast, roles: readonly string[]): Promise<void> {
    const wanted = roles.flatMap((role) => ["--role", role]);
    await this.as(
      "olive",
      "token",
      "create",
      "--principal",
      this.id(`${who} principal`),
      ...wanted,
      "--token-file",
      this.token(who),
    );
  }

  /** A download attempt, with the decision that answered it. */
  async download(
    who: "uma" | "visitor",
    step: string,
  ): Promise<{ verdict: Verdict; folder: string }> {
    const folder = join(this.#folder, `${who}-${story.length}`);
    const { answer } = await this.as(who, "download", repository, "--output", folder);
    const released = answer["releases"] as readonly { readonly release: string }[] | undefined;
    const release = released?.[0]?.release ?? (answer["release"] as string);
    const { answer: evidence } = await this.as("olive", "release", "evidence", release);
    const { verdict, checks } = evidence["decision"] as {
      verdict: Verdict;
      checks: readonly Checked[];
    };
    const reasons = checks.map(({ check, outcome, citation }) => ({ check, outcome, citation }));
    story.push({ step, verdict, reasons });
    tell(`\n${step}\n  verdict: ${verdict}`);
    const notable = checks.filter(({ outcome }) => !["pass", "not-applicable"].includes(outcome));
    for (const { check, outcome, citation, reason } of notable)
      tell(`  ${outcome}: ${check} (${citation})\n    ${reason ?? ""}`);
    return { verdict, folder };
  }
}

function record(step: string): void {
  story.push({ step, verdict: null, reasons: [] });
  tell(`\n${step}`);
}

async function play(demo: Demo, file: string, sha256: string) {
  progress("casting officers, a training job, readers and an auditor");
  await demo.castActors();
  record(
    "Two export officers, a training job, two readers and an auditor have tokens of their own.",
  );

  progress("uploading");
  await demo.as("olive", "repository", "create", repository);
  const uploaded = await demo.as("job", "upload", repository, file, "--message", "step 40000");
  record(
    `The training job uploaded ${basename(file)}, sealed on arrival, as revision ${String(uploaded.answer["revision"]).slice(0, 12)}.`,
  );

  progress("classifying");
  const proposed = await demo.as(
    "olive",
    "classify",
    "propose",
    repository,
    "--eccn",
    "4E091",
    "--basis",
    "self",
  );
  demo.remember("classification", proposed.answer, "classification");
  await demo.as("otto", "classify", "approve", repository, demo.id("classification"));
  record("One officer proposed ECCN 4E091 for it, the other approved.");

  for (const who of ["uma", "visitor"] as const) {
    const until = new Date(clock.at.getTime() + 60 * days).toISOString();
    await demo.as(
      "olive",
      "grant",
      "add",
      "--principal",
      demo.id(`${who} principal`),
      "--repository",
      repository,
      "--purpose",
      "evaluation",
      "--valid-until",
      until,
    );
  }
  record("Both readers got a grant: need to know, for 60 days.");

  progress("releasing");
  const allowed = await demo.download("uma", "A U.S. person with a grant asks for the weights.");
  const sha256Matches = (await sha256Of(join(allowed.folder, basename(file)))) === sha256;
  tell(`  the file that arrived is ${sha256Matches ? "byte-identical" : "NOT THE SAME"}`);
  const denied = await demo.download(
    "visitor",
    "A foreign person, national of a country that needs a license, asks too.",
  );
  const deniedReasons = story.at(-1)?.reasons ?? [];

  progress("licensing");
  const lastDay = isoDate(new Date(clock.at.getTime() + 20 * days));
  const paper = [
    "--number",
    "D0000001",
    "--kind",
    "bis-license",
    "--eccn",
    "4E091",
    "--nationality",
    "IN",
    "--person",
    demo.id("visitor"),
  ];
  const entered = await demo.as(
    "olive",
    "license",
    "add",
    ...paper,
    "--valid-from",
    isoDate(clock.at),
    "--valid-until",
    lastDay,
  );
  demo.remember("license", entered.answer, "license");
  await demo.as("otto", "license", "activate", demo.id("license"));
  record(
    `One officer entered a license for that person, valid until ${lastDay}; the other activated it.`,
  );
  // A license is in force from the beginning of its first day in Washington, so the next question is asked the day after.
  clock.at = new Date(clock.at.getTime() + days);
  const licensed = await demo.download("visitor", "The foreign person asks again, the next day.");
  clock.at = new Date();
  const expired = await demo.download(
    "visitor",
    `Today, ${isoDate(clock.at)}, the license has ended, and the foreign person asks once more.`,
  );
  return { allowed, denied, licensed, expired, sha256Matches, deniedReasons };
}

/** The auditor exports the ledger and verifies it without the server; then one byte of a copy is changed. */
async function audit(demo: Demo, folder: string, verificationKey: string) {
  progress("auditing");
  const exported = join(folder, "ledger-export");
  await demo.as("auditor", "ledger", "export", exported);
  const verified = await command(
    "http://127.0.0.1:9",
    null,
    "ledger",
    "verify",
    exported,
    "--ledger-key",
    verificationKey,
  );
  const copy = join(folder, "ledger-tampered");
  await cp(exported, copy, { recursive: true });
  const bundles = join(copy, "tile", "entries");
  const [bundle = ""] = (await readdir(bundles, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const bytes = await readFile(bundle);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(bundle, bytes);
  const caught = await run(
    {
      env: {},
      stdout: into([]),
      stderr: Object.assign(into([]), { isTTY: false }),
      ...noServer,
    },
    ["ledger", "verify", copy, "--ledger-key", verificationKey, "--json"],
  );
  const { size, rootHex } = verified.answer as { size: number; rootHex: string };
  return {
    entries: size,
    root: rootHex,
    verified: verified.answer["verified"] === true,
    tamperedCopyCaught: caught === 6,
  };
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-demo-"));
  const data = join(folder, "data");
  const file = given ?? join(folder, "model.safetensors");
  if (given === undefined) {
    progress(`making a checkpoint of ${checkpointBytes / 2 ** 20} MiB`);
    await makeCheckpoint(file, checkpointBytes);
  }
  const sizeBytes = (await stat(file)).size;
  const sha256 = await sha256Of(file);
  tell(`weightvault demo: ${file}, ${sizeBytes} bytes, SHA-256 ${sha256}`);

  progress("starting a vault on the embedded default");
  const config = readConfig({ WEIGHTVAULT_DATA: data, WEIGHTVAULT_PORT: "0" });
  const server = await startServer({
    config,
    adapters: await openAdapters(config),
    now: () => new Date(clock.at),
    log: pino({ level: "silent" }),
  });
  const demo = new Demo(server, folder);
  let document: Awaited<ReturnType<typeof concludeStory>>;
  try {
    const played = await play(demo, file, sha256);
    const ledger = await audit(demo, folder, server.verificationKey);
    document = concludeStory({ file: { path: file, sizeBytes, sha256 }, played, ledger });
  } finally {
    await server.stop();
  }
  // What was downloaded was compared, and the changed copy was caught: only the vault and its ledger stay.
  for (const name of await readdir(folder))
    if (/^(uma|visitor)-|^ledger-tampered$/.test(name))
      await rm(join(folder, name), { recursive: true, force: true });
  if (isJson) process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  const tellOrSay = isJson ? progress : tell;
  tellOrSay(
    `\nThe checkpoint, the exported ledger, the data and the tokens stay in ${folder} until you remove it.\nThe data is in ${data}, and the tokens in ${join(folder, "tokens")}. Start the server on it:\n  WEIGHTVAULT_DATA=${data} npm start`,
  );
}

type Concluded = {
  readonly file: { readonly path: string; readonly sizeBytes: number; readonly sha256: string };
  readonly played: Awaited<ReturnType<typeof play>>;
  readonly ledger: Awaited<ReturnType<typeof audit>>;
};

/** The document of `--json`. A story that went another way than it should ends the demo with an error. */
function concludeStory({ file, played, ledger }: Concluded) {
  const { allowed, denied, licensed, expired, sha256Matches, deniedReasons } = played;
  record(
    `The auditor exported the ledger and verified its ${ledger.entries} entries offline (root ${ledger.root}).`,
  );
  record("One byte of a copy was changed, and the verifier caught it.");
  const verdicts = [allowed, denied, licensed, expired].map(({ verdict }) => verdict).join(" ");
  if (
    verdicts !== "allow deny allow deny" ||
    !sha256Matches ||
    !ledger.verified ||
    !ledger.tamperedCopyCaught
  ) {
    throw new Error(
      `the story went wrong: ${verdicts}, ${JSON.stringify({ sha256Matches, ...ledger })}`,
    );
  }
  return {
    file,
    story,
    allowed: { sha256Matches },
    denied: { verdict: denied.verdict, reasons: deniedReasons },
    ledger,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
  };
}

await main();
