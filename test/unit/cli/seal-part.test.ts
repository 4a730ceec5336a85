import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { fingerprint } from "../../../src/cli/fingerprint.ts";
import { lanesFor, placeOf, sealPart } from "../../../src/cli/seal-part.ts";
import { Secret } from "../../../src/crypto/secret.ts";
import { objectBytes, partsOf, plaintextPartsOf } from "../../../src/floe/layout.ts";
import { open } from "../../../src/floe/open.ts";
import { SegmentPool } from "../../../src/floe/pool.ts";
import { Sealer } from "../../../src/floe/seal.ts";

const { partBytes } = plaintextPartsOf(2 ** 24);
const whole = randomBytes(partBytes + 1_500_000);
const aad = Buffer.from("an object");
const keyBytes = randomBytes(32);
const key = () => new Secret(Buffer.from(keyBytes));

let folder: string;
let pool: SegmentPool;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weightvault-seal-"));
  pool = new SegmentPool({ threads: 2 });
});
afterAll(async () => {
  await pool[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function given(bytes = whole) {
  const source = { file: join(folder, "weights"), path: "weights", sizeBytes: bytes.length };
  await writeFile(source.file, bytes);
  const read = await fingerprint(source, () => {});
  const { signal } = new AbortController();
  using secret = key();
  const sealer = new Sealer({ key: secret, aad });
  return { source, fingerprint: read, pool, signal, sealer };
}

const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("parts that are sealed apart make one object that opens, each with its own digests", async () => {
  const file = await given();
  using sealer = file.sealer;
  const parts = await Promise.all([2, 1].map(async (part) => await sealPart({ ...file, part })));
  const [last, first] = parts;
  if (first === undefined || last === undefined) throw new Error("two parts were sealed");
  const object = Buffer.concat([first.bytes, last.bytes]);
  expect(object.length).toBe(objectBytes(whole.length));
  expect(object.subarray(0, 74).equals(sealer.header)).toBe(true);
  for (const { part, sizeBytes, sha256, bytes, sealedSha256 } of parts) {
    const plain = whole.subarray((part - 1) * partBytes, part * partBytes);
    expect({ sizeBytes, sha256, sealedSha256 }).toEqual({
      sizeBytes: plain.length,
      sha256: digest(plain),
      sealedSha256: digest(bytes),
    });
  }
  using secret = key();
  const pieces: Buffer[] = [];
  const source = (async function* () {
    yield object;
  })();
  for await (const piece of open(source, { key: secret, aad, objectBytes: object.length }))
    pieces.push(Buffer.from(piece));
  expect(Buffer.concat(pieces).equals(whole)).toBe(true);
});

test("a part that is sealed again repeats no IV", async () => {
  const file = await given();
  using _ = file.sealer;
  const ivsOf = async () => {
    const { bytes } = await sealPart({ ...file, part: 2 });
    return [0, 2 ** 20].map((at) => bytes.subarray(at + 4, at + 16).toString("hex"));
  };
  const ivs = [...(await ivsOf()), ...(await ivsOf())];
  expect(new Set(ivs).size).toBe(4);
});

test("a file that changed since it was read is not sealed, whatever its time says", async () => {
  const file = await given();
  using _ = file.sealer;
  const changed = Buffer.from(whole);
  changed[partBytes + 7] = (changed[partBytes + 7] ?? 0) ^ 1;
  await writeFile(file.source.file, changed);
  const { changedMs } = file.fingerprint;
  await utimes(file.source.file, changedMs / 1_000, changedMs / 1_000 + 60);
  const refused = { message: expect.stringContaining("changed while it was uploaded") as unknown };
  await expect(sealPart({ ...file, part: 1 })).rejects.toMatchObject(refused);
  // The times are the same to whoever looks at them alone.
  const { mtimeMs } = await stat(file.source.file);
  const unseen = { ...file, fingerprint: { ...file.fingerprint, changedMs: mtimeMs } };
  await expect(sealPart({ ...unseen, part: 2 })).rejects.toMatchObject(refused);
  expect((await sealPart({ ...unseen, part: 1 })).sizeBytes).toBe(partBytes);
});

test.each([partBytes + 1, 2 * partBytes, 3 * partBytes - 1, 10_000 * partBytes + 1, 5 * 2 ** 40])(
  "the parts of a file of %d bytes lie where the store's cut has them",
  (fileBytes) => {
    const { parts } = plaintextPartsOf(fileBytes);
    const cut = partsOf(fileBytes);
    let plain = 0;
    for (let part = 1; part <= parts; part += 1) {
      const { start, end, plaintextBytes } = placeOf(fileBytes, part);
      const before = part === 1 ? 0 : cut.firstBytes + (part - 2) * cut.nextBytes;
      expect(start).toBe(before);
      if (part < parts) expect(end - start).toBe(part === 1 ? cut.firstBytes : cut.nextBytes);
      else expect(end).toBe(objectBytes(fileBytes));
      plain += plaintextBytes;
    }
    expect(plain).toBe(fileBytes);
    for (const part of [0, parts + 1, 1.5])
      expect(() => placeOf(fileBytes, part)).toThrow(RangeError);
  },
);

test("parts in memory are bounded whatever the file's size, and one at the least is sent", () => {
  expect(lanesFor(2 ** 30, 4)).toBe(4);
  expect(lanesFor(2 ** 30, 64)).toBe(32);
  expect(lanesFor(2 * 2 ** 40, 4)).toBe(2);
  expect(lanesFor(5 * 2 ** 40, 4)).toBe(1);
});
