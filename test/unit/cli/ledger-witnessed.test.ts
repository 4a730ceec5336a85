import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { excerptSource, readExcerpt } from "../../../src/cli/excerpt-folder.ts";
import type { Beside } from "../../../src/cli/ledger-beside.ts";
import { exportExcerpt } from "../../../src/cli/ledger-excerpt.ts";
import { exportLedger } from "../../../src/cli/ledger-export.ts";
import { seriesFile } from "../../../src/cli/ledger-series.ts";
import { type Witnessing, witnessedSource } from "../../../src/cli/ledger-witnessed.ts";
import { folderSource } from "../../../src/ledger/source-folder.ts";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { verifyExcerpt } from "../../../src/ledger/verify-excerpt.ts";
import { cosign, encodeCosignerKey } from "../../../src/merkle/cosignature.ts";
import { encodeNote, parseNote, parseVerificationKey } from "../../../src/merkle/note.ts";
import { type Policy, parsePolicy } from "../../../src/merkle/policy.ts";
import { nothingSigned, signRotation } from "../../../src/merkle/rotation.ts";
import { encodeAll, filesOf, fixedSigner, memorySource } from "../../vectors/ledger/build.ts";
import {
  beginning,
  decided,
  delivered,
  granted,
  idOf,
  record,
} from "../../vectors/ledger/story.ts";
import { signer, verificationKey } from "../../vectors/ledger/tell.ts";
import { freshCosigner } from "../merkle/signed-texts.ts";

const witness = freshCosigner("witness.example/w1");
const stranger = freshCosigner("witness.example/w2");
const policy = policyOf(`witness w ${encodeCosignerKey(witness.key)}\nquorum w\n`);

const told = [...beginning, decided("allowed", "r"), delivered("r")];
/** Of others than the release. */
const more = Array.from({ length: 8 }, (_, at) => granted(`grant ${at}`));
const entries = encodeAll([...told, ...more, decided("allowed", "s"), delivered("s")]);
const covering = told.length;

let folder: string;
let isOver = false;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weightvault-witnessed-"));
});
afterAll(async () => {
  isOver = true;
  await rm(folder, { recursive: true });
});

test("under a policy an excerpt is of the newest checkpoint that has its quorum, though newer ones have none yet", async () => {
  const series = [
    await cosigned(covering),
    await cosigned(covering + 2),
    await cosigned(covering + 4, stranger),
    await plain(covering + 6),
  ];
  const to = join(folder, "newest");
  const source = await sourceAt(covering + 6);
  const excerpt = await exportExcerpt(source, key, { ...about("r"), ...under(series), folder: to });
  expect(excerpt).toMatchObject({ size: covering + 2, entries: [covering - 2, covering - 1] });
  expect(await verdict(to)).toEqual({ verified: true, size: covering + 2 });
});

test("where nothing that covers the last entry has the quorum yet, the excerpt waits for one that has, and leaves out no entry below it", async () => {
  const size = entries.length;
  const series = [await cosigned(covering), await plain(size - 1)];
  const waiting = under(series);
  let looks = 0;
  const later = async function* (after: number | null) {
    looks += 1;
    if (looks === 3) series.push(await cosigned(size));
    yield* waiting.beside.series(after);
  };
  const onWait = () => undefined;
  const wait = { timeoutMs: 60_000, everyMs: 1, onWait, rotations: async () => [] };
  const to = join(folder, "waited");
  const files = new Map([...(await filesAt(size)), ...(await filesAt(size - 1))]);
  const excerpt = await exportExcerpt(memorySource(files), key, {
    ...about("s"),
    ...waiting,
    witnessing: { policy, series: later, wait },
    folder: to,
  });
  // The outcome came between the newest checkpoint and that of the quorum.
  expect(excerpt).toMatchObject({ size, entries: [size - 2, size - 1] });
  expect(await verdict(to)).toEqual({ verified: true, size });
});

test("where no quorum comes, nothing is exported, and the failure names the entry that no such checkpoint covers", async () => {
  const source = await sourceAt(entries.length);
  const series = [await cosigned(covering), await plain(entries.length)];
  const to = { ...under(series), folder: join(folder, "none") };
  const message = expect.stringMatching(/covers entry \d+.*no witness of the policy cosigned/);
  await expect(exportExcerpt(source, key, { ...about("s"), ...to })).rejects.toMatchObject({
    exit: "failed",
    message,
  });
  const wait = { timeoutMs: 0, everyMs: 1, onWait: () => undefined, rotations: async () => [] };
  const witnessing = { ...to.witnessing, wait };
  await expect(witnessedSource(source, key, witnessing)).rejects.toMatchObject({
    exit: "unavailable",
    message,
  });
  expect(await readdir(folder)).not.toContain("none");
});

