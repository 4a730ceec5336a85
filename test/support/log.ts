import * as files from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import type { Database } from "../../src/database/open.ts";
import { openLedger, type RunningLedger } from "../../src/ledger/open.ts";
import { folderSource } from "../../src/ledger/source-folder.ts";
import { type Report, verifyLedger } from "../../src/ledger/verify.ts";
import type { Cosigner } from "../../src/merkle/cosignature.ts";
import { encodeVerificationKey, parseVerificationKey } from "../../src/merkle/note.ts";
import type { BlobStore } from "../../src/storage/blob-store.ts";
import { openDiskStore } from "../../src/storage/disk.ts";
import { storedLedger } from "./ledger.ts";
import { TestSigner } from "./test-signer.ts";

export type StoreFolder = {
  readonly store: BlobStore;
  /** Where the published ledger lies, in the layout of C2SP tlog-tiles. */
  readonly published: string;
  readonly remove: () => Promise<void>;
};

/** Files that are not made durable, since nobody pulls the plug: flushing is what a disk store's time goes to. */
const unflushed: typeof files = {
  ...files,
  open: async (...parameters) =>
    Object.assign(await files.open(...parameters), {
      sync: async () => {},
      datasync: async () => {},
    }),
};

/** A disk store in a folder of the test's own. */
export async function openStoreFolder(): Promise<StoreFolder> {
  const root = await files.mkdtemp(join(tmpdir(), "weightvault-log-"));
  return {
    store: await openDiskStore({ root, files: unflushed }),
    published: join(root, "blobs", "ledger"),
    remove: async () => await files.rm(root, { recursive: true, force: true }),
  };
}

export type NodeOptions = {
  readonly database: Database;
  readonly signer: TestSigner;
  readonly cosigners?: readonly Cosigner[];
  readonly store: BlobStore | null;
  readonly name?: string;
  readonly queueLimit?: number;
};

/** One node's ledger. */
export async function startNode({ name = "one", ...options }: NodeOptions): Promise<RunningLedger> {
  return await openLedger({
    ...options,
    node: name,
    now: () => new Date("2026-11-23T09:00:00.000Z"),
    onFailure: () => {},
  });
}

/** Submits as many entries as asked, in one statement. Gives their ids. */
export async function submitMany(
  database: Database,
  count: number,
  label = "entry",
): Promise<readonly bigint[]> {
  const { rows } = await sql<{ submission: bigint }>`
    with made as (
      insert into ledger_submission (kind, time, body)
      select 'vault.initialized', '2026-11-23T09:00:00Z', convert_to('{"vault":"' || ${label}::text || ' ' || n || '"}', 'utf8')
      from generate_series(1, ${count}::int) as n returning id)
    insert into ledger_pending (submission) select id from made returning submission`.execute(
    database.db,
  );
  return rows.map(({ submission }) => submission);
}

/** Waits until the submissions of one statement are recorded as far as asked: they get their places in order, so the last one has its own last. */
export async function settleAll(
  ledger: RunningLedger,
  ids: readonly bigint[],
  after: "checkpoint" | "published" = "checkpoint",
): Promise<void> {
  ledger.wake();
  const last = ids.reduce((one, other) => (one > other ? one : other), 0n);
  await ledger.settle(last, { after, timeoutMs: 20_000 });
}

function keyTextOf({ name, publicKey }: TestSigner): string {
  return encodeVerificationKey(name, publicKey);
}

export function keyOf(signer: TestSigner) {
  const key = parseVerificationKey(keyTextOf(signer));
  if (key === null) throw new Error("the signer has no key");
  return key;
}

/** The verifier's report on the ledger in the database. */
export async function verifyStored(database: Database, signer: TestSigner): Promise<Report> {
  return await verifyLedger(storedLedger(database), { verificationKey: keyTextOf(signer) });
}

/** The verifier's report on what was published. */
export async function verifyPublished(folder: string, signer: TestSigner): Promise<Report> {
  return await verifyLedger(folderSource(folder), { verificationKey: keyTextOf(signer) });
}
