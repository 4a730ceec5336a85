import { randomBytes, randomInt } from "node:crypto";
import { Secret } from "../../src/crypto/secret.ts";
import { objectAad } from "../../src/floe/aad.ts";
import { headerBytes, objectBytes, oneMebibyteLayout } from "../../src/floe/layout.ts";
import { openRange } from "../../src/floe/open-range.ts";
import { SegmentPool } from "../../src/floe/pool.ts";
import { Sealer } from "../../src/floe/seal.ts";
import { sealSegments } from "../../src/floe/seal-segments.ts";
import { threadsFor } from "../../src/floe/threads.ts";
import type { BlobStore } from "../../src/storage/blob-store.ts";
import { openDiskStore } from "../../src/storage/disk.ts";
import { type Figure, figure, gibibyte, type Measurement, mebibyte, scaled } from "./measure.ts";
import { type Resources, temporaryFolder } from "./resources.ts";

const ranges = 1_000;
const rangeBytes = 64 * 1_024;
/** A short range lies in two segments at the most. */
const allowedBytes = headerBytes + 2 * oneMebibyteLayout.segmentBytes;
const object = "objects/bench";

type Span = { readonly start: number; readonly end: number };

/**
 * Random short ranges of one big object in the disk store: the most bytes that one of them read from the store, against what it may; and how
 * long they took, against reading as many stored bytes without opening them.
 */
export async function rangeRead(
  measurement: Measurement,
  resources: Resources,
): Promise<readonly Figure[]> {
  const { progress } = measurement;
  const sizeBytes = Math.max(4 * mebibyte, scaled(10 * gibibyte, measurement));
  const store = await openDiskStore({ root: await temporaryFolder(resources) });
  using key = new Secret(randomBytes(32));
  const aad = objectAad(randomBytes(16));
  progress(`  sealing ${(sizeBytes / gibibyte).toFixed(2)} GiB`);
  await sealZeros(store, new Sealer({ key, aad }), sizeBytes);
  const bare: number[] = [];
  const opened: number[] = [];
  let mostBytes = 0;
  for (let round = 0; round < ranges; round += 1) {
    const start = randomInt(sizeBytes - rangeBytes);
    const spans: Span[] = [];
    opened.push(
      await msOf(async () => {
        const read = (from: number, to: number) => {
          spans.push({ start: from, end: to });
          return store.read(object, { start: from, end: to });
        };
        const range = {
          key,
          aad,
          objectBytes: objectBytes(sizeBytes),
          start,
          end: start + rangeBytes,
        };
        await drain(openRange(read, range), rangeBytes);
      }),
    );
    const readBytes = spans.reduce((sum, span) => sum + span.end - span.start, 0);
    if (readBytes > allowedBytes) throw new Error(`a range read ${readBytes} bytes from the store`);
    mostBytes = Math.max(mostBytes, readBytes);
    bare.push(
      await msOf(async () => {
        for (const span of spans) await drain(store.read(object, span), span.end - span.start);
      }),
    );
  }
  const times = (name: string, share: number) =>
    figure(name, "ms", { value: percentile(opened, share), baseline: percentile(bare, share) });
  return [
    figure("range-read", "MiB", { value: mostBytes / mebibyte, baseline: allowedBytes / mebibyte }),
    times("range-read-p50", 0.5),
    times("range-read-p99", 0.99),
  ];
}

async function sealZeros(store: BlobStore, made: Sealer, plaintextBytes: number): Promise<void> {
  using sealer = made;
  await using pool = new SegmentPool({ threads: threadsFor(plaintextBytes) });
  const writer = await store.create(object);
  await writer.write(sealer.header);
  await sealSegments(sealer, {
    pool,
    plaintextBytes,
    read: async (into) => void into.fill(0),
    write: async (segment) => await writer.write(segment),
    isAppending: true,
  });
  await writer.complete();
}

async function drain(source: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<void> {
  let receivedBytes = 0;
  for await (const piece of source) receivedBytes += piece.length;
  if (receivedBytes !== sizeBytes) throw new Error("the range has another number of bytes");
}

async function msOf(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
