import {
  GetObjectLockConfigurationCommand,
  HeadObjectCommand,
  PutObjectCommand,
  PutObjectRetentionCommand,
} from "@aws-sdk/client-s3";
import { Refusal } from "../errors.ts";
import { codeOf, isConflict, isMissing, isTaken, onS3, statusOf } from "./s3-failure.ts";
import { sha256Of } from "./s3-once.ts";
import type { S3Object } from "./s3-read.ts";

/** How S3 Object Lock keeps what was written with it: `governance` yields to a permission of its own, `compliance` to nobody until the days have run. */
export type Retention = { readonly mode: "governance" | "compliance"; readonly days: number };

/** What a write carries so that the version that it makes cannot be removed or overwritten before the date. */
export type Lock = {
  readonly ObjectLockMode: "GOVERNANCE" | "COMPLIANCE";
  readonly ObjectLockRetainUntilDate: Date;
};

const dayMs = 86_400_000;

/** The lock of a blob that is written now. */
export function lockFrom({ mode, days }: Retention, now: Date): Lock {
  return {
    ObjectLockMode: mode === "governance" ? "GOVERNANCE" : "COMPLIANCE",
    ObjectLockRetainUntilDate: new Date(now.getTime() + days * dayMs),
  };
}

/** Gives a blob that was there already, with the same bytes, the lock that its write would have given it. A lock that it has stays as it is. */
export async function lockPresent(object: S3Object, lock: Lock): Promise<void> {
  const { client, bucket, key } = object;
  if ((await modeOf(object)) !== null) return;
  await client.send(
    new PutObjectRetentionCommand({
      Bucket: bucket,
      Key: key,
      Retention: {
        Mode: lock.ObjectLockMode,
        RetainUntilDate: lock.ObjectLockRetainUntilDate,
      },
    }),
  );
}

/**
 * Refuses, at the start, a bucket in which a retention would not hold: one without Object Lock, a server that takes the headers and
 * forgets them, and one with a default retention, which would lock what has to stay replaceable as well. The proof is one small object
 * of the store's own, `probe`, written with the lock once in the life of a setting.
 */
export async function assertLocks(probe: S3Object, lock: Lock): Promise<void> {
  await assertConfigured(probe);
  if ((await onS3(async () => await modeOf(probe))) === lock.ObjectLockMode) return;
  await putProbe(probe, lock);
  if ((await onS3(async () => await modeOf(probe))) === lock.ObjectLockMode) return;
  throw unusable(
    "the object store does not tell the retention of an object that was written with one: it ignores Object Lock, or the vault lacks s3:GetObjectRetention",
  );
}

async function assertConfigured({ client, bucket }: S3Object): Promise<void> {
  const { ObjectLockConfiguration: found } = await onS3(async () => {
    try {
      return await client.send(new GetObjectLockConfigurationCommand({ Bucket: bucket }));
    } catch (error) {
      if (statusOf(error) === 403)
        throw unusable(
          "the vault may not ask whether the bucket has Object Lock: give it s3:GetBucketObjectLockConfiguration",
          error,
        );
      if (!isMissing(error) && !isUnknownToServer(error)) throw error;
      return { ObjectLockConfiguration: undefined };
    }
  });
  if (found?.ObjectLockEnabled !== "Enabled")
    throw unusable(
      "the bucket has no Object Lock: name a bucket that was made with it, or turn it on for this one",
    );
  if (found.Rule?.DefaultRetention?.Mode !== undefined)
    throw unusable(
      "the bucket has a default retention, which would lock checkpoints, partial tiles and sealed objects as well: remove it, since the vault says itself what is locked",
    );
}

async function putProbe({ client, bucket, key }: S3Object, lock: Lock): Promise<void> {
  const body = Buffer.from("locked\n");
  const digest = await sha256Of(body);
  await onS3(async () => {
    try {
      await client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body: body,
          ChecksumSHA256: digest,
          IfNoneMatch: "*",
          ...lock,
        }),
      );
    } catch (error) {
      if (isTaken(error) || isConflict(error)) return;
      const status = statusOf(error);
      if (status === null || status >= 500) throw error;
      throw unusable(
        "the object store refuses a write with a retention: the vault needs s3:PutObjectRetention, and the bucket's policy has to admit mode and days",
        error,
      );
    }
  });
}

/** The mode of the retention that the newest version has; null where it has none, or nothing is there. */
async function modeOf({ client, bucket, key }: S3Object): Promise<string | null> {
  try {
    const found = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    return found.ObjectLockMode ?? null;
  } catch (error) {
    if (!isMissing(error)) throw error;
    return null;
  }
}

/** Servers that do not know the question say so. */
function isUnknownToServer(error: unknown): boolean {
  return [405, 501].includes(statusOf(error) ?? 0) || codeOf(error) === "NotImplemented";
}

function unusable(what: string, cause?: unknown): Refusal {
  return new Refusal(
    "store_unavailable",
    `WEIGHTVAULT_S3_OBJECT_LOCK: ${what}`,
    cause === undefined ? {} : { cause },
  );
}
