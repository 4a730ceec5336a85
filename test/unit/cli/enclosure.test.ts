import { randomBytes, randomUUID } from "node:crypto";
import { expect, test } from "@jest/globals";
import { openKeys } from "../../../src/cli/obtain.ts";
import { enclose, newRecipientKeyPair, releaseInfo } from "../../../src/crypto/enclosure.ts";
import { Secret } from "../../../src/crypto/secret.ts";

const leaf = randomBytes(32);
const keys = [randomBytes(32), randomBytes(32)];
const objects = keys.map((_, at) => ({
  path: `file-${at}`,
  size: 1,
  sha256: "00".repeat(32),
  object: randomUUID(),
  objectBytes: 107,
}));

async function enclosed(given: readonly Buffer[] = keys) {
  const pair = await newRecipientKeyPair();
  const secrets = given.map((key) => new Secret(Buffer.from(key)));
  const { enc, ciphertext } = await enclose(pair.publicKey, releaseInfo(leaf), secrets);
  return {
    pair,
    enclosure: {
      kem: 16,
      enc: enc.toString("base64url"),
      ciphertext: ciphertext.toString("base64url"),
    },
  };
}

const isIntegrity = expect.objectContaining({ exit: "integrity" });

test("each file gets its own key, in the order of the list", async () => {
  const { pair, enclosure } = await enclosed();
  const files = await openKeys({ enclosure, objects }, pair, { leaf });
  expect(files.map(({ path }) => path)).toEqual(["file-0", "file-1"]);
  expect(files.map(({ key }) => key.expose())).toEqual(keys);
});

test("keys that were enclosed for one entry do not open under another", async () => {
  const { pair, enclosure } = await enclosed();
  const opening = openKeys({ enclosure, objects }, pair, { leaf: randomBytes(32) });
  await expect(opening).rejects.toEqual(isIntegrity);
});

test("keys that were enclosed for another recipient do not open", async () => {
  const { enclosure } = await enclosed();
  const opening = openKeys({ enclosure, objects }, await newRecipientKeyPair(), { leaf });
  await expect(opening).rejects.toEqual(isIntegrity);
});

test("a changed ciphertext does not open", async () => {
  const { pair, enclosure } = await enclosed();
  const bytes = Buffer.from(enclosure.ciphertext, "base64url");
  bytes.writeUInt8(bytes.readUInt8(3) ^ 1, 3);
  const changed = { ...enclosure, ciphertext: bytes.toString("base64url") };
  await expect(openKeys({ enclosure: changed, objects }, pair, { leaf })).rejects.toEqual(
    isIntegrity,
  );
});

test.each([1, 3])("%d keys for two files are refused", async (count) => {
  const given = Array.from({ length: count }, () => randomBytes(32));
  const { pair, enclosure } = await enclosed(given);
  await expect(openKeys({ enclosure, objects }, pair, { leaf })).rejects.toEqual(isIntegrity);
});

test("another way of enclosing is refused", async () => {
  const { pair, enclosure } = await enclosed();
  const other = { ...enclosure, kem: 0x647a };
  await expect(openKeys({ enclosure: other, objects }, pair, { leaf })).rejects.toEqual(
    isIntegrity,
  );
});
