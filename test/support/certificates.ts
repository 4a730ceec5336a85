import { KeyObject, webcrypto } from "node:crypto";
import { BitString, Integer, OctetString, PrintableString } from "asn1js";
import {
  AttributeTypeAndValue,
  BasicConstraints,
  Certificate,
  Extension,
  ExtKeyUsage,
} from "pkijs";

const commonName = "2.5.4.3";
const dayMs = 86_400_000;

/** A certificate of a test, and the key that it is for. */
export type Made = {
  readonly name: string;
  readonly der: Buffer;
  readonly pem: string;
  readonly privateKey: KeyObject;
  readonly keys: webcrypto.CryptoKeyPair;
};

export type CertificateOptions = {
  readonly name: string;
  readonly issuer?: Made;
  readonly curve?: "P-256" | "P-384" | "P-521";
  readonly isAuthority?: boolean;
  readonly pathLength?: number;
  /** The first byte of KeyUsage: 0x80 digitalSignature, 0x04 keyCertSign; null leaves the extension out. */
  readonly usage?: number | null;
  readonly purposes?: readonly string[];
  /** The OID of a critical extension that nobody knows. */
  readonly strange?: string;
  readonly validAt: Date;
  readonly signedWith?: "SHA-1" | "SHA-256";
};

let serial = 1;

/** A certificate valid for thirty days around an instant; self-signed without an issuer. */
export async function makeCertificate(options: CertificateOptions): Promise<Made> {
  const { name, issuer, curve = "P-256", validAt, signedWith = "SHA-256" } = options;
  const keys = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: curve }, true, [
    "sign",
    "verify",
  ]);
  const certificate = new Certificate();
  certificate.version = 2;
  certificate.serialNumber = new Integer({ value: serial++ });
  certificate.subject.typesAndValues.push(named(name));
  certificate.issuer.typesAndValues.push(named(issuer?.name ?? name));
  certificate.notBefore.value = new Date(validAt.getTime() - 15 * dayMs);
  certificate.notAfter.value = new Date(validAt.getTime() + 15 * dayMs);
  certificate.extensions = extensionsOf(options);
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey);
  await certificate.sign((issuer?.keys ?? keys).privateKey, signedWith);
  const der = Buffer.from(certificate.toSchema().toBER());
  const body = der.toString("base64").replaceAll(/(.{64})/g, "$1\n");
  return {
    name,
    der,
    pem: `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`,
    privateKey: KeyObject.from(keys.privateKey),
    keys,
  };
}

function named(value: string): AttributeTypeAndValue {
  return new AttributeTypeAndValue({ type: commonName, value: new PrintableString({ value }) });
}

function extensionsOf(options: CertificateOptions): Extension[] {
  const { isAuthority = false, pathLength, purposes, strange } = options;
  const { usage = isAuthority ? 0x04 : 0x80 } = options;
  const constraints = new BasicConstraints({
    cA: isAuthority,
    ...(pathLength === undefined ? {} : { pathLenConstraint: pathLength }),
  });
  const made = [extension("2.5.29.19", constraints.toSchema().toBER(false), true)];
  if (usage !== null) {
    const bits = new BitString({ valueHex: Uint8Array.of(usage).buffer, unusedBits: 2 });
    made.push(extension("2.5.29.15", bits.toBER(false), true));
  }
  if (purposes !== undefined) {
    const extended = new ExtKeyUsage({ keyPurposes: [...purposes] });
    made.push(extension("2.5.29.37", extended.toSchema().toBER(false), false));
  }
  if (strange !== undefined)
    made.push(
      extension(strange, new OctetString({ valueHex: new ArrayBuffer(1) }).toBER(false), true),
    );
  return made;
}

function extension(extnID: string, extnValue: ArrayBuffer, critical: boolean): Extension {
  return new Extension({ extnID, critical, extnValue });
}
