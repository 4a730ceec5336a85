import { hash } from "node:crypto";
import { S3Client } from "@aws-sdk/client-s3";
import { expect, test } from "@jest/globals";
import { lockFrom } from "../../../src/storage/s3-lock.ts";
import { S3Writer } from "../../../src/storage/s3-writer.ts";

type Sent = {
  readonly method: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
};

const now = new Date("2026-11-23T09:00:00.000Z");
const kept = lockFrom({ mode: "compliance", days: 1_827 }, now);
const parts = { firstBytes: 8, nextBytes: 8 };

/** A client that keeps what it would send, and takes every write for done. */
function recording() {
  const sent: Sent[] = [];
  const client = new S3Client({
    region: "us-east-1",
    credentials: { accessKeyId: "key", secretAccessKey: "secret" },
    requestChecksumCalculation: "WHEN_REQUIRED",
    requestHandler: {
      handle: async (request: Sent) => {
        sent.push(request);
        const body = "<a><UploadId>one</UploadId></a>";
        return {
          response: { statusCode: 200, headers: { etag: '"tag"' }, body: Buffer.from(body) },
        };
      },
    } as never,
  });
  return { sent, object: { client, bucket: "ledger", key: "tile/0/000" } };
}

const locksOf = ({ headers }: Sent) =>
  Object.entries(headers).filter(([name]) => name.startsWith("x-amz-object-lock"));

const asked = [
  ["x-amz-object-lock-mode", "COMPLIANCE"],
  ["x-amz-object-lock-retain-until-date", "2031-11-24T09:00:00Z"],
];

async function write(bytes: string, lock: typeof kept | null): Promise<readonly Sent[]> {
  const { sent, object } = recording();
  const writer = new S3Writer(object, { parts, lock });
  await writer.write(Buffer.from(bytes));
  await writer.complete();
  return sent;
}

test("a locked blob is one conditional write with its SHA-256, mode and date", async () => {
  const [put, ...more] = await write("tile", kept);
  expect(more).toEqual([]);
  expect(put?.method).toBe("PUT");
  expect(put === undefined ? [] : locksOf(put)).toEqual(asked);
  expect(put?.headers).toMatchObject({
    "if-none-match": "*",
    "x-amz-checksum-sha256": hash("sha256", "tile", "base64"),
  });
});

test("a locked blob of several parts carries the lock where its upload begins, and each part its SHA-256", async () => {
  const sent = await write("tile of hashes", kept);
  const [begin, ...rest] = sent;
  expect([begin?.method, begin === undefined ? [] : locksOf(begin)]).toEqual(["POST", asked]);
  expect(rest.flatMap(locksOf)).toEqual([]);
  const digests = rest
    .filter(({ method }) => method === "PUT")
    .map(({ headers }) => headers["x-amz-checksum-sha256"]);
  const expected = ["tile of ", "hashes"].map((part) => hash("sha256", part, "base64"));
  expect(new Set(digests)).toEqual(new Set(expected));
  expect(digests).toHaveLength(2);
});

test("a blob that nobody asked to lock carries none", async () => {
  const sent = [...(await write("tile", null)), ...(await write("tile of hashes", null))];
  expect(sent.length).toBeGreaterThan(4);
  expect(sent.flatMap(locksOf)).toEqual([]);
});

test("a blob that is read from the bucket carries its type and its lifetime in the write that makes it, and any other neither", async () => {
  const told = { ContentType: "application/octet-stream", CacheControl: "max-age=9, immutable" };
  const asked = {
    "content-type": told.ContentType,
    "cache-control": told.CacheControl,
  };
  for (const bytes of ["tile", "tile of hashes"]) {
    const { sent, object } = recording();
    const writer = new S3Writer({ ...object, headers: told }, { parts, lock: null });
    await writer.write(Buffer.from(bytes));
    await writer.complete();
    expect(sent[0]?.headers).toMatchObject(asked);
    const [plain] = await write(bytes, null);
    expect(plain?.headers).not.toHaveProperty("cache-control");
  }
});
