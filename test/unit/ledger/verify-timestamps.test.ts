import { expect, test } from "@jest/globals";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { grownByProof } from "../../../src/ledger/verify-timestamps.ts";
import { encodeAddCheckpoint } from "../../../src/merkle/add-checkpoint.ts";

import { type Tile, tilePath } from "../../../src/merkle/tile.ts";
import { signedStamp } from "../../support/timestamp/signed.ts";
import { encodeAll, filesOf, memorySource } from "../../vectors/ledger/build.ts";
import { beginning, change, story } from "../../vectors/ledger/story.ts";
import { signer, verificationKey } from "../../vectors/ledger/tell.ts";

const entries = encodeAll(story());
const { pem: certificates } = await signedStamp();

/** What is found of a checkpoint of the ledger's first entries, or of others, whose stamp is none. */
async function found(stamped: readonly Buffer[], missing: readonly Tile[] = []) {
  const files = await filesOf(entries, signer);
  for (const tile of missing) expect(files.delete(tilePath(tile))).toBe(true);
  const checkpoint = (await filesOf(stamped, signer)).get("checkpoint") ?? Buffer.alloc(0);
  const timestamps = { certificates, stamped: [{ checkpoint, response: Buffer.alloc(0) }] };
  const report = await verifyLedger(memorySource(files), { verificationKey, timestamps });
  expect([report.verified, report.timestamps]).toEqual([false, []]);
  return report.findings.flatMap(({ code, message }) =>
    code === "timestamp_invalid" ? [message] : [],
  );
}

const untold = (size: number) =>
  `whether the ledger has the root that was stamped at size ${size} cannot be told: what would show it is missing or damaged`;
const other = (size: number) =>
  `the ledger does not have the root that was stamped at size ${size}`;

test("of a ledger that lacks a tile it is told that a stamp below it cannot be judged, and not that the ledger is another", async () => {
  const first = { level: 0, number: 0, width: 256 } as const;
  const last = { level: 0, number: 1, width: entries.length - 256 } as const;
  expect(await found(entries.slice(0, 40), [first])).toEqual([untold(40)]);
  expect(await found(entries, [last])).toEqual([untold(entries.length)]);
  // What the tile of the end would show, a stamp before it does not ask.
  expect(await found(entries.slice(0, 256), [last])).toEqual([
    expect.stringMatching(/^of the timestamp at size 256: /),
  ]);
});

test("a stamp of another tree, or of one that is larger than the ledger, is of a root that the ledger does not have", async () => {
  const rewritten = encodeAll([...beginning, change("person.updated", "officer")]);
  expect(await found(rewritten)).toEqual([other(rewritten.length)]);
  const longer = encodeAll([...story(), change("person.updated", "officer")]);
  expect(await found(longer)).toEqual([other(longer.length)]);
});

test("in an excerpt a missing or unreadable proof tells nothing of a stamp, and one that leads elsewhere does", () => {
  const [old, newest] = [
    { origin: signer.name, size: 2, root: Buffer.alloc(32, 1), extensions: [] },
    { origin: signer.name, size: 3, root: Buffer.alloc(32, 2), extensions: [] },
  ];
  expect(grownByProof(old, undefined, newest)).toBe("untold");
  expect(grownByProof(old, Buffer.from("old"), newest)).toBe("untold");
  for (const oldSize of [1, 2]) {
    const proof = [Buffer.alloc(32), Buffer.alloc(32)];
    const growth = encodeAddCheckpoint({ oldSize, proof, checkpoint: "" });
    expect(grownByProof(old, Buffer.from(growth), newest)).toBe("other");
  }
});
