import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { folderSource } from "../../../src/ledger/source-folder.ts";
import { type Report, verifyLedger } from "../../../src/ledger/verify.ts";
import { tilePath, tilesOf } from "../../../src/merkle/tile.ts";
import { memorySource } from "../../vectors/ledger/build.ts";

const folder = fileURLToPath(new URL("../../../../shared/vectors/tlog-example", import.meta.url));
const present = existsSync(folder);
if (!present)
  console.warn("../shared/vectors/tlog-example is absent: no log of others is verified");
const exampleTest = present ? test : test.skip;

const read = (path: string): Buffer => readFileSync(`${folder}/${path}`);
const options = () => ({ verificationKey: read("vkey").toString(), entries: "opaque" }) as const;

async function verifyWith(path: string, at: number): Promise<Report> {
  const paths = ["checkpoint", ...[...tilesOf(600)].map(tilePath)];
  const files = new Map(paths.map((name) => [name, read(name)]));
  const bytes = files.get(path);
  if (bytes === undefined) throw new Error(`the example has no ${path}`);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return verifyLedger(memorySource(files), options());
}

exampleTest("a log made by other programs verifies, its foreign signatures ignored", async () => {
  expect(await verifyLedger(folderSource(folder), options())).toMatchObject({
    origin: "weightvault.example/log1",
    size: 600,
    verified: true,
    findings: [],
  });
});

exampleTest("every flipped byte of a sample from every file of it is found", async () => {
  for (const path of [...tilesOf(600)].map(tilePath)) {
    const { length } = read(path);
    for (let at = 0; at < length; at += Math.ceil(length / 15)) {
      const report = await verifyWith(path, at);
      expect([path, at, report.verified]).toEqual([path, at, false]);
    }
  }
});

exampleTest(
  "every flipped byte of what its key signed, and of the signature, is found",
  async () => {
    // Signatures of keys that are not ours follow; nobody who lacks those keys can tell a flip in them.
    const ours = read("checkpoint").indexOf("\n", read("checkpoint").indexOf("—"));
    for (let at = 0; at <= ours; at += 1) {
      const report = await verifyWith("checkpoint", at);
      expect([at, report.verified]).toEqual([at, false]);
    }
  },
);
