import { randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openS3Store, type S3StoreOptions } from "../../src/storage/s3.ts";
import { blobStoreContract, get, keysOf, put } from "../contract/blob-store.ts";
import { multipartContract } from "../contract/multipart.ts";
import { type Asked, type FaultyS3, startFaultyS3 } from "../support/s3-faults.ts";
import { buildS3Server, type S3Place, type S3Server, startS3Server } from "../support/s3-server.ts";

/** A bucket elsewhere, with credentials as the AWS SDK finds them, beside the server that is built here. */
const elsewhere = process.env["WEIGHTVAULT_TEST_S3_ENDPOINT"];
const program = buildS3Server();
if ("absent" in program) console.warn(`No S3 server is built: ${program.absent}`);
const describeS3 = "absent" in program ? describe.skip : describe;
const mebibyte = 2 ** 20;

afterAll(() => {
  if (!("absent" in program)) program.remove();
});

const optionsAt = (place: S3Place): S3StoreOptions => ({
  bucket: place.bucket,
  prefix: `t-${randomUUID()}`,
  region: place.region,
  endpoint: place.endpoint,
  isPathStyle: true,
  sweepOlderThanMs: 3_600_000,
  addressSeconds: 300,
  now: () => new Date(),
  credentials: place.credentials,
});

if (elsewhere !== undefined) {
  const openElsewhere = async () => {
    const { credentials: _, ...options } = optionsAt({
      endpoint: elsewhere,
      bucket: process.env["WEIGHTVAULT_TEST_S3_BUCKET"] ?? "weightvault-test",
      region: process.env["AWS_REGION"] ?? "us-east-1",
      credentials: { accessKeyId: "", secretAccessKey: "" },
    });
    const store = await openS3Store(options);
    return { store, close: async () => store.close() };
  };
  blobStoreContract("the S3 store on the endpoint of WEIGHTVAULT_TEST_S3_ENDPOINT", openElsewhere);
  multipartContract("the S3 store on the endpoint of WEIGHTVAULT_TEST_S3_ENDPOINT", openElsewhere);
}

