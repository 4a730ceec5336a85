import { readFileSync } from "node:fs";
import { afterAll, expect, test } from "@jest/globals";
import { Secret } from "../../../src/crypto/secret.ts";
import { isRefusal } from "../../../src/errors.ts";
import { SegmentPool } from "../../../src/floe/pool.ts";
import { Sealer } from "../../../src/floe/seal.ts";
import { Slot, type SlotWork } from "../../../src/floe/slot.ts";
import { replay, sha256Hex, type Vector, vectorPlaintext } from "../../vectors/floe/cases.ts";
import { dataKey, plaintextOf, small, smallCapacityBytes } from "./builders.ts";
import { openedIn, sealedIn } from "./pooled.ts";

const pool = new SegmentPool({ threads: 2 });
const own = new SegmentPool({ threads: 0 });

afterAll(async () => await pool[Symbol.asyncDispose]());

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL("../../vectors/floe/vectors.json", import.meta.url), "utf8"),
);

/** Threads that run this instead. */
function program(text: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}

const sealing = { verb: "seal", layout: small, position: 0, isFinal: true, sizeBytes: 20 } as const;

function filled(layout = small): Slot {
  const slot = new Slot(layout);
  slot.plaintext(20).set(plaintextOf(20));
  return slot;
}

test.each(vectors)(
  "known answer in threads and without: $name, in segments of $segmentBytes bytes",
  async (vector) => {
    const plaintext = vectorPlaintext(vector.plaintextBytes);
    for (const each of [pool, own]) {
      const options = {
        key: new Secret(Buffer.from(vector.keyHex, "hex")),
        aad: Buffer.from(vector.aadHex, "hex"),
        layout: { segmentBytes: vector.segmentBytes },
      };
      using sealer = new Sealer({ ...options, random: replay(vector.ivsHex) });
      const object = await sealedIn(each, sealer, plaintext, options.layout);
      expect(sha256Hex(object)).toBe(vector.objectSha256);
      const { written, taken } = await openedIn(each, object, options);
      expect(written.equals(plaintext)).toBe(true);
      expect(taken.equals(plaintext)).toBe(true);
    }
  },
);

test("threads are started by the first segments and are no more than were asked for", async () => {
  const ids = new Set<number>();
  const answering = `import { parentPort, threadId } from "node:worker_threads";
    parentPort.on("message", ({ memory }) => setTimeout(() =>
      parentPort.postMessage({ memory, outcome: { sizeBytes: threadId } }, [memory]), 1));`;
  await using other = new SegmentPool({ threads: 3, program: program(answering) });
  const work = async () => ids.add(await other.work(new Slot(small), dataKey(), sealing));
  await Promise.all(Array.from({ length: 40 }, work));
  expect(ids.size).toBe(3);
});

test("a segment that fails its tag is refused in a thread as without one, and none of its plaintext is in the slot", async () => {
  for (const each of [pool, own]) {
    const slot = filled();
    const sizeBytes = await each.work(slot, dataKey(), sealing);
    const segment = slot.segment(sizeBytes);
    segment.writeUInt8(segment.readUInt8(25) ^ 1, 25);
    const before = Buffer.from(segment);
    const opening: SlotWork = { ...sealing, verb: "open", sizeBytes };
    const refusal = await each.work(slot, dataKey(), opening).catch((error: unknown) => error);
    expect(isRefusal(refusal, "object_corrupt")).toBe(true);
    expect(slot.segment(sizeBytes)).toEqual(before);
  }
});

test("the key lies in no message, and its cell is wiped after each work, whatever came of it", async () => {
  for (const each of [pool, own]) {
    const slot = filled();
    const sizeBytes = await each.work(slot, dataKey(), sealing);
    expect(Buffer.from(slot.key.memory)).toEqual(Buffer.alloc(32));
    const opening: SlotWork = { ...sealing, verb: "open", sizeBytes, position: 1 };
    await expect(each.work(slot, dataKey(), opening)).rejects.toThrow("fails its tag");
    expect(Buffer.from(slot.key.memory)).toEqual(Buffer.alloc(32));
  }
});

test("a thread that dies is an error that says so, its key is wiped, and the slot has memory again", async () => {
  for (const text of [
    'import { parentPort } from "node:worker_threads"; parentPort.on("message", () => process.exit(3));',
    'import { parentPort } from "node:worker_threads"; parentPort.on("message", () => { throw new Error("broken"); });',
    "throw new Error('does not start');",
  ]) {
    await using mortal = new SegmentPool({ threads: 1, program: program(text) });
    const slots = Array.from({ length: 5 }, () => filled());
    const key = dataKey();
    const outcomes = await Promise.allSettled(
      slots.map(async (slot) => await mortal.work(slot, key, sealing)),
    );
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: "rejected" });
      if (outcome.status === "rejected")
        expect(String(outcome.reason)).toContain("a thread that seals and opens segments ended");
    }
    for (const slot of slots) {
      expect(Buffer.from(slot.key.memory)).toEqual(Buffer.alloc(32));
      expect(slot.segment(64)).toHaveLength(64);
    }
    expect(key.sizeBytes).toBe(32);
  }
});

test("another thread takes the place of one that died", async () => {
  const dyingOnce = `import { parentPort } from "node:worker_threads";
    parentPort.on("message", ({ memory, work }) => {
      if (work.position === 1) process.exit(1);
      parentPort.postMessage({ memory, outcome: { sizeBytes: 7 } }, [memory]);
    });`;
  await using mortal = new SegmentPool({ threads: 1, program: program(dyingOnce) });
  const died = mortal.work(filled(), dataKey(), { ...sealing, position: 1 });
  await expect(died).rejects.toThrow("ended");
  expect(await mortal.work(filled(), dataKey(), sealing)).toBe(7);
});

test("a pool that was ended takes no work, and lets nothing wait", async () => {
  const silent = program('import "node:worker_threads"; setInterval(() => {}, 1_000);');
  const ending = new SegmentPool({ threads: 1, program: silent });
  const waiting = Array.from({ length: 4 }, async () => {
    await expect(ending.work(filled(), dataKey(), sealing)).rejects.toThrow("ended");
  });
  await ending[Symbol.asyncDispose]();
  await Promise.all(waiting);
  await expect(ending.work(filled(), dataKey(), sealing)).rejects.toThrow("were ended");
});

test("a slot that was given back holds nothing, and is the next one's", () => {
  const fresh = new SegmentPool({ threads: 0 });
  const slot = fresh.takeSlot(small);
  slot.plaintext(smallCapacityBytes).fill(7);
  slot.key.lend(dataKey());
  fresh.giveSlot(slot);
  const next = fresh.takeSlot(small);
  expect(next).toBe(slot);
  expect(next.segment(64)).toEqual(Buffer.alloc(64));
  expect(Buffer.from(next.key.memory)).toEqual(Buffer.alloc(32));
  expect(fresh.takeSlot({ segmentBytes: 65 })).not.toBe(slot);
});

test("a mistake of the caller is his error, in a thread as without one", async () => {
  for (const each of [pool, own]) {
    const work = each.work(filled(), dataKey(), { ...sealing, isFinal: false });
    await expect(work).rejects.toThrow("only the final segment may be shorter than full");
  }
});
