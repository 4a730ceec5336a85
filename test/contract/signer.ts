import { createPublicKey, verify } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { SignatureAlgorithm, Signer } from "../../src/custody/signer.ts";

export type SignerUnderTest = {
  readonly signer: Signer;
  /** Makes the signer unable to serve, for good. Left out where that cannot be arranged. */
  readonly breakDown?: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export type SignerContractOptions = {
  /** The least and the most bytes that are signed; a KMS takes 1 to 4,096. */
  readonly shortestMessage?: number;
  readonly longestMessage?: number;
  /** Left out, Ed25519. */
  readonly algorithm?: SignatureAlgorithm;
};

/** What every signer promises; see src/custody/signer.ts. */
export function signerContract(
  name: string,
  open: () => Promise<SignerUnderTest>,
  {
    shortestMessage = 0,
    longestMessage = 65_536,
    algorithm = "ed25519",
  }: SignerContractOptions = {},
): void {
  describe(`${name} keeps the signer's contract`, () => {
    let opened: SignerUnderTest;
    let signer: Signer;
    const keyBytes = algorithm === "ed25519" ? 32 : 91;
    const form = algorithm === "ed25519" ? "64 bytes" : "bytes in DER";

    beforeAll(async () => {
      opened = await open();
      signer = opened.signer;
    });

    afterAll(() => opened.close());

    /** Verification by node:crypto: RFC 8032 from the 32 raw bytes, or ECDSA with SHA-256 in DER from the SubjectPublicKeyInfo. */
    function isSigned(message: Uint8Array, signature: Uint8Array): boolean {
      if (algorithm === "ecdsa-p256") {
        const key = createPublicKey({ key: signer.publicKey, format: "der", type: "spki" });
        expect(key.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
        return verify("sha256", message, key, signature);
      }
      const x = signer.publicKey.toString("base64url");
      const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
      return verify(null, message, key, signature);
    }

    test(`the public key is ${keyBytes} bytes and the name fits a note`, () => {
      expect(signer.publicKey).toHaveLength(keyBytes);
      expect(signer.name).toMatch(/^[^\s+]+$/u);
    });

    test.each([
      ["the shortest message", Buffer.alloc(shortestMessage)],
      ["a note", Buffer.from("vault.example/ledger\n1\nroot\n")],
      ["bytes that are no text", Buffer.from([0xff, 0, 0xc3, 0x28])],
      ["the longest message", Buffer.alloc(longestMessage, "weights")],
    ])(`a signature of %s is ${form} that verify`, async (_, message) => {
      const signature = await signer.sign(message);
      if (algorithm === "ed25519") expect(signature).toHaveLength(64);
      expect(isSigned(message, signature)).toBe(true);
    });

    test("a signature verifies for no other message", async () => {
      const signature = await signer.sign(Buffer.from("size 1"));
      expect(isSigned(Buffer.from("size 2"), signature)).toBe(false);
    });

    test("sixty-four sign at once, each its own message", async () => {
      const messages = Array.from({ length: 64 }, (_, index) => Buffer.from(`size ${index}`));
      const signatures = await Promise.all(messages.map((message) => signer.sign(message)));
      const verified = messages.map((message, index) =>
        isSigned(message, signatures[index] ?? Buffer.alloc(0)),
      );
      expect(verified).toEqual(Array(64).fill(true));
      expect(new Set(signatures.map((signature) => signature.toString("hex"))).size).toBe(64);
    });

    test("check resolves while it can sign, and is refused as an outage once it cannot", async () => {
      await signer.check();
      if (opened.breakDown === undefined) return;
      await opened.breakDown();
      await expect(signer.check()).rejects.toMatchObject({ code: "signer_unavailable" });
    });
  });
}
