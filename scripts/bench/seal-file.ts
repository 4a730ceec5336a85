import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { open, readFile, rm, stat, statfs } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Secret } from "../../src/crypto/secret.ts";
import { objectAad } from "../../src/floe/aad.ts";
import { openFile, sealFile } from "../../src/floe/file.ts";
import { SegmentPool } from "../../src/floe/pool.ts";
import { threadsFor } from "../../src/floe/threads.ts";
import {
  type Figure,
  figure,
  gibibyte,
  interleave,
  type Measurement,
  mebibyte,
  rateOf,
  scaled,
} from "./measure.ts";
import { type Resources, temporaryFolder } from "./resources.ts";

const rounds = 5;
const memoryFolder = "/dev/shm";
const run = promisify(execFile);

/**
 * Sealing a file into another and opening it again, each with its SHA-256, against SHA-256 of the same file alone: that is the serial bound,
 * since a digest is not shared out. Where `age` is installed, against what it takes for the same file, which includes no digest.
 */
export async function sealAndOpenFile(
  measurement: Measurement,
  resources: Resources,
): Promise<readonly Figure[]> {
  const { progress } = measurement;
  const sizeBytes = scaled(4 * gibibyte, measurement);
  const folder = await temporaryFolder(resources, await roomiest(3 * sizeBytes, progress));
  const [plain, sealed, opened] = [
    join(folder, "plain"),
    join(folder, "sealed"),
    join(folder, "opened"),
  ];
  await fill(plain, sizeBytes);
  const sha256 = await hashFile(plain);
  const pool = new SegmentPool({ threads: threadsFor(sizeBytes) });
  await resources.keep(async () => await pool[Symbol.asyncDispose]());
  progress(
    `  ${pool.threads} threads beside the hashing one, on ${availableParallelism()} processors`,
  );
  using key = new Secret(randomBytes(32));
  const sealing = { pool, key, aad: objectAad(randomBytes(16)) };
  /** Every round makes its file anew: pages that are there already cost less. */
  const making = async (made: string | null, work: () => Promise<Buffer>) => {
    if (made !== null) await rm(made, { force: true });
    let digest = sha256;
    const rate = await rateOf(sizeBytes, async () => {
      digest = await work();
    });
    if (!digest.equals(sha256)) throw new Error("the file has another SHA-256 than it had");
    return rate;
  };
  const seal = async () => (await sealFile({ ...sealing, from: plain, to: sealed })).sha256;
  const reopen = async () => (await openFile({ ...sealing, from: sealed, to: opened })).sha256;
  await seal();
  const rates = await interleave(
    rounds,
    {
      sha256: async () => await making(null, async () => await hashFile(plain)),
      seal: async () => await making(sealed, seal),
      open: async () => await making(opened, reopen),
    },
    measurement,
  );
  await rm(sealed);
  const figures = [
    figure("seal-file", "MiB/s", { value: rates.seal, baseline: rates.sha256 }),
    figure("open-file", "MiB/s", { value: rates.open, baseline: rates.sha256 }),
  ];
  const age = await measureAge(folder, { plain, sizeBytes }, measurement);
  if (age === null) return figures;
  return [
    ...figures,
    figure("seal-file-age", "MiB/s", { value: rates.seal, baseline: age.seal }),
    figure("open-file-age", "MiB/s", { value: rates.open, baseline: age.open }),
  ];
}

/** The system's folder in memory where it has the room and the machine the memory; otherwise the one for temporary files. */
async function roomiest(neededBytes: number, progress: (text: string) => void): Promise<string> {
  const found = await statfs(memoryFolder).catch(() => null);
  const roomBytes = found === null ? 0 : found.bavail * found.bsize;
  if (Math.min(roomBytes, process.availableMemory() / 2) >= neededBytes) return memoryFolder;
  progress(`  ${memoryFolder} has no room for ${neededBytes / gibibyte} GiB: on disk instead`);
  return tmpdir();
}

async function fill(path: string, sizeBytes: number): Promise<void> {
  const chunk = randomBytes(mebibyte);
  await using file = await open(path, "wx");
  for (let left = sizeBytes; left > 0; left -= chunk.length)
    await file.writeFile(chunk.subarray(0, Math.min(left, chunk.length)));
}

/** The next bytes are read while these are hashed, in two buffers that are made once: nothing that hashes in one thread is faster. */
async function hashFile(path: string): Promise<Buffer> {
  const hash = createHash("sha256");
  await using file = await open(path, "r");
  const buffers = [Buffer.allocUnsafeSlow(mebibyte), Buffer.allocUnsafeSlow(mebibyte)] as const;
  const read = async (round: number) => await file.read(buffers[round % 2 === 0 ? 0 : 1]);
  let next = read(0);
  for (let round = 1; ; round += 1) {
    const { bytesRead, buffer } = await next;
    if (bytesRead === 0) return hash.digest();
    next = read(round);
    hash.update(buffer.subarray(0, bytesRead));
  }
}

type Plain = { readonly plain: string; readonly sizeBytes: number };

/** Null where `age` is not installed. */
async function measureAge(
  folder: string,
  { plain, sizeBytes }: Plain,
  measurement: Measurement,
): Promise<Readonly<Record<"seal" | "open", number>> | null> {
  const identity = join(folder, "identity");
  const [sealed, opened] = [join(folder, "age-sealed"), join(folder, "age-opened")];
  try {
    await run("age-keygen", ["-o", identity]);
  } catch {
    measurement.progress("  age is not installed");
    return null;
  }
  const recipient = /public key: (\S+)/.exec(await readFile(identity, "utf8"))?.[1] ?? "";
  const timed = async (to: string, args: readonly string[], from: string) => {
    await rm(to, { force: true });
    return await rateOf(sizeBytes, async () => await run("age", [...args, "-o", to, from]));
  };
  const seal = async () => await timed(sealed, ["-r", recipient], plain);
  await seal();
  const rates = await interleave(
    rounds,
    { seal, open: async () => await timed(opened, ["-d", "-i", identity], sealed) },
    measurement,
  );
  if ((await stat(opened)).size !== sizeBytes) throw new Error("age lost bytes");
  return rates;
}
