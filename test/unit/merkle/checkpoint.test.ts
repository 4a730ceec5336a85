import { expect, test } from "@jest/globals";
import { assert, property, string, uint8Array } from "fast-check";
import {
  encodeCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from "../../../src/merkle/checkpoint.ts";
import { signNote } from "../../../src/merkle/note.ts";
import { freshSigner } from "./signed-texts.ts";

const root = Buffer.alloc(32, 0xa7);
const rootText = root.toString("base64");
const { signer, key } = freshSigner("vault.example/ledger");

test("a checkpoint comes back from its text, extension lines and all", () => {
  const checkpoint = {
    origin: "vault.example/ledger",
    size: 20_852_163,
    root,
    extensions: ["a", "b c"],
  };
  const text = encodeCheckpoint(checkpoint);
  expect(text).toBe(`vault.example/ledger\n20852163\n${rootText}\na\nb c\n`);
  expect(parseCheckpoint(text)).toEqual(checkpoint);
});

test.each([0, 1, Number.MAX_SAFE_INTEGER])("a size of %d is kept", (size) => {
  expect(parseCheckpoint(encodeCheckpoint({ origin: "o", size, root }))?.size).toBe(size);
});

test.each([
  ["an empty origin", `\n5\n${rootText}\n`],
  ["a size with a leading zero", `o\n05\n${rootText}\n`],
  ["a signed size", `o\n+5\n${rootText}\n`],
  ["a negative size", `o\n-5\n${rootText}\n`],
  ["a size in hex", `o\n0x5\n${rootText}\n`],
  ["a size with an exponent", `o\n5e3\n${rootText}\n`],
  ["a size past 2^53-1", `o\n9007199254740992\n${rootText}\n`],
  ["a size of seventeen digits", `o\n10000000000000000\n${rootText}\n`],
  ["a size with a space", `o\n5 \n${rootText}\n`],
  ["no size", `o\n\n${rootText}\n`],
  ["a root of 31 bytes", `o\n5\n${Buffer.alloc(31).toString("base64")}\n`],
  ["a root of 33 bytes", `o\n5\n${Buffer.alloc(33).toString("base64")}\n`],
  ["a root without padding", `o\n5\n${rootText.slice(0, -1)}\n`],
  ["a root in base64url", `o\n5\n${Buffer.alloc(32, 0xfb).toString("base64url")}=\n`],
  ["a root with stray bits", `o\n5\n${rootText.slice(0, -2)}9=\n`],
  ["no root", "o\n5\n"],
  ["an empty extension line", `o\n5\n${rootText}\n\n`],
  ["no newline at the end", `o\n5\n${rootText}`],
])("a checkpoint with %s is refused", (_, text) => {
  expect(parseCheckpoint(`o\n5\n${rootText}\n`)).not.toBeNull();
  expect(parseCheckpoint(text)).toBeNull();
});

test.each([
  ["an origin of two lines", { origin: "o\np", size: 5, root }],
  ["an empty origin", { origin: "", size: 5, root }],
  ["a broken size", { origin: "o", size: 0.5, root }],
  ["a short root", { origin: "o", size: 5, root: root.subarray(1) }],
  ["an empty extension", { origin: "o", size: 5, root, extensions: [""] }],
  ["an extension of two lines", { origin: "o", size: 5, root, extensions: ["a\nb"] }],
])("a checkpoint with %s is not written", (_, checkpoint) => {
  expect(() => encodeCheckpoint(checkpoint)).toThrow(TypeError);
});

test("a signed checkpoint opens with the verdict of its key", async () => {
  const signed = await signCheckpoint({ origin: "vault.example/ledger", size: 5, root }, signer);
  expect(openCheckpoint(signed, key)).toEqual({
    checkpoint: { origin: "vault.example/ledger", size: 5, root, extensions: [] },
    verdict: "verified",
  });
  expect(openCheckpoint(Buffer.from(signed), key)?.verdict).toBe("verified");
  expect(openCheckpoint(signed, freshSigner("other.example").key)?.verdict).toBe("unsigned");
  expect(openCheckpoint(signed, freshSigner(key.name).key)?.verdict).toBe("unsigned");
  expect(openCheckpoint(signed.replace("\n5\n", "\n6\n"), key)?.verdict).toBe("forged");
});

test("a signed note that is no checkpoint does not open", async () => {
  expect(openCheckpoint(await signNote("o\n05\nroot\n", signer), key)).toBeNull();
});

test("no input makes the parser throw, and what parses is written back as it was", () => {
  assert(
    property(string({ unit: "binary" }), uint8Array(), (some, bytes) => {
      openCheckpoint(bytes, key);
      for (const text of [some, `o\n5\n${rootText}\n${some}\n`, `o\n${some}\n${rootText}\n`]) {
        const checkpoint = parseCheckpoint(text);
        if (checkpoint !== null) expect(encodeCheckpoint(checkpoint)).toBe(text);
      }
    }),
  );
});
