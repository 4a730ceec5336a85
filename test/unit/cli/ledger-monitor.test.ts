import { mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { watchOnce } from "../../../src/cli/ledger-monitor.ts";
import { type Cosigner, cosignOwn } from "../../../src/merkle/cosignature.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import { signRotation } from "../../../src/merkle/rotation.ts";
import { leafHash, rootOf } from "../../../src/merkle/tree.ts";
import { encodeAll, filesOf, fixedSigner, memorySource } from "../../vectors/ledger/build.ts";
import { beginning, record } from "../../vectors/ledger/story.ts";
import { freshCosigner } from "../merkle/signed-texts.ts";

test("a checkpoint of the size that was seen, signed by a key of the same name that nobody named, is an alarm", async () => {
  const [signer, other] = [fixedSigner(7), fixedSigner(8)];
  const key = parseVerificationKey(signer.verificationKey);
  if (key === null) throw new Error("the signer has no key");
  const entries = encodeAll(beginning);
  const folder = await mkdtemp(join(tmpdir(), "weightvault-monitor-"));
  try {
    const watch = async (by: typeof signer, size = entries.length) =>
      await watchOnce({
        source: memorySource(await filesOf(entries.slice(0, size), by)),
        key: { key, text: signer.verificationKey, isPinned: true, rotations: [] },
        folder,
        unreachableLimitMs: 0,
        now: () => new Date("2026-11-23T09:00:00.000Z"),
      });
    expect(await watch(signer)).toMatchObject({ isAlarm: false, code: "first" });
    const alarm = { isAlarm: true, code: "checkpoint_invalid" };
    expect(await watch(other)).toMatchObject(alarm);
    expect(await watch(other, entries.length - 1)).toMatchObject(alarm);
    expect(await watch(signer)).toMatchObject({ isAlarm: false, code: "same" });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a rotation that is not of the ledger that was watched is an alarm, and one that is, is followed", async () => {
  const [from, to] = [fixedSigner(7), fixedSigner(8)];
  const key = parseVerificationKey(from.verificationKey);
  if (key === null) throw new Error("the signer has no key");
  const folder = await mkdtemp(join(tmpdir(), "weightvault-monitor-"));
  try {
    const watch = async (records: typeof beginning, by: typeof from) =>
      await watchOnce({
        source: memorySource(await filesOf(encodeAll(records), by)),
        key: { key, text: from.verificationKey, isPinned: true, rotations: [] },
        folder,
        unreachableLimitMs: 0,
        now: () => new Date("2026-11-23T09:00:00.000Z"),
      });
    expect(await watch(beginning, from)).toMatchObject({ code: "first" });
    const rotatedAt = async (root: Buffer) => {
      const statement = await signRotation(from, to, { size: 4, root });
      return [...beginning, record("ledger.key-rotated", { statement })];
    };
    const other = await rotatedAt(Buffer.alloc(32, 1));
    expect(await watch(other, to)).toMatchObject({ isAlarm: true, code: "inconsistent" });
    const root = rootOf(encodeAll(beginning.slice(0, 4)).map((entry) => leafHash(entry)));
    expect(await watch(await rotatedAt(root), to)).toMatchObject({ isAlarm: false, code: "grown" });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("what a monitor remembered and cannot read now is no first look, at which a ledger that was rolled back would pass", async () => {
  const signer = fixedSigner(7);
  const key = parseVerificationKey(signer.verificationKey);
  if (key === null) throw new Error("the signer has no key");
  const folder = await mkdtemp(join(tmpdir(), "weightvault-monitor-"));
  try {
    // A name that leads to itself stands for a disk that does not answer.
    await symlink("state.json", join(folder, "state.json"));
    const watching = watchOnce({
      source: memorySource(await filesOf(encodeAll(beginning), signer)),
      key: { key, text: signer.verificationKey, isPinned: true, rotations: [] },
      folder,
      unreachableLimitMs: 0,
      now: () => new Date("2026-11-23T09:00:00.000Z"),
    });
    await expect(watching).rejects.toMatchObject({
      message: `${join(folder, "state.json")} cannot be read`,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a monitor that was given the ledger's ML-DSA-44 key takes no checkpoint without its signature, at the first look and at every later one", async () => {
  const signer = fixedSigner(7);
  const [own, other] = [freshCosigner(signer.name, "ml-dsa-44"), freshCosigner("w", "ml-dsa-44")];
  const key = parseVerificationKey(signer.verificationKey);
  if (key === null) throw new Error("the signer has no key");
  const entries = encodeAll(beginning);
  const folder = await mkdtemp(join(tmpdir(), "weightvault-monitor-"));
  try {
    const watch = async (size: number, cosigners: readonly Cosigner[]) => {
      const files = new Map(await filesOf(entries.slice(0, size), signer));
      const checkpoint = await cosignOwn(String(files.get("checkpoint")), cosigners);
      return await watchOnce({
        source: memorySource(files.set("checkpoint", Buffer.from(checkpoint))),
        key: { key, text: signer.verificationKey, isPinned: true, rotations: [] },
        mlDsaKey: own.key,
        folder,
        unreachableLimitMs: 0,
        now: () => new Date("2026-11-23T09:00:00.000Z"),
      });
    };
    const alarm = { isAlarm: true, code: "checkpoint_invalid" };
    expect(await watch(3, [])).toMatchObject(alarm);
    expect(await watch(3, [other, own])).toMatchObject({ isAlarm: false, code: "first" });
    expect(await watch(5, [other])).toMatchObject(alarm);
    expect(await watch(5, [own])).toMatchObject({ isAlarm: false, code: "grown" });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a signed checkpoint that is no growth of what was watched is kept as evidence, and no other is", async () => {
  const [signer, other] = [fixedSigner(7), fixedSigner(8)];
  const key = parseVerificationKey(signer.verificationKey);
  if (key === null) throw new Error("the signer has no key");
  const changed = beginning.with(3, beginning[4] ?? record("a.b"));
  const folder = await mkdtemp(join(tmpdir(), "weightvault-monitor-"));
  try {
    const watch = async (records: typeof beginning, by = signer) => {
      const files = await filesOf(encodeAll(records), by);
      const watched = await watchOnce({
        source: memorySource(files),
        key: { key, text: signer.verificationKey, isPinned: true, rotations: [] },
        folder,
        unreachableLimitMs: 0,
        now: () => new Date("2026-11-23T09:00:00.000Z"),
      });
      const { contradicting } = watched;
      if (contradicting !== undefined)
        expect(await readFile(join(folder, contradicting))).toEqual(files.get("checkpoint"));
      return [watched.code, contradicting === undefined];
    };
    expect(await watch(beginning.slice(0, -1))).toEqual(["first", true]);
    expect(await watch(changed.slice(0, -1))).toEqual(["fork", false]);
    expect(await watch(changed.slice(0, 5))).toEqual(["rolled_back", false]);
    expect(await watch(changed)).toEqual(["inconsistent", false]);
    expect(await watch(changed)).toEqual(["inconsistent", false]);
    expect(await watch(changed, other)).toEqual(["checkpoint_invalid", true]);
    expect(await watch(beginning)).toEqual(["grown", true]);
    expect(await readdir(join(folder, "contradicting"))).toHaveLength(3);
    expect(await readdir(join(folder, "checkpoints"))).toHaveLength(2);
  } finally {
    await rm(folder, { recursive: true });
  }
});
