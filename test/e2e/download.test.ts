import { hash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { fixedSigner } from "../vectors/ledger/build.ts";
import {
  type Ended,
  type RunOptions,
  temporaryFolder,
  weightvault,
  weightvaultHere,
} from "./command.ts";
import { serveReleases, signer, type Tampering } from "./release-double.ts";

const weights = randomBytes(2_500_000);
const files = { "model/weights.bin": weights, "config.json": Buffer.from("{}") };

type Downloaded = Ended & {
  /** SHA-256 of every file in the test's folder, by its path. */
  readonly found: Readonly<Record<string, string>>;
  readonly asked: readonly string[];
};

/** Downloads from a double into a folder of its own, with the ledger's key pinned. */
async function download(
  tampering: Tampering = {},
  {
    args = [],
    prepare,
    served = files,
    command = weightvaultHere,
    ...options
  }: RunOptions & {
    readonly command?: typeof weightvault;
    readonly args?: readonly string[];
    readonly prepare?: (output: string) => Promise<void>;
    readonly served?: Readonly<Record<string, Uint8Array>>;
  } = {},
): Promise<Downloaded> {
  await using folder = await temporaryFolder();
  await using server = await serveReleases(served, tampering);
  const output = join(folder.path, "output");
  await mkdir(output);
  await prepare?.(output);
  const ended = await command(["download", "lab/model", "--output", output, ...args], {
    ...options,
    env: {
      WEIGHTVAULT_URL: server.url,
      WEIGHTVAULT_LEDGER_KEY: signer.verificationKey,
      ...options.env,
    },
  });
  return { ...ended, found: await filesIn(folder.path), asked: server.asked };
}

const digest = (bytes: Uint8Array | string) => hash("sha256", bytes);

async function filesIn(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const item of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(item.parentPath, item.name);
    if (item.isFile()) found[path.slice(folder.length + 1)] = digest(await readFile(path));
  }
  return found;
}

