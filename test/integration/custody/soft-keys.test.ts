import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import {
  chmod,
  chown,
  link,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { openSoftCustodian } from "../../../src/custody/soft-custodian.ts";
import { keepKeyFile } from "../../../src/custody/soft-file.ts";
import { openSoftSigner } from "../../../src/custody/soft-signer.ts";

const environment = "development";
const name = "vault.example/ledger";
let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "weightvault-soft-"));
  file = join(folder, "deeper", "key");
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const openers = [
  ["the soft key custodian", (mayMake = true) => openSoftCustodian({ mayMake, file, environment })],
  ["the soft signer", (mayMake = true) => openSoftSigner({ mayMake, file, name, environment })],
] as const;

describe.each(openers)("%s", (_, open) => {
  beforeEach(() => {
    file = join(folder, "deeper", "key");
  });

  test("makes its key file for its owner alone, with nothing beside it", async () => {
    await open();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, "deeper"))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(folder, "deeper"))).toEqual(["key"]);
  });

  test("never writes over an existing key file", async () => {
    await open();
    const before = await readFile(file);
    await open();
    expect(await readFile(file)).toEqual(before);
  });

  test("opened eight times at once, makes one key", async () => {
    const opened = await Promise.all(Array.from({ length: 8 }, () => open()));
    const keys = opened.map((each) =>
      "keyId" in each ? each.keyId : each.publicKey.toString("hex"),
    );
    expect(new Set(keys).size).toBe(1);
    expect(await readdir(join(folder, "deeper"))).toEqual(["key"]);
  });

  test.each([0o640, 0o604, 0o620, 0o601])("refuses a key file of mode %o", async (mode) => {
    await open();
    await chmod(file, mode);
    await expect(open()).rejects.toMatchObject({
      code: "configuration_invalid",
      message: expect.stringContaining("0600"),
    });
  });

  test("refuses a symbolic link in the key file's place", async () => {
    await open();
    await link(file, join(folder, "elsewhere"));
    await rm(file);
    await symlink(join(folder, "elsewhere"), file);
    await expect(open()).rejects.toMatchObject({ code: "configuration_invalid" });
  });

  test("refuses a pipe in the key file's place, and does not wait for who writes to it", async () => {
    file = join(folder, "pipe");
    execFileSync("mkfifo", ["-m", "600", file]);
    await expect(open()).rejects.toMatchObject({
      code: "configuration_invalid",
      message: expect.stringContaining("is not a regular file"),
    });
  });

  test("refuses a key file of the wrong content", async () => {
    await open();
    for (const content of [Buffer.alloc(0), Buffer.alloc(31), Buffer.alloc(33)]) {
      await writeFile(file, content);
      await expect(open()).rejects.toMatchObject({ code: "configuration_invalid" });
    }
  });

  test("refuses a place where it cannot write", async () => {
    await writeFile(join(folder, "deeper"), "a file where the folder should be");
    await expect(open()).rejects.toMatchObject({ code: "configuration_invalid" });
  });

  test("checks that its file still holds its key", async () => {
    const opened = await open();
    await opened.check();
    const before = await readFile(file);
    await rm(file);
    await open();
    await expect(opened.check()).rejects.toMatchObject({ status: 503 });
    await writeFile(file, before);
    await opened.check();
    await chmod(file, 0o644);
    await expect(opened.check()).rejects.toMatchObject({ status: 503 });
  });
});

test("a key file that another process makes in the meantime is kept, and used", async () => {
  file = join(folder, "key");
  const [mine, theirs] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const kept = await keepKeyFile({ file, mayMake: true }, () => {
    writeFileSync(file, theirs, { mode: 0o600 });
    return Buffer.from(mine);
  });
  expect(kept).toEqual(theirs);
  expect(await readFile(file)).toEqual(theirs);
  expect(await readdir(folder)).toEqual(["key"]);
});

/** Only root can give a file away. */
const testAsRoot = process.geteuid?.() === 0 ? test : test.skip;

testAsRoot("a key file of another user is refused (needs root)", async () => {
  await openSoftCustodian({ mayMake: true, file, environment });
  await chown(file, 65_534, 65_534);
  await expect(openSoftCustodian({ mayMake: true, file, environment })).rejects.toMatchObject({
    code: "configuration_invalid",
    message: expect.stringContaining("another user"),
  });
});

test.each(openers)("%s makes no key for a vault that has begun", async (_, open) => {
  await expect(open(false)).rejects.toMatchObject({
    code: "configuration_invalid",
    message: expect.stringContaining("restore it"),
  });
  expect(await readdir(folder)).toEqual([]);
});

