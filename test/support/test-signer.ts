import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { Signer } from "../../src/custody/signer.ts";
import { Refusal } from "../../src/errors.ts";

/** An Ed25519 signer in memory, which refuses on demand, and waits before it signs where `gate` is set. */
export class TestSigner implements Signer {
  readonly name = "test.example/ledger";
  readonly publicKey: Buffer;
  readonly #key: KeyObject;
  refuses = false;
  gate: Promise<void> | null = null;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    this.publicKey = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
    this.#key = privateKey;
  }

  async sign(message: Uint8Array): Promise<Buffer> {
    await this.check();
    await this.gate;
    return sign(null, message, this.#key);
  }

  async check(): Promise<void> {
    if (this.refuses) throw new Refusal("signer_unavailable", "the signer refuses");
  }
}
