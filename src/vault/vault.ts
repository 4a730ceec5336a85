import type { Transaction } from "kysely";
import type { Custodian } from "../custody/custodian.ts";
import type { Signer } from "../custody/signer.ts";
import type { Database } from "../database/open.ts";
import type { Schema } from "../database/schema.ts";
import { transact } from "../database/transact.ts";
import type { ScreeningFacts } from "../export-control/facts.ts";
import type { Override } from "../export-control/rulebook/rule.ts";
import type { Rulebook } from "../export-control/rulebook.ts";
import type { SegmentPool } from "../floe/pool.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { ModelSigners } from "../lineage/signing-keys.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import type { Site } from "./destination.ts";
import type { UploadWork } from "./upload-work.ts";

export type Tx = Transaction<Schema>;

/** What the verbs work with. The composition root makes it; each verb takes only the members that it uses. */
export type Vault = {
  readonly database: Database;
  readonly custodian: Custodian;
  /** The ledger's signer, which signs statements too. */
  readonly signer: Signer;
  /** Whose model signatures are taken. */
  readonly modelSigners: ModelSigners;
  readonly store: BlobStore;
  readonly ledger: Ledger;
  /** Seals what is uploaded. */
  readonly pool: SegmentPool;
  /** The rulebook that ships; decisions are made with the overrides that stand: see `rulebookIn`. */
  readonly rulebook: Rulebook;
  /** The shipped rulebook with overrides that fit it. */
  readonly overridden: (overrides: readonly Override[]) => Rulebook;
  /** Where the nodes and the store stand, which keys and bytes leave from. */
  readonly storeCountry: string;
  /** The operator's places, from each of which every grant is decided again when something changes. */
  readonly sites: readonly Pick<Site, "name" | "country">[];
  /** The denied-party list that decisions use now; null when none is current. */
  readonly screening: () => Screening | null;
  readonly now: () => Date;
  /** Names this process in leases. */
  readonly node: string;
  readonly limits: Limits;
  /** What this process knows of objects that come by parts. */
  readonly uploads: UploadWork;
};

/** A loaded denied-party list. `match` compares names for equality after normalisation. */
export type Screening = Pick<ScreeningFacts, "list" | "maxAgeDays" | "isTrial"> & {
  /** Whether any of one party's names holds something that can be compared. */
  isComparable(names: readonly string[]): boolean;
  match(names: readonly string[]): readonly { readonly source: string; readonly entry: string }[];
};

export type Limits = {
  readonly releaseMinutes: number;
  readonly releaseAfter: "entry" | "checkpoint" | "published" | "witnessed";
  readonly releaseWaitMs: number;
  /** Whether a file may be released whose digest is its uploader's word alone. */
  readonly releaseDeclared: "refuse" | "allow";
  readonly uploadHours: number;
  /** How long a step may be silent before the sweeper takes its owner for dead. */
  readonly leaseSeconds: number;
  /** How long records are kept from their latest event, 15 CFR 762.6: five years or more. */
  readonly retentionYears: number;
  /** How long the operator keeps backups of the database; null where that is not stated. */
  readonly backupRetentionDays: number | null;
  /** How many data keys one node re-wraps in a second at the most. */
  readonly rewrapsPerSecond: number;
};

/** One business transaction that may submit to the ledger: commits, then wakes the sequencer. */
export async function record<Result>(
  { database, ledger }: Pick<Vault, "database" | "ledger">,
  work: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  const result = await transact(database.db, work);
  ledger.wake();
  return result;
}

/** An instant some seconds after another. */
export function secondsAfter(instant: Date, seconds: number): Date {
  return new Date(instant.getTime() + seconds * 1_000);
}
