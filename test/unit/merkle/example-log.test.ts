import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { parseBundle } from "../../../src/merkle/bundle.ts";
import { openCheckpoint } from "../../../src/merkle/checkpoint.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import { tilePath, tilesOf } from "../../../src/merkle/tile.ts";
import { TileEdge } from "../../../src/merkle/tile-edge.ts";
import { parseTlogProof, verifyTlogProof } from "../../../src/merkle/tlog-proof.ts";
import { leafHash } from "../../../src/merkle/tree.ts";

const folder = new URL("../../../../shared/vectors/tlog-example/", import.meta.url);
const present = existsSync(folder);
if (!present)
  console.warn("../shared/vectors/tlog-example is absent: the example log is not checked");
const exampleTest = present ? test : test.skip;

const bytesOf = (path: string): Buffer => readFileSync(new URL(path, folder));

function key() {
  const parsed = parseVerificationKey(bytesOf("vkey").toString());
  if (parsed === null) throw new Error("the example's key does not parse");
  return parsed;
}

function entries(): readonly Buffer[] {
  return [...tilesOf(600)]
    .filter(({ level }) => level === "entries")
    .flatMap((tile) => parseBundle(bytesOf(tilePath(tile))) ?? []);
}

exampleTest("the example log's checkpoint verifies, the signatures of other keys ignored", () => {
  const opened = openCheckpoint(bytesOf("checkpoint"), key());
  expect(opened?.verdict).toBe("verified");
  expect(opened?.checkpoint).toMatchObject({ origin: "weightvault.example/log1", size: 600 });
});

exampleTest("tiles and root grown from the example's entries are the example's", () => {
  const edge = new TileEdge();
  const grown = [...entries().flatMap((entry) => edge.append(leafHash(entry))), ...edge.partials()];
  for (const { tile, bytes } of grown) expect(bytes).toEqual(bytesOf(tilePath(tile)));
  expect(grown.map(({ tile }) => tilePath(tile)).toSorted()).toEqual(
    [...tilesOf(600)]
      .filter(({ level }) => level !== "entries")
      .map(tilePath)
      .toSorted(),
  );
  expect(edge.root()).toEqual(openCheckpoint(bytesOf("checkpoint"), key())?.checkpoint.root);
});

exampleTest("the example's proof shows its entry and no other", () => {
  const proof = parseTlogProof(bytesOf("proof.tlog-proof"));
  if (proof === null) throw new Error("the example's proof does not parse");
  const shown = entries().map((entry) => verifyTlogProof(proof, leafHash(entry), key()).verified);
  expect(shown.flatMap((verified, index) => (verified ? [index] : []))).toEqual([517]);
});
