import { createHash, randomBytes } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { plaintextPartsOf } from "../../src/floe/layout.ts";
import { temporaryFolder, weightvault } from "./command.ts";
import { answer, problem, serveHttp } from "./http-double.ts";
import { serveReleases, signer } from "./release-double.ts";

const probe = fileURLToPath(new URL("peak-memory.ts", import.meta.url));
/** Both are worth threads, and take more than one part. */
const sizesBytes = [30_000_000, 300_000_000] as const;
/** Far less than the bigger file: buffers come and go with the garbage collector. */
const allowedBytes = 100_000_000;

async function peakBytes(folder: string, url: string, args: readonly string[]): Promise<number> {
  const file = join(folder, "peak");
  const { code, stderr } = await weightvault(args, {
    env: {
      WEIGHTVAULT_URL: url,
      WEIGHTVAULT_LEDGER_KEY: signer.verificationKey,
      NODE_OPTIONS: `--import ${probe}`,
      PEAK_MEMORY_FILE: file,
    },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return Number(await readFile(file, "utf8"));
}

test("a download needs no more memory for a big file than for a small one", async () => {
  const peaks: number[] = [];
  for (const size of sizesBytes) {
    await using folder = await temporaryFolder();
    await using server = await serveReleases({ "weights.bin": randomBytes(size) });
    const args = ["download", "lab/model", "--output", join(folder.path, "output")];
    peaks.push(await peakBytes(folder.path, server.url, args));
  }
  const [small = 0, big = 0] = peaks;
  expect(big - small).toBeLessThan(allowedBytes);
});

test("an upload needs no more memory for a big file than for a small one", async () => {
  const object = "c1f4a2ab-0000-4000-8000-00000000000b";
  let announced: Readonly<Record<string, unknown>> = {};
  await using server = await serveHttp(async (request, response) => {
    const { method, url = "" } = request;
    const isOfParts = url.includes("/objects");
    if (method === "GET" && !isOfParts)
      return answer(response, 200, url.endsWith("/uploads") ? { uploads: [] } : { head: null });
    if (url.endsWith("/objects")) announced = await jsonOf(request);
    const parted = { ...announced, object, state: "open", held: [], ...layoutOf(announced) };
    if (url.endsWith("/objects")) return answer(response, 201, parted);
    if (method === "GET") return answer(response, 200, parted);
    if (url.endsWith("/key")) return problem(response, 409, "direct_unavailable");
    if (url.endsWith("/complete")) return answer(response, 200, { ...announced, object });
    if (method === "POST")
      return answer(response, 201, { upload: object, revision: "ab".repeat(20) });
    const digest = createHash("sha256");
    let size = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      digest.update(chunk);
      size += chunk.length;
    }
    const taken = { size, sha256: digest.digest("hex") };
    const part = Number(/[/]parts[/](\d+)$/.exec(url)?.[1]);
    answer(response, 201, isOfParts ? { ...taken, part } : { ...taken, path: "a", object });
  });
  const peaks: number[] = [];
  for (const size of sizesBytes) {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "a");
    await using handle = await open(file, "w");
    await handle.truncate(size);
    peaks.push(await peakBytes(folder.path, server.url, ["upload", "lab/model", file]));
  }
  const [small = 0, big = 0] = peaks;
  expect(big - small).toBeLessThan(allowedBytes);
});

async function jsonOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await text(request)) as Readonly<Record<string, unknown>>;
}

function layoutOf({ size }: Readonly<Record<string, unknown>>) {
  return typeof size === "number" ? plaintextPartsOf(size) : {};
}
