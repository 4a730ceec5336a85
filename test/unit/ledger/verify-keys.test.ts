import { expect, test } from "@jest/globals";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { type ExcerptSource, verifyExcerpt } from "../../../src/ledger/verify-excerpt.ts";
import { encodeNote, parseNote, signNote } from "../../../src/merkle/note.ts";
import { inclusionProof } from "../../../src/merkle/proof.ts";
import {
  nothingSigned,
  readRotation,
  rotationText,
  signRotation,
} from "../../../src/merkle/rotation.ts";
import { encodeTlogProof } from "../../../src/merkle/tlog-proof.ts";
import { leafHash, rootOf } from "../../../src/merkle/tree.ts";
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
  head = nothingSigned,
): Promise<Recorded> {
  const text = rotationText(first.name, from.verificationKey, to.verificationKey, head);
  return record("ledger.key-rotated", { statement: await statement(text, ...signers) });
}

const releases = [decided("allowed", "r"), delivered("r")];

async function judge(files: Files, older: readonly Buffer[] = [], trusted = first) {
  const { findings, verified } = await verifyLedger(memorySource(files), {
    verificationKey: trusted.verificationKey,
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

test("the entry with which a new key takes the ledger up verifies under either key, and one of a key that no rotation named does not", async () => {
  const keyIdOf = ({ verificationKey }: FixedSigner) => verificationKey.split("+")[1] ?? "";
  const taken = (by: FixedSigner) => record("ledger.key-taken-up", { keyId: keyIdOf(by) });
  const before = [...beginning, await rotated(first, second)];
  const files = await filesOf(encodeAll([...before, taken(second)]), second);
  expect(await judge(files)).toBe("verified");
  expect(await judge(files, [], second)).toBe("verified");
  for (const records of [
    [...before, taken(first)],
    [...before, record("ledger.key-taken-up", {})],
  ])
    expect(await judge(await filesOf(encodeAll(records), second))).toBe("key_rotation_invalid");
  const early = await filesOf(encodeAll([...beginning, taken(first)]), first);
  expect(await judge(early)).toBe("key_rotation_invalid");
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

const headAt = (records: readonly Recorded[], size: number) => {
  const leaves = encodeAll(records.slice(0, size)).map((entry) => leafHash(entry));
  return { size, root: rootOf(leaves) };
};

test("a rotation says what the old key had signed by then, and the same statement in another past is invalid", async () => {
  const head = headAt(beginning, 8);
  const rotation = await rotated(first, second, [first, second], head);
  const records = [...beginning, rotation, ...releases];
  const rewritten = records.with(5, records[6] ?? rotation);
  const codesUnder = async (trusted: FixedSigner, told: readonly Recorded[]) => {
    const found = await judge(await filesOf(encodeAll(told), second), [], trusted);
    return found.split(",").filter((code) => /verified|key|unsigned/.test(code));
  };
  for (const trusted of [first, second]) {
    expect(await codesUnder(trusted, records)).toEqual(["verified"]);
    expect(await codesUnder(trusted, rewritten)).toEqual(["key_rotation_invalid"]);
  }
});

test("a rotation is none at an earlier place than the old key had signed up to, and at a later one only where the past is the same", async () => {
  const head = headAt(beginning, 8);
  const rotation = await rotated(first, second, [first, second], head);
  const early = [...beginning.slice(0, 7), rotation, ...beginning.slice(7)];
  expect(await judge(await filesOf(encodeAll(early), second))).toBe("checkpoint_unsigned");
  const elsewhere = [...releases, ...beginning.toReversed(), rotation];
  const files = await filesOf(encodeAll(elsewhere), second);
  expect((await judge(files)).split(",")).toContain("key_rotation_invalid");
});

test("who trusts a key takes nothing that the one before it signs for the newest, wherever that one has the rotation stand", async () => {
  const head = headAt(beginning, 8);
  const rotation = await rotated(first, second, [first, second], head);
  const forked = [...beginning, ...releases, rotation];
  const files = await filesOf(encodeAll(forked), first);
  expect(await judge(files, [], second)).toBe("key_retired");
  expect(await judge(files, [], first)).toBe("verified");
  const kept = await checkpointOf(beginning, first);
  const signed = await filesOf(encodeAll([...forked, record("token.revoked", {})]), second);
  expect(await judge(signed, [kept], second)).not.toMatch(/key|older/);
});

test("a new key for another log is none", async () => {
  const text = rotationText(
    "another.example/ledger",
    first.verificationKey,
    second.verificationKey,
    nothingSigned,
  );
  const entry = record("ledger.key-rotated", { statement: await statement(text, first, second) });
  const files = await filesOf(encodeAll([...beginning, entry]), second);
  expect(await judge(files)).toBe("checkpoint_unsigned");
});

test.each([
  ["the first", first],
  ["the one between", second],
  ["the newest", third],
])(
  "who trusts %s of three keys verifies the whole ledger, and old checkpoints with it",
  async (_, trusted) => {
    const before = [...beginning, await rotated(first, second)];
    const between = [...before, ...releases, await rotated(second, third)];
    const whole = [...between, decided("denied", "d")];
    const files = await filesOf(encodeAll(whole), third);
    const older = [await checkpointOf(before, first), await checkpointOf(between, second)];
    expect(await judge(files, older, trusted)).toBe("verified");
    const late = await checkpointOf(between, first);
    expect(await judge(files, [late], trusted)).toBe("older_checkpoint_invalid");
  },
);

test("a rotation that leads to no trusted key is found, wherever it stands", async () => {
  const records = [...beginning, await rotated(second, third), await rotated(first, second)];
  expect(await judge(await filesOf(encodeAll(records), second), [], first)).toBe(
    "key_rotation_invalid",
  );
  const again = [...beginning, await rotated(first, second), await rotated(second, first)];
  expect(await judge(await filesOf(encodeAll(again), second))).toBe("key_rotation_invalid");
  const itself = [...beginning, await rotated(first, first)];
  expect(await judge(await filesOf(encodeAll(itself), first))).toBe("key_rotation_invalid");
});

/** The entries of some indexes, with their proofs, as an excerpt has them. */
async function excerptOf(
  records: readonly Recorded[],
  signer: FixedSigner,
): Promise<ExcerptSource> {
  const entries = encodeAll(records);
  const checkpoint = (await filesOf(entries, signer)).get("checkpoint") ?? Buffer.alloc(0);
  const leaves = entries.map((entry) => leafHash(entry));
  const read = (_: number, index: number) => leaves[index] ?? Buffer.alloc(0);
  return {
    checkpoint: async () => checkpoint,
    entry: async (index) => entries[index] ?? null,
    proof: async (index) => {
      const hashes = await inclusionProof(index, entries.length, read);
      return Buffer.from(
        encodeTlogProof({ index, hashes, checkpoint: checkpoint.toString("utf8") }),
      );
    },
  };
}

test("an excerpt that holds the rotation verifies under the first key, and one without it does not", async () => {
  const records = [...beginning, await rotated(first, second), ...releases];
  const source = await excerptOf(records, second);
  const indexes = records.map((_, index) => index).slice(beginning.length);
  const under = async (signer: FixedSigner, held: readonly number[]) => {
    const { verificationKey } = signer;
    const { verified, findings } = await verifyExcerpt(source, held, { verificationKey });
    return verified ? "verified" : findings.map(({ code }) => code).join();
  };
  expect(await under(first, indexes)).toBe("verified");
  expect(await under(second, indexes)).toBe("verified");
  expect(await under(first, indexes.slice(1))).toBe("checkpoint_unsigned");
  const retired = await excerptOf(records, first);
  const report = await verifyExcerpt(retired, indexes, { verificationKey: first.verificationKey });
  expect(report.findings.map(({ code }) => code)).toEqual(["key_retired"]);
});

test("the statement that two signers make is read as theirs, and a name is never changed by it", async () => {
  const head = headAt(beginning, 3);
  const statement = await signRotation(first, second, head);
  expect(readRotation(statement, first.name)).toMatchObject({
    head,
    from: { publicKey: Buffer.from(first.publicKey) },
    to: { publicKey: Buffer.from(second.publicKey) },
  });
  expect(readRotation(statement, "another.example/ledger")).toBeNull();
  await expect(signRotation(first, fixedSigner(8, "other.example"), nothingSigned)).rejects.toThrow(
    TypeError,
  );
});
