import { X509Certificate } from "node:crypto";
import { BitString } from "asn1js";
import { BasicConstraints, Certificate, ExtKeyUsage } from "pkijs";
import { type SigningKey, signingKey } from "./signing-keys.ts";

/** The signing key of a chain that leads to a root; or why there is none. `untrusted`: it may be whole, and leads to no root of ours. */
export type ChainResult =
  | { readonly key: SigningKey }
  | { readonly refused: string; readonly isUntrusted: boolean };

type Link = { readonly certificate: X509Certificate; readonly parsed: Certificate };

const longestChain = 8;
const basicConstraintsOid = "2.5.29.19";
const keyUsageOid = "2.5.29.15";
const extendedKeyUsageOid = "2.5.29.37";
const nameConstraintsOid = "2.5.29.30";
/** Code signing, and any purpose, RFC 5280 section 4.2.1.12. */
const signingPurposes = ["1.3.6.1.5.5.7.3.3", "2.5.29.37.0"];
/** The first bit of the first byte, RFC 5280 section 4.2.1.3. */
const digitalSignatureBit = 0x80;
/** What is understood of critical extensions, RFC 5280 section 4.2: another one refuses the certificate. */
const understood = [basicConstraintsOid, keyUsageOid, extendedKeyUsageOid, "2.5.29.17"];
/** ECDSA, RSA and Ed25519 with SHA-2: no signature by a broken hash counts. */
const signatureOids = [
  "1.2.840.10045.4.3.2",
  "1.2.840.10045.4.3.3",
  "1.2.840.10045.4.3.4",
  "1.2.840.113549.1.1.11",
  "1.2.840.113549.1.1.12",
  "1.2.840.113549.1.1.13",
  "1.3.101.112",
];

/**
 * Judges certificates in DER, the signer's first and each one's issuer after it, by RFC 5280 at an instant: signatures, validity, CA flags and path
 * lengths up to a root, and a signer's certificate for digital signatures or code signing; a certificate that states purposes must have code signing
 * among them, so that one for TLS or mail under the same root signs no model. Nothing is searched, so that no chain makes work; name
 * constraints are refused, revocation is not asked for. Never throws.
 */
export function judgeChain(
  chain: readonly Uint8Array[],
  roots: readonly X509Certificate[],
  at: Date,
): ChainResult {
  if (chain.length < 1 || chain.length > longestChain)
    return refuse(`a chain has 1 to ${longestChain} certificates`);
  const links: Link[] = [];
  for (const der of chain) {
    const link = parseLink(der);
    if (link === null) return refuse("a certificate of the chain is malformed");
    links.push(link);
  }
  const path = pathTo(links, roots);
  if (path === null)
    return { refused: "its certificate leads to no configured root", isUntrusted: true };
  for (const [below, link] of path.entries()) {
    const problem = problemOf(link, below, at);
    if (problem !== null) return refuse(problem);
  }
  const [leaf] = path;
  const key = leaf === undefined ? null : signingKey(leaf.certificate.publicKey);
  if (key === null) return refuse("the signer's key is not of P-256, P-384 or P-521");
  return { key };
}

function refuse(refused: string): ChainResult {
  return { refused, isUntrusted: false };
}

function parseLink(der: Uint8Array): Link | null {
  try {
    const certificate = new X509Certificate(der);
    return { certificate, parsed: Certificate.fromBER(new Uint8Array(certificate.raw).buffer) };
  } catch {
    return null;
  }
}

/** The links from the signer's certificate to a root, both included; null where the next one is not the issuer, or no root is met. */
function pathTo(links: readonly Link[], roots: readonly X509Certificate[]): readonly Link[] | null {
  const path: Link[] = [];
  for (const [at, link] of links.entries()) {
    path.push(link);
    const { certificate } = link;
    if (roots.some(({ raw }) => raw.equals(certificate.raw))) return path;
    const root = roots.find((each) => isIssuedBy(certificate, each));
    const last = root === undefined ? null : parseLink(root.raw);
    if (last !== null) return [...path, last];
    const next = links[at + 1];
    if (next === undefined || !isIssuedBy(certificate, next.certificate)) return null;
  }
  return null;
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

/** `below`: how many certificates stand between this one and the signature; 0 is the signer's own. */
function problemOf({ certificate, parsed }: Link, below: number, at: Date): string | null {
  if (certificate.validFromDate > at || certificate.validToDate < at)
    return "a certificate of its chain is not valid now";
  if (!signatureOids.includes(parsed.signatureAlgorithm.algorithmId))
    return "a certificate of its chain is signed in a way that is not taken";
  const extensions = parsed.extensions ?? [];
  const isStrange = extensions.some(
    ({ extnID, critical }) =>
      extnID === nameConstraintsOid || (critical && !understood.includes(extnID)),
  );
  if (isStrange) return "a certificate of its chain has a critical extension that is not judged";
  const purposes = valueOf(parsed, extendedKeyUsageOid);
  if (purposes !== undefined && !isForSigning(purposes))
    return "a certificate of its chain is for other purposes than signing";
  if (below === 0) return maySign(parsed) ? null : "its certificate is not for signing";
  if (!certificate.ca) return "a certificate of its chain is not a certification authority's";
  const limits = valueOf(parsed, basicConstraintsOid);
  const most = limits instanceof BasicConstraints ? limits.pathLenConstraint : undefined;
  // The signer's own certificate does not count (RFC 5280, section 4.2.1.9).
  return typeof most === "number" && below - 1 > most ? "its chain is longer than allowed" : null;
}

/** OpenSSF Model Signing takes digital signatures or else code signing; here neither may be ruled out by the other extension (RFC 5280, section 4.2.1.12). */
function maySign(parsed: Certificate): boolean {
  const usage = valueOf(parsed, keyUsageOid);
  if (usage === undefined) return isForSigning(valueOf(parsed, extendedKeyUsageOid));
  const first = usage instanceof BitString ? (usage.valueBlock.valueHexView[0] ?? 0) : 0;
  return (first & digitalSignatureBit) !== 0;
}

function isForSigning(purposes: unknown): boolean {
  return (
    purposes instanceof ExtKeyUsage &&
    purposes.keyPurposes.some((each) => signingPurposes.includes(each))
  );
}

/** Undefined where the extension is not there; null where it cannot be read. */
function valueOf(parsed: Certificate, oid: string): unknown {
  const found = parsed.extensions?.find(({ extnID }) => extnID === oid);
  return found === undefined ? undefined : (found.parsedValue ?? null);
}
