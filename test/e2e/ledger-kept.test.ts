import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { temporaryFolder, weightvaultHere } from "./command.ts";

const small = fileURLToPath(new URL("../vectors/ledger/small", import.meta.url));
const smallKey = join(small, "vkey");

test("`--checkpoints` takes a monitor's state folder as well as the checkpoints in it, and a ledger in its place is a wrong use and no finding", async () => {
  await using folder = await temporaryFolder();
  const verify = async (checkpoints: string) =>
    await weightvaultHere(
      ["ledger", "verify", small, "--ledger-key", smallKey].concat("--checkpoints", checkpoints),
    );
  const kept = join(folder.path, "checkpoints");
  await mkdir(kept);
  await writeFile(join(folder.path, "state.json"), "{}\n");
  await copyFile(join(small, "checkpoint"), join(kept, "300"));
  expect(await verify(folder.path)).toMatchObject({ code: 0 });
  await writeFile(join(kept, "301"), "no checkpoint\n");
  expect(await verify(folder.path)).toMatchObject({ code: 6 });
  const wrong = await verify(small);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain(`--older-checkpoint ${join(small, "checkpoint")}`);
});

test("a folder that would hold the ledger to nothing is refused: one without a checkpoint, and evidence that is not there", async () => {
  await using folder = await temporaryFolder();
  const verify = async (...args: readonly string[]) =>
    await weightvaultHere(["ledger", "verify", small, "--ledger-key", smallKey, ...args]);
  expect(await verify("--checkpoints", folder.path)).toMatchObject({
    code: 1,
    stdout: "",
    stderr: `${folder.path} holds no checkpoint, so nothing is held to it\n`,
  });
  const absent = join(folder.path, "absent");
  for (const evidence of [absent, smallKey])
    expect(await verify("--evidence", evidence)).toMatchObject({
      code: 1,
      stdout: "",
      stderr: `${evidence} is no folder with an excerpt's evidence\n`,
    });
});

test("an address is refused where only a folder or a vault tells what is asked for", async () => {
  const address = "http://127.0.0.1:9/ledger/";
  const keyed = ["--ledger-key", smallKey];
  const stamped = ["ledger", "verify", address, ...keyed, "--timestamp-certificate", smallKey];
  expect(await weightvaultHere(stamped)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("an address is not asked for its timestamps"),
  });
  await using folder = await temporaryFolder();
  const policy = join(folder.path, "policy");
  await writeFile(policy, "quorum none\n");
  const copied = ["ledger", "export", join(folder.path, "copy"), "--ledger", address, ...keyed];
  expect(await weightvaultHere([...copied, "--policy", policy])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("which --policy chooses from"),
  });
});

test("evidence that entries would not be read for is refused with --opaque-entries", async () => {
  const args = ["ledger", "verify", small, "--ledger-key", smallKey, "--opaque-entries"];
  expect(await weightvaultHere([...args, "--evidence", small])).toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringContaining("none could be held to the --evidence"),
  });
});

test("an excerpt in the place of a whole ledger is a wrong use and no damage", async () => {
  await using folder = await temporaryFolder();
  await copyFile(join(small, "checkpoint"), join(folder.path, "checkpoint"));
  await writeFile(join(folder.path, "excerpt.json"), "{}\n");
  const release = "9a0364b9-e99b-4bb5-b6cf-4e8a6b3f4d11";
  for (const what of [
    ["show", "0"],
    ["trace", "release", release],
  ]) {
    const from = ["--ledger", folder.path, "--ledger-key", smallKey];
    const { code, stderr } = await weightvaultHere(["ledger", ...what, ...from]);
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(`^${folder.path} is an excerpt, `),
    });
  }
});

test.each(["verify", "show", "monitor"])(
  "a ledger's address with a password is refused by `ledger %s`, and not repeated",
  async (verb) => {
    await using folder = await temporaryFolder();
    const address = "http://auditor:hunter2@127.0.0.1:1/ledger/";
    const place = {
      verify: [address],
      show: ["0", "--ledger", address],
      monitor: ["--url", address, "--state", join(folder.path, "state"), "--once"],
    }[verb];
    const args = ["ledger", verb, ...(place ?? []), "--ledger-key", smallKey];
    const { code, stdout, stderr } = await weightvaultHere(args);
    expect(code).toBe(2);
    expect(stderr).toContain("no user and no password");
    expect(stdout + stderr).not.toContain("hunter2");
  },
);

test("`--in` beside a copy of the ledger says that it asks the server", async () => {
  const id = "ab".repeat(20);
  const args = ["ledger", "trace", "revision", id, "--ledger", small, "--ledger-key", smallKey];
  const { code, stderr } = await weightvaultHere([...args, "--in", `lab/model@${id}`]);
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching("--manifest") });
  expect(stderr).toMatch("--in asks the server");
});
