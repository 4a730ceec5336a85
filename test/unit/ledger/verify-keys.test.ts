import { expect, test } from "@jest/globals";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { rotationText } from "../../../src/ledger/verify-keys.ts";
import { encodeNote, parseNote, signNote } from "../../../src/merkle/note.ts";
import {
  encodeAll,
  type Files,
  type FixedSigner,
  filesOf,
  fixedSigner,
  memorySource,
  type Recorded,
} from "../../vectors/ledger/build.ts";
import { beginning, decided, delivered, record } from "../../vectors/ledger/story.ts";

const [first, second, third] = [fixedSigner(7), fixedSigner(8), fixedSigner(9)];

async function statement(text: string, ...signers: readonly FixedSigner[]): Promise<string> {
  const notes = await Promise.all(signers.map(async (signer) => await signNote(text, signer)));
  return encodeNote({
    text,
    signatures: notes.flatMap((note) => parseNote(note)?.signatures ?? []),
  });
}

async function rotated(
  from: FixedSigner,
  to: FixedSigner,
  signers: readonly FixedSigner[] = [from, to],
): Promise<Recorded> {
  const text = rotationText(first.name, from.verificationKey, to.verificationKey);
  return record("ledger.key-rotated", { statement: await statement(text, ...signers) });
}

const releases = [decided("allowed", "r"), delivered("r")];

async function judge(files: Files, older: readonly Buffer[] = []) {
  const { findings, verified } = await verifyLedger(memorySource(files), {
    verificationKey: first.verificationKey,
    olderCheckpoints: older.map((bytes, at) => ({ name: `kept-${at}`, bytes })),
  });
  return verified ? "verified" : findings.map(({ code }) => code).join();
}

const checkpointOf = async (records: readonly Recorded[], signer: FixedSigner): Promise<Buffer> =>
  (await filesOf(encodeAll(records), signer)).get("checkpoint") ?? Buffer.alloc(0);

test("a new key that the old one names and that signs for itself is followed, and one after it", async () => {
  const records = [
    ...beginning,
    await rotated(first, second),
    ...releases,
    await rotated(second, third),
  ];
  expect(await judge(await filesOf(encodeAll(records.slice(0, -1)), second))).toBe("verified");
  const files = await filesOf(encodeAll([...records, record("token.revoked", {})]), third);
  expect(await judge(files)).toContain("body_malformed");
  const whole = [...records, decided("denied", "d")];
  expect(await judge(await filesOf(encodeAll(whole), third))).toBe("verified");
});

test("checkpoints from before a rotation are held to the key of their time", async () => {
  const before = [...beginning, await rotated(first, second)];
  const files = await filesOf(encodeAll([...before, ...releases]), second);
  expect(await judge(files, [await checkpointOf(before, first)])).toBe("verified");
  expect(await judge(files, [await checkpointOf([...before, ...releases], first)])).toBe(
    "older_checkpoint_invalid",
  );
});

test("a key that was replaced signs nothing more", async () => {
  const records = [...beginning, await rotated(first, second), ...releases];
  expect(await judge(await filesOf(encodeAll(records), first))).toBe("key_retired");
});

test.each([
  ["the old key alone", async () => await rotated(first, second, [first])],
  ["the new key alone", async () => await rotated(first, second, [second])],
  ["a key that never ruled", async () => await rotated(third, second)],
  ["nobody", async () => record("ledger.key-rotated", {})],
])("a new key that %s vouches for is none, and its checkpoint is unsigned", async (_, entry) => {
  const records = [...beginning, await entry(), ...releases];
  expect(await judge(await filesOf(encodeAll(records), second))).toBe("checkpoint_unsigned");
  expect(await judge(await filesOf(encodeAll(records), first))).toBe("key_rotation_invalid");
});

test("a new key for another log is none", async () => {
  const text = rotationText(
    "another.example/ledger",
    first.verificationKey,
    second.verificationKey,
  );
  const entry = record("ledger.key-rotated", { statement: await statement(text, first, second) });
  const files = await filesOf(encodeAll([...beginning, entry]), second);
  expect(await judge(files)).toBe("checkpoint_unsigned");
});
