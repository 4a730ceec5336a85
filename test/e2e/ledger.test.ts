import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import {
  cp,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { encodeVerificationKey } from "../../src/merkle/note.ts";
import { TestSigner } from "../support/test-signer.ts";
import { encodeAll, type Files, filesOf, fixedSigner } from "../vectors/ledger/build.ts";
import { temporaryFolder, token, weightvault, weightvaultHere } from "./command.ts";
import { answer, type HttpDouble, serveHttp } from "./http-double.ts";

const small = fileURLToPath(new URL("../vectors/ledger/small", import.meta.url));
const smallKey = join(small, "vkey");
const signer = fixedSigner(7);

/** A ledger of so many entries; another `fork` has other entries from index 1 on. */
async function ledgerOf(entries: number, fork = "a", by = signer): Promise<Files> {
  const records = Array.from({ length: entries }, (_, at) => ({
    kind: at === 0 ? "vault.initialized" : "token.revoked",
    body: at === 0 ? { vault: "v" } : { token: `${fork}-${at}`, by: null },
  }));
  return await filesOf(encodeAll(records), by);
}

/** Serves a ledger below `/ledger/` to whoever has the token. */
async function serveLedger(files: Files): Promise<HttpDouble> {
  return await serveHttp((request, response) => {
    const path = (request.url ?? "").replace("/ledger/", "");
    const bytes = files.get(path);
    if (request.url === "/v1/ledger/key")
      answer(response, 200, { verificationKey: signer.verificationKey, origin: signer.name });
    else if (request.headers.authorization !== `Bearer ${token}`) response.writeHead(401).end();
    else if (bytes === undefined) response.writeHead(404).end();
    else response.end(bytes);
  });
}

async function exportTo(folder: string, files: Files, env: Record<string, string> = {}) {
  await using server = await serveLedger(files);
  const ended = await weightvaultHere(["ledger", "export", folder, "--json"], {
    env: { WEIGHTVAULT_URL: server.url, WEIGHTVAULT_LEDGER_KEY: signer.verificationKey, ...env },
  });
  return { ...ended, asked: server.asked };
}

test("a ledger in a folder verifies with its key alone", async () => {
  const { code, stdout } = await weightvault(
    ["ledger", "verify", small, "--ledger-key", smallKey, "--json"],
    {
      env: { WEIGHTVAULT_TOKEN: undefined },
    },
  );
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ verified: true, size: 300, errors: 0 });
});

test("a ledger that a P-256 key signs verifies with that key, and not with an Ed25519 key of its name", async () => {
  await using folder = await temporaryFolder();
  const p256 = new TestSigner("ecdsa-p256");
  const { name, publicKey } = p256;
  const verificationKey = encodeVerificationKey(name, publicKey);
  const by = { name, publicKey, verificationKey, sign: p256.sign.bind(p256) };
  for (const [path, bytes] of await ledgerOf(300, "a", by)) {
    await mkdir(join(folder.path, path, ".."), { recursive: true });
    await writeFile(join(folder.path, path), bytes);
  }
  const verify = async (key: string) =>
    await weightvaultHere(["ledger", "verify", folder.path, "--ledger-key", key, "--json"]);
  const verified = await verify(verificationKey);
  expect(JSON.parse(verified.stdout)).toMatchObject({ verified: true, size: 300, errors: 0 });
  expect((await verify(fixedSigner(7, name).verificationKey)).code).toBe(6);
});

test("a place that is no ledger's, or where nothing can be written, is told in a sentence", async () => {
  await using folder = await temporaryFolder();
  const said = async (...args: readonly string[]) => {
    const { code, stderr } = await weightvaultHere([...args, "--ledger-key", smallKey]);
    return [code, stderr];
  };
  const neither = (place: string) =>
    `"${place}" is neither a folder nor an address, which begins with https:// or http://\n`;
  const state = ["--state", join(folder.path, "state"), "--once"];
  expect(await said("ledger", "monitor", "--url", "nonsense", ...state)).toEqual([
    1,
    neither("nonsense"),
  ]);
  expect(await said("ledger", "verify", "no where")).toEqual([1, neither("no where")]);
  expect(await said("ledger", "monitor", "--url", "https://", ...state)).toEqual([
    2,
    '"https://" is no address that can be read\n',
  ]);
  if (process.platform !== "linux") return;
  expect(await said("ledger", "export", "/proc/none", "--ledger", small)).toEqual([
    1,
    "/proc/none cannot be made: the system knows no such place (ENOENT)\n",
  ]);
});

