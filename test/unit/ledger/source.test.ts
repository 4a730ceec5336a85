import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { isRefusal } from "../../../src/errors.ts";
import { readTile } from "../../../src/ledger/source.ts";
import { folderSource } from "../../../src/ledger/source-folder.ts";
import { urlSource } from "../../../src/ledger/source-url.ts";
import { encodeBundle } from "../../../src/merkle/bundle.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import { maximumTileBytes } from "../../../src/merkle/tile.ts";
import { leafHash } from "../../../src/merkle/tree.ts";
import { type Files, filesOf, fixedSigner, memorySource } from "../../vectors/ledger/build.ts";

const signer = fixedSigner(7);
const key = parseVerificationKey(signer.verificationKey);
if (key === null) throw new Error("the fixed key does not parse");

const entriesUpTo = (count: number): readonly Buffer[] =>
  Array.from({ length: count }, (_, index) => Buffer.from(`entry ${index}`));

const leavesUpTo = (count: number): Buffer => Buffer.concat(entriesUpTo(count).map(leafHash));

const servers: Server[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

async function serve(listener: RequestListener): Promise<URL> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return new URL(`http://127.0.0.1:${address.port}/ledger`);
}

async function folderOf(files: ReadonlyMap<string, Buffer>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-source-"));
  folders.push(folder);
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return folder;
}

test("a folder gives its checkpoint and tiles, and null for what is not there", async () => {
  const files = await filesOf(entriesUpTo(300), signer);
  const source = folderSource(await folderOf(files));
  expect(await source.checkpoint()).toEqual(files.get("checkpoint"));
  expect(await source.tile("tile/0/001.p/44")).toEqual(leavesUpTo(300).subarray(256 * 32));
  expect(await source.tile("tile/0/001")).toBeNull();
  expect(await source.tile("tile/0/000.p/9")).toBeNull();
  expect(await folderSource("/nonexistent").checkpoint()).toBeNull();
});

test("a folder reads nothing but tiles", async () => {
  const source = folderSource(await folderOf(new Map([["secret", Buffer.from("x")]])));
  for (const path of [
    "secret",
    "../secret",
    "tile/../secret",
    "tile/0/../../secret",
    "checkpoint",
  ]) {
    await expect(source.tile(path)).rejects.toThrow(TypeError);
  }
});

test("a file that cannot be read is an outage, not an absence", async () => {
  const unreadable = folderSource(join(tmpdir(), "x".repeat(5_000)));
  const thrown = await unreadable.checkpoint().catch((error: unknown) => error);
  expect(isRefusal(thrown, "ledger_unavailable")).toBe(true);
});

const posix = process.platform === "win32" ? test.skip : test;

posix("a folder holds regular files or nothing: no pipe or device is waited for", async () => {
  const folder = await folderOf(new Map([["tile/0/000/x", Buffer.from("a folder")]]));
  const [pipe, circle] = [join(folder, "checkpoint"), join(folder, "tile/0/002")];
  execFileSync("mkfifo", [pipe]);
  await symlink("/dev/zero", join(folder, "tile/0/001"));
  await symlink(circle, circle);
  await symlink(pipe, join(folder, "tile/0/003"));
  const source = folderSource(folder);
  expect(await source.checkpoint()).toBeNull();
  for (const name of ["000", "001", "002", "003"])
    expect(await source.tile(`tile/0/${name}`)).toBeNull();
});

posix("a socket in a folder is not a file", async () => {
  const folder = await folderOf(new Map());
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(join(folder, "checkpoint"), resolve));
  expect(await folderSource(folder).checkpoint()).toBeNull();
});

test("of a file larger than any tile no more is read than shows that", async () => {
  const folder = await folderOf(new Map([["checkpoint", Buffer.alloc(0)]]));
  await truncate(join(folder, "checkpoint"), 2 ** 36);
  expect((await folderSource(folder).checkpoint())?.length).toBe(maximumTileBytes + 1);
});

test("a URL gives checkpoint and tiles from below its path, with the token of the moment", async () => {
  const files = await filesOf(entriesUpTo(3), signer);
  const seen: string[] = [];
  const url = await serve((request, response) => {
    seen.push(`${request.url} ${request.headers.authorization}`);
    const bytes = files.get((request.url ?? "").replace("/ledger/", ""));
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
  });
  let asked = 0;
  const source = urlSource({ url, token: () => `t${(asked += 1)}` });
  expect(await source.checkpoint()).toEqual(files.get("checkpoint"));
  expect(await source.tile("tile/0/000.p/3")).toEqual(leavesUpTo(3));
  expect(await source.tile("tile/0/001")).toBeNull();
  expect(seen).toEqual([
    "/ledger/checkpoint Bearer t1",
    "/ledger/tile/0/000.p/3 Bearer t2",
    "/ledger/tile/0/001 Bearer t3",
  ]);
  await expect(source.tile("../admin")).rejects.toThrow(TypeError);
});

