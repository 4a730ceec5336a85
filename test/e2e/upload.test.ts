import { hash, randomBytes } from "node:crypto";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { temporaryFolder, weightvault, weightvaultHere } from "./command.ts";
import { answer, bodyOf, problem, serveHttp } from "./http-double.ts";

const upload = "c1f4a2ab-0000-4000-8000-00000000000a";
const object = "c1f4a2ab-0000-4000-8000-00000000000b";
const head = "ab".repeat(20);
const kept = { path: "kept.bin", size: 3, sha256: "cd".repeat(32) };

type Received = {
  readonly url: string;
  readonly asked: readonly string[];
  readonly headers: Readonly<Record<string, IncomingHttpHeaders>>;
  readonly commit: () => unknown;
};

/** A vault that takes uploads into one repository, whose head has `kept.bin` and `old.bin`. */
async function serveUploads({
  sha256,
  open = [],
  parent,
  onFile,
}: {
  readonly sha256?: string;
  /** The uploads that the caller has left open. */
  readonly open?: readonly unknown[];
  /** What the head holds, by path; `kept` and `old.bin` where it is left out. */
  readonly parent?: Readonly<Record<string, string>>;
  readonly onFile?: () => void | Promise<void>;
} = {}): Promise<Received & AsyncDisposable> {
  const headers: Record<string, IncomingHttpHeaders> = {};
  let committed: unknown = null;
  const server = await serveHttp(async (request, response) => {
    const [method, url = ""] = [request.method, request.url];
    if (method === "GET" && url.includes("/revisions/")) {
      const files =
        parent === undefined
          ? [kept, { ...kept, path: "old.bin" }]
          : Object.entries(parent).map(([path, text]) => ({
              path,
              size: text.length,
              sha256: hash("sha256", text),
            }));
      answer(response, 200, { revision: head, files: files.map((file) => ({ ...file, object })) });
    } else if (method === "GET" && url.endsWith("/uploads")) {
      answer(response, 200, { uploads: open });
    } else if (method === "GET") {
      answer(response, 200, { head });
    } else if (method === "PUT") {
      headers[url] = request.headers;
      await onFile?.();
      const bytes = await bodyOf(request);
      const path = decodeURIComponent(url.split("/files/")[1] ?? "");
      answer(response, 201, {
        path,
        size: bytes.length,
        sha256: sha256 ?? hash("sha256", bytes),
        object,
      });
    } else if (url.endsWith("/commit")) {
      committed = JSON.parse((await bodyOf(request)).toString("utf8"));
      answer(response, 201, { revision: "ef".repeat(20), manifest: {} });
    } else if (method === "DELETE") {
      response.writeHead(204).end();
    } else {
      answer(response, 201, { upload, expiresAt: "2026-01-01T00:00:00.000Z" });
    }
  });
  return {
    ...server,
    headers,
    commit: () => committed,
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
}

const uploads = "/v1/repositories/lab/model/uploads";

test("each file is sent with its length, and the commit states its size and digest beside the parent's other files", async () => {
  await using folder = await temporaryFolder();
  await using server = await serveUploads();
  const files = {
    "model/a b#?.bin": randomBytes(3_000_000),
    "model/empty": Buffer.alloc(0),
    "model/old.bin": Buffer.from("new"),
  };
  await mkdir(join(folder.path, "model"));
  for (const [path, bytes] of Object.entries(files))
    await writeFile(join(folder.path, path), bytes);
  const { code, stderr } = await weightvault(
    ["upload", "lab/model", folder.path, "--message", "m"],
    {
      env: { WEIGHTVAULT_URL: server.url },
    },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const sent = server.headers[`${uploads}/${upload}/files/model/a%20b%23%3F.bin`];
  expect(sent?.["content-length"]).toBe("3000000");
  expect(sent?.["transfer-encoding"]).toBeUndefined();
  expect(server.commit()).toEqual({
    parent: head,
    message: "m",
    files: [
      kept,
      { ...kept, path: "old.bin" },
      ...Object.entries(files).map(([path, bytes]) => ({
        path,
        size: bytes.length,
        sha256: hash("sha256", bytes),
      })),
    ],
  });
});

test("a file takes the place of the parent's file of the same path, and --replace-all keeps none", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "old.bin");
  await writeFile(file, "new");
  const own = { path: "old.bin", size: 3, sha256: hash("sha256", "new") };
  for (const [flags, files] of [
    [[], [kept, own]],
    [["--replace-all"], [own]],
  ] as const) {
    await using server = await serveUploads();
    const env = { WEIGHTVAULT_URL: server.url };
    expect(await weightvaultHere(["upload", "lab/model", file, ...flags], { env })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("\n1 file uploaded, "),
    });
    expect(server.commit()).toEqual({ parent: head, message: "", files });
  }
});

