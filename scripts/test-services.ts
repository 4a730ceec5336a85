import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { findComposeLoader } from "../test/support/compose/loader.ts";
import { buildGoProgram } from "../test/support/go-program.ts";
import { buildReference } from "../test/support/litewitness/reference.ts";
import { findLocalKms } from "../test/support/local-kms.ts";
import { findModelSigning } from "../test/support/openssf/model-signing.ts";
import { findPostgres, PostgresAbsent } from "../test/support/postgres.ts";
import { buildS3Server } from "../test/support/s3-server.ts";
import { findSoftHsm } from "../test/support/softhsm.ts";
import { whyNoOpenssl } from "../test/support/timestamp/authority.ts";

/**
 * `npm run test:services [-- --results <file>] [-- <arguments of Jest>]`: the tests that need real servers and real processes, for minutes.
 * What they need is looked for and built first; what this machine cannot give is skipped, and said at the end with the reason.
 */
const root = fileURLToPath(new URL("..", import.meta.url));
const jest = join(root, "node_modules", "jest", "bin", "jest.js");

type Need = {
  readonly name: string;
  /** Null where it is there, otherwise why not. */
  readonly missing: () => Promise<string | null>;
};

const needs: readonly Need[] = [
  { name: "PostgreSQL", missing: missingPostgres },
  { name: "a loader of Compose files", missing: missingComposeLoader },
  { name: "local-kms", missing: async () => await missingIn(findLocalKms) },
  { name: "SoftHSM", missing: async () => await missingIn(findSoftHsm) },
  { name: "pkcs11js", missing: missingPkcs11js },
  { name: "an S3 server (versitygw, built with Go)", missing: missingS3Server },
  { name: "the ledger's independent verifiers", missing: missingLedgerCheck },
  { name: "the reference witness", missing: missingReference },
  { name: "OpenSSF Model Signing", missing: async () => await missingIn(findModelSigning) },
  { name: "OpenSSL's time-stamping", missing: async () => whyNoOpenssl() },
];

async function missingPostgres(): Promise<string | null> {
  try {
    await findPostgres();
    return null;
  } catch (error) {
    if (error instanceof PostgresAbsent) return error.message;
    throw error;
  }
}

/** The tests build it again, from the caches that this fills. */
async function missingComposeLoader(): Promise<string | null> {
  const found = findComposeLoader();
  if ("absent" in found) return found.absent;
  found.remove();
  return null;
}

/** The tests get it again, from the caches that this fills. */
async function missingIn(find: (folder: string) => object): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-need-"));
  try {
    const found = find(folder);
    return "absent" in found ? String(found.absent) : null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Built here where it is not yet: its own script is refused at install. */
async function missingPkcs11js(): Promise<string | null> {
  if (existsSync(join(root, "node_modules", "pkcs11js", "build", "Release", "pkcs11.node")))
    return null;
  const built = spawnSync("npm", ["run", "hsm"], { cwd: root, encoding: "utf8", timeout: 300_000 });
  if (built.status === 0) return null;
  const why = built.error?.message ?? built.stderr.trim().split("\n").at(-1);
  return `it cannot be built (${why})`;
}

async function missingS3Server(): Promise<string | null> {
  const built = buildS3Server();
  if ("absent" in built) return built.absent;
  built.remove();
  return null;
}

/** Built from the modules of the transparency-log world, likewise. */
async function missingLedgerCheck(): Promise<string | null> {
  const built = buildGoProgram(join(root, "test", "services", "go"));
  if ("absent" in built) return built.absent;
  built.remove();
  return null;
}

async function missingReference(): Promise<string | null> {
  const found = buildReference();
  if ("absent" in found) return found.absent;
  await found.remove();
  return null;
}

/** The results file that was asked for, and the arguments that are left for Jest. */
function readArguments(argv: readonly string[]): {
  readonly results: string | null;
  readonly others: readonly string[];
} {
  const at = argv.findIndex((argument) => /^--results(=|$)/.test(argument));
  if (at < 0) return { results: null, others: argv };
  const inline = argv[at]?.split(/=(.*)/s)[1];
  const file = inline ?? argv[at + 1] ?? "";
  if (file === "" || file.startsWith("-")) throw new Error("--results needs the name of a file");
  return { results: resolve(file), others: argv.toSpliced(at, inline === undefined ? 2 : 1) };
}

/** Jest's exit code; that of a shell where a signal ended it. */
async function runJest(results: string, others: readonly string[]): Promise<number> {
  const settings = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"];
  const wanted = ["--selectProjects=services", "--json", `--outputFile=${results}`];
  const child = spawn(process.execPath, [...settings, jest, ...wanted, ...others], {
    cwd: root,
    stdio: "inherit",
  });
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  // A terminal sends its interruption to Jest too, and Jest stops what it started.
  process.on("SIGINT", () => {});
  const { promise, resolve: ended, reject } = Promise.withResolvers<number>();
  child.once("error", reject);
  child.once("close", (code, signal) =>
    ended(code ?? 128 + constants.signals[signal ?? "SIGKILL"]),
  );
  return await promise;
}

type Results = {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
};

async function skippedTests(results: string): Promise<readonly string[]> {
  const text = await readFile(results, "utf8").catch(() => '{"testResults":[]}');
  const { testResults } = JSON.parse(text) as Results;
  return testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === "pending" || status === "todo")
    .map(({ fullName }) => fullName);
}

function summary(missing: readonly string[], skipped: readonly string[]): string {
  const lines = [
    ...missing.map((each) => `  missing: ${each}`),
    ...skipped.map((name) => `  skipped: ${name}`),
  ];
  return lines.length === 0
    ? "\nEverything that the service tests need was there; none was skipped.\n"
    : `\nNot all of the service tests ran:\n${lines.join("\n")}\n`;
}

async function main(): Promise<number> {
  const { results, others } = readArguments(process.argv.slice(2));
  const missing: string[] = [];
  for (const need of needs) {
    process.stderr.write(`looking for ${need.name}\n`);
    const why = await need.missing();
    if (why !== null) missing.push(`${need.name}: ${why}`);
  }
  const folder = await mkdtemp(join(tmpdir(), "weightvault-services-"));
  try {
    const file = results ?? join(folder, "results.json");
    const code = await runJest(file, others);
    process.stderr.write(summary(missing, await skippedTests(file)));
    return code;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main();
