import { PutObjectCommand } from "@aws-sdk/client-s3";
import { Refusal } from "../errors.ts";
import { isConflict, isTaken, refusalOf } from "./s3-failure.ts";
import { sha256Of } from "./s3-once.ts";
import type { S3Object } from "./s3-read.ts";

/** Writes one small object twice, once in the life of a bucket: the second write has to be refused. */
export async function assertConditional({ client, bucket, key }: S3Object): Promise<void> {
  const body = Buffer.from("written once\n");
  const command = { Bucket: bucket, Key: key, Body: body, ChecksumSHA256: await sha256Of(body) };
  try {
    for (let attempt = 0; attempt < 2; attempt += 1)
      await client.send(new PutObjectCommand({ ...command, IfNoneMatch: "*" }));
  } catch (error) {
    if (isTaken(error) || isConflict(error)) return;
    throw refusalOf(error);
  }
  throw new Refusal(
    "store_unavailable",
    "the object store ignores If-None-Match, so an object in it could be replaced: use a store that honours conditional writes",
  );
}
