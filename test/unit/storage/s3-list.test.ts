import { S3Client } from "@aws-sdk/client-s3";
import { expect, test } from "@jest/globals";
import { Room } from "../../../src/storage/room.ts";
import { listNames } from "../../../src/storage/s3-list.ts";
import { S3Multipart } from "../../../src/storage/s3-multipart.ts";
import { unfinishedUploads } from "../../../src/storage/s3-uploads.ts";

const bucket = "weights";
const parts = { firstBytes: 8, nextBytes: 8 };

/** A store whose pages say which one comes next: `0 1 2 1 2 ...` or, where it has an end, `0 1 2`. */
function storeOf(page: (at: number, next: number | null) => string, hasEnd: boolean) {
  let asked = 0;
  const client = new S3Client({
    region: "us-east-1",
    credentials: { accessKeyId: "key", secretAccessKey: "secret" },
    requestHandler: {
      handle: async () => {
        const at = asked < 3 ? asked : 1 + ((asked + 1) % 2);
        asked += 1;
        if (asked > 20) throw new RangeError("it was asked on and on");
        const next = at < 2 ? at + 1 : hasEnd ? null : 1;
        const headers = { "content-type": "application/xml" };
        return { response: { statusCode: 200, headers, body: Buffer.from(page(at, next)) } };
      },
    },
    maxAttempts: 1,
  });
  return { client, asked: () => asked };
}

async function all<Each>(list: AsyncIterable<Each>): Promise<Each[]> {
  const found: Each[] = [];
  for await (const each of list) found.push(each);
  return found;
}

type Listing = {
  readonly page: (at: number, next: number | null) => string;
  readonly list: (client: S3Client) => Promise<unknown[]>;
};

const marked = (next: number | null, name: string) =>
  `<IsTruncated>${next !== null}</IsTruncated>${next === null ? "" : `<${name}>${next}</${name}>`}`;

const listings: Readonly<Record<string, Listing>> = {
  objects: {
    page: (at, next) =>
      `<a><Contents><Key>o${at}</Key></Contents>${marked(next, "NextContinuationToken")}</a>`,
    list: async (client) => await all(listNames({ client, bucket }, "o")),
  },
  "unfinished uploads": {
    page: (at, next) =>
      `<a><Upload><Key>o${at}</Key><UploadId>u</UploadId></Upload>${marked(next, "NextKeyMarker")}</a>`,
    list: async (client) => await all(unfinishedUploads({ client, bucket }, "o")),
  },
  parts: {
    page: (at, next) =>
      `<a><Part><PartNumber>${at + 1}</PartNumber><Size>8</Size><ETag>"t"</ETag></Part>${marked(next, "NextPartNumberMarker")}</a>`,
    list: async (client) => {
      const object = { client, bucket, key: "o" };
      const room = new Room(1_024);
      const held = new S3Multipart({ object, session: "u", parts, room, addressSeconds: 0 });
      return [...(await held.list())];
    },
  },
};

test.each(Object.entries(listings))(
  "a list of %s ends with its last page, and is an outage where a page comes again",
  async (_, { page, list }) => {
    expect(await list(storeOf(page, true).client)).toHaveLength(3);
    const circular = storeOf(page, false);
    await expect(list(circular.client)).rejects.toMatchObject({ code: "store_unavailable" });
    expect(circular.asked()).toBe(3);
  },
);