test("a log that is no vault's verifies with --opaque-entries alone, which is named where it is missing", async () => {
  await using folder = await temporaryFolder();
  const foreign = Array.from({ length: 300 }, (_, at) => Buffer.from(`example entry ${at}`));
  for (const [path, bytes] of await filesOf(foreign, signer)) {
    await mkdir(join(folder.path, path, ".."), { recursive: true });
    await writeFile(join(folder.path, path), bytes);
  }
  const args = ["ledger", "verify", folder.path, "--ledger-key", signer.verificationKey];
  const parsed = await weightvaultHere(args);
  expect({ code: parsed.code, says: parsed.stderr.includes("--opaque-entries") }).toEqual({
    code: 6,
    says: true,
  });
  expect((await weightvaultHere([...args, "--opaque-entries"])).code).toBe(0);
  await truncate(join(folder.path, "tile/entries/000"), 100);
  expect((await weightvaultHere([...args, "--opaque-entries"])).code).toBe(6);
});

const example = fileURLToPath(new URL("../../../shared/vectors/tlog-example", import.meta.url));
const exampleTest = existsSync(example) ? test : test.skip;

exampleTest("the known example log verifies by the command, with its key file alone", async () => {
  const { code, stdout } = await weightvault(
    [
      "ledger",
      "verify",
      example,
      "--ledger-key",
      join(example, "vkey"),
      "--opaque-entries",
      "--json",
    ],
    { env: { WEIGHTVAULT_TOKEN: undefined } },
  );
  expect({ code, report: JSON.parse(stdout) }).toMatchObject({
    code: 0,
    report: { verified: true, size: 600, errors: 0 },
  });
});

test("a changed entry ends with 6 and names what does not verify", async () => {
  await using folder = await temporaryFolder();
  await cp(small, folder.path, { recursive: true });
  const bundle = join(folder.path, "tile/entries/000");
  const bytes = await readFile(bundle);
  bytes.writeUInt8(bytes.readUInt8(200) ^ 1, 200);
  await writeFile(bundle, bytes);
  const { code, stdout } = await weightvaultHere([
    "ledger",
    "verify",
    folder.path,
    "--ledger-key",
    smallKey,
  ]);
  expect(code).toBe(6);
  expect(stdout).toContain("NOT VERIFIED");
  expect(stdout).toContain("leaf_mismatch");
});

test("another key ends with 6, no key with 2, no folder with 1", async () => {
  const verify = async (...args: string[]) =>
    (await weightvaultHere(["ledger", "verify", ...args])).code;
  expect(await verify(small, "--ledger-key", fixedSigner(99).verificationKey)).toBe(6);
  expect(await verify(small)).toBe(2);
  expect(await verify(join(small, "absent"), "--ledger-key", smallKey)).toBe(1);
});

test("an export verifies offline with nothing but its folder, key file included", async () => {
  await using folder = await temporaryFolder();
  const { code, stdout } = await exportTo(folder.path, await ledgerOf(600));
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ size: 600, fetched: 7, kept: 0 });
  const key = join(folder.path, "verification-key");
  const verified = await weightvaultHere(["ledger", "verify", folder.path, "--ledger-key", key]);
  expect(verified.code).toBe(0);
  const names = await readdir(folder.path, { recursive: true });
  expect(names.filter((name) => name.endsWith(".partial"))).toEqual([]);
});

test("an export goes on: full tiles that are there are not fetched again", async () => {
  await using folder = await temporaryFolder();
  await exportTo(folder.path, await ledgerOf(600));
  const { code, asked } = await exportTo(folder.path, await ledgerOf(700));
  expect(code).toBe(0);
  const tiles = asked
    .filter((line) => line.includes("/tile/"))
    .map((line) => line.split("/tile/")[1]);
  expect(new Set(tiles)).toEqual(new Set(["0/002.p/188", "1/000.p/2", "entries/002.p/188"]));
  const key = join(folder.path, "verification-key");
  expect((await weightvaultHere(["ledger", "verify", folder.path, "--ledger-key", key])).code).toBe(
    0,
  );
});