test("production refuses both, before any file is made", async () => {
  const refusal = {
    code: "configuration_invalid",
    message: expect.stringContaining("refused in production"),
  };
  const production = { file, mayMake: true, environment: "production" };
  await expect(openSoftCustodian(production)).rejects.toMatchObject(refusal);
  await expect(openSoftSigner({ ...production, name })).rejects.toMatchObject(refusal);
  expect(await readdir(folder)).toEqual([]);
});

test("a wrapped key survives a restart, and does not open under another key file", async () => {
  const context = { "weightvault:object": "one" };
  const first = await openSoftCustodian({ mayMake: true, file, environment });
  const { dataKey, wrapped } = await first.generate(context);
  const again = await openSoftCustodian({ mayMake: true, file, environment });
  expect(again.keyId).toBe(first.keyId);
  expect((await again.unwrap(wrapped, context, again.keyId)).equals(dataKey)).toBe(true);
  const other = await openSoftCustodian({ mayMake: true, file: `${file}-other`, environment });
  expect(other.keyId).not.toBe(first.keyId);
  await expect(other.unwrap(wrapped, context, other.keyId)).rejects.toMatchObject({
    code: "wrapped_key_rejected",
  });
});

test("the next key is a file of its own, mode 0600, and the newest is the primary after a restart", async () => {
  const context = { "weightvault:object": "one" };
  const first = await openSoftCustodian({ mayMake: true, file, environment });
  const older = await first.generate(context);
  const keyIds = [first.keyId, await first.renew(), await first.renew()];
  expect(new Set(keyIds).size).toBe(3);
  expect(first.keyId).toBe(keyIds[2]);
  const [, second, third] = (await readdir(dirname(file))).toSorted();
  expect([second, third]).toEqual([`${basename(file)}.2`, `${basename(file)}.3`]);
  for (const name of [second, third])
    expect((await stat(join(dirname(file), name ?? ""))).mode & 0o777).toBe(0o600);
  const again = await openSoftCustodian({ mayMake: false, file, environment });
  expect(again.keyId).toBe(keyIds[2]);
  expect((await again.unwrap(older.wrapped, context, older.keyId)).equals(older.dataKey)).toBe(
    true,
  );
});

test("a key that comes into the folder later is found when a wrap names it", async () => {
  const context = { "weightvault:object": "one" };
  const one = await openSoftCustodian({ mayMake: true, file, environment });
  const other = await openSoftCustodian({ mayMake: false, file, environment });
  await other.renew();
  const { wrapped, keyId, dataKey } = await other.generate(context);
  expect((await one.unwrap(wrapped, context, keyId)).equals(dataKey)).toBe(true);
});

test.each(["mode", "length"] as const)("a next key file of a wrong %s is refused", async (what) => {
  await openSoftCustodian({ mayMake: true, file, environment });
  await writeFile(`${file}.2`, Buffer.alloc(what === "length" ? 31 : 32, 1), {
    mode: what === "mode" ? 0o644 : 0o600,
  });
  await expect(openSoftCustodian({ mayMake: false, file, environment })).rejects.toMatchObject({
    code: "configuration_invalid",
  });
});

test("the key id is a digest and gives nothing of the key", async () => {
  const custodian = await openSoftCustodian({ mayMake: true, file, environment });
  expect(custodian.keyId).toMatch(/^soft:[0-9a-f]{16}$/);
  expect((await readFile(file)).toString("hex")).not.toContain(custodian.keyId.slice(5));
});

test("the signer signs with the same key after a restart, kept as PKCS #8 in PEM", async () => {
  const first = await openSoftSigner({ mayMake: true, file, name, environment });
  const again = await openSoftSigner({ mayMake: true, file, name, environment });
  expect(again.publicKey).toEqual(first.publicKey);
  expect(await again.sign(Buffer.from("note"))).toEqual(await first.sign(Buffer.from("note")));
  expect(await readFile(file, "latin1")).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
});

test("the signer refuses a key of another kind", async () => {
  await openSoftSigner({ mayMake: true, file, name, environment });
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await writeFile(file, privateKey.export({ type: "pkcs8", format: "pem" }));
  await expect(openSoftSigner({ mayMake: true, file, name, environment })).rejects.toMatchObject({
    code: "configuration_invalid",
    message: expect.stringContaining("Ed25519"),
  });
});

test.each(["", "two words", "a+b", "tab\there"])("the signer refuses the name %j", async (bad) => {
  await expect(
    openSoftSigner({ mayMake: true, file, name: bad, environment }),
  ).rejects.toMatchObject({
    code: "configuration_invalid",
  });
});