test("files come whole, under their paths, with a result as JSON", async () => {
  const { code, stdout, stderr, found } = await download(
    {},
    { args: ["--json"], command: weightvault },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(found).toEqual({
    "output/model/weights.bin": digest(weights),
    "output/config.json": digest("{}"),
  });
  const { releases, files: listed } = JSON.parse(stdout) as {
    releases: unknown[];
    files: unknown[];
  };
  expect([releases.length, listed.length]).toEqual([1, 2]);
});

test("only its owner may read a downloaded file", async () => {
  await using folder = await temporaryFolder();
  await using server = await serveReleases({ "a.bin": weights });
  await weightvaultHere(["download", "lab/model", "--output", folder.path], {
    env: { WEIGHTVAULT_URL: server.url, WEIGHTVAULT_LEDGER_KEY: signer.verificationKey },
  });
  const { mode } = await stat(join(folder.path, "a.bin"));
  expect(mode & 0o777).toBe(0o600);
});

test("an empty file and one that fills its segments exactly come whole", async () => {
  const served = { empty: Buffer.alloc(0), exact: randomBytes(2 * 1_048_544) };
  const { code, found } = await download({}, { served });
  expect(code).toBe(0);
  expect(found).toEqual({
    "output/empty": digest(served.empty),
    "output/exact": digest(served.exact),
  });
});

test("without a pinned key, the server's own is used and said to be trusted on first use", async () => {
  const { code, stderr } = await download({}, { env: { WEIGHTVAULT_LEDGER_KEY: "" } });
  expect(code).toBe(0);
  expect(stderr).toContain("trusted on first use");
  expect(stderr).toContain(signer.verificationKey);
});

const flipped = (at: number) => (bytes: Buffer) => {
  const changed = Buffer.from(bytes);
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
  return changed;
};

const withObjects = (change: (object: Record<string, unknown>) => Record<string, unknown>) =>
  ((answer) => ({
    ...answer,
    objects: (answer["objects"] as Record<string, unknown>[]).map(change),
  })) satisfies Tampering["answer"];

const integrityCases: readonly (readonly [name: string, tampering: Tampering])[] = [
  ["ciphertext with one flipped bit", { object: flipped(1_500_000) }],
  ["a header with one flipped bit", { object: flipped(20) }],
  [
    "a file with another digest than recorded",
    { file: (file) => ({ ...file, sha256: "0".repeat(64) }) },
  ],
  [
    "a file with another size than recorded",
    { file: (file) => ({ ...file, size: file.size + 1 }) },
  ],
  ["an object that is shorter than recorded", { object: (bytes) => bytes.subarray(0, 1_048_650) }],
  ["a receipt that another key signed", { signer: fixedSigner(9) }],
  ["an entry of another release", { entry: (body) => ({ ...body, release: "other" }) }],
  ["an entry of another kind", { kind: "release.held" }],
  ["an entry for another recipient", { entry: (body) => ({ ...body, recipientKeySha256: "00" }) }],
  ["an entry of another revision", { entry: (body) => ({ ...body, revision: "cd".repeat(20) }) }],
  [
    "an entry that denies",
    { entry: (body) => ({ ...body, decision: { verdict: "deny", checks: [] } }) },
  ],
  ["keys bound to another entry", { leaf: Buffer.alloc(32) }],
  [
    "an object that the entry does not list",
    { answer: withObjects((object) => ({ ...object, path: `other/${String(object["path"])}` })) },
  ],
];

test.each(integrityCases)("%s ends with 6 and leaves no file", async (_, tampering) => {
  const { code, found, stderr } = await download(tampering, {
    served: { "weights.bin": weights },
  });
  expect({ code, found }).toEqual({ code: 6, found: {} });
  expect(stderr).not.toBe("");
});

test("the real command ends with 6 on corrupted ciphertext, and leaves no file", async () => {
  const { code, found } = await download({ object: flipped(2_000_000) }, { command: weightvault });
  expect({ code, found: Object.keys(found) }).toEqual({ code: 6, found: [] });
});

test("other files than were asked for, or another revision, end with 6 and leave no file", async () => {
  const more = await download({ ignoresPaths: true }, { args: ["config.json"] });
  expect({ code: more.code, found: more.found }).toEqual({ code: 6, found: {} });
  const other = await download({}, { args: ["--revision", "cd".repeat(20)] });
  expect({ code: other.code, found: other.found }).toEqual({ code: 6, found: {} });
  const asked = await download({}, { args: ["config.json"] });
  expect({ code: asked.code, found: asked.found }).toEqual({
    code: 0,
    found: { "output/config.json": digest("{}") },
  });
});

/** The pinned key's rotations, and the list of files: what is asked for before any release. */
const before = ["GET /v1/ledger/key", "GET /v1/repositories/lab/model/revisions/main"];

test("nothing is fetched before the receipt is verified", async () => {
  const { asked } = await download({ signer: fixedSigner(9) });
  // Whether the key was replaced meanwhile is asked, and nothing else.
  expect(asked).toEqual([...before, "POST /v1/releases", "GET /v1/ledger/key"]);
});

test.each(["../outside", "/etc/outside", "a/../../outside", "a\\..\\outside", "a//b", "tab\tbed"])(
  "a file that the server names %j is refused with 6 and written nowhere",
  async (path) => {
    const served = { [path]: weights };
    const { code, found, asked } = await download({}, { served });
    expect({ code, found, asked }).toEqual({ code: 6, found: {}, asked: before });
    // Who may not see the list learns of the name with the release.
    const released = await download({ hidesListing: true }, { served });
    expect({ code: released.code, found: released.found }).toEqual({ code: 6, found: {} });
    expect(released.asked).toEqual([...before, "POST /v1/releases"]);
  },
);

test("a symbolic link in the output folder does not lead a file outside", async () => {
  const { code, found } = await download(
    {},
    {
      served: { "model/weights.bin": weights },
      prepare: async (output) => {
        await mkdir(join(output, "../elsewhere"));
        await symlink(join(output, "../elsewhere"), join(output, "model"));
      },
    },
  );
  expect({ code, found }).toEqual({ code: 1, found: {} });
});

test("a connection that always breaks off ends with 7 and leaves no file", async () => {
  const { code, found } = await download(
    {
      object: (bytes, response) => {
        response.writeHead(200, { "content-length": bytes.length });
        response.write(bytes.subarray(0, 500), () => response.destroy());
        return null;
      },
    },
    { served: { "weights.bin": weights }, command: weightvault, args: ["--retries", "2"] },
  );
  expect({ code, found }).toEqual({ code: 7, found: {} });
});

test("a download goes on where the connection broke off", async () => {
  let times = 0;
  const { code, found } = await download(
    {
      object: (bytes, response, request) => {
        times += 1;
        if (times > 1) return request.headers.range === undefined ? null : bytes;
        response.writeHead(200, { "content-length": bytes.length });
        response.write(bytes.subarray(0, 1_200_000), () =>
          setTimeout(() => response.destroy(), 50),
        );
        return null;
      },
    },
    { served: { "weights.bin": weights } },
  );
  expect({ code, times }).toEqual({ code: 0, times: 2 });
  expect(found).toEqual({ "output/weights.bin": digest(weights) });
});

test("no release is asked for where the output cannot take it", async () => {
  const served = { "weights.bin": weights };
  const asFile = await download(
    {},
    {
      served,
      prepare: async (output) => {
        await rm(output, { recursive: true, force: true });
        await writeFile(output, "mine");
      },
    },
  );
  expect({ code: asFile.code, asked: asFile.asked }).toEqual({
    code: 1,
    asked: before.slice(0, 1),
  });
  const inTheWay = await download(
    {},
    {
      served,
      args: ["weights.bin"],
      prepare: async (output) => {
        await mkdir(join(output, "weights.bin"), { recursive: true });
      },
    },
  );
  expect({ code: inTheWay.code, asked: inTheWay.asked }).toEqual({ code: 1, asked: before });
  expect(inTheWay.stderr).toContain("is not a regular file");
  const hidden = await download(
    { hidesListing: true },
    {
      served,
      args: ["weights.bin"],
      prepare: async (output) => {
        await mkdir(join(output, "weights.bin"), { recursive: true });
      },
    },
  );
  expect({ code: hidden.code, asked: hidden.asked }).toEqual({ code: 1, asked: before });
  expect(hidden.stderr).toContain("is no file");
});

test("a release that expires before all files came is followed by another", async () => {
  const { code, stdout, found } = await download({ expiresInMs: 1_000 }, { args: ["--json"] });
  expect(code).toBe(0);
  expect(Object.keys(found)).toHaveLength(2);
  expect((JSON.parse(stdout) as { releases: unknown[] }).releases).toHaveLength(2);
});

test("a file that is there with other content stays, unless --overwrite", async () => {
  const served = { "weights.bin": weights };
  const prepare = async (output: string) => await writeFile(join(output, "weights.bin"), "mine");
  const kept = await download({}, { served, prepare });
  expect(kept.code).toBe(1);
  expect(kept.stderr).toContain("--overwrite");
  expect(kept.found).toEqual({ "output/weights.bin": digest("mine") });
  const replaced = await download({}, { served, prepare, args: ["--overwrite"] });
  expect(replaced.code).toBe(0);
  expect(replaced.found).toEqual({ "output/weights.bin": digest(weights) });
});

test("a file that is there already with the same bytes is not asked for", async () => {
  const { code, asked } = await download(
    {},
    {
      served: { "weights.bin": weights },
      prepare: async (output) => await writeFile(join(output, "weights.bin"), weights),
    },
  );
  expect({ code, asked }).toEqual({ code: 0, asked: before });
});
