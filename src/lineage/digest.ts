import { hash } from "node:crypto";
import { canonicalJson } from "../crypto/canonical-json.ts";
import type { Lineage } from "./form.ts";

/** SHA-256 of a lineage's canonical bytes (RFC 8785), hex: all that the ledger says of a run, a code commit and data sets. */
export function lineageDigest(lineage: Lineage): string {
  return hash("sha256", canonicalJson(lineage), "hex");
}
