import type { Role } from "../identity/token.ts";
import type { EntryKind } from "./submit.ts";

const officer = ["export-officer"] as const;
const operator = ["operator"] as const;
const reader = ["reader"] as const;
const personalDataReader = ["personal-data-reader"] as const;
const uploader = ["uploader"] as const;

/**
 * Whose tokens make entries of each kind: those that hold one of the roles. They are the roles of the routes that make them, which a test
 * holds against this table. Null for the vault's own entries, which nobody asks for. A holder revokes their own token under any role.
 */
export const rolesOfKinds = {
  "vault.initialized": null,
  "ledger.key-rotated": null,
  "ledger.key-taken-up": null,
  "token.issued": operator,
  "token.recovered": null,
  "token.revoked": operator,
  "decision.simulated": officer,
  "override.proposed": officer,
  "override.approved": officer,
  "override.withdrawn": officer,
  "grant.flagged": null,
  "grant.cleared": null,
  "hold.placed": officer,
  "hold.lifted": officer,
  "movement.noted": officer,
  "erasure.proposed": officer,
  "person.erased": officer,
  "evidence.erased": officer,
  "person.read": personalDataReader,
  "evidence.read": personalDataReader,
  "records.searched": personalDataReader,
  "records.exported": ["export-officer", "auditor"],
  "person.recorded": officer,
  "person.updated": officer,
  "person.suspended": officer,
  "person.reinstated": officer,
  "person.revoked": officer,
  "entity.recorded": officer,
  "entity.updated": officer,
  "entity.suspended": officer,
  "entity.reinstated": officer,
  "entity.revoked": officer,
  "workload.recorded": officer,
  "workload.updated": officer,
  "workload.suspended": officer,
  "workload.reinstated": officer,
  "workload.revoked": officer,
  "repository.created": ["uploader", "export-officer", "operator"],
  "repository.policy-set": officer,
  "revision.committed": uploader,
  "revision.signed": uploader,
  "upload.key-released": uploader,
  "object.declared": uploader,
  "object.proved": null,
  "object.refuted": null,
  "repository.shredded": officer,
  "shredding.proposed": officer,
  "shredding.approved": officer,
  "rotation.begun": operator,
  "rotation.finished": null,
  "rotation.superseded": operator,
  "classification.proposed": officer,
  "classification.approved": officer,
  "classification.superseded": officer,
  "license.entered": officer,
  "license.activated": officer,
  "license.updated": officer,
  "license.suspended": officer,
  "license.reinstated": officer,
  "license.revoked": officer,
  "grant.made": officer,
  "grant.suspended": officer,
  "grant.reinstated": officer,
  "grant.revoked": officer,
  "release.allowed": reader,
  "release.denied": reader,
  "release.held": reader,
  "release.delivered": null,
  "release.failed": null,
  "release.abandoned": null,
  "release.unknown": null,
} as const satisfies Readonly<Record<EntryKind, readonly Role[] | null>>;

/** The roles of a kind; null where no role is asked, or for a kind that this version does not know. */
export function rolesOf(kind: string): readonly string[] | null {
  return isListed(kind) ? rolesOfKinds[kind] : null;
}

function isListed(kind: string): kind is EntryKind {
  return Object.hasOwn(rolesOfKinds, kind);
}
