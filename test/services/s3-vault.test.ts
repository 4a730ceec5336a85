import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  anyPlace,
  bootstrapTokenIn,
  type Place,
  release,
  type Told,
  tell,
} from "../integration/server/served.ts";
import { Api } from "../support/api.ts";
import { uploadOver } from "../support/api-cast.ts";
import { buildS3Server, type S3Server, startS3Server } from "../support/s3-server.ts";
import { type ServerProcess, spawnServer } from "../support/server-process.ts";

const program = buildS3Server();
if ("absent" in program) console.warn(`No S3 server is built: ${program.absent}`);
const describeS3 = "absent" in program ? describe.skip : describe;

afterAll(() => {
  if (!("absent" in program)) program.remove();
});

describeS3("a vault whose objects lie in S3", () => {
  let s3: S3Server;
  let place: Place;
  let vault: ServerProcess;
  let url: string;
  let told: Told;
  let client: S3Client;

  const settings = () => ({
    ...place.env,
    WEIGHTVAULT_STORE: `s3://${s3.bucket}/vault`,
    WEIGHTVAULT_S3_ENDPOINT: s3.endpoint,
    WEIGHTVAULT_S3_PATH_STYLE: "true",
    WEIGHTVAULT_LOG_LEVEL: "silent",
    AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
  });

  beforeAll(async () => {
    if ("absent" in program) return;
    s3 = await startS3Server(program);
    place = await anyPlace();
    client = new S3Client({ ...s3, forcePathStyle: true });
    vault = spawnServer(settings());
    url = await vault.url;
    told = await tell(url, await bootstrapTokenIn(place.folder));
  });

  afterAll(async () => {
    if ("absent" in program) return;
    client?.destroy();
    await vault?.end("SIGKILL");
    await place?.[Symbol.asyncDispose]();
    await s3?.stop();
  });

  async function objects(): Promise<readonly string[]> {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: "vault/objects/" }),
    );
    return (page.Contents ?? []).map(({ Key: key }) => key ?? "");
  }

  /** Puts other bytes in a sealed object's place, as whoever administers the bucket can, and gives what puts the old ones back. */
  async function tamper(change: (bytes: Buffer) => Buffer | null): Promise<() => Promise<void>> {
    const [key = ""] = await objects();
    const at = { Bucket: s3.bucket, Key: key };
    const { Body: body } = await client.send(new GetObjectCommand(at));
    const bytes = Buffer.from((await body?.transformToByteArray()) ?? []);
    const changed = change(Buffer.from(bytes));
    await client.send(new DeleteObjectCommand(at));
    if (changed !== null) await client.send(new PutObjectCommand({ ...at, Body: changed }));
    return async () => {
      await client.send(new PutObjectCommand({ ...at, Body: bytes }));
    };
  }

  test("weights go in and out, and what lies in the bucket is sealed", async () => {
    expect((await release(url, told.reader)).equals(told.bytes)).toBe(true);
    expect(await objects()).toHaveLength(1);
    const restore = await tamper((bytes) => {
      expect(bytes.length).toBeGreaterThan(told.bytes.length);
      expect(bytes.includes("weights weights")).toBe(false);
      return bytes;
    });
    await restore();
  });

  test.each<[string, (bytes: Buffer) => Buffer | null]>([
    ["with a bit flipped", (bytes) => bytes.fill((bytes[5_000] ?? 0) ^ 1, 5_000, 5_001)],
    ["cut short", (bytes) => bytes.subarray(0, bytes.length - 1)],
    ["removed", () => null],
  ])("an object %s in the bucket gives no wrong byte", async (_, change) => {
    expect(await objects()).toHaveLength(1);
    const restore = await tamper(change);
    try {
      const outcome = await release(url, told.reader).then(
        (bytes) => (bytes.equals(told.bytes) ? "right" : "wrong"),
        () => "refused",
      );
      expect(outcome).toBe("refused");
    } finally {
      await restore();
    }
    expect((await release(url, told.reader)).equals(told.bytes)).toBe(true);
  });

  test("a file of several parts goes in and out", async () => {
    const api = new Api(url, told.uploader.token);
    const at = "/v1/repositories/lab/model/revisions/main";
    const parent = await api.text("revision", "GET", at);
    const bytes = Buffer.alloc(40 * 2 ** 20 + 5, "many parts ");
    await uploadOver(api, { name: "model", files: { "weights.bin": bytes }, parent });
    expect((await release(url, told.reader)).equals(bytes)).toBe(true);
  });

  test("while the bucket's server is down the vault says so, and gives and takes nothing", async () => {
    await s3.stop();
    const api = new Api(url, told.uploader.token);
    const upload = uploadOver(api, { name: "model", files: { "weights.bin": told.bytes } });
    await expect(upload).rejects.toMatchObject({ status: 503, code: "store_unavailable" });
    await expect(release(url, told.reader)).rejects.toThrow(/503|terminated/);
    expect((await api.ask("GET", "/readyz")).status).toBe(503);
  });
});
