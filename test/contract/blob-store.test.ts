import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDiskStore } from "../../src/storage/disk.ts";
import { withFaults } from "../support/faults.ts";
import { type BlobStoreUnderTest, blobStoreContract } from "./blob-store.ts";
import { multipartContract } from "./multipart.ts";

async function openDisk(): Promise<BlobStoreUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-disk-"));
  const root = join(folder, "store");
  return {
    store: await openDiskStore({ root }),
    breakDown: () => rm(root, { recursive: true }),
    close: () => rm(folder, { recursive: true }),
  };
}

blobStoreContract("the disk store", openDisk);
multipartContract("the disk store", openDisk);

blobStoreContract("a store that can be made to fail, and is not", async () => {
  const opened = await openDisk();
  return { ...opened, store: withFaults(opened.store).port };
});
