import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "@jest/globals";
import { compiled } from "../support/compiled.ts";
import { encodeAll, filesOf, fixedSigner } from "../vectors/ledger/build.ts";
import { story } from "../vectors/ledger/story.ts";
import { bin, temporaryFolder, weightvault } from "./command.ts";
import { serveHttp } from "./http-double.ts";

/** A Node that is too old for the command line, where this machine has one. */
const oldNode = ["/usr/bin/node", "/usr/local/bin/node"].find((node) => {
  const { stdout } = spawnSync(node, ["--version"], { encoding: "utf8" });
  const major = Number(/^v(\d+)\./.exec(stdout ?? "")?.[1] ?? 0);
  return major >= 18 && major < 24;
});
if (oldNode === undefined)
  console.warn("the restart under a newer Node is not tested: this machine has no older one");
const withOldNode = oldNode === undefined ? test.skip : test;

test("the command passes its exit code through", async () => {
  expect((await weightvault(["--help"])).code).toBe(0);
  expect((await weightvault(["nonsense"])).code).toBe(2);
});

withOldNode(
  "under an old Node it restarts itself on the local one, and passes the exit code through",
  () => {
    const { status, stdout } = spawnSync(oldNode ?? "", [bin, "--help"], { encoding: "utf8" });
    expect({ status, isHelp: stdout.includes("Usage: weightvault") }).toEqual({
      status: 0,
      isHelp: true,
    });
    expect(spawnSync(oldNode ?? "", [bin, "nonsense"]).status).toBe(2);
  },
);

withOldNode.each(["SIGTERM", "SIGINT"] as const)(
  "a restarted command gets %s and ends by it",
  async (signal) => {
    const asked = Promise.withResolvers<void>();
    await using server = await serveHttp(() => asked.resolve());
    const child = spawn(oldNode ?? "", [bin, "token", "list"], {
      env: { WEIGHTVAULT_URL: server.url, WEIGHTVAULT_TOKEN: "wv_test" },
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => child.on("exit", (_, by) => resolve(by)));
    await asked.promise;
    child.kill(signal);
    expect(await ended).toBe(signal);
  },
);

test("an installed package, with no sources, runs what was built", async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, "dist/cli"), { recursive: true });
  await mkdir(join(folder.path, "bin"));
  await cp(bin, join(folder.path, "bin/weightvault.js"));
  await writeFile(join(folder.path, "package.json"), '{"type":"module"}');
  await writeFile(join(folder.path, "dist/cli/main.js"), "process.exitCode = 42;");
  const installed = join(folder.path, "bin/weightvault.js");
  expect(spawnSync(process.execPath, [installed]).status).toBe(42);
  const link = join(folder.path, "linked");
  await symlink(installed, link);
  expect(spawnSync(process.execPath, [link]).status).toBe(42);
});

/** Runs the real command with its standard output led where the shell says, and gives the exit code and what it said. */
function into(redirection: string, args: readonly string[]) {
  const script = `exec "$@" ${redirection}`;
  const { status, stderr } = spawnSync("sh", ["-c", script, "sh", process.execPath, bin, ...args], {
    env: { PATH: process.env["PATH"], ...compiled },
    encoding: "utf8",
  });
  return { status, stderr };
}

test("a ledger that does not verify is told by the exit code, also when nobody reads the report", async () => {
  await using folder = await temporaryFolder();
  const args = ["ledger", "verify", folder.path, "--ledger-key", fixedSigner(7).verificationKey];
  const child = spawn(process.execPath, [bin, ...args], {
    env: { PATH: process.env["PATH"], ...compiled },
    stdio: ["ignore", "pipe", "ignore"],
  });
  child.stdout.destroy();
  expect(await new Promise((resolve) => child.on("exit", resolve))).toBe(6);
});

test("a finding of a monitor's look is told by the exit code, also when nobody reads it", async () => {
  await using folder = await temporaryFolder();
  const [ledger, state] = [join(folder.path, "ledger"), join(folder.path, "state")];
  const signer = fixedSigner(7);
  const records = story();
  const allowed = records.findIndex(({ kind }) => kind === "release.allowed");
  // The release has no outcome, and should have had one long ago.
  for (const [path, bytes] of await filesOf(encodeAll(records.slice(0, allowed + 1)), signer)) {
    await mkdir(dirname(join(ledger, path)), { recursive: true });
    await writeFile(join(ledger, path), bytes);
  }
  const args = ["ledger", "monitor", "--once", "--url", ledger, "--state", state];
  const child = spawn(
    process.execPath,
    [bin, ...args, "--ledger-key", signer.verificationKey, "--outcome-within", "1"],
    { env: { PATH: process.env["PATH"], ...compiled }, stdio: ["ignore", "pipe", "ignore"] },
  );
  child.stdout.destroy();
  expect(await new Promise((resolve) => child.on("exit", resolve))).toBe(6);
});

test("a watch that nobody reads any more says so and is no success, but for one look that is through", async () => {
  await using folder = await temporaryFolder();
  const [ledger, state] = [join(folder.path, "ledger"), join(folder.path, "state")];
  const signer = fixedSigner(7);
  for (const [path, bytes] of await filesOf(encodeAll(story()), signer)) {
    await mkdir(dirname(join(ledger, path)), { recursive: true });
    await writeFile(join(ledger, path), bytes);
  }
  const heardOnce = async (...more: readonly string[]) => {
    const args = ["ledger", "monitor", "--url", ledger, "--state", state, ...more];
    const child = spawn(process.execPath, [bin, ...args, "--ledger-key", signer.verificationKey], {
      env: { PATH: process.env["PATH"], ...compiled },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.once("data", () => child.stdout.destroy());
    const said: Buffer[] = [];
    child.stderr.on("data", (bytes: Buffer) => said.push(bytes));
    const code = await new Promise((resolve) => child.on("close", resolve));
    return { code, stderr: Buffer.concat(said).toString("utf8") };
  };
  const stderr = "nobody reads standard output any more, so it ended before it was done\n";
  expect(await heardOnce("--every", "1")).toEqual({ code: 1, stderr });
  expect(await heardOnce("--every", "1", "--json")).toEqual({ code: 1, stderr });
  expect(await heardOnce("--once")).toEqual({ code: 0, stderr: "" });
});

const hasFull = existsSync("/dev/full") ? test : test.skip;

hasFull("a result that finds no room is told in one sentence, and is no success", async () => {
  const { status, stderr } = into("> /dev/full", ["--help"]);
  expect(stderr).toBe(
    "standard output cannot be written, so the result is not whole: no room is left (ENOSPC)\n",
  );
  expect(status).toBe(1);
  await using folder = await temporaryFolder();
  const args = ["ledger", "verify", folder.path, "--ledger-key", fixedSigner(7).verificationKey];
  expect(into("> /dev/full 2> /dev/full", args).status).toBe(6);
  expect(into("> /dev/null 2> /dev/full", args).status).toBe(6);
});
