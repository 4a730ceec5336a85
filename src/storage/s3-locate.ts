import { GetObjectCommand } from "@aws-sdk/client-s3";
import { Secret } from "../crypto/secret.ts";
import type { BlobAddress } from "./blob-store.ts";
import type { S3Object } from "./s3-read.ts";

/**
 * A presigned address (AWS Signature Version 4, authentication by query parameters): GET of this one object, whole or in a range, and nothing else.
 * Signed here, without a request. One that credentials of limited life sign does not outlive them, and is said not to.
 */
export async function locateObject(
  { client, bucket, key }: S3Object,
  mostSeconds: number,
): Promise<BlobAddress> {
  const [{ getSignedUrl }, { expiration }] = await Promise.all([
    // Only a vault that gives addresses out has use for it.
    import("@aws-sdk/s3-request-presigner"),
    client.config.credentials(),
  ]);
  const leftSeconds =
    expiration === undefined
      ? mostSeconds
      : Math.floor((expiration.getTime() - Date.now()) / 1_000);
  const seconds = Math.max(1, Math.min(mostSeconds, leftSeconds));
  const command = new GetObjectCommand({ Bucket: bucket, Key: key });
  const url = await getSignedUrl(client, command, { expiresIn: seconds });
  return { url: new Secret(Buffer.from(url, "utf8")), seconds };
}
