import { hash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "@jest/globals";
import { lockFolder } from "../../src/cli/folder-lock.ts";
import { type RunOptions, temporaryFolder, weightvault, weightvaultHere } from "./command.ts";
import { sendRange, serveReleases, signer, type Tampering } from "./release-double.ts";

/** Two spans: sixteen segments, and two. */
const weights = randomBytes(18_000_000);
const served = { "model/weights.bin": weights };
const capacity = 1_048_544;
const digest = (bytes: Uint8Array) => hash("sha256", bytes);

/** What happens to an object's next requests; each test says. */
let tampering: { object?: NonNullable<Tampering["object"]> } = {};
const folder = await temporaryFolder();
const server = await serveReleases(served, {
  object: (bytes, response, request) => {
    ranges.push(request.headers.range ?? "whole");
    return (tampering.object ?? passed)(bytes, response, request);
  },
});
const ranges: string[] = [];
let output = "";
let outputs = 0;

beforeEach(async () => {
  tampering = {};
  ranges.length = 0;
  server.asked.length = 0;
  outputs += 1;
  output = join(folder.path, `output-${outputs}`);
  await mkdir(join(output, "model"), { recursive: true });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const passed: NonNullable<Tampering["object"]> = (bytes, response, request) => {
  sendRange(request, response, bytes);
  return null;
};
const env = () => ({ WEIGHTVAULT_URL: server.url, WEIGHTVAULT_LEDGER_KEY: signer.verificationKey });
const args = (...more: string[]) => ["download", "lab/model", "--output", output, ...more];
const run = async (...more: string[]) => await weightvaultHere(args(...more), { env: env() });
const partial = () => join(output, "model/weights.bin.partial");
const state = () => `${partial()}.json`;

async function names(): Promise<readonly string[]> {
  const found = await readdir(output, { recursive: true, withFileTypes: true });
  return found
    .filter((item) => item.isFile())
    .map(({ name }) => name)
    .sort();
}

/** Lets the first requests through, and refuses every later one. */
function servingFirst(count: number): NonNullable<Tampering["object"]> {
  let left = count;
  return (bytes, response, request) => {
    left -= 1;
    if (left >= 0) return passed(bytes, response, request);
    response.writeHead(503).end();
    return null;
  };
}

/** A first run that gets the first of two spans and no more. */
async function beginning(): Promise<number> {
  tampering = { object: servingFirst(1) };
  const { code, stderr } = await run("--retries", "0", "--parallel", "1");
  expect(code).toBe(7);
  expect(stderr).toContain("the same command goes on from there");
  expect(await names()).toEqual(["weights.bin.partial", "weights.bin.partial.json"]);
  const { verifiedBytes } = JSON.parse(await readFile(state(), "utf8")) as {
    verifiedBytes: number;
  };
  expect(verifiedBytes).toBe(16 * capacity);
  tampering = {};
  ranges.length = 0;
  server.asked.length = 0;
  return verifiedBytes;
}

async function expectWhole(): Promise<void> {
  expect(await names()).toEqual(["weights.bin"]);
  expect(digest(await readFile(join(output, "model/weights.bin")))).toBe(digest(weights));
}

test("ranges are read in parallel, each once, and no more of them than told", async () => {
  let [open, most] = [0, 0];
  tampering = {
    object: (bytes, response, request) => {
      open += 1;
      most = Math.max(most, open);
      response.once("close", () => {
        open -= 1;
      });
      setTimeout(() => passed(bytes, response, request), 100);
      return null;
    },
  };
  expect((await run("--parallel", "2")).code).toBe(0);
  expect(most).toBe(2);
  const [end, objectBytes] = [74 + 16 * 2 ** 20, 74 + weights.length + 18 * 32];
  expect([...ranges].sort()).toEqual([`bytes=0-${end - 1}`, `bytes=${end}-${objectBytes - 1}`]);
  await expectWhole();
  most = 0;
  await rm(join(output, "model/weights.bin"));
  expect((await run("--parallel", "1")).code).toBe(0);
  expect(most).toBe(1);
});

test("a rerun goes on from what was verified, under a release of its own", async () => {
  await beginning();
  expect((await run()).code).toBe(0);
  await expectWhole();
  const starts = ranges.map((range) => Number(/=(\d+)/.exec(range)?.[1]));
  // The header, and what was missing.
  expect(Math.min(...starts.filter((start) => start > 0))).toBe(74 + 16 * 2 ** 20);
  expect(ranges).toContain("bytes=0-73");
  expect(ranges).toHaveLength(2);
  expect(server.asked.filter((asked) => asked === "POST /v1/releases")).toHaveLength(1);
});

test("a partial file that was changed meanwhile is begun anew, and said to be", async () => {
  const verifiedBytes = await beginning();
  const bytes = await readFile(partial());
  bytes.writeUInt8(bytes.readUInt8(verifiedBytes - 5) ^ 1, verifiedBytes - 5);
  await writeFile(partial(), bytes);
  const { code, stderr } = await run();
  expect(code).toBe(0);
  expect(stderr).toContain("begun anew");
  await expectWhole();
});

test("a partial file that was changed together with its state never passes", async () => {
  const verifiedBytes = await beginning();
  const bytes = (await readFile(partial())).fill(7, 100, 200);
  await writeFile(partial(), bytes);
  const kept = JSON.parse(await readFile(state(), "utf8")) as object;
  const verifiedSha256 = digest(bytes.subarray(0, verifiedBytes));
  await writeFile(state(), JSON.stringify({ ...kept, verifiedSha256 }));
  const { code } = await run();
  expect(code).toBe(0);
  // All of it was fetched a second time, under the same release.
  expect(ranges.filter((range) => range.startsWith("bytes=0-") && range !== "bytes=0-73")).toEqual([
    `bytes=0-${73 + 16 * 2 ** 20}`,
  ]);
  expect(server.asked.filter((asked) => asked === "POST /v1/releases")).toHaveLength(1);
  await expectWhole();
});

test("a partial file of another revision is not gone on with", async () => {
  await beginning();
  const kept = JSON.parse(await readFile(state(), "utf8")) as object;
  await writeFile(state(), JSON.stringify({ ...kept, sha256: "0".repeat(64) }));
  expect((await run()).code).toBe(0);
  expect(ranges).toHaveLength(2);
  await expectWhole();
});

test.each([
  ["that others may read", async () => await rm(partial())],
  ["that is a link to elsewhere", async () => await symlink("../elsewhere", partial())],
])("a partial file %s is not written to", async (_, prepare) => {
  await beginning();
  const bytes = await readFile(partial());
  await rm(partial());
  const elsewhere = join(output, "elsewhere");
  await writeFile(elsewhere, bytes, { mode: 0o600 });
  if (_.startsWith("that others")) await writeFile(partial(), bytes, { mode: 0o644 });
  else await prepare();
  expect((await run()).code).toBe(0);
  expect((await readFile(elsewhere)).equals(bytes)).toBe(true);
  await rm(elsewhere);
  expect((await stat(join(output, "model/weights.bin"))).mode & 0o777).toBe(0o600);
  await expectWhole();
});

test("a file that lacks nothing but its name gets it", async () => {
  await beginning();
  const object = { ...(JSON.parse(await readFile(state(), "utf8")) as object) };
  await writeFile(partial(), weights);
  await writeFile(
    state(),
    JSON.stringify({ ...object, verifiedBytes: weights.length, verifiedSha256: digest(weights) }),
  );
  expect((await run()).code).toBe(0);
  expect(ranges).toEqual([]);
  await expectWhole();
});

test("an interruption keeps what was verified, ends by its signal, and a rerun goes on", async () => {
  let interrupt = () => {};
  const first = servingFirst(1);
  tampering = {
    object: (bytes, response, request) => {
      if (ranges.length === 1) return first(bytes, response, request);
      interrupt();
      return null;
    },
  };
  const options: RunOptions = {
    env: env(),
    onStart: (child) => {
      interrupt = () => child.kill("SIGINT");
    },
  };
  const { signal } = await weightvault(args("--parallel", "1"), options);
  expect(signal).toBe("SIGINT");
  expect(await names()).toEqual(["weights.bin.partial", "weights.bin.partial.json"]);
  expect((await stat(partial())).mode & 0o777).toBe(0o600);
  tampering = {};
  ranges.length = 0;
  expect((await run()).code).toBe(0);
  expect(ranges).toHaveLength(2);
  await expectWhole();
});

test("an interruption before anything was verified leaves nothing", async () => {
  let interrupt = () => {};
  tampering = {
    object: (bytes, response) => {
      response.writeHead(206, {
        "content-length": 200,
        "content-range": `bytes 0-199/${bytes.length}`,
      });
      response.write(bytes.subarray(0, 100), () => interrupt());
      return null;
    },
  };
  const { signal } = await weightvault(args(), {
    env: env(),
    onStart: (child) => {
      interrupt = () => {
        // A second signal would end the command at once, with what it has begun.
        interrupt = () => {};
        child.kill("SIGINT");
      };
    },
  });
  expect(signal).toBe("SIGINT");
  expect(await names()).toEqual([]);
});

test("two downloads into one folder at once: the second is told so and changes nothing", async () => {
  {
    await using _ = await lockFolder(output);
    const { code, stderr } = await run();
    expect({ code, asked: server.asked }).toEqual({ code: 1, asked: ["GET /v1/ledger/key"] });
    expect(stderr).toContain("another download into");
  }
  expect((await run()).code).toBe(0);
  await expectWhole();
});

test("a lock that a killed process left behind holds nobody off", async () => {
  await writeFile(join(output, ".weightvault-download.lock"), "");
  expect((await run()).code).toBe(0);
  await expectWhole();
});

test("a disk that is full on the way keeps what was verified, and says what to do", async () => {
  const limited = await weightvault(args("--parallel", "1"), {
    env: env(),
    limits: "ulimit -f 16797",
  });
  expect(limited.code).toBe(1);
  expect(limited.stderr).toContain("there is no room for more of");
  expect(await names()).toEqual(["weights.bin.partial", "weights.bin.partial.json"]);
  ranges.length = 0;
  expect((await run()).code).toBe(0);
  expect(ranges).not.toContain(`bytes=0-${73 + 16 * 2 ** 20}`);
  await expectWhole();
});
