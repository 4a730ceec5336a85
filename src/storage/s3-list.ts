import { ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";
import { Refusal } from "../errors.ts";
import { onS3 } from "./s3-failure.ts";

/** The names of a bucket's objects that begin so, page by page. Throws `store_unavailable` where the store says so, or its pages have no end. */
export async function* listNames(
  { client, bucket }: { readonly client: S3Client; readonly bucket: string },
  prefix: string,
): AsyncGenerator<string, void, undefined> {
  const goesOn = goingOn();
  let token: string | undefined;
  do {
    const asked = { Bucket: bucket, Prefix: prefix, ContinuationToken: token };
    const page = await onS3(async () => await client.send(new ListObjectsV2Command(asked)));
    for (const { Key: name } of page.Contents ?? []) if (name !== undefined) yield name;
    token = page.NextContinuationToken;
    if (token !== undefined) goesOn(token);
  } while (token !== undefined);
}

/**
 * Takes the markers of one list, after each of which its next page is asked for. Throws `store_unavailable` for one that was there before: a store that goes round in
 * circles would be asked for ever.
 */
export function goingOn(): (marker: string) => void {
  const seen = new Set<string>();
  return (marker) => {
    if (seen.has(marker))
      throw new Refusal(
        "store_unavailable",
        "the object store's list goes round in circles: a page that was there already comes next",
      );
    seen.add(marker);
  };
}