test.each([
  ["rolled back", 500, "a"],
  ["forked at the same size", 600, "b"],
  ["rewritten and grown", 700, "b"],
])(
  "a ledger that was %s ends an export with 6 and leaves the checkpoint of before",
  async (_, size, fork) => {
    await using folder = await temporaryFolder();
    await exportTo(folder.path, await ledgerOf(600));
    const before = await readFile(join(folder.path, "checkpoint"), "utf8");
    const { code } = await exportTo(folder.path, await ledgerOf(size, fork));
    expect(code).toBe(6);
    expect(await readFile(join(folder.path, "checkpoint"), "utf8")).toBe(before);
  },
);

test("an export that breaks off writes no checkpoint, and ends with 6 where a tile is gone", async () => {
  await using folder = await temporaryFolder();
  const files = await ledgerOf(600);
  files.delete("tile/0/001");
  const { code } = await exportTo(folder.path, files);
  expect(code).toBe(6);
  await expect(stat(join(folder.path, "checkpoint"))).rejects.toMatchObject({ code: "ENOENT" });
});

test("a checkpoint that the pinned key did not sign is not exported", async () => {
  await using folder = await temporaryFolder();
  const other = fixedSigner(99).verificationKey;
  const { code } = await exportTo(folder.path, await ledgerOf(3), {
    WEIGHTVAULT_LEDGER_KEY: other,
  });
  expect({ code, names: await readdir(folder.path) }).toEqual({ code: 6, names: [] });
});

test("a ledger at the server's address is verified with the caller's token, at another's without", async () => {
  await using server = await serveLedger(await ledgerOf(5));
  const args = [
    "ledger",
    "verify",
    `${server.url}/ledger/`,
    "--ledger-key",
    signer.verificationKey,
  ];
  expect((await weightvaultHere(args, { env: { WEIGHTVAULT_URL: server.url } })).code).toBe(0);
  expect(
    (await weightvaultHere(args, { env: { WEIGHTVAULT_URL: "http://127.0.0.1:1" } })).code,
  ).toBe(3);
  // A file that is named for this address is meant for it.
  await using folder = await temporaryFolder();
  const file = join(folder.path, "token");
  await writeFile(file, token, { mode: 0o600 });
  const named = await weightvaultHere([...args, "--token-file", file], {
    env: { WEIGHTVAULT_URL: "http://127.0.0.1:1", WEIGHTVAULT_TOKEN: "" },
  });
  expect(named.code).toBe(0);
});

test("entries are shown only when they are proved to stand in the signed ledger", async () => {
  const files = await ledgerOf(300);
  const show = async (...args: string[]) => {
    await using server = await serveLedger(files);
    return await weightvaultHere(["ledger", "show", "--json", ...args], {
      env: { WEIGHTVAULT_URL: server.url, WEIGHTVAULT_LEDGER_KEY: signer.verificationKey },
    });
  };
  const indexes = ({ stdout }: { stdout: string }) =>
    (JSON.parse(stdout) as { entries: { index: number }[] }).entries.map(({ index }) => index);
  expect(indexes(await show("257"))).toEqual([257]);
  expect(indexes(await show("--last", "3"))).toEqual([297, 298, 299]);
  expect((await show("300")).code).toBe(5);
  expect((await show("1", "--last", "2")).code).toBe(2);
  files.set(
    "tile/entries/000",
    (await ledgerOf(300, "b")).get("tile/entries/000") ?? Buffer.alloc(0),
  );
  expect((await show("7")).code).toBe(6);
  expect((await show("257")).code).toBe(0);
});

test("an older checkpoint that the ledger has grown from is held against it", async () => {
  await using folder = await temporaryFolder();
  await exportTo(folder.path, await ledgerOf(20));
  const older = join(folder.path, "older");
  for (const [fork, code] of [
    ["a", 0],
    ["b", 6],
  ] as const) {
    await writeFile(older, (await ledgerOf(10, fork)).get("checkpoint") ?? "");
    const args = ["--ledger-key", signer.verificationKey, "--older-checkpoint", older];
    expect((await weightvaultHere(["ledger", "verify", folder.path, ...args])).code).toBe(code);
  }
});

const posix = process.platform === "win32" ? test.skip : test;

/** What somebody could have put into a folder in the place of a file. */
const hostile: Readonly<Record<string, (file: string) => unknown>> = {
  "a pipe": (file) => execFileSync("mkfifo", [file]),
  "a link to a device": async (file) => await symlink("/dev/zero", file),
  "links in a circle": async (file) => await symlink(file, file),
  "a link to nothing": async (file) => await symlink(`${file}.absent`, file),
  "a folder": async (file) => await mkdir(file),
  "a huge file": async (file) => {
    await writeFile(file, "");
    await truncate(file, 2 ** 36);
  },
  "an empty file": async (file) => await writeFile(file, ""),
};

