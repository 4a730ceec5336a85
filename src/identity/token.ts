import { createHash, randomBytes } from "node:crypto";
import { Secret } from "../crypto/secret.ts";

export const roles = [
  "uploader",
  "reader",
  "export-officer",
  "auditor",
  "operator",
  "personal-data-reader",
] as const;
export type Role = (typeof roles)[number];

const tokenPattern = /^wv_[A-Za-z0-9_-]{43}$/;

/** A fresh opaque token: `wv_` and 32 random bytes as base64url. Only its SHA-256 is ever stored. */
export function newToken(): Secret {
  return new Secret(Buffer.from(`wv_${randomBytes(32).toString("base64url")}`, "ascii"));
}

/** SHA-256 of a token's text; null where the text cannot be a token of ours. */
export function tokenHash(text: string): Buffer | null {
  return tokenPattern.test(text) ? createHash("sha256").update(text, "ascii").digest() : null;
}
