import { createHash } from "node:crypto";

/** One known answer: everything that goes into an object, with its IVs, and the object's SHA-256 and, where it is small, bytes. */
export type Vector = {
  readonly name: string;
  readonly segmentBytes: number;
  readonly keyHex: string;
  readonly aadHex: string;
  /** The header's IV, then one IV a segment. */
  readonly ivsHex: readonly string[];
  /** Byte i of the plaintext is (7i + 3) mod 256. */
  readonly plaintextBytes: number;
  readonly objectSha256: string;
  readonly objectHex?: string;
};

export function vectorPlaintext(sizeBytes: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: sizeBytes }, (_, index) => (7 * index + 3) & 255));
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Gives out the listed IVs in order, and throws where another is asked for or one of another size. */
export function replay(ivsHex: readonly string[]): (sizeBytes: number) => Buffer {
  const ivs = ivsHex.map((hex) => Buffer.from(hex, "hex"));
  return (sizeBytes) => {
    const iv = ivs.shift();
    if (iv?.length !== sizeBytes) throw new Error(`no IV of ${sizeBytes} bytes is next`);
    return iv;
  };
}
