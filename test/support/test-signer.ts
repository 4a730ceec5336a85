import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { SignatureAlgorithm, Signer } from "../../src/custody/signer.ts";
import { Refusal } from "../../src/errors.ts";

/** A signer in memory, of Ed25519 unless it is to be of P-256, which refuses on demand, and waits before it signs where `gate` is set. */
export class TestSigner implements Signer {
  readonly name = "test.example/ledger";
  readonly publicKey: Buffer;
  readonly #key: KeyObject;
  refuses = false;
  gate: Promise<void> | null = null;

  constructor(algorithm: SignatureAlgorithm = "ed25519") {
    const isEdwards = algorithm === "ed25519";
    const { publicKey, privateKey } = isEdwards
      ? generateKeyPairSync("ed25519")
      : generateKeyPairSync("ec", { namedCurve: "P-256" });
    const spki = publicKey.export({ format: "der", type: "spki" });
    this.publicKey = isEdwards ? spki.subarray(-32) : spki;
    this.#key = privateKey;
  }

  async sign(message: Uint8Array): Promise<Buffer> {
    await this.check();
    await this.gate;
    return sign(this.#key.asymmetricKeyType === "ec" ? "sha256" : null, message, this.#key);
  }

  async check(): Promise<void> {
    if (this.refuses) throw new Refusal("signer_unavailable", "the signer refuses");
  }
}
