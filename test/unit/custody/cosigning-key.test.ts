import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "@jest/globals";
import { cosigningKeyOf, newCosigningPem } from "../../../src/custody/cosigning-key.ts";
import { encodeCheckpoint } from "../../../src/merkle/checkpoint.ts";
import { cosign, cosignerKey, verifyCosignature } from "../../../src/merkle/cosignature.ts";

const text = encodeCheckpoint({ origin: "v.example/l", size: 7, root: Buffer.alloc(32, 5) });

test.each(["ed25519", "ml-dsa-44"] as const)(
  "a made key of %s signs what its public key verifies, and its PEM is wiped once it was read",
  async (algorithm) => {
    const pem = newCosigningPem(algorithm);
    const made = cosigningKeyOf("key.pem", pem);
    expect(pem.every((byte) => byte === 0)).toBe(true);
    expect(made.algorithm).toBe(algorithm);
    const key = cosignerKey(algorithm, "v.example/l", made.publicKey);
    const signature = await cosign(text, { key, sign: made.sign }, 0);
    expect(verifyCosignature({ text, signatures: [signature] }, key).verdict).toBe("verified");
  },
);

test("what is no private key, or of another algorithm, is refused by the name of its file", () => {
  const { privateKey } = generateKeyPairSync("ml-dsa-65");
  for (const pem of ["no key", privateKey.export({ type: "pkcs8", format: "pem" })])
    expect(() => cosigningKeyOf("wrong.pem", Buffer.from(pem))).toThrow(/wrong\.pem/u);
});
