import { hash, X509Certificate } from "node:crypto";
import { Integer, ObjectIdentifier, OctetString, Sequence } from "asn1js";
import {
  AlgorithmIdentifier,
  Certificate,
  MessageImprint,
  type PKIStatusInfo,
  SignedData,
  type SignerInfo,
  TimeStampReq,
  TimeStampResp,
  TSTInfo,
} from "pkijs";

/** What a time-stamping authority truly said: this text was there at that time. */
export type Timestamp = { readonly stampedAt: Date; readonly nonceHex: string | null };

/** `isOutage` of an answer by which the authority says that it cannot stamp now: the same request may be granted later. */
export type TimestampResult = Timestamp | { readonly refused: string; readonly isOutage?: true };

const sha256Oid = "2.16.840.1.101.3.4.2.1";
const signedDataOid = "1.2.840.113549.1.7.2";
const timestampInfoOid = "1.2.840.113549.1.9.16.1.4";
const contentTypeOid = "1.2.840.113549.1.9.3";
const extendedKeyUsageOid = "2.5.29.37";
/** DER of an ExtKeyUsage with id-kp-timeStamping alone (RFC 3161, section 2.3). */
const timeStampingAlone = "300a06082b06010505070308";

/** The hashes of SigningCertificate (RFC 2634, section 5.4.1) and SigningCertificateV2 (RFC 5035, section 4). */
const signingCertificateOid = "1.2.840.113549.1.9.16.2.12";
const signingCertificateV2Oid = "1.2.840.113549.1.9.16.2.47";
const hashNames: Readonly<Record<string, string>> = {
  [sha256Oid]: "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

/** DER of a request to stamp a text (RFC 3161, section 2.4.1), with the authority's certificate in the answer. `nonce` is a positive integer. */
export function encodeTimestampRequest(text: string, nonce: Uint8Array): Buffer {
  const request = new TimeStampReq({
    version: 1,
    messageImprint: new MessageImprint({
      hashAlgorithm: new AlgorithmIdentifier({ algorithmId: sha256Oid }),
      hashedMessage: new OctetString({ valueHex: bufferOf(hash("sha256", text, "buffer")) }),
    }),
    nonce: new Integer({ valueHex: bufferOf(nonce) }),
    certReq: true,
  });
  return Buffer.from(request.toSchema().toBER());
}

/** The certificates of a PEM file that a timestamp must lead to. Throws where there is none, or one that is malformed. */
export function parseAuthority(pem: string): readonly Certificate[] {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) throw new TypeError("there is no certificate in PEM");
  return found.map((each) => Certificate.fromBER(bufferOf(new X509Certificate(each).raw)));
}

/** The time that a granted answer about a text tells, whoever signed it; null where it is none, or is of another text. Never throws. */
export function readStampedAt(response: Uint8Array, text: string): Date | null {
  try {
    const { status, timeStampToken: token } = TimeStampResp.fromBER(bufferOf(response));
    if (![0, 1].includes(Number(status.status)) || token?.contentType !== signedDataOid)
      return null;
    const content = new SignedData({ schema: token.content }).encapContentInfo.eContent?.getValue();
    const info = content === undefined ? null : TSTInfo.fromBER(content);
    const isOfText =
      info?.messageImprint.hashAlgorithm.algorithmId === sha256Oid &&
      isHashOf(info.messageImprint.hashedMessage, Buffer.from(text, "utf8"), "sha256");
    return isOfText && !Number.isNaN(info.genTime.getTime()) ? info.genTime : null;
  } catch {
    return null;
  }
}

/**
 * Judges an authority's answer (DER of a TimeStampResp) about a text. It counts where it was granted, names the text's SHA-256, and is signed
 * by a certificate for time-stamping alone that the signature names and that led to one of the authority's at that time. Revocation is not
 * asked for: the answer must verify offline, years later. Never throws.
 */
export async function verifyTimestamp(
  response: Uint8Array,
  text: string,
  authority: readonly Certificate[],
): Promise<TimestampResult> {
  try {
    return await judge(response, text, authority);
  } catch (error) {
    return { refused: Error.isError(error) ? error.message : String(error) };
  }
}