test("a checkpoint with the quorum that is of another tree is told as that, and no excerpt is made of it", async () => {
  const forked = encodeAll([...told, granted("another grant")]);
  const note = (await filesOf(forked, signer)).get("checkpoint") ?? Buffer.alloc(0);
  const series = [
    { size: forked.length, checkpoint: await withCosignature(note.toString(), witness) },
  ];
  const source = await sourceAt(covering + 4);
  const to = { ...under(series), folder: join(folder, "forked") };
  await expect(exportExcerpt(source, key, { ...about("r"), ...to })).rejects.toMatchObject({
    exit: "integrity",
    message: `the ledger does not have the root that is signed at ${forked.length}`,
  });
});

/** After the newest was read, whoever has the ledger's key shows the tree that the witnesses saw. */
async function twoTrees(read: readonly Buffer[], shown: readonly Buffer[]) {
  const [first, other] = [await filesOf(read, signer), await filesOf(shown, signer)];
  const files = new Map([...other, ...first]);
  const note = other.get("checkpoint")?.toString() ?? "";
  const checkpoint = await withCosignature(note, witness);
  const { beside } = under([]);
  const series: Beside["series"] = async function* () {
    for (const [path, bytes] of other) if (path !== "checkpoint") files.set(path, bytes);
    yield { size: shown.length, checkpoint };
  };
  const wait = {
    timeoutMs: 60_000,
    everyMs: 1,
    onWait: () => undefined,
    rotations: async () => [],
  };
  const witnessing = { policy, series, wait };
  return { source: memorySource(files), to: { beside: { ...beside, series }, witnessing } };
}

test("an excerpt's entries are chosen in no other tree than the quorum's, in which one more may be about the release", async () => {
  const read = encodeAll([...told, ...more.slice(0, 4)]);
  const shown = encodeAll([...told.slice(0, -1), granted("before"), delivered("r")]);
  const { source, to } = await twoTrees(read, shown);
  const other = { ...about("r"), ...to, folder: join(folder, "other") };
  await expect(exportExcerpt(source, key, other)).rejects.toMatchObject({
    exit: "integrity",
    message: `the ledger does not have the root that is signed at ${shown.length}`,
  });
  expect(await readdir(folder)).not.toContain("other");
});

test("a checkpoint that gets the quorum while an export waits counts only where it grew from the newest one", async () => {
  const read = encodeAll([...told, ...more.slice(0, 4)]);
  const shown = encodeAll([...told, granted("another grant"), ...more.slice(0, 5)]);
  const { source, to } = await twoTrees(read, shown);
  const failure = {
    exit: "integrity",
    message: `the checkpoint of ${shown.length} entries that has the quorum did not grow from the ${read.length} that the ledger had`,
  };
  await expect(witnessedSource(source, key, to.witnessing)).rejects.toMatchObject(failure);
});

/** The ledger of an export that waits, and whose key is replaced meanwhile: from then on another one signs, and has the quorum. */
async function rotatedWhileWaiting() {
  const next = fixedSigner(8);
  const statement = await signRotation(signer, next, nothingSigned);
  const rotated = encodeAll([
    ...told,
    ...more,
    decided("allowed", "s"),
    record("ledger.key-rotated", { statement }),
    delivered("s"),
  ]);
  const size = rotated.length;
  const [old, grown] = [await filesOf(rotated.slice(0, -2), signer), await filesOf(rotated, next)];
  const note = (grown.get("checkpoint") ?? Buffer.alloc(0)).toString();
  const checkpoint = await withCosignature(note, witness);
  const { beside } = under([]);
  const series: Beside["series"] = async function* () {
    yield { size: size - 2, checkpoint: (old.get("checkpoint") ?? "").toString() };
    yield { size, checkpoint };
  };
  const rotations = async () => [{ index: size - 2, statement }];
  const wait = { timeoutMs: 5_000, everyMs: 1, onWait: () => undefined, rotations };
  const source = memorySource(new Map([...grown, ...old]));
  return { source, size, beside, witnessing: { policy, series, wait } };
}

test("an export that waits for the quorum follows a rotation of the ledger's key meanwhile, whole or in part", async () => {
  const { source, size, beside, witnessing } = await rotatedWhileWaiting();
  const whole = join(folder, "rotated whole");
  const { signal } = new AbortController();
  const witnessed = await witnessedSource(source, key, witnessing);
  const to = { folder: whole, signal, beside };
  expect(await exportLedger(witnessed.source, witnessed.key, to)).toMatchObject({ size });
  expect(await verifyLedger(folderSource(whole), { verificationKey, policy })).toMatchObject({
    verified: true,
    witnessed: { hasQuorum: true },
  });
  const part = join(folder, "rotated part");
  const asked = { ...about("s"), beside, witnessing, folder: part };
  expect(await exportExcerpt(source, key, asked)).toMatchObject({
    size,
    entries: [size - 3, size - 2, size - 1],
  });
  expect(await verdict(part)).toEqual({ verified: true, size });
});

