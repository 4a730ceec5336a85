import { expect, test } from "@jest/globals";
import { Findings } from "../../../src/ledger/findings.ts";
import { SigningKeys } from "../../../src/ledger/verify-keys.ts";
import { judgePeriod } from "../../../src/ledger/verify-period.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import { leafHash, rootOf } from "../../../src/merkle/tree.ts";
import { encodeAll, filesOf, fixedSigner, ledgerName } from "../../vectors/ledger/build.ts";
import { story } from "../../vectors/ledger/story.ts";

const signer = fixedSigner(7);
const key = parseVerificationKey(signer.verificationKey);
if (key === null) throw new Error("the signer has no key");
const entries = encodeAll(story()).slice(0, 300);
const root = rootOf(entries.map((entry) => leafHash(entry)));
const newest = { origin: ledgerName, size: entries.length, root, extensions: [] };

/** What is said to be missing, of an excerpt about these entries with the checkpoints of these sizes. */
async function missing(
  about: readonly number[],
  sizes: readonly number[],
  older: readonly number[] = [],
) {
  if (key === null) throw new Error("the signer has no key");
  const findings = new Findings();
  const checkpointsOf = async function* (of: readonly number[]) {
    for (const size of of) {
      const files = await filesOf(entries.slice(0, size), signer);
      yield { checkpoint: String(files.get("checkpoint")) };
    }
  };
  const keys = new SigningKeys(findings, key, ledgerName);
  const series = { checkpoints: checkpointsOf(sizes), most: 20, from: 0 };
  const olderSeries = { name: "old", checkpoints: checkpointsOf(older) };
  await judgePeriod(newest, { key, keys, findings, about, series, olderSeries });
  return findings.kept.flatMap(({ code, message }) =>
    code === "checkpoints_missing" ? [message] : [],
  );
}

test("an excerpt's period reaches from its smallest entry to its largest, in whatever order it names them", async () => {
  const whole = [100, 120, 140, 160, 180, 200];
  const cut = [100, 120];
  for (const about of [
    [110, 190],
    [190, 110],
  ]) {
    expect(await missing(about, whole)).toEqual([]);
    expect(await missing(about, cut)).toEqual([
      "the series ends at 120 entries and has to cover 191",
    ]);
  }
});

test("an excerpt of nothing but how the key was replaced lacks no checkpoint", async () => {
  expect(await missing([], [200])).toEqual([]);
});

test("an excerpt's series is held to an older one within its period, and an older one alone shows nothing of it", async () => {
  const older = [20, 100, 120, 130, 140, 300];
  expect(await missing([110, 135], [100, 120, 140], older)).toEqual([
    "the series lacks the checkpoint of 130 entries, which was signed: old shows it",
  ]);
  expect(await missing([], [], older)).toEqual([]);
});