describeS3("on a real S3 server", () => {
  let server: S3Server;
  let faulty: FaultyS3;

  beforeAll(async () => {
    if ("absent" in program) return;
    server = await startS3Server(program);
    faulty = await startFaultyS3(server.endpoint);
  });

  afterAll(async () => {
    await faulty?.stop();
    await server?.stop();
  });

  const openHere = async () => {
    const store = await openS3Store(optionsAt(server));
    return { store, close: async () => store.close() };
  };
  blobStoreContract("the S3 store", openHere);
  multipartContract("the S3 store", openHere);

  /** A store behind the troublemaker; each test says what goes wrong from then on. */
  async function behind() {
    faulty.fault = () => null;
    const options = { ...optionsAt(server), endpoint: faulty.endpoint };
    const store = await openS3Store(options);
    faulty.asked.length = 0;
    return { store, options };
  }

  const once = (wanted: (asked: Asked) => boolean) => {
    let left = 1;
    return (asked: Asked) => wanted(asked) && left-- > 0;
  };
  const isPart = ({ method, query }: Asked) => method === "PUT" && query.has("partNumber");
  const isCompletion = ({ method, query }: Asked) => method === "POST" && query.has("uploadId");
  const isWhole = ({ method, query }: Asked) => method === "PUT" && !query.has("partNumber");
  const isGet = ({ method, query }: Asked) => method === "GET" && !query.has("list-type");

  const small = { firstBytes: 5 * mebibyte + 74, nextBytes: 5 * mebibyte };
  const bytes = randomBytes(17 * mebibyte + 3);

  async function putParts(store: Awaited<ReturnType<typeof openS3Store>>, key: string) {
    const writer = await store.create(key, { parts: small });
    try {
      for (let at = 0; at < bytes.length; at += mebibyte)
        await writer.write(bytes.subarray(at, at + mebibyte));
      return await writer.complete();
    } finally {
      await writer.abort();
    }
  }

  async function unfinished(): Promise<number> {
    const client = new S3Client({ ...server, forcePathStyle: true });
    const page = await client.send(new ListMultipartUploadsCommand({ Bucket: server.bucket }));
    client.destroy();
    return page.Uploads?.length ?? 0;
  }

  test("parts are laid out as they were asked for, each with its SHA-256", async () => {
    const { store } = await behind();
    expect(await putParts(store, "parts/one")).toEqual({ sizeBytes: bytes.length });
    const numbers = faulty.asked.filter(isPart).map(({ query }) => query.get("partNumber"));
    expect(new Set(numbers)).toEqual(new Set(["1", "2", "3", "4"]));
    expect(numbers).toHaveLength(4);
    expect((await get(store, "parts/one")).equals(bytes)).toBe(true);
    expect(await unfinished()).toBe(0);
  });

  test("what exactly fills the first part is one PUT, and one byte more is two parts", async () => {
    const { store } = await behind();
    const whole = bytes.subarray(0, small.firstBytes);
    for (const [key, content] of [
      ["exact/one", whole],
      ["exact/two", bytes.subarray(0, small.firstBytes + 1)],
    ] as const) {
      const writer = await store.create(key, { parts: small });
      await writer.write(content);
      await writer.complete();
      expect((await get(store, key)).equals(content)).toBe(true);
    }
    expect(faulty.asked.filter(isWhole)).toHaveLength(1);
    expect(faulty.asked.filter(isPart)).toHaveLength(2);
  });

  test.each([
    ["a part is refused with 503", isPart, { kind: "refuse", status: 503, code: "SlowDown" }],
    ["a part's connection is cut", isPart, { kind: "cut-request" }],
    ["a part's answer is lost", isPart, { kind: "lose-answer" }],
    ["a bit of a part flips on its way", isPart, { kind: "flip-request", atByte: 1_000_000 }],
    [
      "the completion is refused with 503",
      isCompletion,
      { kind: "refuse", status: 503, code: "SlowDown" },
    ],
    ["the completion's answer is lost", isCompletion, { kind: "lose-answer" }],
  ] as const)("an upload gets through when once %s", async (name, wanted, fault) => {
    const { store } = await behind();
    const hits = once(wanted);
    faulty.fault = (asked) => (hits(asked) ? fault : null);
    const key = `through/${name.replaceAll(/\W/g, "-")}`;
    expect(await putParts(store, key)).toEqual({ sizeBytes: bytes.length });
    faulty.fault = () => null;
    expect((await get(store, key)).equals(bytes)).toBe(true);
    expect(await unfinished()).toBe(0);
  });

  test("a PUT whose answer is lost is success, since the same bytes are there", async () => {
    const { store } = await behind();
    const hits = once(isWhole);
    faulty.fault = (asked) => (hits(asked) ? { kind: "lose-answer" } : null);
    expect(await put(store, "lost/one", "weights")).toEqual({ sizeBytes: 7 });
    expect(faulty.asked.filter(isWhole).length).toBeGreaterThan(1);
    expect(String(await get(store, "lost/one"))).toBe("weights");
  });

  test("an upload that never gets through is an outage, and leaves neither a blob nor parts", async () => {
    const { store } = await behind();
    let parts = 0;
    faulty.fault = (asked) =>
      isPart(asked) && (parts += 1) > 2 ? { kind: "refuse", status: 503, code: "SlowDown" } : null;
    await expect(putParts(store, "outage/parts")).rejects.toMatchObject({
      code: "store_unavailable",
    });
    faulty.fault = () => null;
    expect(await store.stat("outage/parts")).toBeNull();
    expect(await unfinished()).toBe(0);
  });

  test("no room is told apart from an outage", async () => {
    const { store } = await behind();
    faulty.fault = () => ({ kind: "refuse", status: 507, code: "InsufficientStorage" });
    await expect(put(store, "full/one", "x")).rejects.toMatchObject({ code: "store_full" });
  });

  test("every method says that the store is out while it is, and works after", async () => {
    const { store } = await behind();
    await put(store, "down/one", "one");
    faulty.fault = () => ({ kind: "refuse", status: 503, code: "ServiceUnavailable" });
    for (const method of [
      () => store.check(),
      () => put(store, "down/two", "two"),
      () => store.stat("down/one"),
      () => get(store, "down/one"),
      () => store.remove("down/one"),
      () => keysOf(store, "down/"),
    ])
      await expect(method()).rejects.toMatchObject({ code: "store_unavailable" });
    faulty.fault = () => null;
    await store.check();
    expect(await keysOf(store, "down/")).toEqual(["down/one"]);
  });

  test("a read that is cut goes on where it broke", async () => {
    const { store } = await behind();
    await putParts(store, "cut/one");
    let gets = 0;
    faulty.fault = (asked) =>
      isGet(asked) && (gets += 1) < 5 ? { kind: "cut-answer", afterBytes: 3 * mebibyte } : null;
    expect((await get(store, "cut/one")).equals(bytes)).toBe(true);
    expect(gets).toBe(5);
    gets = 0;
    const range = { start: 1_000_001, end: bytes.length - 5 };
    const found = await get(store, "cut/one", range);
    expect(found.equals(bytes.subarray(range.start, range.end))).toBe(true);
  });

  test("a read that gives no byte more at any try is an outage", async () => {
    const { store } = await behind();
    await putParts(store, "cut/never");
    faulty.fault = (asked) => (isGet(asked) ? { kind: "cut-answer", afterBytes: 0 } : null);
    await expect(get(store, "cut/never")).rejects.toMatchObject({ code: "store_unavailable" });
  });

  test("a blob that is replaced while it is read is corrupt, and never a mixture", async () => {
    const { store, options } = await behind();
    await putParts(store, "swapped/one");
    const other = new S3Client({ ...server, forcePathStyle: true });
    let gets = 0;
    faulty.fault = (asked) =>
      isGet(asked) && (gets += 1) === 1 ? { kind: "cut-answer", afterBytes: mebibyte } : null;
    const reading = store.read("swapped/one")[Symbol.asyncIterator]();
    await reading.next();
    await other.send(
      new PutObjectCommand({
        Bucket: server.bucket,
        Key: `${options.prefix}/swapped/one`,
        Body: Buffer.alloc(bytes.length, 1),
      }),
    );
    other.destroy();
    const rest = async () => {
      for (;;) if ((await reading.next()).done === true) return;
    };
    await expect(rest()).rejects.toMatchObject({ code: "object_corrupt" });
  });

  test("a bit that flips on the way back is the reader's to find: the store gives what came", async () => {
    const { store } = await behind();
    await put(store, "flipped/one", "weights");
    faulty.fault = (asked) => (isGet(asked) ? { kind: "flip-answer", atByte: 0 } : null);
    expect(String(await get(store, "flipped/one"))).toBe("veights");
  });

  test("the start sweeps uploads that nobody finished, and leaves young ones", async () => {
    const { options } = await behind();
    const client = new S3Client({ ...server, forcePathStyle: true });
    for (const name of ["a", "b"])
      await client.send(
        new CreateMultipartUploadCommand({
          Bucket: server.bucket,
          Key: `${options.prefix}/orphan/${name}`,
        }),
      );
    client.destroy();
    (await openS3Store(options)).close();
    expect(await unfinished()).toBe(2);
    const later = () => new Date(Date.now() + 2 * options.sweepOlderThanMs);
    (await openS3Store({ ...options, now: later })).close();
    expect(await unfinished()).toBe(0);
  });

  test("a server that ignores the condition of a write is refused at the start", async () => {
    const { options } = await behind();
    const { ignoring, stop } = await startIgnoring();
    try {
      await expect(openS3Store({ ...options, endpoint: ignoring })).rejects.toMatchObject({
        code: "store_unavailable",
        message: expect.stringContaining("If-None-Match"),
      });
    } finally {
      await stop();
    }
  });
});

/** A server that answers every PUT with success, whatever its conditions, as older servers of the protocol do. */
async function startIgnoring() {
  const server = createServer((req, res) => {
    req.resume();
    req.on("end", () => res.writeHead(200, { etag: '"1"' }).end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    ignoring: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
