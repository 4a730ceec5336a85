import type { Config } from "./config.ts";
import { storedHeaders } from "./ledger/served-headers.ts";
import type { BlobStore } from "./storage/blob-store.ts";
import { openDiskStore } from "./storage/disk.ts";
import { openS3Store } from "./storage/s3.ts";
import type { Retention } from "./storage/s3-lock.ts";

export type OpenedStore = BlobStore & { close(): void };

/** The blob store that the configuration names: an S3 bucket, or a folder. */
export async function openStore({ s3, uploadHours }: Config, folder: string): Promise<OpenedStore> {
  if (s3 === null) return Object.assign(await openDiskStore({ root: folder }), { close: () => {} });
  return await openS3Store({
    ...s3,
    retention: retentionOf(s3),
    headersOf: storedHeaders,
    // An upload through the server is over long before its object may be committed, on whichever node it ran.
    sweepOlderThanMs: uploadHours * 3_600_000,
    now: () => new Date(),
  });
}

function retentionOf({ objectLock, objectLockDays }: NonNullable<Config["s3"]>): Retention | null {
  if (objectLock === "off" || objectLockDays === null) return null;
  return { mode: objectLock, days: objectLockDays };
}
