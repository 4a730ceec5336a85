import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { type Classified, lessStrictThan } from "../export-control/derived.ts";
import type { Rulebook } from "../export-control/rulebook.ts";
import { historyOf } from "../ledger/outbox.ts";
import type { Base } from "../lineage/form.ts";
import { assertAsRecorded, recordedClassification } from "./row.ts";
import type { Tx } from "./vault.ts";

/** A repository that revisions of another were made from, as an officer has to see it. */
export type ClassifiedBase = {
  /** namespace/name. */
  readonly repository: string;
  /** Its revisions that were built on, in the order in which they were first named. */
  readonly revisions: readonly string[];
  /** Its approved classification; null where it has none. */
  readonly classification: Classified | null;
  /** Why the classification that is compared is less strict than this one; null where it is not, and where none is compared. */
  readonly isLessStrict: string | null;
};

/**
 * The repositories that a repository's revisions name as their bases, by the entries of their commits and not by rows that could be hidden, each with
 * its approved classification. `proposed` is compared with each. The repository itself is left out. Throws `record_tampered`.
 */
export async function classifiedBases(
  tx: Tx,
  repository: string,
  { rulebook, proposed }: { readonly rulebook: Rulebook; readonly proposed: Classified },
): Promise<readonly ClassifiedBase[]> {
  const bases = await namedBases(tx, repository);
  const found: ClassifiedBase[] = [];
  for (const [id, revisions] of bases) {
    const { namespace, name } = await tx
      .selectFrom("repository")
      .select(["namespace", "name"])
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    const classification = await approvedOf(tx, id);
    found.push({
      repository: `${namespace}/${name}`,
      revisions,
      classification,
      isLessStrict: lessStrictThan(classification, proposed, rulebook),
    });
  }
  return found;
}

/** Throws `justification_required` where a proposal is less strict than a base and nobody says why. */
export function assertJustified(
  bases: readonly ClassifiedBase[],
  justification: string | null,
): void {
  const stricter = bases.filter(({ isLessStrict }) => isLessStrict !== null);
  if (justification !== null || stricter.length === 0) return;
  const sentences = stricter.map(
    ({ repository, isLessStrict }) => `It was made from ${repository}: ${isLessStrict}.`,
  );
  throw new Refusal("justification_required", sentences.join(" "), { members: { bases } });
}

async function namedBases(
  tx: Kysely<Schema>,
  repository: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const named = new Map<string, Set<string>>();
  for (const { kind, body } of await historyOf(tx, repository)) {
    if (kind !== "revision.committed") continue;
    for (const base of (body["bases"] ?? []) as readonly Base[]) {
      if (base.repository === repository) continue;
      named.set(base.repository, (named.get(base.repository) ?? new Set()).add(base.revision));
    }
  }
  return new Map([...named].map(([id, revisions]) => [id, [...revisions]]));
}

async function approvedOf(tx: Tx, repository: string): Promise<Classified | null> {
  const row = await tx
    .selectFrom("classification")
    .selectAll()
    .where("repository", "=", repository)
    .where("state", "=", "approved")
    .executeTakeFirst();
  if (row === undefined) return null;
  await assertAsRecorded(tx, [recordedClassification(row)]);
  const { jurisdiction, eccn, paragraph } = row;
  return { jurisdiction, eccn, paragraph };
}
