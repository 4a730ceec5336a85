import { type Canonical, canonicalJson } from "../../src/crypto/canonical-json.ts";

/** The canonical text of a value. */
export function encodePlainly(value: Canonical): string {
  return canonicalJson(value).toString("utf8");
}
