import type { Canonical } from "../crypto/canonical-json.ts";
import { isRefusal, Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { lineageDigest } from "../lineage/digest.ts";
import type { Base, Lineage, StatedLineage } from "../lineage/form.ts";
import { findRevision } from "./find-revision.ts";
import { findVisibleRepository } from "./repository.ts";
import type { Vault } from "./vault.ts";

/**
 * A lineage as a manifest keeps it: each base by the id of its repository, found in this vault and committed there, of a repository that the caller
 * may know of. Throws `lineage_base_unknown` alike for a base that is not there and for one that the caller may not know of.
 */
export async function resolveLineage(
  vault: Pick<Vault, "database" | "now">,
  caller: Caller,
  { bases, ...made }: StatedLineage,
): Promise<Lineage> {
  if (bases === undefined) return made;
  const found: Base[] = [];
  for (const base of bases) found.push(await resolveBase(vault, caller, base));
  return { bases: found, ...made };
}

async function resolveBase(
  vault: Pick<Vault, "database" | "now">,
  caller: Caller,
  { repository: given, revision }: Base,
): Promise<Base> {
  const [namespace = "", name = ""] = given.split("/");
  try {
    const repository = await findVisibleRepository(vault, caller, { namespace, name });
    const { id } = await findRevision(vault.database.db, repository, revision);
    return { repository: repository.id, revision: id };
  } catch (cause) {
    if (!isRefusal(cause, "not_found")) throw cause;
    throw new Refusal("lineage_base_unknown", `the base ${given}@${revision} is not known here`, {
      cause,
    });
  }
}

/** What the entry of a commit says of its lineage: the digest, and the bases by opaque ids. Nothing where there is none, as before there were any. */
export function lineageMembers(lineage: Lineage | null): { readonly [name: string]: Canonical } {
  if (lineage === null) return {};
  const { bases } = lineage;
  return { lineage: lineageDigest(lineage), ...(bases === undefined ? {} : { bases }) };
}
