import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import { commit } from "../crypto/commitment.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { latestOf } from "../ledger/outbox.ts";
import { type EntryKind, submit } from "../ledger/submit.ts";
import type { Tx } from "./vault.ts";

/** The rows that a decision rests on and that officers suspend and revoke. */
export type StandingNoun = "person" | "entity" | "workload" | "license" | "grant";

type RecordedNoun = StandingNoun | "classification" | "override" | "hold" | "movement";

/** What the ledger says of a row after a change: never the record itself, only its commitment. */
export type RecordedRow = {
  readonly id: string;
  readonly state: string;
  readonly version: number;
  readonly commitment: Buffer;
};

/** Who acted, in the words of an entry: the principal, and the token that it acted under. */
export function actedBy(caller: Caller | null): {
  readonly by: string | null;
  readonly under: string | null;
} {
  return { by: caller?.principal ?? null, under: caller?.token ?? null };
}

/** Submits `<noun>.<verb>` for a row that the caller has just written or is about to write in `tx`. */
export async function submitRow(
  tx: Tx,
  {
    kind,
    row,
    by,
    time,
    more = {},
  }: {
    readonly kind: EntryKind;
    readonly row: RecordedRow;
    readonly by: Caller | null;
    readonly time: Date;
    readonly more?: { readonly [name: string]: Canonical };
  },
): Promise<bigint> {
  const [noun = ""] = kind.split(".");
  const body = {
    ...more,
    [noun]: row.id,
    ...actedBy(by),
    state: row.state,
    version: row.version,
    commitment: row.commitment.toString("hex"),
  };
  return await submit(tx, { kind, subject: row.id, time, body });
}

/**
 * Compares rows with what was last submitted of them, which is in the ledger or on its way there: a row that was edited, rolled back or
 * forged in the database differs. Throws `record_tampered`.
 */
export async function assertAsRecorded(tx: Tx, rows: readonly RecordedRow[]): Promise<void> {
  const latest = await latestOf(
    tx,
    rows.map((row) => row.id),
  );
  for (const row of rows) {
    const body = latest.get(row.id)?.body;
    if (
      body?.["state"] === row.state &&
      body["version"] === row.version &&
      body["commitment"] === row.commitment.toString("hex")
    )
      continue;
    throw new Refusal(
      "record_tampered",
      "a record that this decision rests on differs from its latest ledger entry",
      {
        cause: new Error(`row ${row.id}`),
      },
    );
  }
}

/** What the latest entry must say of a row as it is now. */
export function recordedRow(
  noun: StandingNoun,
  row: { readonly id: string; readonly state: string; readonly version: number },
): RecordedRow {
  const { id, state, version } = row;
  return { id, state, version, commitment: commitmentOf(noun, row) };
}

const classificationVersions = { proposed: 1, approved: 2, superseded: 3 } as const;

/** The same of a classification, which is approved once and superseded once. */
export function recordedClassification(row: {
  readonly id: string;
  readonly state: keyof typeof classificationVersions;
}): RecordedRow {
  const { id, state } = row;
  return {
    id,
    state,
    version: classificationVersions[state],
    commitment: commitmentOf("classification", row),
  };
}

/** The same of an override of the rulebook. */
export function recordedOverride(row: {
  readonly id: string;
  readonly state: string;
  readonly version: number;
}): RecordedRow {
  const { id, state, version } = row;
  return { id, state, version, commitment: commitmentOf("override", row) };
}

/** The same of a hold. */
export function recordedHold(row: {
  readonly id: string;
  readonly state: string;
  readonly version: number;
}): RecordedRow {
  const { id, state, version } = row;
  return { id, state, version, commitment: commitmentOf("hold", row) };
}

/** The commitment of a row as its latest entry must carry it. */
export function commitmentOf(noun: RecordedNoun, row: Readonly<Record<string, unknown>>): Buffer {
  const { commitment, salt } = row;
  if (Buffer.isBuffer(commitment)) return commitment;
  if (!Buffer.isBuffer(salt)) throw new Error(`a ${noun} row has no salt`);
  return commit(salt, canonicalRecord(noun, row));
}

/** The members that stay as they were entered; state and version travel in the clear, counters are counted from releases. */
const recordMembers = {
  person: [],
  entity: ["id", "name", "country", "headquarters", "ultimate_parent_headquarters", "ownership"],
  workload: ["id", "name", "accountable", "entity"],
  license: [
    "id",
    "number",
    "kind",
    "scope",
    "conditions",
    "valid_from",
    "valid_until",
    "releases_allowed",
    "entered_by",
  ],
  grant: [
    "id",
    "principal",
    "repository",
    "purpose",
    "valid_from",
    "valid_until",
    "bytes_allowed",
    "made_by",
  ],
  classification: [
    "id",
    "repository",
    "jurisdiction",
    "eccn",
    "paragraph",
    "basis",
    "datasheet",
    "proposed_by",
  ],
  override: [
    "id",
    "requirement",
    "requirement_sha256",
    "action",
    "reason",
    "counsel",
    "valid_from",
    "valid_until",
    "proposed_by",
  ],
  hold: ["id", "kind", "scope", "target", "reference", "reason", "placed_by"],
  movement: ["id", "release", "what", "moved_on", "description", "noted_by"],
} as const satisfies Record<RecordedNoun, readonly string[]>;

/** Members that came later: absent where they are null, so that the commitments of older rows stand. */
const laterMembers: Readonly<Partial<Record<RecordedNoun, readonly string[]>>> = {
  entity: ["acknowledgements"],
  license: ["riders"],
  classification: ["datasheet_sha256", "justification", "attributes"],
  hold: ["lift_reason", "authorization", "lifted_by"],
};

function canonicalRecord(noun: RecordedNoun, row: Readonly<Record<string, unknown>>): Canonical {
  const later = (laterMembers[noun] ?? []).filter((name) => (row[name] ?? null) !== null);
  const names = [...recordMembers[noun], ...later];
  return Object.fromEntries(names.map((name) => [name, canonicalValue(row[name])]));
}

function canonicalValue(value: unknown): Canonical {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "bigint") return value.toString();
  if (Buffer.isBuffer(value)) return value.toString("hex");
  // A round trip gives what the database would give back for a JSON value, and refuses what has no canonical form.
  return JSON.parse(canonicalJson((value ?? null) as Canonical).toString("utf8")) as Canonical;
}
