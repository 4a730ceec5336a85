import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Custodian } from "../../src/custody/custodian.ts";
import type { Signer } from "../../src/custody/signer.ts";
import { openSoftCustodian } from "../../src/custody/soft-custodian.ts";
import { openSoftSigner } from "../../src/custody/soft-signer.ts";
import type { Database } from "../../src/database/open.ts";
import { rulebook } from "../../src/export-control/rulebook.ts";
import { SegmentPool } from "../../src/floe/pool.ts";
import { openLedger, type RunningLedger } from "../../src/ledger/open.ts";
import { type ModelSigners, noModelSigners } from "../../src/lineage/signing-keys.ts";
import type { Cosigner } from "../../src/merkle/cosignature.ts";
import { encodeVerificationKey } from "../../src/merkle/note.ts";
import type { BlobStore } from "../../src/storage/blob-store.ts";
import { openDiskStore } from "../../src/storage/disk.ts";
import { rememberOverridden } from "../../src/vault/rulebook.ts";
import { loadScreening } from "../../src/vault/screening.ts";
import { UploadWork } from "../../src/vault/upload-work.ts";
import type { Limits, Vault } from "../../src/vault/vault.ts";

export type TestAdapters = {
  readonly database: Database;
  readonly custodian: Custodian;
  readonly signer: Signer;
  readonly store: BlobStore;
};

/** A clock that stands still until a test moves it. */
export class Clock {
  at = new Date("2026-11-23T09:00:00.000Z");

  readonly now = (): Date => new Date(this.at);

  advance({ seconds = 0, days = 0 }: { readonly seconds?: number; readonly days?: number }): void {
    this.at = new Date(this.at.getTime() + (days * 86_400 + seconds) * 1_000);
  }
}

export type TestVault = {
  readonly vault: Vault;
  readonly ledger: RunningLedger;
  readonly clock: Clock;
  readonly folder: string;
  readonly verificationKey: string;
  readonly stop: () => Promise<void>;
};

export type TestVaultOptions = {
  readonly database: Database;
  /** Puts faults before the real adapters. */
  readonly wrap?: (adapters: TestAdapters) => TestAdapters;
  /** A folder to go on with; it is then left in place. */
  readonly folder?: string;
  readonly node?: string;
  readonly limits?: Partial<Limits>;
  /** Publishes the ledger to the disk store, past the faults that `wrap` puts before it. Left out, the store is the test's alone. */
  readonly publishes?: boolean;
  readonly modelSigners?: ModelSigners;
  /** The ledger's own, beside its signer. */
  readonly cosigners?: readonly Cosigner[];
};

/** A vault on real adapters, without HTTP: the soft keys and the disk store in a folder of its own, and a running ledger. */
export async function startVault({
  database,
  wrap = (same) => same,
  folder,
  node = "test",
  limits = {},
  publishes = false,
  modelSigners = noModelSigners,
  cosigners = [],
}: TestVaultOptions): Promise<TestVault> {
  const root = folder ?? (await mkdtemp(join(tmpdir(), "weightvault-test-")));
  const clock = new Clock();
  const store = await openDiskStore({ root: join(root, "store") });
  const adapters = wrap({
    database,
    custodian: await openSoftCustodian({
      file: join(root, "kek"),
      mayMake: true,
      environment: "development",
    }),
    signer: await openSoftSigner({
      file: join(root, "ledger-key.pem"),
      mayMake: true,
      name: "test.example/ledger",
      environment: "development",
    }),
    store,
  });
  const ledger = await openLedger({
    database: adapters.database,
    signer: adapters.signer,
    cosigners,
    store: publishes ? store : null,
    node,
    now: clock.now,
    onFailure: () => {},
  });
  const screening = await loadScreening({
    location: null,
    maxAgeDays: null,
    isTrial: true,
  });
  const vault: Vault = {
    ...adapters,
    modelSigners,
    ledger,
    pool: new SegmentPool({ threads: 0 }),
    rulebook,
    overridden: rememberOverridden(rulebook),
    storeCountry: "US",
    sites: [{ name: "local", country: "US" }],
    screening: () => screening,
    now: clock.now,
    node,
    limits: {
      releaseMinutes: 15,
      releaseAfter: "checkpoint",
      releaseWaitMs: 5_000,
      releaseDeclared: "refuse",
      uploadHours: 168,
      leaseSeconds: 60,
      retentionYears: 5,
      backupRetentionDays: 35,
      rewrapsPerSecond: 100_000,
      ...limits,
    },
    uploads: new UploadWork(),
  };
  return {
    vault,
    ledger,
    clock,
    folder: root,
    verificationKey: encodeVerificationKey(adapters.signer.name, adapters.signer.publicKey),
    stop: async () => {
      await vault.uploads.stop();
      await ledger.stop();
      if (folder === undefined) await rm(root, { recursive: true, force: true });
    },
  };
}