async function judge(
  response: Uint8Array,
  text: string,
  authority: readonly Certificate[],
): Promise<TimestampResult> {
  const { status, timeStampToken: token } = TimeStampResp.fromBER(bufferOf(response));
  if (![0, 1].includes(Number(status.status))) return rejected(status);
  if (token?.contentType !== signedDataOid) return { refused: "it holds no signed data" };
  const signed = new SignedData({ schema: token.content });
  const [signer, ...others] = signed.signerInfos;
  const content = signed.encapContentInfo.eContent?.getValue();
  if (signer === undefined || others.length > 0 || content === undefined)
    return { refused: "it is not signed by one signer" };
  if (signed.encapContentInfo.eContentType !== timestampInfoOid)
    return { refused: "what is signed is no timestamp" };
  const info = TSTInfo.fromBER(content);
  if (info.messageImprint.hashAlgorithm.algorithmId !== sha256Oid)
    return { refused: "it is of another hash than SHA-256" };
  const checked = await signed.verify({
    signer: 0,
    data: bufferOf(Buffer.from(text, "utf8")),
    trustedCerts: [...authority],
    checkChain: true,
    extendedMode: true,
  });
  const { signatureVerified, signerCertificateVerified, signerCertificate } = checked;
  if (signatureVerified !== true || signerCertificateVerified !== true || !signerCertificate)
    return { refused: "its signature does not verify" };
  const problem = signerProblem(signer, signerCertificate);
  if (problem !== null) return { refused: problem };
  const nonce = info.nonce?.valueBlock.valueHexView;
  return {
    stampedAt: info.genTime,
    nonceHex: nonce === undefined ? null : Buffer.from(nonce).toString("hex"),
  };
}

/** PKIFailureInfo's bits of an authority that is not well (RFC 3161, section 2.4.2); the others say what is wrong with the request. */
const outages = [
  { bit: 14, name: "timeNotAvailable" },
  { bit: 25, name: "systemFailure" },
];

function rejected({ status, failInfo }: PKIStatusInfo): TimestampResult {
  const refused = `the authority did not grant it: status ${Number(status)}`;
  const bits = failInfo?.valueBlock.valueHexView ?? new Uint8Array();
  // The first bit is the highest one of the first byte (X.690, section 8.6.2).
  const outage = outages.find(({ bit }) => ((bits[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0);
  return outage === undefined
    ? { refused }
    : { refused: `${refused}, ${outage.name}`, isOutage: true };
}

/** What the library leaves to its caller (RFC 3161, sections 2.3 and 2.4.2). */
function signerProblem(signer: SignerInfo, certificate: Certificate): string | null {
  const usage = certificate.extensions?.find(({ extnID }) => extnID === extendedKeyUsageOid);
  const usageHex = Buffer.from(usage?.extnValue.valueBlock.valueHexView ?? []).toString("hex");
  if (usage?.critical !== true || usageHex !== timeStampingAlone)
    return "its certificate is not for time-stamping alone";
  const attributes = signer.signedAttrs?.attributes ?? [];
  const type: unknown = attributes.find((each) => each.type === contentTypeOid)?.values[0];
  if (!(type instanceof ObjectIdentifier) || type.valueBlock.toString() !== timestampInfoOid)
    return "its signed content type is another";
  const der = Buffer.from(certificate.toSchema(false).toBER());
  const isNamed = attributes.some(
    ({ type: oid, values }) =>
      [signingCertificateOid, signingCertificateV2Oid].includes(oid) &&
      namesCertificate(values[0], der, oid === signingCertificateOid ? "sha1" : "sha256"),
  );
  return isNamed ? null : "its signature does not name its certificate";
}

/** Whether the first ESSCertID is the certificate's hash; `algorithm` is that of one that names none. */
function namesCertificate(value: unknown, der: Buffer, algorithm: string): boolean {
  const certificates = value instanceof Sequence ? value.valueBlock.value[0] : undefined;
  const first = certificates instanceof Sequence ? certificates.valueBlock.value[0] : undefined;
  if (!(first instanceof Sequence)) return false;
  const [head, ...rest] = first.valueBlock.value;
  if (head instanceof OctetString) return isHashOf(head, der, algorithm);
  const oid = head instanceof Sequence ? head.valueBlock.value[0] : undefined;
  const named = oid instanceof ObjectIdentifier ? hashNames[oid.valueBlock.toString()] : undefined;
  const [digest] = rest;
  return named !== undefined && digest instanceof OctetString && isHashOf(digest, der, named);
}

function isHashOf(digest: OctetString, der: Buffer, algorithm: string): boolean {
  return hash(algorithm, der, "buffer").equals(Buffer.from(digest.valueBlock.valueHexView));
}

/** The library takes whole ArrayBuffers. */
function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
