import { expect, test } from "@jest/globals";
import { assert, property, string, uint8Array } from "fast-check";
import {
  encodeNote,
  encodeVerificationKey,
  keyIdOf,
  type Note,
  parseNote,
  parseVerificationKey,
  signNote,
  type VerificationKey,
  verifyNote,
} from "../../../src/merkle/note.ts";
import { freshSigner } from "./signed-texts.ts";

const { signer, key } = freshSigner("vault.example/ledger");
const witness = freshSigner("witness.example/w1");
const text = "one\n\ntwo\n";

function parsed(note: string): Note {
  const result = parseNote(note);
  if (result === null) throw new Error("the note does not parse");
  return result;
}

/** A note signed by both, the witness last. */
async function cosigned(): Promise<Note> {
  const mine = parsed(await signNote(text, signer));
  const theirs = parsed(await signNote(text, witness.signer));
  return { text, signatures: [...mine.signatures, ...theirs.signatures] };
}

test("a signed note comes back from its text and verifies under its own key alone", async () => {
  const note = parsed(await signNote(text, signer));
  expect(note.text).toBe(text);
  expect(verifyNote(note, key)).toBe("verified");
  expect(verifyNote(note, witness.key)).toBe("unsigned");
  expect(encodeNote(note)).toBe(await signNote(text, signer));
});

test("signatures under unknown names or ids are ignored, whatever they hold", async () => {
  const note = await cosigned();
  expect(verifyNote(parsed(encodeNote(note)), key)).toBe("verified");
  const strangers = [
    { name: key.name, keyId: "00000000", signature: Buffer.alloc(2_420) },
    { name: "another.example", keyId: key.keyId, signature: Buffer.alloc(1) },
  ];
  const crowded = { text, signatures: [...strangers, ...note.signatures] };
  expect(verifyNote(parsed(encodeNote(crowded)), key)).toBe("verified");
  expect(verifyNote({ text, signatures: strangers }, key)).toBe("unsigned");
});

test("one false signature under the key condemns the note, even beside a true one", async () => {
  const note = await cosigned();
  for (const signature of [Buffer.alloc(64), Buffer.alloc(63), Buffer.alloc(65)]) {
    const forged = { name: key.name, keyId: key.keyId, signature };
    expect(verifyNote({ text, signatures: [forged] }, key)).toBe("forged");
    expect(verifyNote({ text, signatures: [...note.signatures, forged] }, key)).toBe("forged");
  }
});

test("another text under the same signature is forged", async () => {
  const note = await cosigned();
  expect(verifyNote({ ...note, text: "one\n\ntwo \n" }, key)).toBe("forged");
});

test("a key that collides in name and id, but is another, does not verify", async () => {
  const impostor: VerificationKey = { ...witness.key, name: key.name, keyId: key.keyId };
  expect(verifyNote(parsed(await signNote(text, signer)), impostor)).toBe("forged");
});

test("no byte of a note can be changed and the note still verify", async () => {
  const bytes = Buffer.from(await signNote("origin\n5\nroot\n", signer));
  for (let at = 0; at < bytes.length; at += 1) {
    for (const bit of [1, 32, 128]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ bit;
      const note = parseNote(changed);
      expect(note === null ? "malformed" : verifyNote(note, key)).not.toBe("verified");
    }
  }
});

const line = `— a.example ${Buffer.alloc(68).toString("base64")}\n`;

test.each([
  ["no signature", "text\n\n"],
  ["no empty line", `text\n${line}`],
  ["no newline at the end", `text\n\n${line.slice(0, -1)}`],
  ["a carriage return", `text\r\n\n${line}`],
  ["a tab", `te\txt\n\n${line}`],
  ["a null byte", `te\0xt\n\n${line}`],
  ["a hyphen for the dash", `text\n\n${line.replace("—", "-")}`],
  ["no name", `text\n\n${line.replace("a.example", "")}`],
  ["a plus in a name", `text\n\n${line.replace("a.example", "a+b")}`],
  ["a space in a name", `text\n\n${line.replace("a.example", "a\u00a0b")}`],
  ["words after a signature", `text\n\n${line.trimEnd()} more\n`],
  ["a signature of a key id alone", `text\n\n— a.example AAAAAA==\n`],
  ["base64 with stray bits", `text\n\n— a.example AAAAAAB=\n`],
  ["base64 without padding", `text\n\n— a.example AAAAAAA\n`],
  ["a line that is none", `text\n\n${line}text\n`],
  ["a hundred and one signatures", `text\n\n${line.repeat(101)}`],
  ["over a million bytes", `${"t".repeat(1_000_000)}\n\n${line}`],
  ["a lone surrogate", `te\ud800xt\n\n${line}`],
])("a note with %s is refused", (_, note) => {
  expect(parseNote(`text\n\n${line}`)).not.toBeNull();
  expect(parseNote(note)).toBeNull();
});

test("bytes that are not UTF-8 are refused", () => {
  const bytes = Buffer.concat([Buffer.of(0xff), Buffer.from(`text\n\n${line}`)]);
  expect(parseNote(bytes)).toBeNull();
});

test("a hundred signatures are taken", () => {
  expect(parseNote(`text\n\n${line.repeat(100)}`)?.signatures).toHaveLength(100);
});

test("a signer whose signature its key refuses never publishes a note", async () => {
  const broken = { ...signer, sign: async () => Buffer.alloc(64) };
  await expect(signNote(text, broken)).rejects.toThrow(/refuses/u);
  const short = { ...signer, sign: async () => Buffer.alloc(10) };
  await expect(signNote(text, short)).rejects.toThrow(/refuses/u);
});

test.each(["no newline", "con\ttrol\n", "lone \ud800\n"])(
  "the text %j is not signed",
  async (unfit) => {
    await expect(signNote(unfit, signer)).rejects.toThrow(TypeError);
  },
);

test("a verification key comes back from its text", () => {
  const encoded = encodeVerificationKey(key.name, key.publicKey);
  expect(parseVerificationKey(encoded)).toEqual(key);
  expect(parseVerificationKey(`${encoded}\n`)).toEqual(key);
  expect(key.keyId).toBe(keyIdOf(key.name, key.publicKey));
  expect(() => encodeVerificationKey("a b", key.publicKey)).toThrow(TypeError);
  expect(() => encodeVerificationKey("a", key.publicKey.subarray(1))).toThrow(TypeError);
});

test("a verification key with another name, id, algorithm or length is refused", () => {
  const encodedKey = Buffer.concat([Buffer.of(1), key.publicKey]).toString("base64");
  const other = Buffer.concat([Buffer.of(6), key.publicKey]).toString("base64");
  for (const text of [
    "",
    key.name,
    `${key.name}+${key.keyId}`,
    `other.example+${key.keyId}+${encodedKey}`,
    `${key.name}+00000000+${encodedKey}`,
    `${key.name}+${key.keyId.toUpperCase()}x+${encodedKey}`,
    `${key.name}+${key.keyId}+${other}`,
    `${key.name}+${key.keyId}+${encodedKey}=`,
    `${key.name}+${key.keyId}+${encodedKey.slice(4)}`,
  ]) {
    expect(parseVerificationKey(text)).toBeNull();
  }
});

test("no input makes a parser throw", () => {
  assert(
    property(string({ unit: "binary" }), uint8Array(), (some, bytes) => {
      parseNote(some);
      parseNote(bytes);
      parseVerificationKey(some);
      parseNote(`${some}\n\n${line}`);
      parseVerificationKey(`${key.name}+${key.keyId}+${some}`);
    }),
  );
});
