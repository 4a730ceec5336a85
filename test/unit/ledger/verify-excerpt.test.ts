import { expect, test } from "@jest/globals";
import { checkIds } from "../../../src/export-control/decision.ts";
import { type ExcerptSource, verifyExcerpt } from "../../../src/ledger/verify-excerpt.ts";
import { inclusionProof } from "../../../src/merkle/proof.ts";
import { encodeTlogProof, parseTlogProof } from "../../../src/merkle/tlog-proof.ts";
import { leafHash } from "../../../src/merkle/tree.ts";
import { encodeAll, filesOf, type Recorded } from "../../vectors/ledger/build.ts";
import { beginning, decided, decision, delivered } from "../../vectors/ledger/story.ts";
import { signer, verificationKey } from "../../vectors/ledger/tell.ts";

/** The whole story as an excerpt, whatever its entries are. */
async function excerptOf(entries: readonly Buffer[]): Promise<ExcerptSource> {
  const checkpoint = (await filesOf(entries, signer)).get("checkpoint") ?? Buffer.alloc(0);
  const leaves = entries.map((entry) => leafHash(entry));
  return {
    checkpoint: async () => checkpoint,
    entry: async (index) => entries[index] ?? null,
    proof: async (index) => {
      const read = (_: number, at: number) => leaves[at] ?? Buffer.alloc(0);
      const hashes = await inclusionProof(index, entries.length, read);
      return Buffer.from(encodeTlogProof({ index, hashes, checkpoint: String(checkpoint) }));
    },
  };
}

async function found(
  entries: readonly Buffer[],
  said: readonly number[],
): Promise<readonly string[]> {
  const source = await excerptOf(entries);
  const { findings, verified } = await verifyExcerpt(source, said, { verificationKey, checkIds });
  expect(verified).toBe(findings.every(({ severity }) => severity !== "error"));
  return findings.map(({ code }) => code);
}

const last = beginning.length;

test.each([
  ["on a verdict that denies", { decision: decision("deny", "pass") }, "verdict_mismatch"],
  ["although a check failed", { decision: decision("allow", "fail") }, "check_failed"],
  [
    "on no check",
    { decision: { ...(decision("allow", "pass") as object), checks: [] } },
    "check_failed",
  ],
  ["without its licenses", { licenses: null }, "body_malformed"],
  ["without the commitment to its evidence", { evidence: null }, "body_malformed"],
] as const)(
  "a release that was allowed %s is found in an excerpt, without evidence",
  async (_, replaced, code) => {
    const records: readonly Recorded[] = [
      ...beginning,
      decided("allowed", "r", replaced),
      delivered("r"),
    ];
    expect(await found(encodeAll(records), [last, last + 1])).toContain(code);
    const honest = [...beginning, decided("allowed", "r"), delivered("r")];
    expect(await found(encodeAll(honest), [last, last + 1])).toEqual([]);
  },
);

test("neighbours are held to each other in whatever order the excerpt names them, and one that it names twice counts once", async () => {
  const honest = encodeAll([...beginning, decided("allowed", "r"), delivered("r")]);
  const others = encodeAll([...beginning, decided("denied", "r"), delivered("r")]);
  const broken = [...honest.slice(0, -1), others.at(-1) ?? Buffer.alloc(0)];
  for (const said of [
    [last, last + 1],
    [last + 1, last],
    [last, last + 1, last + 1],
  ]) {
    expect(await found(broken, said)).toEqual(["chain_broken"]);
    expect(await found(honest, said)).toEqual([]);
  }
});

test("an outcome of what was refused, and a second decision, are found where the excerpt has both", async () => {
  for (const word of ["denied", "held"] as const) {
    const refused = encodeAll([...beginning, decided(word, "r"), delivered("r")]);
    expect(await found(refused, [last, last + 1])).toEqual(["outcome_without_allowed"]);
    expect(await found(refused, [last + 1])).toEqual([]);
    const twice = encodeAll([
      ...beginning,
      decided(word, "r"),
      decided("allowed", "r"),
      delivered("r"),
    ]);
    expect(await found(twice, [last, last + 1, last + 2])).toEqual([
      "release_decided_twice",
      "outcome_without_allowed",
    ]);
  }
  const reopened = [decided("allowed", "r"), delivered("r"), decided("allowed", "r")];
  const again = encodeAll([...beginning, ...reopened]);
  expect(await found(again, [last, last + 1, last + 2])).toEqual(["release_decided_twice"]);
});

const whole = encodeAll([
  ...beginning,
  ...["r", "s", "t", "u"].flatMap((name) => [decided("allowed", name), delivered(name)]),
]);

type Replaced = { readonly entry?: Buffer | null; readonly proof?: Buffer | null };

/** The errors of the whole story's excerpt with files of some entries replaced, as code and index. */
async function foundWith(replaced: ReadonlyMap<number, Replaced>, said = [...whole.keys()]) {
  const honest = await excerptOf(whole);
  const source: ExcerptSource = {
    ...honest,
    entry: async (index) => either(replaced.get(index)?.entry, await honest.entry(index)),
    proof: async (index) => either(replaced.get(index)?.proof, await honest.proof(index)),
  };
  const { findings } = await verifyExcerpt(source, said, { verificationKey, checkIds });
  const errors = findings.filter(({ severity }) => severity === "error");
  return errors.map(({ code, index }) => [code, index]);
}

function either(replaced: Buffer | null | undefined, honest: Buffer | null): Buffer | null {
  return replaced === undefined ? honest : replaced;
}

test("a proof with one wrong node, at whatever height, is found between neighbours whose proofs share the right one", async () => {
  const source = await excerptOf(whole);
  let wrong = 0;
  for (const index of whole.keys()) {
    const proof = await source.proof(index);
    const { hashes = [], checkpoint = "" } = (proof === null ? null : parseTlogProof(proof)) ?? {};
    for (const [at, node] of hashes.entries()) {
      const other = Buffer.from(node);
      other[at] = (other[at] ?? 0) ^ 1;
      const changed = encodeTlogProof({ index, hashes: hashes.with(at, other), checkpoint });
      const replaced = new Map([[index, { proof: Buffer.from(changed) }]]);
      expect(await foundWith(replaced)).toEqual([["leaf_mismatch", index]]);
      wrong += 1;
    }
  }
  expect(wrong).toBeGreaterThan(4 * whole.length);
});

test("findings come in the order of the entries, whatever is wrong with each and whatever order the excerpt names them in", async () => {
  const source = await excerptOf(whole);
  const replaced = new Map<number, Replaced>([
    [2, { proof: await source.proof(3) }],
    [3, { proof: await source.proof(2) }],
    [5, { entry: null }],
    [6, { entry: null, proof: null }],
    [8, { entry: Buffer.concat([whole[8] ?? Buffer.alloc(0), Buffer.from(" ")]) }],
    [9, { proof: null }],
    [11, { proof: Buffer.from("no proof") }],
  ]);
  const expected = [
    ["leaf_mismatch", 2],
    ["leaf_mismatch", 3],
    ["entries_missing", 5],
    ["entries_missing", 6],
    ["leaf_mismatch", 8],
    ["entries_missing", 9],
    ["leaf_mismatch", 11],
  ];
  expect(await foundWith(replaced)).toEqual(expected);
  expect(await foundWith(replaced, [...whole.keys()].toReversed())).toEqual(expected);
});