test.each([
  [401, "not_authenticated", 1],
  [403, "role_missing", 1],
  [302, "ledger_unavailable", 3],
  [410, "ledger_unavailable", 3],
  [500, "ledger_unavailable", 3],
  [503, "ledger_unavailable", 3],
] as const)("status %d is %s, asked %d times", async (status, code, times) => {
  let requests = 0;
  const url = await serve((_, response) => {
    requests += 1;
    response.writeHead(status, { location: "http://127.0.0.1:1/" }).end("no");
  });
  const source = urlSource({ url, token: () => "t", retryAfterMs: [1, 1] });
  const thrown = await source.checkpoint().catch((error: unknown) => error);
  expect(isRefusal(thrown, code)).toBe(true);
  expect(requests).toBe(times);
});

test("a redirect is not followed, so the token stays with the host that it is for", async () => {
  let reached = 0;
  const elsewhere = await serve((_, response) => {
    reached += 1;
    response.end("another ledger");
  });
  const url = await serve((_, response) => {
    response.writeHead(302, { location: elsewhere.href }).end();
  });
  const source = urlSource({ url, token: () => "t", retryAfterMs: [] });
  const thrown = await source.checkpoint().catch((error: unknown) => error);
  expect(isRefusal(thrown, "ledger_unavailable")).toBe(true);
  expect(reached).toBe(0);
});

test("an outage that ends is waited out", async () => {
  let requests = 0;
  const url = await serve((_, response) => {
    requests += 1;
    response.writeHead(requests < 3 ? 503 : 200).end("ok");
  });
  const source = urlSource({ url, retryAfterMs: [1, 1] });
  expect(await source.checkpoint()).toEqual(Buffer.from("ok"));
});

test("a host that does not answer in time, breaks off or is not there is an outage", async () => {
  const silent = await serve(() => undefined);
  const breaking = await serve((_, response) => {
    response.writeHead(200, { "content-length": "10" }).write("half");
    setTimeout(() => response.destroy(), 10);
  });
  const closed = new URL("http://127.0.0.1:1/ledger/");
  for (const url of [silent, breaking, closed]) {
    const source = urlSource({ url, timeoutMs: 200, retryAfterMs: [] });
    const thrown = await source.checkpoint().catch((error: unknown) => error);
    expect(isRefusal(thrown, "ledger_unavailable")).toBe(true);
  }
});

test("a host that sends without end is cut off", async () => {
  const url = await serve((_, response) => {
    const more = (): void => {
      while (response.write(Buffer.alloc(1 << 20))) continue;
      response.once("drain", more);
    };
    more();
  });
  const bytes = await urlSource({ url, retryAfterMs: [] }).tile("tile/entries/000");
  expect(bytes).toHaveLength(256 * 65_537 + 1);
});

async function grown(size: number, without: readonly string[]): Promise<Files> {
  const files = await filesOf(entriesUpTo(size), signer);
  for (const path of without) files.delete(path);
  return files;
}

test("a partial tile that gave way to the full one is read from the full one", async () => {
  const source = memorySource(await grown(300, []));
  expect(await readTile(source, key, { level: 0, number: 0, width: 44 })).toEqual(leavesUpTo(44));
  expect(await readTile(source, key, { level: "entries", number: 0, width: 44 })).toEqual(
    encodeBundle(entriesUpTo(44)),
  );
});

test("a partial tile that gave way to a fuller one is read from that of the newest checkpoint", async () => {
  const source = memorySource(await grown(90, []));
  expect(await readTile(source, key, { level: 0, number: 0, width: 44 })).toEqual(leavesUpTo(44));
  expect(await readTile(source, key, { level: "entries", number: 0, width: 44 })).toEqual(
    encodeBundle(entriesUpTo(44)),
  );
});

test("a tile that is there at no width is null, and a full one has no other width", async () => {
  const source = memorySource(await grown(300, ["tile/0/000", "tile/0/001.p/44"]));
  expect(await readTile(source, key, { level: 0, number: 0, width: 44 })).toBeNull();
  expect(await readTile(source, key, { level: 0, number: 0, width: 256 })).toBeNull();
  expect(await readTile(source, key, { level: 0, number: 1, width: 44 })).toBeNull();
});
