import { GetObjectCommand, UploadPartCommand } from "@aws-sdk/client-s3";
import { Secret } from "../crypto/secret.ts";
import type { AddressedPart, BlobAddress, PartAddress } from "./blob-store.ts";
import type { S3Object } from "./s3-read.ts";

/**
 * A presigned address (AWS Signature Version 4, authentication by query parameters): GET of this one object, whole or in a range, and nothing else.
 * Signed here, without a request. One that credentials of limited life sign does not outlive them, and is said not to.
 */
export async function locateObject(
  { client, bucket, key }: S3Object,
  mostSeconds: number,
): Promise<BlobAddress> {
  const command = new GetObjectCommand({ Bucket: bucket, Key: key });
  return await presign(client, mostSeconds, async (sign, expiresIn) => {
    return await sign(client, command, { expiresIn });
  });
}

const checksumHeader = "x-amz-checksum-sha256";

/**
 * The same for PUT of one part of one session. Length and checksum are signed headers, which the presigner must not move into the query: there the
 * store would not hold the bytes to them.
 */
export async function locatePart(
  { client, bucket, key }: S3Object,
  session: string,
  { part, sizeBytes, sha256 }: AddressedPart,
  mostSeconds: number,
): Promise<PartAddress> {
  const checksum = sha256.toString("base64");
  const command = new UploadPartCommand({
    Bucket: bucket,
    Key: key,
    UploadId: session,
    PartNumber: part,
    ContentLength: sizeBytes,
    ChecksumSHA256: checksum,
  });
  // The client's own requests sign the digest of their body; a presigned one has an unsigned payload, and is held to the checksum.
  command.middlewareStack.add(
    (next) => async (args) => {
      const { headers } = args.request as { readonly headers: Record<string, string> };
      delete headers["x-amz-content-sha256"];
      return await next(args);
    },
    { step: "build", priority: "low", name: "unsignedPayload" },
  );
  const address = await presign(client, mostSeconds, async (sign, expiresIn) => {
    return await sign(client, command, {
      expiresIn,
      unhoistableHeaders: new Set([checksumHeader]),
      signableHeaders: new Set(["host", "content-length", checksumHeader]),
    });
  });
  return {
    ...address,
    headers: { "content-length": String(sizeBytes), [checksumHeader]: checksum },
  };
}

type Presigner = typeof import("@aws-sdk/s3-request-presigner").getSignedUrl;

async function presign(
  client: S3Object["client"],
  mostSeconds: number,
  make: (sign: Presigner, expiresIn: number) => Promise<string>,
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
  const url = await make(getSignedUrl, seconds);
  return { url: new Secret(Buffer.from(url, "utf8")), seconds };
}
