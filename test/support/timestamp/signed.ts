import { hash, webcrypto } from "node:crypto";
import { Integer, ObjectIdentifier, OctetString, Sequence, Utf8String } from "asn1js";
import {
  AlgorithmIdentifier,
  Attribute,
  AttributeTypeAndValue,
  BasicConstraints,
  Certificate,
  ContentInfo,
  EncapsulatedContentInfo,
  Extension,
  IssuerAndSerialNumber,
  MessageImprint,
  PKIStatusInfo,
  SignedAndUnsignedAttributes,
  SignedData,
  SignerInfo,
  TimeStampResp,
  TSTInfo,
} from "pkijs";

export const stampedText = "vault.example/ledger\n7\nAAAA\n";
export const stampedAt = new Date("2026-11-23T09:00:00.000Z");
const sha256 = "2.16.840.1.101.3.4.2.1";
export const timeStamping = "1.3.6.1.5.5.7.3.8";
const timestampInfo = "1.2.840.113549.1.9.16.1.4";

/** What an authority does; the default is right, and each test has it do one thing wrong. */
export type Behaviour = {
  readonly usages?: readonly string[];
  readonly isCritical?: boolean;
  readonly contentType?: string;
  readonly signedContentType?: string;
  readonly named?: "itself" | "another" | "nobody";
  readonly status?: number;
  readonly signers?: number;
  readonly imprintOid?: string;
  readonly about?: string;
};

/** An answer of an authority that was made for it, and the PEM of its certificate. */
export async function signedStamp(
  behaviour: Behaviour = {},
): Promise<{ response: Buffer; pem: string }> {
  const { contentType = timestampInfo, status = 0, signers = 1 } = behaviour;
  const keys = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const certificate = await certificateFor(keys, behaviour);
  const content = infoOf(behaviour).toSchema().toBER();
  const signed = new SignedData({
    version: 3,
    encapContentInfo: new EncapsulatedContentInfo({
      eContentType: contentType,
      eContent: new OctetString({ valueHex: content }),
    }),
    signerInfos: Array.from({ length: signers }, () => signerOf(certificate, content, behaviour)),
    certificates: [certificate],
  });
  for (let at = 0; at < signers; at += 1) await signed.sign(keys.privateKey, at, "SHA-256");
  const response = new TimeStampResp({
    status: new PKIStatusInfo({ status }),
    timeStampToken: new ContentInfo({
      contentType: "1.2.840.113549.1.7.2",
      content: signed.toSchema(true),
    }),
  });
  const der = Buffer.from(certificate.toSchema(true).toBER());
  return {
    response: Buffer.from(response.toSchema().toBER()),
    pem: `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`,
  };
}

async function certificateFor(
  keys: webcrypto.CryptoKeyPair,
  { usages = [timeStamping], isCritical = true }: Behaviour,
): Promise<Certificate> {
  const certificate = new Certificate();
  certificate.version = 2;
  certificate.serialNumber = new Integer({ value: 1 });
  const name = () =>
    new AttributeTypeAndValue({ type: "2.5.4.3", value: new Utf8String({ value: "stamper" }) });
  certificate.issuer.typesAndValues.push(name());
  certificate.subject.typesAndValues.push(name());
  certificate.notBefore.value = new Date("2020-01-01T00:00:00.000Z");
  certificate.notAfter.value = new Date("2040-01-01T00:00:00.000Z");
  const usage = new Sequence({ value: usages.map((value) => new ObjectIdentifier({ value })) });
  // It is its own authority, and the library takes none for one that does not say that it may be.
  const authority = new BasicConstraints({ cA: true }).toSchema().toBER();
  certificate.extensions = [
    new Extension({ extnID: "2.5.29.19", critical: true, extnValue: authority }),
    new Extension({ extnID: "2.5.29.37", critical: isCritical, extnValue: usage.toBER() }),
  ];
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey);
  await certificate.sign(keys.privateKey, "SHA-256");
  return certificate;
}

function infoOf({ imprintOid = sha256, about = stampedText }: Behaviour): TSTInfo {
  const digest = hash(imprintOid === sha256 ? "sha256" : "sha512", about, "buffer");
  return new TSTInfo({
    version: 1,
    policy: "1.2.3",
    messageImprint: new MessageImprint({
      hashAlgorithm: new AlgorithmIdentifier({ algorithmId: imprintOid }),
      hashedMessage: octets(digest),
    }),
    serialNumber: new Integer({ value: 5 }),
    genTime: stampedAt,
    nonce: new Integer({ value: 77 }),
  });
}

function signerOf(
  certificate: Certificate,
  content: ArrayBuffer,
  { signedContentType = timestampInfo, named = "itself" }: Behaviour,
): SignerInfo {
  const der = Buffer.from(certificate.toSchema(true).toBER());
  const certHash = hash("sha256", named === "itself" ? der : "another", "buffer");
  const id = new Sequence({ value: [octets(certHash)] });
  const names = new Attribute({
    type: "1.2.840.113549.1.9.16.2.47",
    values: [new Sequence({ value: [new Sequence({ value: [id] })] })],
  });
  const { issuer, serialNumber } = certificate;
  return new SignerInfo({
    version: 1,
    sid: new IssuerAndSerialNumber({ issuer, serialNumber }),
    signedAttrs: new SignedAndUnsignedAttributes({
      type: 0,
      attributes: [
        new Attribute({
          type: "1.2.840.113549.1.9.3",
          values: [new ObjectIdentifier({ value: signedContentType })],
        }),
        new Attribute({
          type: "1.2.840.113549.1.9.4",
          values: [octets(hash("sha256", new Uint8Array(content), "buffer"))],
        }),
        ...(named === "nobody" ? [] : [names]),
      ],
    }),
  });
}

function octets(bytes: Uint8Array): OctetString {
  return new OctetString({ valueHex: new Uint8Array(bytes).buffer });
}