test("--parent none begins a repository, and asks for no head", async () => {
  await using folder = await temporaryFolder();
  await using server = await serveUploads();
  await writeFile(join(folder.path, "a"), "a");
  const args = ["upload", "lab/model", folder.path, "--parent", "none"];
  expect((await weightvaultHere(args, { env: { WEIGHTVAULT_URL: server.url } })).code).toBe(0);
  expect(server.commit()).toMatchObject({ parent: null });
  expect(server.asked.slice(0, 2)).toEqual([`GET ${uploads}`, `POST ${uploads}`]);
});

test("a server that sealed other bytes ends with 6, no commit, and the upload given up", async () => {
  await using folder = await temporaryFolder();
  await using server = await serveUploads({ sha256: "00".repeat(32) });
  await writeFile(join(folder.path, "a"), "a");
  const { code } = await weightvault(["upload", "lab/model", folder.path], {
    env: { WEIGHTVAULT_URL: server.url },
  });
  expect({ code, commit: server.commit() }).toEqual({ code: 6, commit: null });
  expect(server.asked.at(-1)).toBe(`DELETE ${uploads}/${upload}`);
});

test("symbolic links in a folder are skipped with a notice, and refused where they were named", async () => {
  await using folder = await temporaryFolder();
  await using server = await serveUploads();
  const inside = join(folder.path, "inside");
  await mkdir(inside);
  await writeFile(join(folder.path, "secret"), "s");
  await writeFile(join(inside, "a"), "a");
  await symlink(join(folder.path, "secret"), join(inside, "link"));
  await symlink(folder.path, join(inside, "folder"));
  const env = { WEIGHTVAULT_URL: server.url };
  const skipped = await weightvaultHere(["upload", "lab/model", inside, "--replace-all"], { env });
  expect(skipped.code).toBe(0);
  expect(skipped.stderr.match(/skipped .*: a symbolic link/g)).toHaveLength(2);
  expect(server.commit()).toMatchObject({ files: [{ path: "a" }] });
  const refused = await weightvaultHere(["upload", "lab/model", join(inside, "link")], { env });
  expect({ code: refused.code, named: refused.stderr.includes("symbolic link") }).toEqual({
    code: 1,
    named: true,
  });
});

test("two files for one path, and no file at all, are usage errors before anything is asked", async () => {
  await using folder = await temporaryFolder();
  await using server = await serveUploads();
  for (const name of ["one", "two", "none"]) await mkdir(join(folder.path, name));
  for (const name of ["one", "two"]) await writeFile(join(folder.path, name, "a"), name);
  const env = { WEIGHTVAULT_URL: server.url };
  const at = (name: string) => join(folder.path, name);
  expect((await weightvaultHere(["upload", "lab/model", at("one"), at("two")], { env })).code).toBe(
    2,
  );
  expect((await weightvaultHere(["upload", "lab/model", at("none")], { env })).code).toBe(2);
  expect((await weightvaultHere(["upload", "lab/model", at("absent")], { env })).code).toBe(1);
  expect(server.asked).toEqual([]);
});