test("an export that waits for the quorum follows no rotation that the ledger's key has not signed", async () => {
  const { source, witnessing } = await rotatedWhileWaiting();
  const statement = await signRotation(fixedSigner(9), fixedSigner(8), nothingSigned);
  const rotations = async () => [{ index: entries.length, statement }];
  const wait = { ...witnessing.wait, timeoutMs: 30, rotations };
  await expect(witnessedSource(source, key, { ...witnessing, wait })).rejects.toMatchObject({
    exit: "unavailable",
  });
});

test("a server that names checkpoints without end while an export waits for the quorum keeps it no longer than the wait", async () => {
  const size = entries.length;
  const { checkpoint } = await plain(size);
  const series: Beside["series"] = async function* () {
    // A failure of this must not keep the others from ending.
    for (let at = size; !isOver; at += 1) {
      if (at % 64 === 0) await setImmediate();
      yield { size: at, checkpoint };
    }
  };
  const wait = { timeoutMs: 30, everyMs: 1, onWait: () => undefined, rotations: async () => [] };
  await expect(
    witnessedSource(await sourceAt(size), key, { policy, series, wait }),
  ).rejects.toMatchObject({ exit: "unavailable" });
});

test("under a policy a whole export is of a checkpoint that has its quorum and covers all that the ledger had", async () => {
  const size = entries.length;
  const series = [await cosigned(size - 2), await cosigned(size)];
  const { witnessing, beside } = under(series);
  const to = join(folder, "whole");
  const { signal } = new AbortController();
  const { source } = await witnessedSource(await sourceAt(size), key, witnessing);
  expect(await exportLedger(source, key, { folder: to, signal, beside })).toMatchObject({ size });
  const report = await verifyLedger(folderSource(to), { verificationKey, policy });
  expect(report.witnessed).toMatchObject({ hasQuorum: true });
  expect(await readdir(to)).toContain(seriesFile);
});

test("neither a key that is not the ledger's nor a missing ML-DSA-44 signature passes for a checkpoint of the quorum", async () => {
  const size = entries.length;
  const { witnessing } = under([await cosigned(size)]);
  const demanding = { ...key, mlDsaKey: freshCosigner(signer.name, "ml-dsa-44").key };
  await expect(witnessedSource(await sourceAt(size), demanding, witnessing)).rejects.toMatchObject({
    exit: "failed",
  });
  const others = policyOf(
    `log ${encodeCosignerKey(freshCosigner(signer.name, "ml-dsa-44").key)}\nquorum none\n`,
  );
  await expect(
    witnessedSource(await sourceAt(size), key, { ...witnessing, policy: others }),
  ).rejects.toMatchObject({ message: expect.stringContaining("no log of the policy signed") });
});

const key = keyOf(verificationKey);

function keyOf(text: string) {
  const parsed = parseVerificationKey(text);
  if (parsed === null) throw new Error("the signer has no key");
  return { key: parsed, text, isPinned: true, rotations: [] };
}

function policyOf(text: string): Policy {
  const parsed = parsePolicy(Buffer.from(text));
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.policy;
}

function about(release: string) {
  const thing = { noun: "release", id: idOf(release) } as const;
  return { selection: { thing, from: null, until: null }, disclose: null };
}

type Kept = { readonly size: number; readonly checkpoint: string };

/** Beside the ledger lies a series; of a copy, to which no quorum comes. */
function under(kept: readonly Kept[]): { beside: Beside; witnessing: Witnessing } {
  const series: Beside["series"] = async function* (after) {
    for (const each of kept) if (each.size > (after ?? -1)) yield each;
  };
  const timestamps: Beside["timestamps"] = async function* () {};
  const beside = {
    series,
    timestamps,
    newestTimestamp: async () => null,
    mlDsaKeys: async () => [],
  };
  return { beside, witnessing: { policy, series, wait: null } };
}

async function filesAt(size: number) {
  return await filesOf(entries.slice(0, size), signer);
}

async function sourceAt(size: number) {
  return memorySource(await filesAt(size));
}

async function plain(size: number): Promise<Kept> {
  const note = (await filesAt(size)).get("checkpoint") ?? Buffer.alloc(0);
  return { size, checkpoint: note.toString() };
}

async function cosigned(size: number, by = witness): Promise<Kept> {
  return { size, checkpoint: await withCosignature((await plain(size)).checkpoint, by) };
}

async function withCosignature(checkpoint: string, by: typeof witness): Promise<string> {
  const note = parseNote(checkpoint);
  if (note === null) throw new Error("no note");
  const line = await cosign(note.text, by, 1_795_400_000);
  return encodeNote({ ...note, signatures: [...note.signatures, line] });
}

async function verdict(excerpt: string) {
  const { entries: indexes = [] } = (await readExcerpt(excerpt)) ?? {};
  const report = await verifyExcerpt(excerptSource(excerpt), indexes, { verificationKey, policy });
  return { verified: report.verified, size: report.size };
}
