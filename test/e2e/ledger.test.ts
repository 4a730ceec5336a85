import { cp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { encodeAll, type Files, filesOf, fixedSigner } from "../vectors/ledger/build.ts";
import { temporaryFolder, token, weightvault, weightvaultHere } from "./command.ts";
import { answer, type HttpDouble, serveHttp } from "./http-double.ts";

const small = fileURLToPath(new URL("../vectors/ledger/small", import.meta.url));
const smallKey = join(small, "vkey");
const signer = fixedSigner(7);

/** A ledger of so many entries; another `fork` has other entries from index 1 on. */
async function ledgerOf(entries: number, fork = "a"): Promise<Files> {
  const records = Array.from({ length: entries }, (_, at) => ({
    kind: at === 0 ? "vault.initialized" : "token.revoked",
    body: at === 0 ? { vault: "v" } : { token: `${fork}-${at}`, by: null },
  }));
  return await filesOf(encodeAll(records), signer);
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
    ["ledger", "verify", small, "--key", smallKey, "--json"],
    {
      env: { WEIGHTVAULT_TOKEN: undefined },
    },
  );
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ verified: true, size: 300, errors: 0 });
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
    "--key",
    smallKey,
  ]);
  expect(code).toBe(6);
  expect(stdout).toContain("NOT VERIFIED");
  expect(stdout).toContain("leaf_mismatch");
});

test("another key ends with 6, no key with 2, no folder with 1", async () => {
  const verify = async (...args: string[]) =>
    (await weightvaultHere(["ledger", "verify", ...args])).code;
  expect(await verify(small, "--key", fixedSigner(99).verificationKey)).toBe(6);
  expect(await verify(small)).toBe(2);
  expect(await verify(join(small, "absent"), "--key", smallKey)).toBe(1);
});

test("an export verifies offline with nothing but its folder, key file included", async () => {
  await using folder = await temporaryFolder();
  const { code, stdout } = await exportTo(folder.path, await ledgerOf(600));
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ size: 600, fetched: 7, kept: 0 });
  const key = join(folder.path, "verification-key");
  const verified = await weightvaultHere(["ledger", "verify", folder.path, "--key", key]);
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
  expect((await weightvaultHere(["ledger", "verify", folder.path, "--key", key])).code).toBe(0);
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
  const args = ["ledger", "verify", `${server.url}/ledger/`, "--key", signer.verificationKey];
  expect((await weightvaultHere(args, { env: { WEIGHTVAULT_URL: server.url } })).code).toBe(0);
  expect(
    (await weightvaultHere(args, { env: { WEIGHTVAULT_URL: "http://127.0.0.1:1" } })).code,
  ).toBe(3);
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
    const args = ["--key", signer.verificationKey, "--older-checkpoint", older];
    expect((await weightvaultHere(["ledger", "verify", folder.path, ...args])).code).toBe(code);
  }
});
