import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { sql } from "kysely";
import type { Database } from "../../src/database/open.ts";
import { Refusal } from "../../src/errors.ts";
import { takeLease } from "../../src/ledger/lease.ts";
import { publish } from "../../src/ledger/publish.ts";
import { rebuildLedger } from "../../src/ledger/rebuild.ts";
import { folderSource } from "../../src/ledger/source-folder.ts";
import type { BlobStore } from "../../src/storage/blob-store.ts";
import { openS3Store, type S3StoreOptions } from "../../src/storage/s3.ts";
import { get, keysOf, put } from "../contract/blob-store.ts";
import { embeddedPlace } from "../integration/server/served.ts";
import { openMemory } from "../support/database.ts";
import { failing, withFaults } from "../support/faults.ts";
import { keyOf, settleAll, startNode, submitMany, verifyPublished } from "../support/log.ts";
import { buildS3Server, type S3Server, startS3Server } from "../support/s3-server.ts";
import { refusedStart } from "../support/server-process.ts";
import { TestSigner } from "../support/test-signer.ts";

const program = buildS3Server();
if ("absent" in program) console.warn(`No S3 server is built: ${program.absent}`);
const describeS3 = "absent" in program ? describe.skip : describe;
const retention = { mode: "compliance", days: 30 } as const;
const dayMs = 86_400_000;

afterAll(() => {
  if (!("absent" in program)) program.remove();
});