async function putHostile(what: string, file: string): Promise<void> {
  await rm(file, { recursive: true, force: true });
  await hostile[what]?.(file);
}

const absent = [
  "a pipe",
  "a link to a device",
  "links in a circle",
  "a link to nothing",
  "a folder",
];

posix.each(Object.keys(hostile))(
  "%s in the place of a ledger's file is one finding",
  async (what) => {
    const isAbsent = absent.includes(what);
    for (const [path, code] of [
      ["checkpoint", isAbsent ? "checkpoint_missing" : "checkpoint_malformed"],
      ["tile/0/000", isAbsent ? "tile_missing" : "tile_mismatch"],
      ["tile/1/000.p/1", isAbsent ? "tile_missing" : "tile_mismatch"],
      ["tile/entries/000", isAbsent ? "entries_missing" : "entries_malformed"],
    ] as const) {
      await using folder = await temporaryFolder();
      await cp(small, folder.path, { recursive: true });
      await putHostile(what, join(folder.path, path));
      const args = ["ledger", "verify", folder.path, "--ledger-key", smallKey, "--json"];
      const { code: exit, stdout } = await weightvaultHere(args);
      const { findings } = JSON.parse(stdout) as { findings: { severity: string; code: string }[] };
      const errors = findings.filter(({ severity }) => severity === "error");
      expect([path, exit, errors.map((finding) => finding.code)]).toEqual([path, 6, [code]]);
    }
  },
);

posix.each(Object.keys(hostile))(
  "%s as the older checkpoint or the key is refused at once",
  async (what) => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "given");
    await putHostile(what, file);
    const verify = async (...args: string[]) =>
      await weightvaultHere(["ledger", "verify", small, ...args]);
    const older = await verify("--ledger-key", smallKey, "--older-checkpoint", file);
    if (absent.includes(what)) {
      expect(older.code).toBe(1);
      expect(older.stderr).toContain("given is no file");
    } else {
      expect(older.code).toBe(6);
      expect(older.stdout.match(/^error .*/gm)).toEqual([
        expect.stringContaining("older_checkpoint_invalid"),
      ]);
    }
    const key = await verify("--ledger-key", file);
    expect(key.code).toBe(2);
    expect(key.stderr).toMatch(/verification key/);
  },
);

posix.each(Object.keys(hostile))(
  "an export does not wait for %s in its folder, nor leave it",
  async (what) => {
    const files = await ledgerOf(300);
    for (const path of [
      "checkpoint",
      "verification-key",
      "tile",
      "tile/0/000",
      "tile/entries/000",
    ]) {
      await using folder = await temporaryFolder();
      const output = join(folder.path, "ledger");
      await exportTo(output, files);
      await putHostile(what, join(output, path));
      const { code, stderr } = await exportTo(output, files);
      const refused = expect.stringMatching(/^[^\n]+\n$/);
      if (code === 0) {
        const key = ["--ledger-key", signer.verificationKey];
        const again = await weightvaultHere(["ledger", "verify", output, ...key]);
        // What lies in the place of a full bundle of entries is not read by an export, and judged by `ledger verify`.
        const isJudged = path === "tile/entries/000" && !absent.includes(what);
        expect([path, again.code]).toEqual([path, isJudged ? 6 : 0]);
      } else expect([path, [1, 6].includes(code ?? 0), stderr]).toEqual([path, true, refused]);
      const names = await readdir(folder.path, { recursive: true });
      expect(names.filter((name) => name.endsWith(".partial") || name.endsWith(".absent"))).toEqual(
        [],
      );
    }
  },
);

posix("an export does not follow a link out of its folder", async () => {
  await using folder = await temporaryFolder();
  const [output, elsewhere] = [join(folder.path, "ledger"), join(folder.path, "elsewhere")];
  await mkdir(output);
  await mkdir(elsewhere);
  await symlink(elsewhere, join(output, "tile"));
  const { code, stderr } = await exportTo(output, await ledgerOf(3));
  expect(code).toBe(1);
  expect(stderr).toContain("a symbolic link that could lead elsewhere");
  expect(await readdir(elsewhere)).toEqual([]);
});