test("a refusal before the end of a file stops the sending", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "a");
  await writeFile(file, randomBytes(16_000_000));
  await using server = await serveHttp((request, response) => {
    if (request.url === uploads && request.method === "GET") answer(response, 200, { uploads: [] });
    else if (request.method === "GET") answer(response, 200, { head: null });
    else if (request.method === "PUT") problem(response, 409, "upload_closed");
    else if (request.method === "DELETE") response.writeHead(204).end();
    else answer(response, 201, { upload });
  });
  const { code, stderr } = await weightvaultHere(["upload", "lab/model", file], {
    env: { WEIGHTVAULT_URL: server.url },
  });
  expect(code).toBe(1);
  expect(stderr).toContain("upload_closed");
});

test("an interruption keeps what came for the same command, commits nothing and ends by its signal", async () => {
  await using folder = await temporaryFolder();
  let interrupt = () => {};
  await using server = await serveUploads({
    onFile: async () => {
      interrupt();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    },
  });
  await writeFile(join(folder.path, "a"), randomBytes(5_000_000));
  const { signal, stderr } = await weightvault(["upload", "lab/model", folder.path], {
    env: { WEIGHTVAULT_URL: server.url },
    onStart: (child) => {
      interrupt = () => child.kill("SIGTERM");
    },
  });
  expect({ signal, commit: server.commit() }).toEqual({ signal: "SIGTERM", commit: null });
  expect(stderr).toContain("the same command goes on");
  expect(server.asked.filter((each) => each.startsWith("DELETE"))).toEqual([]);
});

const own = { path: "a", size: 3, sha256: hash("sha256", "new") };

test.each([
  ["is gone on with, and what it holds is not sent again", [own], [], upload],
  ["that holds another job's files is left alone", [own, { ...own, path: "b" }], [], null],
  ["that holds the same path with other bytes is left alone", [{ ...own, size: 4 }], [], null],
  ["is left alone by --fresh", [own], ["--fresh"], null],
] as const)("an earlier upload %s", async (_, held, flags, goneOnWith) => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "a"), "new");
  const earlier = {
    upload: goneOnWith ?? "c1f4a2ab-0000-4000-8000-0000000000ff",
    files: held.map((file) => ({ ...file, object })),
    objects: [],
  };
  await using server = await serveUploads({ open: [earlier] });
  const { code } = await weightvaultHere(["upload", "lab/model", folder.path, ...flags], {
    env: { WEIGHTVAULT_URL: server.url },
  });
  expect(code).toBe(0);
  expect(server.asked.includes(`POST ${uploads}`)).toBe(goneOnWith === null);
  expect(Object.keys(server.headers)).toHaveLength(goneOnWith === null ? 1 : 0);
  expect(server.asked.at(-1)).toBe(`POST ${uploads}/${upload}/commit`);
});

test("files that the head has already are not sent, and where nothing differs there is no new revision", async () => {
  await using folder = await temporaryFolder();
  await using server = await serveUploads({ parent: { "kept.bin": "kept", "old.bin": "old" } });
  const env = { WEIGHTVAULT_URL: server.url };
  await writeFile(join(folder.path, "kept.bin"), "kept");
  const same = await weightvaultHere(["upload", "lab/model", folder.path, "--json"], { env });
  expect(JSON.parse(same.stdout)).toMatchObject({
    revision: head,
    files: [],
    unchanged: 1,
    kept: 1,
  });
  expect(server.asked.filter((each) => /^(POST|PUT)/.test(each))).toEqual([]);
  await writeFile(join(folder.path, "old.bin"), "new");
  const other = await weightvaultHere(["upload", "lab/model", folder.path, "--json"], { env });
  expect(JSON.parse(other.stdout)).toMatchObject({ unchanged: 1, files: [{ path: "old.bin" }] });
  expect(Object.keys(server.headers)).toEqual([`${uploads}/${upload}/files/old.bin`]);
  expect(server.commit()).toMatchObject({ files: [{ path: "kept.bin" }, { path: "old.bin" }] });
});
