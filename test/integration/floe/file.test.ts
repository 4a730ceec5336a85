import { createHash, randomBytes } from "node:crypto";
import {
  appendFile,
  mkdtemp,
  open as openHandle,
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
import { objectBytes, oneMebibyteLayout } from "../../../src/floe/layout.ts";
import { open } from "../../../src/floe/open.ts";
import { SegmentPool } from "../../../src/floe/pool.ts";
import { Sealer } from "../../../src/floe/seal.ts";

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

test("where the files' own thread seals and opens, the same comes of it", async () => {
  const own = new SegmentPool({ threads: 0 });
  const plaintext = randomBytes(3_000_000);
  await writeFile(at("plain"), plaintext);
  const digest = {
    sizeBytes: plaintext.length,
    sha256: createHash("sha256").update(plaintext).digest(),
  };
  const here = { ...sealing, pool: own };
  expect(await sealFile({ ...here, from: at("plain"), to: at("sealed") })).toEqual(digest);
  expect(await openFile({ ...here, from: at("sealed"), to: at("opened") })).toEqual(digest);
  expect((await readFile(at("opened"))).equals(plaintext)).toBe(true);
});

test("a segment that fails its tag is written nowhere, by a thread as without one", async () => {
  await writeFile(at("plain"), randomBytes(20));
  await sealFile({ ...sealing, from: at("plain"), to: at("sealed") });
  for (const each of [pool, new SegmentPool({ threads: 0 })]) {
    await writeFile(at("opened"), "");
    await using source = await openHandle(at("sealed"), "r");
    await using target = await openHandle(at("opened"), "r+");
    const slot = each.takeSlot();
    const opening = each.work(slot, key, {
      verb: "open",
      layout: oneMebibyteLayout,
      position: 0,
      isFinal: true,
      sizeBytes: 52,
      from: { descriptor: source.fd, offset: 74 },
      to: { descriptor: target.fd, offset: 0 },
    });
    // Segments are sealed under a key of their own, so that the data key opens none.
    await expect(opening).rejects.toMatchObject({ code: "object_corrupt" });
    expect((await target.stat()).size).toBe(0);
    const stored = await readFile(at("sealed"));
    expect(slot.segment(52).equals(stored.subarray(74))).toBe(true);
  }
});

test("the plaintext that was sealed is what is digested, whatever becomes of the file meanwhile", async () => {
  const plaintext = randomBytes(20);
  await writeFile(at("plain"), plaintext);
  await writeFile(at("sealed"), "");
  using sealer = new Sealer(sealing);
  await using source = await openHandle(at("plain"), "r+");
  await using target = await openHandle(at("sealed"), "r+");
  const slot = pool.takeSlot();
  const sealed = await sealer.sealBetween(pool, slot, {
    position: 0,
    isFinal: true,
    plaintextBytes: 20,
    from: { descriptor: source.fd, offset: 0 },
    to: { descriptor: target.fd, offset: 0 },
  });
  await source.write(randomBytes(20), 0, 20, 0);
  expect(plaintext.equals(sealed)).toBe(true);
  expect((await target.stat()).size).toBe(52);
});

test("a thread tells why a file cannot be read or written, as the system names it", async () => {
  await writeFile(at("plain"), randomBytes(20));
  await using source = await openHandle(at("plain"), "r");
  const work = {
    verb: "seal",
    layout: oneMebibyteLayout,
    position: 0,
    isFinal: true,
    sizeBytes: 20,
    from: { descriptor: source.fd, offset: 0 },
  } as const;
  for (const each of [pool, new SegmentPool({ threads: 0 })]) {
    const to = { descriptor: source.fd, offset: 0 };
    const readOnly = each.work(each.takeSlot(), key, { ...work, to });
    await expect(readOnly).rejects.toMatchObject({ code: "EBADF" });
    const tooLong = each.work(each.takeSlot(), key, { ...work, sizeBytes: 21 });
    await expect(tooLong).rejects.toThrow("became shorter");
  }
});

test("an abort is heard between segments, in a thread as without one", async () => {
  await writeFile(at("plain"), randomBytes(32 * 400));
  const reason = new Error("interrupted");
  for (const threads of [0, 1]) {
    const interruption = new AbortController();
    let segments = 0;
    class InterruptedPool extends SegmentPool {
      override async work(...args: Parameters<SegmentPool["work"]>): Promise<number> {
        segments += 1;
        if (segments === 1) setImmediate(() => interruption.abort(reason));
        return await super.work(...args);
      }
    }
    await using interrupted = new InterruptedPool({ threads });
    const { signal } = interruption;
    const options = { ...sealing, pool: interrupted, layout: { segmentBytes: 64 }, signal };
    const sealed = sealFile({ ...options, from: at("plain"), to: at("never") });
    await expect(sealed).rejects.toBe(reason);
    expect(segments).toBeLessThan(400);
  }
  expect((await named()).filter((name) => name.startsWith("never"))).toEqual([]);
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
