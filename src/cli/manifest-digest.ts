import { createHash } from "node:crypto";
import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import { isRecord } from "./record.ts";

/** SHA-256 of the manifest that a revision, as the server answers it or as it was committed, has in its repository, hex; null where it is none. */
export function manifestDigest(manifest: unknown, repository: string): string | null {
  if (!isRecord(manifest)) return null;
  const { parent, message, createdAt, createdBy, files, lineage } = manifest;
  try {
    const stated = { repository, parent, message, createdAt, createdBy, files };
    const whole = lineage === undefined || lineage === null ? stated : { ...stated, lineage };
    return createHash("sha256")
      .update(canonicalJson(whole as Canonical))
      .digest("hex");
  } catch {
    // It has a member that no manifest has.
    return null;
  }
}
