import type { IncomingHttpHeaders } from "node:http";
import { Refusal } from "../errors.ts";

/** RFC 9530, section 2: a dictionary of byte sequences; other algorithms beside SHA-256 are left alone. */
const member = /(?:^|,)[ \t]*sha-256[ \t]*=[ \t]*([^,]*)/;
const byteSequence = /^:([A-Za-z0-9+/]{43}=):[ \t]*$/;

/**
 * The SHA-256 that the client declares for the bytes that it sends, in hex; null where it declares none. Throws `invalid_request` for
 * one that is malformed, or where two headers disagree.
 */
export function declaredSha256(headers: IncomingHttpHeaders): string | null {
  const declared = [
    hexDigest(headers["x-content-sha256"]),
    structuredDigest(headers["content-digest"]),
    structuredDigest(headers["repr-digest"]),
  ].filter((digest) => digest !== null);
  if (new Set(declared).size > 1)
    throw new Refusal("invalid_request", "the digest headers contradict each other");
  return declared[0] ?? null;
}

function hexDigest(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header !== "string" || !/^[0-9A-Fa-f]{64}$/.test(header))
    throw new Refusal("invalid_request", "X-Content-SHA256 must be 64 hexadecimal digits");
  return header.toLowerCase();
}

function structuredDigest(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  const [, value] = member.exec(String(header)) ?? [];
  if (value === undefined) return null;
  const [, base64] = byteSequence.exec(value) ?? [];
  if (base64 === undefined)
    throw new Refusal("invalid_request", "a sha-256 digest must be 32 bytes as `:base64:`");
  return Buffer.from(base64, "base64").toString("hex");
}
