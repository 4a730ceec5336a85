import { createHash } from "node:crypto";
import { sql } from "kysely";
import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import { Refusal } from "../errors.ts";
import { assertRole, type Caller } from "../identity/authenticate.ts";
import { makeReceipts, type Receipt } from "../ledger/receipt.ts";
import { recordReading } from "./reading.ts";
import { contentOf, type RecordContent } from "./record-content.ts";
import {
  type RecordReference,
  type Selection,
  type SelectionRequest,
  selectRecords,
} from "./selection.ts";
import type { Vault } from "./vault.ts";

export type FoundRecords = Selection & { readonly search: string; readonly entryIndex: number };

/**
 * Finds the records of a transaction by party, country or document number, 15 CFR 762.5(c), for officers and auditors who may read personal
 * facts. That it was searched, by what kind of term and how many were found is recorded before anything is told; the term is not.
 */
export async function searchRecords(
  vault: Vault,
  caller: Caller,
  request: SelectionRequest,
): Promise<FoundRecords> {
  assertRole(caller, ["export-officer", "auditor"]);
  const selection = await selectRecords(vault, request);
  const { reading, index } = await recordReading(vault, caller, {
    kind: "records.searched",
    about: { sought: request.criterion.by, count: selection.records.length },
  });
  return { ...selection, search: reading, entryIndex: index };
}

export type ExportedRecord = RecordReference & { readonly content: RecordContent };

export type ExportedPage = {
  readonly export: string;
  readonly records: readonly ExportedRecord[];
  /** The receipts of every entry about these records, and of the entry that records this export. */
  readonly receipts: readonly Receipt[];
  readonly entryIndex: number;
  readonly next: bigint | null;
};

/** More persons than this would not fit into the entry that names whose facts were read. */
const mostPersons = 1_200;

/**
 * One page of records to be handed out, 15 CFR 762.7, each with its history by the ledger (762.5(b)(4)) and receipts. Facts and evidence are opened
 * for who may read personal facts, and for others neither these nor what is found by them. `records.exported` is in the ledger before the
 * page leaves: it names the persons whose facts are in it and the digest of all records, to which the folder is held offline.
 */
export async function exportRecords(
  vault: Vault,
  caller: Caller,
  request: SelectionRequest,
): Promise<ExportedPage> {
  const opens = caller.roles.has("personal-data-reader");
  if (request.criterion.by === "party" || request.criterion.by === "country")
    assertRole(caller, ["personal-data-reader"]);
  const { records, next } = await selectRecords(vault, request);
  const entries = await entriesAbout(vault, records);
  const exported: ExportedRecord[] = [];
  for (const reference of records) {
    const content = await contentOf(vault, reference, opens);
    const history = (entries.get(reference.id) ?? []).map(historyOf);
    exported.push({ ...reference, content: { ...content, history } });
  }
  const persons = opens ? personsIn(exported) : [];
  if (persons.length > mostPersons)
    throw new Refusal("invalid_request", "this names too many persons at once: narrow it");
  const { reading, index } = await recordReading(vault, caller, {
    kind: "records.exported",
    of: persons,
    // The receipts need a checkpoint, whatever a release waits for.
    after: "checkpoint",
    about: {
      sought: request.criterion.by,
      count: records.length,
      recordsSha256: digestOf(exported),
      opened: opens,
      persons,
    },
  });
  const own = await entryAt(vault, index);
  const places = [...[...entries.values()].flat(), own];
  const receipts = await makeReceipts(
    vault.database.db,
    [...new Map(places.map((place) => [place.index, place])).values()].sort(
      (one, other) => one.index - other.index,
    ),
  );
  return { export: reading, records: exported, receipts, entryIndex: index, next };
}

/** SHA-256 over the canonical list of the records and the SHA-256 of each one's canonical content. */
function digestOf(records: readonly ExportedRecord[]): string {
  const list = records.map(({ noun, id, content }) => ({
    noun,
    id,
    sha256: sha256(canonicalJson(content)),
  }));
  return sha256(canonicalJson(list));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Whose facts or evidence stand in clear among the records. */
function personsIn(records: readonly ExportedRecord[]): string[] {
  const found = records.flatMap(({ noun, id, content }) => {
    if (noun === "person") return content["facts"] === "erased" ? [] : [id];
    const subject = subjectOf(content["evidence"]);
    return subject === null ? [] : [subject];
  });
  return [...new Set(found)].sort();
}

function subjectOf(evidence: Canonical | undefined): string | null {
  if (evidence === undefined || evidence === null || typeof evidence !== "object") return null;
  const { facts } = evidence as unknown as {
    facts: {
      subject:
        | { kind: "person"; person: { id: string } }
        | { kind: "workload"; workload: { accountable: { id: string } } };
    };
  };
  return facts.subject.kind === "person"
    ? facts.subject.person.id
    : facts.subject.workload.accountable.id;
}

type Entered = {
  readonly submission: bigint;
  readonly index: number;
  readonly bytes: Buffer;
  readonly leaf: Buffer;
  readonly kind: string;
  readonly time: Date;
  readonly by: string | null;
};

/** Who entered what and when: 762.5(b)(4) and (8). */
function historyOf({ index, kind, time, by }: Entered): Canonical {
  return { index, kind, time: time.toISOString(), by };
}

/** Every entry about each record, once all of them have their place. */
async function entriesAbout(
  vault: Vault,
  records: readonly RecordReference[],
): Promise<ReadonlyMap<string, readonly Entered[]>> {
  const subjects = records.map(({ id }) => id);
  const { releaseWaitMs: timeoutMs } = vault.limits;
  const { rows: waiting } = await sql<{ id: bigint | string }>`
    select s.id from ledger_submission as s join ledger_pending on ledger_pending.submission = s.id
    where s.subject = any(${subjects}::uuid[])`.execute(vault.database.db);
  await Promise.all(
    waiting.map(({ id }) => vault.ledger.settle(BigInt(id), { after: "entry", timeoutMs })),
  );
  const { rows } = await sql<Omit<Entered, "by"> & { subject: string; body: Buffer }>`
    select s.subject, s.kind, s.time, s.body, e.index, e.bytes, e.leaf
    from ledger_submission as s join ledger_entry as e on e.submission = s.id
    where s.subject = any(${subjects}::uuid[]) order by e.index`.execute(vault.database.db);
  return Map.groupBy(
    rows.map(({ body, ...row }) => ({ ...row, index: Number(row.index), by: actorIn(body) })),
    ({ subject }) => subject,
  );
}

function actorIn(body: Buffer): string | null {
  const { by, principal } = JSON.parse(body.toString("utf8")) as {
    readonly by?: unknown;
    readonly principal?: unknown;
  };
  const actor = by === undefined ? principal : by;
  return typeof actor === "string" ? actor : null;
}

async function entryAt({ database }: Pick<Vault, "database">, index: number) {
  const row = await database.db
    .selectFrom("ledger_entry")
    .select(["bytes", "leaf"])
    .where("index", "=", BigInt(index))
    .executeTakeFirstOrThrow();
  return { ...row, index };
}
