import { expect, test } from "@jest/globals";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { BundleDigester } from "../../../src/ledger/verify-digest.ts";
import { DigestPool } from "../../../src/ledger/verify-pool.ts";
import { readText } from "../../../src/ledger/verify-text.ts";
import { encodeBundle } from "../../../src/merkle/bundle.ts";
import { encodeAll, filesOf, fixedSigner, memorySource } from "../../vectors/ledger/build.ts";
import { beginning, decided, delivered, idOf, record } from "../../vectors/ledger/story.ts";

const signer = fixedSigner(7);

const { verificationKey } = signer;

/** More entries than threads are started for, with something wrong in the middle of them. */
function longStory() {
  const records = [...beginning];
  for (let at = 0; records.length < 17_000; at += 1)
    records.push(
      decided(at % 3 === 0 ? "denied" : "allowed", `release ${at}`),
      at % 3 === 0 ? record("weather.changed") : delivered(`release ${at}`),
    );
  return records.with(9_000, record("release.delivered", { release: idOf("never"), bytes: "1" }));
}

const entries = encodeAll(longStory());

test("threads find exactly what one finds", async () => {
  const files = await filesOf(entries, signer);
  const bundle = files.get("tile/entries/020") ?? Buffer.alloc(0);
  bundle.writeUInt8(bundle.readUInt8(500) ^ 1, 500);
  const verify = async (threads: number) =>
    await verifyLedger(memorySource(files), { verificationKey, threads });
  const [alone, together] = [await verify(0), await verify(2)];
  expect(alone.errors).toBeGreaterThan(3);
  expect(together).toEqual(alone);
});

test("a decision that many entries share is read once, and the same in every one of them", () => {
  const entries = encodeAll([...beginning, decided("allowed", "a"), decided("allowed", "b")]);
  const { decisions, newDecisions, ...text } = new BundleDigester().digest({
    bundle: encodeBundle(entries),
    width: entries.length,
    leafTile: null,
    isParsed: true,
  });
  expect(newDecisions.length).toBe(1);
  expect([...decisions].slice(-2)).toEqual([0, 0]);
  const read = JSON.parse(readText(text)) as { body: Record<string, unknown> }[];
  const last = read.at(-1) ?? { body: {} };
  last.body["decision"] = JSON.parse(newDecisions[0] ?? "");
  expect(JSON.stringify(last)).toBe(entries.at(-1)?.toString());
});

test("a thread that ends fails what waits for it and all that comes after", async () => {
  const work = { bundle: new Uint8Array(0), width: 0, leafTile: null, isParsed: true };
  const pool = new DigestPool(1);
  const waiting = pool.digest(work);
  const failed = waiting.catch((error: unknown) => String(error));
  await pool[Symbol.asyncDispose]();
  expect(await failed).toContain("a thread that verifies the ledger ended");
  await expect(pool.digest(work)).rejects.toThrow("a thread that verifies the ledger ended");
});

test.each([0, 2])(
  "bundles that arrive out of order, with %d threads, are read in order",
  async (threads) => {
    const files = await filesOf(entries, signer);
    const source = memorySource(files);
    const late = Promise.withResolvers<void>();
    const verified = verifyLedger(
      {
        ...source,
        // The first bundle comes after the second, which then is the first to hold a decision.
        tile: async (path) => {
          if (path === "tile/entries/000") await late.promise;
          if (path === "tile/entries/001") setImmediate(late.resolve);
          return await source.tile(path);
        },
      },
      { verificationKey, threads },
    );
    const inOrder = await verifyLedger(source, { verificationKey });
    expect(await verified).toEqual(inOrder);
  },
);