// S3 itself has Object Lock on buckets with versions alone; some servers of its protocol have it without.
describeS3.each([
  ["keeps versions", true],
  ["keeps no versions", false],
] as const)("in a bucket with Object Lock of a server that %s", (_, keepsVersions) => {
  const bucket = "locked";
  const signer = new TestSigner();
  let server: S3Server;
  let client: S3Client;
  let database: Database;
  let store: BlobStore & { close(): void };

  const options = (prefix: string): S3StoreOptions => ({
    ...server,
    bucket,
    prefix,
    isPathStyle: true,
    sweepOlderThanMs: 3_600_000,
    addressSeconds: 300,
    retention,
    now: () => new Date(),
  });

  beforeAll(async () => {
    if ("absent" in program) return;
    server = await startS3Server(program, { keepsVersions });
    client = new S3Client({ ...server, forcePathStyle: true });
    await client.send(
      new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }),
    );
    database = await openMemory();
    store = await openS3Store(options("vault"));
  });

  afterAll(async () => {
    store?.close();
    client?.destroy();
    await database?.close();
    await server?.stop();
  });

  async function lockOf(key: string, prefix = "vault") {
    const found = await client.send(
      new HeadObjectCommand({ Bucket: bucket, Key: `${prefix}/${key}` }),
    );
    const { ObjectLockMode: mode, ObjectLockRetainUntilDate: until, VersionId: version } = found;
    return { mode: mode ?? null, until: until?.getTime() ?? null, version };
  }

  async function locked(prefix: string): Promise<readonly string[]> {
    const keys = await keysOf(store, prefix);
    const found = await Promise.all(
      keys.map(async (key) => ((await lockOf(key)).mode === null ? [] : [key])),
    );
    return found.flat();
  }

  async function grow(by: number) {
    const ledger = await startNode({ database, signer, store: null });
    await settleAll(ledger, await submitMany(database, by, `grown by ${by}`));
    await ledger.stop();
    await sql`update ledger_lease set expires_at = clock_timestamp() - interval '1 minute'`.execute(
      database.db,
    );
    const lease = await takeLease(database.db, "publisher");
    if (lease === null) throw new Error("the lease is not free");
    return lease;
  }

  /** What lies in the bucket, in a folder of its own. */
  async function withCopy<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
    const folder = await mkdtemp(join(tmpdir(), "weightvault-locked-"));
    try {
      for (const key of await keysOf(store, "ledger/")) {
        await mkdir(dirname(join(folder, key)), { recursive: true });
        await writeFile(join(folder, key), await get(store, key));
      }
      return await work(join(folder, "ledger"));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  const full = ["ledger/tile/0/000", "ledger/tile/entries/000"];

  test("full tiles and entry bundles are locked for the days that were asked, partial ones and the checkpoint are not", async () => {
    const lease = await grow(300);
    const before = Date.now();
    await publish({ db: database.db, store, key: keyOf(signer) }, lease);
    expect(await keysOf(store, "ledger/")).toContain("ledger/tile/0/001.p/44");
    expect(await locked("ledger/")).toEqual(full);
    for (const key of full) {
      const { mode, until } = await lockOf(key);
      expect(mode).toBe("COMPLIANCE");
      // Whole seconds are what some servers keep.
      expect(until).toBeGreaterThanOrEqual(before + 30 * dayMs - 1_000);
      expect(until).toBeLessThanOrEqual(Date.now() + 30 * dayMs + 1_000);
    }
  });

  test("nobody removes what is locked", async () => {
    for (const key of full) {
      const { version } = await lockOf(key);
      const locked = { Bucket: bucket, Key: `vault/${key}` };
      const isVersion = keepsVersions && version !== undefined;
      expect(isVersion).toBe(keepsVersions);
      await expect(
        client.send(
          new DeleteObjectCommand({
            ...locked,
            BypassGovernanceRetention: true,
            ...(isVersion ? { VersionId: version } : {}),
          }),
        ),
      ).rejects.toMatchObject({ name: "AccessDenied" });
    }
  });

  test("a publication that broke off is done again over what it had locked, partial tiles go, and the ledger verifies", async () => {
    const lease = await grow(260);
    const faulty = withFaults<BlobStore>(store);
    faulty.arm({
      method: "replace",
      nth: 1,
      when: "before",
      act: failing(new Refusal("store_unavailable", "armed")),
    });
    const key = keyOf(signer);
    await expect(
      publish({ db: database.db, store: faulty.port, key }, lease),
    ).rejects.toMatchObject({ code: "store_unavailable" });
    const again = ["ledger/tile/0/001", "ledger/tile/entries/001"];
    const before = await Promise.all(again.map(async (each) => (await lockOf(each)).until));
    expect(await publish({ db: database.db, store, key }, lease)).toMatchObject({ size: 560 });
    const after = await Promise.all(again.map(async (each) => (await lockOf(each)).until));
    expect(after).toEqual(before);
    expect(await locked("ledger/")).toEqual([...full, ...again].toSorted());
    expect(await keysOf(store, "ledger/tile/0/001.p/")).toEqual([]);
    await withCopy(async (folder) => {
      expect(await verifyPublished(folder, signer)).toMatchObject({ size: 560, verified: true });
    });
  });

  test("a ledger that is rebuilt from the bucket goes on in it", async () => {
    const rebuilt = await openMemory();
    try {
      const key = keyOf(signer);
      await withCopy(async (folder) => {
        const source = folderSource(folder);
        expect(await rebuildLedger({ database: rebuilt, source, key })).toMatchObject({
          size: 560,
        });
      });
      const ledger = await startNode({ database: rebuilt, signer, store });
      await settleAll(ledger, await submitMany(rebuilt, 250, "rebuilt"), "published");
      await ledger.stop();
      expect(await locked("ledger/")).toHaveLength(6);
      await withCopy(async (folder) => {
        expect(await verifyPublished(folder, signer)).toMatchObject({ size: 810, verified: true });
      });
    } finally {
      await rebuilt.close();
    }
  });

  test("what was there without a lock is locked when it is written again with the same bytes", async () => {
    await put(store, "again/one", "tile");
    expect(await lockOf("again/one")).toMatchObject({ mode: null });
    for (let time = 0; time < 2; time += 1) {
      await retain("again/one", Buffer.from("tile"));
      expect(await lockOf("again/one")).toMatchObject({ mode: "COMPLIANCE" });
    }
    await expect(retain("again/one", Buffer.from("other"))).rejects.toMatchObject({
      code: "already_exists",
    });
    expect(String(await get(store, "again/one"))).toBe("tile");
  });

  async function retain(key: string, bytes: Buffer): Promise<void> {
    const parts = { firstBytes: 5 * 2 ** 20, nextBytes: 5 * 2 ** 20 };
    const writer = await store.create(key, { isRetained: true, parts });
    await writer.write(bytes);
    await writer.complete();
  }

  test("a bundle that goes by parts is locked as well", async () => {
    const bytes = Buffer.alloc(6 * 2 ** 20, "bundle");
    await retain("parts/one", bytes);
    await retain("parts/one", bytes);
    expect(await lockOf("parts/one")).toMatchObject({ mode: "COMPLIANCE" });
    expect((await get(store, "parts/one")).equals(bytes)).toBe(true);
  });

  test("sealed objects are not locked and can be removed", async () => {
    await put(store, "objects/one", "sealed");
    expect(await lockOf("objects/one")).toMatchObject({ mode: null });
    const removable = async () =>
      await client.send(
        new ListObjectVersionsCommand({ Bucket: bucket, Prefix: "vault/objects/" }),
      );
    await store.remove("objects/one");
    expect(await store.stat("objects/one")).toBeNull();
    if (keepsVersions)
      for (const { Key, VersionId } of (await removable()).Versions ?? [])
        await client.send(new DeleteObjectCommand({ Bucket: bucket, Key, VersionId }));
    expect((await removable()).Versions ?? []).toEqual([]);
  });

  test("the next start finds the proof of the lock, and writes no other", async () => {
    const proofs = async () => {
      const found = await client.send(
        new ListObjectVersionsCommand({ Bucket: bucket, Prefix: "vault/.weightvault/object-lock" }),
      );
      return (found.Versions ?? []).map(({ Key: key, VersionId: version }) => ({ key, version }));
    };
    const before = await proofs();
    (await openS3Store(options("vault"))).close();
    expect(await proofs()).toEqual(before);
    (
      await openS3Store({ ...options("vault"), retention: { mode: "governance", days: 31 } })
    ).close();
    const mode = async (name: string) => (await lockOf(`.weightvault/object-lock-${name}`)).mode;
    expect([await mode("compliance-30"), await mode("governance-31")]).toEqual([
      "COMPLIANCE",
      "GOVERNANCE",
    ]);
  });

  test("a start is refused where a retention would not hold, and says what to do", async () => {
    const refused = async (changed: Partial<S3StoreOptions>, said: string) => {
      await expect(openS3Store({ ...options("other"), ...changed })).rejects.toMatchObject({
        code: "store_unavailable",
        message: expect.stringContaining(said),
      });
    };
    await refused({ bucket: server.bucket }, "the bucket has no Object Lock");
    await client.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: "forgetful/.weightvault/object-lock-compliance-30",
        Body: "locked\n",
      }),
    );
    await refused({ prefix: "forgetful" }, "does not tell the retention");
    const usual = "usual";
    await client.send(new CreateBucketCommand({ Bucket: usual, ObjectLockEnabledForBucket: true }));
    await client.send(
      new PutObjectLockConfigurationCommand({
        Bucket: usual,
        ObjectLockConfiguration: {
          ObjectLockEnabled: "Enabled",
          Rule: { DefaultRetention: { Mode: "GOVERNANCE", Days: 1 } },
        },
      }),
    );
    await refused({ bucket: usual }, "the bucket has a default retention");
    await refused({ bucket: "absent" }, "the object store does not serve");
    (await openS3Store({ ...options("other"), bucket: server.bucket, retention: null })).close();
  });

  if (keepsVersions)
    test("a server with the setting does not start on a bucket without Object Lock", async () => {
      await using place = await embeddedPlace();
      const { code, said } = await refusedStart({
        ...place.env,
        WEIGHTVAULT_STORE: `s3://${server.bucket}/vault`,
        WEIGHTVAULT_S3_ENDPOINT: server.endpoint,
        WEIGHTVAULT_S3_PATH_STYLE: "true",
        WEIGHTVAULT_S3_OBJECT_LOCK: "governance",
        WEIGHTVAULT_S3_OBJECT_LOCK_DAYS: "1827",
        AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
      });
      expect(code).not.toBe(0);
      expect(said).toContain("WEIGHTVAULT_S3_OBJECT_LOCK: the bucket has no Object Lock");
    });
});
