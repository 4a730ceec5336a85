import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  type MultipartUpload,
  type S3Client,
} from "@aws-sdk/client-s3";
import { codeOf, isMissing } from "./s3-failure.ts";
import { goingOn } from "./s3-list.ts";

type UploadsOf = { readonly client: S3Client; readonly bucket: string };
type UploadsMarker = { readonly KeyMarker?: string; readonly UploadIdMarker?: string };

/** The multipart uploads that nobody completed or aborted, of the names that begin so. Throws `store_unavailable` where their pages have no end. */
export async function* unfinishedUploads({ client, bucket }: UploadsOf, prefix: string) {
  const goesOn = goingOn();
  let marker: UploadsMarker | null = {};
  while (marker !== null) {
    const page: ListMultipartUploadsCommandOutput = await client.send(
      new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...marker }),
    );
    yield* page.Uploads ?? [];
    marker = nextOf(page);
    if (marker !== null) goesOn(JSON.stringify(marker));
  }
}

/** Aborting what is gone is success. */
export async function abortUpload(
  { client, bucket }: UploadsOf,
  { Key, UploadId }: Pick<MultipartUpload, "Key" | "UploadId">,
): Promise<void> {
  await client
    .send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }))
    .catch((error: unknown) => {
      if (!isMissing(error) && codeOf(error) !== "NoSuchUpload") throw error;
    });
}

function nextOf({
  IsTruncated,
  NextKeyMarker,
  NextUploadIdMarker,
}: ListMultipartUploadsCommandOutput): UploadsMarker | null {
  if (IsTruncated !== true || NextKeyMarker === undefined) return null;
  return {
    KeyMarker: NextKeyMarker,
    ...(NextUploadIdMarker === undefined ? {} : { UploadIdMarker: NextUploadIdMarker }),
  };
}
