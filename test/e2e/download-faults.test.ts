import { hash, randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "@jest/globals";
import { temporaryFolder, token, weightvaultHere } from "./command.ts";
import { type Handler, problem, serveHttp } from "./http-double.ts";
import { sendRange, serveReleases, signer, type Tampering } from "./release-double.ts";

/** Big enough to be read from the store itself. */
const weights = randomBytes(9_000_000);
const secret = "X-Amz-Signature=do-not-tell";
const folder = await temporaryFolder();

let tampering: Tampering = {};
let onStore: Handler = () => {};
let located = 0;
/** The object as it is sealed, seen on its way out of the double. */
let sealed: Buffer = Buffer.alloc(0);
let output = "";
let outputs = 0;

const store = await serveHttp((request, response) => onStore(request, response));
const vault = await serveReleases(
  { "weights.bin": weights },
  {
    object: (bytes, response, request) => {
      sealed = bytes;
      return tampering.object === undefined ? bytes : tampering.object(bytes, response, request);
    },
    refuses: (response, asked) => tampering.refuses?.(response, asked) === true,
    listing: (listing) => tampering.listing?.(listing) ?? listing,
    location: (object) => {
      located += 1;
      return tampering.location?.(object) ?? address();
    },
  },
);

const address = (origin = store.url) => ({
  url: `${origin}/bucket/sealed?${secret}&n=${located}`,
  isDirect: true,
});

async function run(...more: string[]) {
  const args = ["download", "lab/model", "--output", output, ...more];
  const ended = await weightvaultHere(args, {
    env: { WEIGHTVAULT_URL: vault.url, WEIGHTVAULT_LEDGER_KEY: signer.verificationKey },
  });
  // Whatever happens, nobody is told the address.
  expect(ended.stdout + ended.stderr).not.toContain("do-not-tell");
  return ended;
}

const honest: Handler = (request, response) => sendRange(request, response, sealed);

/** Does something else with the first requests. */
function first(count: number, otherwise: Handler): Handler {
  let left = count;
  return (request, response) => (left-- > 0 ? otherwise : honest)(request, response);
}

async function expectWhole(): Promise<void> {
  expect(await readdir(output)).toEqual(["weights.bin"]);
  const found = hash("sha256", await readFile(join(output, "weights.bin")));
  expect(found).toBe(hash("sha256", weights));
}

async function expectNothing(): Promise<void> {
  expect(await readdir(output)).toEqual([]);
}

beforeEach(async () => {
  outputs += 1;
  output = join(folder.path, `output-${outputs}`);
  tampering = {};
  onStore = honest;
  if (sealed.length === 0) {
    await run("--through-vault");
    output = `${output}-again`;
  }
  located = 0;
  vault.asked.length = 0;
  store.asked.length = 0;
});
afterAll(async () => {
  await vault[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const throughVault = () => vault.asked.filter((asked) => /objects\/[^/]+$/.test(asked));
const releases = () => vault.asked.filter((asked) => asked === "POST /v1/releases");

test("sealed bytes come from the store itself, which never sees the token", async () => {
  const headers: unknown[] = [];
  onStore = (request, response) => {
    headers.push(request.headers.authorization);
    honest(request, response);
  };
  expect(await run()).toMatchObject({ code: 0, stderr: "" });
  expect(headers).toEqual([undefined]);
  expect([located, throughVault()]).toEqual([1, []]);
  await expectWhole();
});

test("with --through-vault no address is asked for", async () => {
  expect((await run("--through-vault")).code).toBe(0);
  expect([located, store.asked]).toEqual([0, []]);
  await expectWhole();
});

test("an address that expired is renewed", async () => {
  onStore = first(1, (_, response) => {
    response.writeHead(403, { "content-type": "application/xml" });
    response.end(`<Error><Code>AccessDenied</Code><Message>${secret}</Message></Error>`);
  });
  expect(await run()).toMatchObject({ code: 0, stderr: "" });
  expect([located, releases().length, throughVault()]).toEqual([2, 1, []]);
  await expectWhole();
});

test("a store that refuses fresh addresses is passed by through the vault", async () => {
  onStore = (_, response) => response.writeHead(403).end();
  const { code, stderr } = await run();
  expect(code).toBe(0);
  expect(stderr).toContain("refuses with HTTP status 403: going on through the vault");
  expect(throughVault()).toHaveLength(1);
  await expectWhole();
});

test("a store that cannot be reached is passed by through the vault", async () => {
  const closed = await serveHttp(() => {});
  await closed[Symbol.asyncDispose]();
  tampering = { location: () => address(closed.url) };
  const { code, stderr } = await run();
  expect(code).toBe(0);
  expect(stderr).toContain("does not answer: going on through the vault");
  await expectWhole();
});

test.each<[string, Handler]>([
  ["answers 503", (_, response) => response.writeHead(503).end()],
  [
    "cuts the connection in the middle of a range",
    (_, response) => {
      response.writeHead(200, { "content-length": sealed.length });
      response.write(sealed.subarray(0, 3_000_000), () => setTimeout(() => response.destroy(), 20));
    },
  ],
  [
    "falls silent in the middle of a range",
    (_, response) => {
      response.writeHead(200, { "content-length": sealed.length });
      response.write(sealed.subarray(0, 2_000_000));
    },
  ],
  [
    "answers another range",
    (_, response) => {
      const range = { "content-range": `bytes 5-9/${sealed.length}` };
      response.writeHead(206, range).end("other");
    },
  ],
  [
    "sends one bit otherwise, once",
    (request, response) => {
      const bytes = Buffer.from(sealed);
      bytes.writeUInt8(bytes.readUInt8(4_000_000) ^ 1, 4_000_000);
      sendRange(request, response, bytes);
    },
  ],
])("a store that %s is asked again, for what is missing", async (_, otherwise) => {
  onStore = first(1, otherwise);
  expect(await run("--timeout", "1")).toMatchObject({ code: 0, stderr: "" });
  expect([releases().length, throughVault()]).toEqual([1, []]);
  await expectWhole();
});

test.each<[string, () => Buffer | null, RegExp]>([
  [
    "was damaged",
    () => {
      const bytes = Buffer.from(sealed);
      bytes.writeUInt8(bytes.readUInt8(4_000_000) ^ 1, 4_000_000);
      return bytes;
    },
    /was damaged or replaced\. Segment 3 fails its tag\. It was read twice.*report it/s,
  ],
  [
    "was swapped for another",
    () => randomBytes(sealed.length),
    /was damaged or replaced\. The object does not begin with a header.*report it/s,
  ],
  [
    "was cut short",
    () => sealed.subarray(0, 5_000_000),
    /has another size than the release states/,
  ],
  ["is gone", () => null, /is not in the object store\. Report it/],
])("an object that %s in the bucket leaves no file, and is told with what to do", async (...at) => {
  const [, bytesOf, sentence] = at;
  const bytes = bytesOf();
  onStore = (request, response) => {
    if (bytes === null) response.writeHead(404).end();
    else sendRange(request, response, bytes);
  };
  const { code, stderr } = await run();
  expect(code).toBe(6);
  expect(stderr).toMatch(sentence);
  await expectNothing();
});

test("a release that ends on the way is followed by another, and the download goes on", async () => {
  let left = 1;
  tampering = {
    object: (bytes, response) => {
      if (left-- <= 0) return bytes;
      problem(response, 403, "release_stopped");
      return null;
    },
  };
  const { code, stdout } = await run("--through-vault", "--json");
  expect(code).toBe(0);
  expect((JSON.parse(stdout) as { releases: unknown[] }).releases).toHaveLength(2);
  await expectWhole();
});

test("where the next decision denies, it is told at once", async () => {
  let asked = 0;
  tampering = {
    object: (_, response) => {
      problem(response, 403, "release_stopped");
      return null;
    },
    refuses: (response) => {
      asked += 1;
      if (asked === 1) return false;
      problem(response, 403, "release_denied", { decision: { verdict: "deny", checks: [] } });
      return true;
    },
  };
  const { code, stderr } = await run("--through-vault");
  expect([code, asked]).toEqual([4, 2]);
  expect(stderr).toContain("release_denied");
  await expectNothing();
});

test("a refusal is told at once, and nothing is fetched", async () => {
  tampering = {
    refuses: (response) => {
      problem(response, 403, "release_denied", { decision: { verdict: "deny", checks: [] } });
      return true;
    },
  };
  const { code, stderr } = await run();
  expect([code, releases().length, located]).toEqual([4, 1, 0]);
  expect(stderr).toContain("The remedy of release_denied.");
  await expect(readdir(output)).rejects.toMatchObject({ code: "ENOENT" });
});

test("a list that is not the revision's own is refused before anything is asked for", async () => {
  tampering = {
    listing: (listing) => ({
      ...listing,
      files: (listing["files"] as object[]).map((file) => ({ ...file, path: "other.bin" })),
    }),
  };
  const { code, stderr } = await run();
  expect([code, releases()]).toEqual([6, []]);
  expect(stderr).toContain("is not the one of that revision");
});

test("an address that is none, or in clear where the vault is not, is refused and not repeated", async () => {
  tampering = { location: () => ({ url: `ftp://bucket/sealed?${secret}`, isDirect: true }) };
  const { code, stderr } = await run();
  expect(code).toBe(1);
  expect(stderr).toContain("cannot be used");
  await expectNothing();
});

test("the token goes to the vault alone", async () => {
  const seen: string[] = [];
  onStore = (request, response) => {
    seen.push(JSON.stringify([request.url, request.headers]));
    honest(request, response);
  };
  expect((await run()).code).toBe(0);
  expect(seen.join()).not.toContain(token);
});
