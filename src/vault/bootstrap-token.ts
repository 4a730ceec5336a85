import { Secret } from "../crypto/secret.ts";

/** A bootstrap token as it came over the wire, kept out of logs and errors from here on. */
export function bootstrapTokenOf(text: string): Secret {
  return new Secret(Buffer.from(text, "utf8"));
}
