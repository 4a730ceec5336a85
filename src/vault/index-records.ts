import { isRefusal } from "../errors.ts";
import type { Facts } from "../export-control/facts.ts";
import { openSealed } from "./evidence.ts";
import { type OpenedPerson, openPerson } from "./person.ts";
import { type Indexer, indexPerson, insertTerms, openTermKey, type Term, termOf } from "./terms.ts";
import { record, type Tx } from "./vault.ts";

const batchSize = 500;

/**
 * Puts into the index what came since: persons' latest facts, and each release's destination and classification, a batch at a time and a key of
 * a person at a time. Safe beside other indexers and beside an erasure, whose lock it waits for. Gives whether nothing is left.
 */
export async function indexRecords(vault: Indexer, batches: number): Promise<boolean> {
  for (let batch = 0; batch < batches; batch += 1) {
    const persons = await vault.database.db
      .selectFrom("person")
      .select("id")
      .whereRef("indexed_version", "<", "version")
      .where("state", "<>", "erased")
      .limit(batchSize)
      .execute();
    for (const { id } of persons) {
      const opened = await openUnerased(vault, id);
      if (opened === null) continue;
      using _key = opened.key;
      await indexPerson(vault, opened);
    }
    const evidence = await indexEvidence(vault);
    if (persons.length < batchSize && evidence < batchSize) return true;
  }
  return false;
}

/** Null for who was erased after the batch was read: nothing of theirs is to be found any more. */
async function openUnerased(vault: Indexer, person: string): Promise<OpenedPerson | null> {
  try {
    return await openPerson(vault, person);
  } catch (error) {
    if (isRefusal(error, "erased")) return null;
    throw error;
  }
}

async function indexEvidence(vault: Indexer): Promise<number> {
  const rows = await vault.database.db
    .selectFrom("evidence")
    .innerJoin("release", "release.id", "evidence.release")
    .select([
      "evidence.id",
      "evidence.release",
      "evidence.person",
      "evidence.sealed",
      "release.submission",
    ])
    .where("evidence.is_indexed", "=", false)
    .where("evidence.sealed", "is not", null)
    .orderBy("evidence.person")
    .orderBy("evidence.id")
    .limit(batchSize)
    .execute();
  if (rows.length === 0) return 0;
  using key = await openTermKey(vault);
  for (const person of new Set(rows.map((row) => row.person))) {
    const opened = await openUnerased(vault, person);
    if (opened === null) continue;
    using personKey = opened.key;
    const theirs = rows.filter((row) => row.person === person);
    const terms = theirs.flatMap(({ release, sealed, submission }) => {
      // Evidence that does not open is told when it is read; it must not keep the others from being found.
      const evidence = sealed === null ? null : openSealed(personKey, release, sealed);
      return termsOf(evidence?.facts ?? null).map((term) => ({
        term: termOf(key, term),
        noun: "release" as const,
        place: submission,
        record: release,
        person,
      }));
    });
    await record(vault, async (tx) => {
      if (!(await isHeldUnerased(tx, person))) return;
      await insertTerms(tx, terms);
      await tx
        .updateTable("evidence")
        .set({ is_indexed: true })
        .where(
          "id",
          "in",
          theirs.map(({ id }) => id),
        )
        .execute();
    });
  }
  return rows.length;
}

function termsOf(facts: Facts | null): readonly Term[] {
  const country = facts?.destination.country ?? null;
  const classification = facts?.item.classification?.id ?? null;
  return [
    ...(country === null ? [] : [{ kind: "country", text: country } as const]),
    ...(classification === null ? [] : [{ kind: "classification", text: classification } as const]),
  ];
}

/** Whether a person is not erased; the lock keeps them from it until the terms of their facts are in. */
async function isHeldUnerased(tx: Tx, person: string): Promise<boolean> {
  const row = await tx
    .selectFrom("person")
    .select("state")
    .where("id", "=", person)
    .forShare()
    .executeTakeFirst();
  return row !== undefined && row.state !== "erased";
}
