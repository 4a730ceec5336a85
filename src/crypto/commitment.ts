import { createHash, randomBytes } from "node:crypto";
import { type Canonical, canonicalJson } from "./canonical-json.ts";

/** 32 random bytes, one for each commitment: without it, small records could be guessed from their digest. */
export function newSalt(): Buffer {
  return randomBytes(32);
}

/** SHA-256(salt | RFC 8785 bytes of the record): what the ledger holds in place of the record itself. */
export function commit(salt: Uint8Array, record: Canonical): Buffer {
  return createHash("sha256").update(salt).update(canonicalJson(record)).digest();
}
