import { execFile } from "node:child_process";
import { hash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { folderSource } from "../../src/ledger/source-folder.ts";
import { parseBundle } from "../../src/merkle/bundle.ts";
import { openCheckpoint } from "../../src/merkle/checkpoint.ts";
import { parseVerificationKey } from "../../src/merkle/note.ts";
import { inclusionProof, readTiles, verifyInclusion } from "../../src/merkle/proof.ts";
import { type Tile, tilePath, tileWidth } from "../../src/merkle/tile.ts";
import { leafHash } from "../../src/merkle/tree.ts";
import { type WrittenLog, writeLog } from "./ledger-log.ts";
import { type Figure, figure, type Measurement } from "./measure.ts";
import { type Resources, temporaryFolder } from "./resources.ts";

/** What is asked of two cores, of one proof and of the verifier's memory. */
const baselineRate = 150_000;
const baselineProofMs = 5;
const baselineMib = 300;

const usualEntries = 1_000_000;
/** A round of ten million entries takes minutes, and says as much as three. */
const roundsOf = (size: number): number => (size > 2 * usualEntries ? 1 : 3);
const proofs = 50;

/**
 * Verifies a log in a process of its own, and hashes the same entries in this one: `ledger-verify` against what is asked,
 * `ledger-verify-hash` against the bare SHA-256 of the entries in one thread. Making the log is not measured.
 */
export async function ledgerVerify(
  { scale, entries, progress }: Measurement,
  resources: Resources,
): Promise<readonly Figure[]> {
  const size = entries ?? Math.max(1_000, Math.round(usualEntries * scale));
  const startedAt = performance.now();
  const log = await writeLog(await temporaryFolder(resources), size);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  progress(`  ${size} entries, ${(log.entryBytes / size).toFixed(0)} bytes each, in ${seconds} s`);
  const taken: { readonly rate: number; readonly hashRate: number; readonly peakMib: number }[] =
    [];
  const rounds = roundsOf(size);
  for (let round = 0; round < rounds; round += 1) {
    const { rate, peakMib, cpuMicroseconds } = await verifyOnce(log);
    const hashRate = await hashOnce(log);
    taken.push({ rate, peakMib, hashRate });
    const rates = `verify ${rate.toFixed(0)} entries/s, SHA-256 alone ${hashRate.toFixed(0)}`;
    const cost = `${cpuMicroseconds.toFixed(1)} us of processor time an entry`;
    progress(
      `  round ${round + 1} of ${rounds}: ${rates}, ${cost}, peak ${peakMib.toFixed(0)} MiB`,
    );
  }
  const value = median(taken.map(({ rate }) => rate));
  const baseline = median(taken.map(({ hashRate }) => hashRate));
  const peakMib = Math.max(...taken.map((each) => each.peakMib));
  const proofMs = await proveOften(log);
  return [
    figure("ledger-verify", "entries/s", { value, baseline: baselineRate }),
    figure("ledger-verify-hash", "entries/s", { value, baseline }),
    figure("ledger-verify-memory", "MiB", { value: peakMib, baseline: baselineMib }),
    figure("ledger-proof", "ms", { value: proofMs, baseline: baselineProofMs }),
  ];
}

const program = fileURLToPath(new URL("./verify-log.ts", import.meta.url));

async function verifyOnce({ folder, verificationKey, size }: WrittenLog) {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    program,
    folder,
    verificationKey,
  ]);
  const said = JSON.parse(stdout) as {
    verified: boolean;
    seconds: number;
    cpuSeconds: number;
    peakMib: number;
  };
  if (!said.verified) throw new Error(`the measured log does not verify: ${stdout}`);
  const cpuMicroseconds = (said.cpuSeconds / size) * 1_000_000;
  return { rate: size / said.seconds, cpuMicroseconds, peakMib: said.peakMib };
}

/** Nothing but the digests of the entries, read from the same files. */
async function hashOnce({ folder, size }: WrittenLog): Promise<number> {
  const source = folderSource(folder);
  const startedAt = performance.now();
  let hashed = 0;
  for (let number = 0; number * tileWidth < size; number += 1) {
    const width = Math.min(tileWidth, size - number * tileWidth);
    const bundle = await source.tile(tilePath({ level: "entries", number, width }));
    for (const entry of parseBundle(bundle ?? Buffer.alloc(0)) ?? []) {
      hash("sha256", entry, "buffer");
      hashed += 1;
    }
  }
  if (hashed !== size) throw new Error(`${hashed} of ${size} entries were hashed`);
  return size / ((performance.now() - startedAt) / 1_000);
}

/** The median time in which an entry's proof is made from the tiles on the disk, none of them in memory, and checked against the signed root. */
async function proveOften(log: WrittenLog): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < proofs; round += 1) {
    const index = Math.floor((round / proofs) * log.size);
    const startedAt = performance.now();
    await proveOnce(log, index);
    times.push(performance.now() - startedAt);
  }
  return median(times);
}

async function proveOnce({ folder, verificationKey }: WrittenLog, index: number): Promise<void> {
  const source = folderSource(folder);
  const key = parseVerificationKey(verificationKey);
  const note = await source.checkpoint();
  const opened = key === null || note === null ? null : openCheckpoint(note, key);
  if (opened?.verdict !== "verified") throw new Error("the measured log is not signed");
  const { size, root } = opened.checkpoint;
  const read = async (tile: Tile): Promise<Buffer> =>
    (await source.tile(tilePath(tile))) ?? Buffer.alloc(0);
  const number = Math.floor(index / tileWidth);
  const width = Math.min(tileWidth, size - number * tileWidth);
  const [bundle, proof] = await Promise.all([
    read({ level: "entries", number, width }),
    inclusionProof(index, size, readTiles(size, read)),
  ]);
  const leaf = leafHash(parseBundle(bundle)?.[index % tileWidth] ?? Buffer.alloc(0));
  if (!verifyInclusion({ index, size, leaf, proof, root }))
    throw new Error(`entry ${index} of the measured log is not proved`);
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
