import { createHash } from "node:crypto";
import { lstat, open as openFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { objectAad } from "../floe/aad.ts";
import { syncFolder, writer } from "../floe/file.ts";
import { openSegments } from "../floe/open-segments.ts";
import { StreamPlaces } from "../floe/place.ts";
import type { SegmentPool } from "../floe/pool.ts";
import { openRegularFile } from "../ledger/source-file.ts";
import type { Client } from "./client.ts";
import { route } from "./client.ts";
import { Failure } from "./failure.ts";
import { readObject } from "./object-stream.ts";
import type { ReleasedFile } from "./obtain.ts";
import { isCode } from "./paths.ts";
import type { Progress } from "./progress.ts";

export type Target = {
  /** Where the file goes in the end. */
  readonly place: string;
  /** Where it is written until it is verified. */
  readonly partial: string;
};

export type Receiving = {
  readonly client: Client;
  readonly release: string;
  readonly progress: Progress;
  /** Opens the segments. */
  readonly pool: SegmentPool;
};

/**
 * Fetches a sealed object, opens it here and writes the file. Under its final name it appears whole, verified and on disk, or not at all:
 * whatever fails, or an interruption, removes the partial file. Only its owner may read it. Refuses with `object_corrupt` or `integrity`.
 */
export async function receive(
  { client, release, progress, pool }: Receiving,
  { object, objectBytes, size, sha256, path, key }: ReleasedFile,
  { place, partial }: Target,
): Promise<void> {
  const sealed = readObject(client, route`/v1/releases/${release}/objects/${object}`, objectBytes);
  const aad = objectAad(Buffer.from(object.replaceAll("-", ""), "hex"));
  // A file left by a process that was killed; a symbolic link in its place is removed and not followed.
  await rm(partial, { force: true });
  await using file = await openFile(partial, "wx", 0o600);
  try {
    using dataKey = key;
    const digest = createHash("sha256");
    let writtenBytes = 0;
    using places = new StreamPlaces(sealed);
    await openSegments({
      pool,
      key: dataKey,
      aad,
      objectBytes,
      read: places.read,
      write: writer(file),
      take: (plaintext) => {
        digest.update(plaintext);
        writtenBytes += plaintext.length;
        progress.add(plaintext.length);
      },
    });
    await places.end();
    if (writtenBytes !== size || digest.digest("hex") !== sha256)
      throw new Failure(
        "integrity",
        `${path} opens, but has another size or SHA-256 than recorded`,
      );
    if (client.signal.aborted) throw new Failure("failed", "interrupted");
    await file.sync();
    await rename(partial, place);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  await syncFolder(dirname(place));
}

/** Whether the very file is there already. Throws where something else is in its place and may not be replaced. */
export async function isThere(
  { path, size, sha256 }: Pick<ReleasedFile, "path" | "size" | "sha256">,
  place: string,
  { mayReplace }: { readonly mayReplace: boolean },
): Promise<boolean> {
  const found = await lstat(place).catch((error: unknown) => {
    if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return null;
    throw error;
  });
  if (found === null) return false;
  if (!found.isFile())
    throw new Failure("failed", `${place} is there already and is not a regular file`);
  if (found.size === size && (await digestOf(place)) === sha256) return true;
  if (mayReplace) return false;
  throw new Failure(
    "failed",
    `${place} is there already with other content than ${path}; --overwrite replaces it`,
  );
}

async function digestOf(place: string): Promise<string> {
  await using file = await openRegularFile(place);
  if (file === null) throw new Failure("failed", `${place} is no longer a regular file`);
  const digest = createHash("sha256");
  for await (const chunk of file.createReadStream({ autoClose: false })) digest.update(chunk);
  return digest.digest("hex");
}
