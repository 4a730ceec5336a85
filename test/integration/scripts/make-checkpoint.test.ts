import { appendFile, mkdtemp, readFile, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { makeCheckpoint } from "../../../scripts/make-checkpoint.ts";
import { readSafetensors } from "../../support/safetensors.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weightvault-checkpoint-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const rowBytes = 4_096 * 2;

test.each([
  ["a multiple of what four layers take", 64 * rowBytes, 64 * rowBytes],
  ["rows that four layers do not share evenly", 11 * rowBytes, 11 * rowBytes],
  [
    "more than one chunk, and a part of a row",
    5_000_000,
    Math.floor(5_000_000 / rowBytes) * rowBytes,
  ],
])(
  "the demo's checkpoint is a safetensors file of bf16 tensors that tile it exactly: %s",
  async (name, asked, expected) => {
    const path = join(folder, `${name}.safetensors`);
    const sizeBytes = await makeCheckpoint(path, asked);
    expect(sizeBytes).toBe((await stat(path)).size);
    const { tensors, tensorBytes } = await readSafetensors(path);
    expect(tensorBytes).toBe(expected);
    expect(tensors.map(({ name: tensor }) => tensor)).toEqual(
      [0, 1, 2, 3].map((layer) => `model.layers.${layer}.weight`),
    );
    for (const { dtype, shape } of tensors) expect([dtype, shape[1]]).toEqual(["BF16", 4_096]);
    // The format wants the tensors aligned.
    expect((sizeBytes - tensorBytes) % 8).toBe(0);
  },
);

test("its weights are small finite numbers, and no two tensors are the same", async () => {
  const path = join(folder, "weights.safetensors");
  const sizeBytes = await makeCheckpoint(path, 8 * rowBytes);
  const { tensors, tensorBytes } = await readSafetensors(path);
  const weights = (await readFile(path)).subarray(sizeBytes - tensorBytes);
  for (let at = 0; at < weights.length; at += 2) {
    const bits = Buffer.from([0, 0, weights[at] ?? 0, weights[at + 1] ?? 0]);
    expect(Math.abs(bits.readFloatLE())).toBeLessThan(2 ** -7);
  }
  const contents = tensors.map(({ data_offsets }) => weights.subarray(...data_offsets));
  expect(new Set(contents.map((bytes) => bytes.toString("hex"))).size).toBe(4);
});

test("the reader of the test refuses a file that is cut or has bytes to spare", async () => {
  const path = join(folder, "spoilt.safetensors");
  const sizeBytes = await makeCheckpoint(path, 8 * rowBytes);
  await appendFile(path, Buffer.alloc(1));
  await expect(readSafetensors(path)).rejects.toThrow(/the tensors end at/);
  await truncate(path, sizeBytes - 1);
  await expect(readSafetensors(path)).rejects.toThrow(/the tensors end at/);
  await truncate(path, 100);
  await expect(readSafetensors(path)).rejects.toThrow("the header is cut");
});
