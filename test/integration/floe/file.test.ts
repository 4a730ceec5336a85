import { createHash, randomBytes } from "node:crypto";
import {
  appendFile,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Secret } from "../../../src/crypto/secret.ts";
import { objectAad } from "../../../src/floe/aad.ts";
import { openFile, sealFile } from "../../../src/floe/file.ts";
import { objectBytes } from "../../../src/floe/layout.ts";
import { open } from "../../../src/floe/open.ts";
import { SegmentPool } from "../../../src/floe/pool.ts";

const pool = new SegmentPool({ threads: 2 });
const key = new Secret(randomBytes(32));
const sealing = { pool, key, aad: objectAad(randomBytes(16)) };
let folder = "";
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weightvault-file-"));
});
afterAll(async () => {
  await pool[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function named(): Promise<readonly string[]> {
  return (await readdir(folder)).toSorted();
}

test.each([0, 1, 1_048_544, 5_000_000])(
  "a file of %d bytes is sealed into another and opened into a third, with its SHA-256",
  async (sizeBytes) => {
    const plaintext = randomBytes(sizeBytes);
    await writeFile(at("plain"), plaintext);
    const sha256 = createHash("sha256").update(plaintext).digest();
    const digest = { sizeBytes, sha256 };
    expect(await sealFile({ ...sealing, from: at("plain"), to: at("sealed") })).toEqual(digest);
    expect((await stat(at("sealed"))).size).toBe(objectBytes(sizeBytes));
    const opening = { ...sealing, from: at("sealed"), to: at("opened") };
    expect(await openFile({ ...opening, objectBytes: objectBytes(sizeBytes) })).toEqual(digest);
    expect((await readFile(at("opened"))).equals(plaintext)).toBe(true);
    expect((await stat(at("opened"))).mode & 0o777).toBe(0o600);
    const pieces: Buffer[] = [];
    async function* source() {
      yield await readFile(at("sealed"));
    }
    for await (const piece of open(source(), sealing)) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(plaintext)).toBe(true);
    expect(await named()).toEqual(["opened", "plain", "sealed"]);
  },
);

test("what does not open leaves no file, and one that was there as it was", async () => {
  await writeFile(at("plain"), randomBytes(4_000_000));
  await sealFile({ ...sealing, from: at("plain"), to: at("sealed") });
  const whole = await readFile(at("sealed"));
  await writeFile(at("opened"), "as it was");
  const opening = { ...sealing, from: at("sealed"), to: at("opened"), objectBytes: whole.length };
  const corrupt = expect.objectContaining({ code: "object_corrupt" });
  const changed = Buffer.from(whole);
  changed.writeUInt8(changed.readUInt8(3_000_000) ^ 1, 3_000_000);
  await writeFile(at("sealed"), changed);
  await expect(openFile(opening)).rejects.toEqual(corrupt);
  await writeFile(at("sealed"), whole);
  await truncate(at("sealed"), 74 + 2 * 1_048_576);
  await expect(openFile(opening)).rejects.toEqual(corrupt);
  await expect(openFile({ ...opening, objectBytes: 74 + 2 * 1_048_576 })).rejects.toEqual(corrupt);
  await writeFile(at("sealed"), whole);
  await appendFile(at("sealed"), "x");
  await expect(openFile(opening)).rejects.toEqual(corrupt);
  expect(await named()).toEqual(["opened", "plain", "sealed"]);
  expect(await readFile(at("opened"), "utf8")).toBe("as it was");
});

test("an abort, a thread that dies and a file that grows leave no file behind", async () => {
  await writeFile(at("plain"), randomBytes(4_000_000));
  const reason = new Error("interrupted");
  const to = at("never");
  const from = at("plain");
  const aborted = sealFile({ ...sealing, from, to, signal: AbortSignal.abort(reason) });
  await expect(aborted).rejects.toBe(reason);
  const text =
    'import { parentPort } from "node:worker_threads"; parentPort.on("message", () => process.exit(1));';
  const program = new URL(`data:text/javascript,${encodeURIComponent(text)}`);
  await using mortal = new SegmentPool({ threads: 1, program });
  const died = sealFile({ ...sealing, pool: mortal, from, to });
  await expect(died).rejects.toThrow("a thread that seals and opens segments ended");
  class GrowingPool extends SegmentPool {
    override async work(...args: Parameters<SegmentPool["work"]>): Promise<number> {
      await appendFile(from, "x");
      return await super.work(...args);
    }
  }
  const growing = sealFile({ ...sealing, pool: new GrowingPool({ threads: 0 }), from, to });
  await expect(growing).rejects.toThrow("changed while it was sealed");
  expect((await named()).filter((name) => name.startsWith("never"))).toEqual([]);
});
