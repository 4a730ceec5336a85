import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { expect, test } from "@jest/globals";
import { onS3 } from "../../../src/storage/s3-failure.ts";
import { withPatience } from "../../../src/storage/s3-patience.ts";

/** What an answer waits for the rest of it: longer than for its beginning. */
const [patienceMs, restMs] = [3_000, 3_500];

/** An S3 client of a server on the loopback that says nothing before it is let. */
async function silent() {
  const held = Promise.withResolvers<void>();
  const server = createServer((_request, response) => {
    void held.promise.then(() => {
      response.writeHead(200, { "content-length": "5", etag: '"tag"' }).write("we");
      setTimeout(() => response.end("ght"), restMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = new S3Client({
    region: "us-east-1",
    endpoint: `http://127.0.0.1:${port}`,
    forcePathStyle: true,
    credentials: { accessKeyId: "key", secretAccessKey: "secret" },
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 60_000 },
  });
  return {
    read: async (longestMs?: number) =>
      await onS3(
        async () =>
          await withPatience(
            async (abortSignal) =>
              await client.send(new GetObjectCommand({ Bucket: "b", Key: "k" }), { abortSignal }),
            longestMs,
          ),
      ),
    answer: () => held.resolve(),
    stop: async () => {
      client.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("a store that takes a request and says nothing is an outage, once for all attempts", async () => {
  const store = await silent();
  try {
    await expect(store.read(50)).rejects.toMatchObject({ code: "store_unavailable" });
  } finally {
    await store.stop();
  }
});

test("an answer that has begun is read on, however long the rest of it takes", async () => {
  const store = await silent();
  try {
    store.answer();
    const { Body: body } = await store.read(patienceMs);
    expect(await body?.transformToString()).toBe("weght");
  } finally {
    await store.stop();
  }
});
