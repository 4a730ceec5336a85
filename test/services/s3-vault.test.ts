import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newRecipientKeyPair } from "../../src/crypto/enclosure.ts";
import { temporaryFolder, weightvault, weightvaultHere } from "../e2e/command.ts";
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
import { type Asked, type Fault, type FaultyS3, startFaultyS3 } from "../support/s3-faults.ts";
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
  let faulty: FaultyS3;

  const settings = () => ({
    ...place.env,
    WEIGHTVAULT_STORE: `s3://${s3.bucket}/vault`,
    WEIGHTVAULT_S3_ENDPOINT: faulty.endpoint,
    WEIGHTVAULT_S3_URL_SECONDS: "2",
    WEIGHTVAULT_S3_PATH_STYLE: "true",
    WEIGHTVAULT_LOG_LEVEL: "silent",
    AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
  });

  beforeAll(async () => {
    if ("absent" in program) return;
    s3 = await startS3Server(program);
    faulty = await startFaultyS3(s3.endpoint);
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
    await faulty?.stop();
    await s3?.stop();
  });

  async function objects(): Promise<readonly string[]> {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: "vault/objects/" }),
    );
    return (page.Contents ?? []).map(({ Key: key }) => key ?? "");
  }

  /** Puts other bytes in a sealed object's place, as whoever administers the bucket can, and gives what puts the old ones back. */
  async function tamper(
    change: (bytes: Buffer) => Buffer | null,
    at = 0,
  ): Promise<() => Promise<void>> {
    const key = (await objects())[at] ?? "";
    const object = { Bucket: s3.bucket, Key: key };
    const { Body: body } = await client.send(new GetObjectCommand(object));
    const bytes = Buffer.from((await body?.transformToByteArray()) ?? []);
    const changed = change(Buffer.from(bytes));
    await client.send(new DeleteObjectCommand(object));
    if (changed !== null) await client.send(new PutObjectCommand({ ...object, Body: changed }));
    return async () => {
      await client.send(new PutObjectCommand({ ...object, Body: bytes }));
    };
  }

  const many = Buffer.alloc(40 * 2 ** 20 + 5, "many parts ");

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
    await uploadOver(api, { name: "model", files: { "weights.bin": many }, parent });
    expect((await release(url, told.reader)).equals(many)).toBe(true);
  });

  const isAddressed = ({ method, query }: Asked) =>
    method === "GET" && query.has("X-Amz-Signature");

  /** The real command, into a folder of its own; gives what lies there afterwards. */
  async function download(...more: string[]) {
    faulty.asked.length = 0;
    await using folder = await temporaryFolder();
    const args = ["download", "lab/model", "--output", folder.path, ...more];
    const env = { WEIGHTVAULT_URL: url, WEIGHTVAULT_TOKEN: told.reader.token };
    const ended = await weightvaultHere(args, { env });
    expect(ended.stdout + ended.stderr).not.toContain("X-Amz");
    const names = await readdir(folder.path);
    const bytes = names.includes("weights.bin")
      ? await readFile(join(folder.path, "weights.bin"))
      : null;
    const addresses = faulty.asked.filter(isAddressed);
    return { ...ended, names, bytes, addresses };
  }

  test("a download reads ranges from the bucket itself, and the vault carries none of the bytes", async () => {
    const { code, bytes, addresses } = await download();
    expect(code).toBe(0);
    expect(bytes?.equals(many)).toBe(true);
    const reads = faulty.asked.filter(
      ({ method, path }) => method === "GET" && path.includes("/objects/"),
    );
    expect([reads.length, addresses.length]).toEqual([3, 3]);
  });

  test("through the vault the same bytes come", async () => {
    const { code, bytes, addresses } = await download("--through-vault");
    expect(code).toBe(0);
    expect(bytes?.equals(many)).toBe(true);
    expect(addresses).toEqual([]);
  });

  test("an address that the server finds expired is renewed, and cut and busy answers are asked for again", async () => {
    const troubles: Fault[] = [
      { kind: "delay", milliseconds: 4_000 },
      { kind: "cut-answer", afterBytes: 3_000_000 },
      { kind: "refuse", status: 503, code: "SlowDown" },
    ];
    faulty.fault = (asked) => (isAddressed(asked) ? (troubles.shift() ?? null) : null);
    try {
      const { code, stderr, bytes, addresses } = await download("--parallel", "1");
      expect({ code, left: troubles }).toEqual({ code: 0, left: [] });
      expect(stderr).not.toContain("through the vault");
      expect(bytes?.equals(many)).toBe(true);
      // Three ranges, and one more for each trouble; on a slow machine more addresses expire.
      expect(addresses.length).toBeGreaterThanOrEqual(6);
    } finally {
      faulty.fault = () => null;
    }
  });

  test("an address reads its one object, and nothing else, until its time is over", async () => {
    const api = new Api(url, told.reader.token);
    const { publicKey } = await newRecipientKeyPair();
    const released = await api.json("POST", "/v1/releases", {
      repository: "lab/model",
      revision: "main",
      recipientKey: publicKey.toString("base64url"),
    });
    const [object] = released["objects"] as { url: string; objectBytes: number }[];
    const located = await api.json("GET", `${object?.url}/location`);
    const [address, isDirect] = [String(located["url"]), located["isDirect"]];
    expect(isDirect).toBe(true);
    const read = await fetch(address, { headers: { range: "bytes=0-73" } });
    expect(read.status).toBe(206);
    expect(read.headers.get("content-range")).toBe(`bytes 0-73/${object?.objectBytes}`);
    await read.arrayBuffer();
    for (const method of ["PUT", "DELETE"])
      expect((await fetch(address, { method })).ok).toBe(false);
    const [first = "", second = ""] = await objects();
    const other = address.includes(first)
      ? address.replace(first, second)
      : address.replace(second, first);
    expect(other).not.toBe(address);
    expect((await fetch(other)).status).toBe(403);
    await sleep(3_000);
    expect((await fetch(address)).status).toBe(403);
  });

  test.each<[string, (bytes: Buffer) => Buffer | null, RegExp]>([
    [
      "with a bit flipped",
      (bytes) => bytes.fill((bytes[20_000_000] ?? 0) ^ 1, 20_000_000, 20_000_001),
      /was damaged or replaced\. Segment 19 fails its tag/,
    ],
    ["swapped for another", (bytes) => Buffer.alloc(bytes.length, 7), /damaged or replaced/],
    ["cut short", (bytes) => bytes.subarray(0, 30_000_000), /shorter than recorded|another size/],
    ["removed", () => null, /is not in the object store/],
  ])(
    "a download of an object %s in the bucket leaves no file and says so",
    async (_, change, said) => {
      const sizes = await Promise.all(
        (await objects()).map(async (key) => {
          const found = await client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: key }));
          return found.ContentLength ?? 0;
        }),
      );
      const restore = await tamper(change, sizes.indexOf(Math.max(...sizes)));
      try {
        const { code, stderr, names } = await download();
        expect({ code, names }).toEqual({ code: 6, names: [] });
        expect(stderr).toMatch(said);
      } finally {
        await restore();
      }
    },
  );

  test("the ledger of a vault whose database is lost is made again from what its bucket holds, with the vault's settings alone", async () => {
    const { verificationKey: key } = await new Api(url, null).json("GET", "/v1/ledger/key");
    await using folder = await temporaryFolder();
    const env = { ...settings(), WEIGHTVAULT_DATA: folder.path, DATABASE_URL: undefined };
    const args = ["ledger", "rebuild", "--ledger-key", String(key), "--json"];
    const { code, stdout, stderr } = await weightvault(args, { env });
    expect([code, stderr]).toEqual([0, ""]);
    const { size } = JSON.parse(stdout) as { readonly size: number };
    const object = { Bucket: s3.bucket, Key: "vault/ledger/checkpoint" };
    const published = await client.send(new GetObjectCommand(object));
    const newest = (await published.Body?.transformToString())?.split("\n")[1];
    expect(size).toBeGreaterThan(5);
    expect(published).toMatchObject({
      ContentType: "text/plain; charset=utf-8",
      CacheControl: "no-cache",
    });
    const listed = await client.send(
      new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: "vault/ledger/tile/" }),
    );
    const tiles = listed.Contents?.map(({ Key }) => Key) ?? [];
    expect(tiles.some((each) => each?.includes("/entries/"))).toBe(true);
    for (const tile of tiles)
      expect(
        await client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: tile })),
      ).toMatchObject({
        ContentType: "application/octet-stream",
        CacheControl: "max-age=31536000, immutable",
      });
    // The vault goes on meanwhile.
    expect(Number(newest)).toBeGreaterThanOrEqual(size);
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
