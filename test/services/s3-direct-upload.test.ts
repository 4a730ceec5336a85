import { createHash, randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { newRecipientKeyPair } from "../../src/crypto/enclosure.ts";
import { plaintextPartsOf } from "../../src/floe/layout.ts";
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
import { type Asked, type Fault, type FaultyS3, startFaultyS3 } from "../support/s3-faults.ts";
import { buildS3Server, type S3Server, startS3Server } from "../support/s3-server.ts";
import { type ServerProcess, spawnServer } from "../support/server-process.ts";
import { until } from "../support/until.ts";

const program = buildS3Server();
if ("absent" in program) console.warn(`No S3 server is built: ${program.absent}`);
const describeS3 = "absent" in program ? describe.skip : describe;

const { partBytes } = plaintextPartsOf(2 ** 24);

afterAll(() => {
  if (!("absent" in program)) program.remove();
});

describeS3("files that their uploader seals and puts into S3", () => {
  let s3: S3Server;
  let faulty: FaultyS3;
  let place: Place;
  let vault: ServerProcess;
  let url: string;
  let told: Told;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeAll(async () => {
    if ("absent" in program) return;
    [s3, place, folder] = await Promise.all([
      startS3Server(program),
      anyPlace(),
      temporaryFolder(),
    ]);
    faulty = await startFaultyS3(s3.endpoint);
    vault = spawnServer({
      ...place.env,
      WEIGHTVAULT_STORE: `s3://${s3.bucket}/vault`,
      WEIGHTVAULT_S3_ENDPOINT: faulty.endpoint,
      WEIGHTVAULT_S3_PATH_STYLE: "true",
      WEIGHTVAULT_S3_URL_SECONDS: "5",
      WEIGHTVAULT_LOG_LEVEL: "silent",
      AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    });
    url = await vault.url;
    told = await tell(url, await bootstrapTokenIn(place.folder));
    await mkdir(join(folder.path, "model"));
  });
  afterEach(() => {
    if (faulty !== undefined) faulty.fault = () => null;
  });
  afterAll(async () => {
    if ("absent" in program) return;
    await vault?.end("SIGKILL");
    await place?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
    await faulty?.stop();
    await s3?.stop();
  });

  const isPart = ({ method, query }: Asked) => method === "PUT" && query.has("partNumber");
  const isAddressed = (asked: Asked) => isPart(asked) && asked.query.has("X-Amz-Signature");

  const args = () => ["upload", "lab/model", join(folder.path, "model"), "--replace-all"];
  const env = () => ({ WEIGHTVAULT_URL: url, WEIGHTVAULT_TOKEN: told.uploader.token });

  /** The real command; gives which parts went into the bucket, and by whom. */
  async function upload(bytes: Buffer, ...more: string[]) {
    await writeFile(join(folder.path, "model/weights.bin"), bytes);
    faulty.asked.length = 0;
    const ended = await weightvaultHere([...args(), ...more], { env: env() });
    expect(ended.stdout + ended.stderr).not.toContain("X-Amz");
    const parts = faulty.asked.filter(isPart);
    const direct = parts.filter(isAddressed).map(({ query }) => Number(query.get("partNumber")));
    return {
      ...ended,
      direct: direct.toSorted((one, other) => one - other),
      through: parts.length - direct.length,
    };
  }

  /** The whole by a release, which waits until the vault has read it. */
  async function released(): Promise<Buffer> {
    let bytes: Buffer | null = null;
    await until(async () => {
      bytes = await release(url, told.reader).catch((error: unknown) => {
        if (String(error).includes("409")) return null;
        throw error;
      });
      return bytes !== null;
    });
    return bytes ?? Buffer.alloc(0);
  }

  test("the vault carries none of the bytes, and releases them once it has read them", async () => {
    const bytes = randomBytes(partBytes + 5);
    expect(await upload(bytes)).toMatchObject({ code: 0, direct: [1, 2], through: 0 });
    expect((await released()).equals(bytes)).toBe(true);
  });

  test("through the vault the same bytes go, and are released at once", async () => {
    const bytes = randomBytes(partBytes + 5);
    const sent = await upload(bytes, "--through-vault");
    expect(sent).toMatchObject({ code: 0, direct: [], through: 2 });
    expect((await release(url, told.reader)).equals(bytes)).toBe(true);
  });

  test("a part that was garbled, cut or refused is put at another address, and goes in whole", async () => {
    const troubles: Fault[] = [
      { kind: "flip-request", atByte: 1_000_000 },
      { kind: "cut-request" },
      { kind: "refuse", status: 503, code: "SlowDown" },
    ];
    faulty.fault = (asked) => (isAddressed(asked) ? (troubles.shift() ?? null) : null);
    const bytes = randomBytes(partBytes + 5);
    const sent = await upload(bytes, "--parallel", "1");
    expect({ code: sent.code, left: troubles, through: sent.through }).toEqual({
      code: 0,
      left: [],
      through: 0,
    });
    expect((await released()).equals(bytes)).toBe(true);
  });

  test("an upload that was killed goes on under a key that is handed out anew, and puts no part twice", async () => {
    const bytes = randomBytes(partBytes + 5);
    await writeFile(join(folder.path, "model/weights.bin"), bytes);
    const killed = await weightvault([...args(), "--parallel", "1"], {
      env: env(),
      onStart: (child) => {
        faulty.fault = (asked) => {
          if (!isAddressed(asked) || asked.query.get("partNumber") !== "2") return null;
          child.kill("SIGKILL");
          return { kind: "refuse", status: 503, code: "SlowDown" };
        };
      },
    });
    expect(killed.signal).toBe("SIGKILL");
    faulty.fault = () => null;
    expect(await upload(bytes)).toMatchObject({ code: 0, direct: [2], through: 0 });
    expect((await released()).equals(bytes)).toBe(true);
  });

  test("a store that cannot be reached from here is passed by through the vault", async () => {
    faulty.fault = (asked) =>
      isAddressed(asked) ? { kind: "refuse", status: 403, code: "AccessDenied" } : null;
    const bytes = randomBytes(partBytes + 5);
    const sent = await upload(bytes);
    expect(sent).toMatchObject({ code: 0, through: 2 });
    expect(sent.stderr).toContain("going on through the vault");
    faulty.fault = () => null;
    expect((await released()).equals(bytes)).toBe(true);
  });

  test("an address takes one part's own bytes, no others and nothing else, until its time is over", async () => {
    const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
    const bytes = randomBytes(partBytes + 5);
    const api = new Api(url, told.uploader.token);
    const base = "/v1/repositories/lab/model/uploads";
    const opened = `${base}/${await api.text("upload", "POST", base)}`;
    const begun = await api.json("POST", `${opened}/objects`, {
      path: "weights.bin",
      size: bytes.length,
      sha256: digest(bytes),
    });
    const address = `${opened}/objects/${String(begun["object"])}`;
    const sealed = randomBytes(5 + 32);
    const wanted = {
      size: 5,
      sha256: digest(bytes.subarray(partBytes)),
      sealedSha256: digest(sealed),
    };
    await expect(api.json("POST", `${address}/parts/2/location`, wanted)).rejects.toMatchObject({
      code: "conflict",
    });
    const { publicKey } = await newRecipientKeyPair();
    await api.json("POST", `${address}/key`, { recipientKey: publicKey.toString("base64url") });
    const located = await api.json("POST", `${address}/parts/2/location`, wanted);
    const at = String(located["url"]);
    const headers = located["headers"] as Record<string, string>;
    const { "content-length": _, ...checksum } = headers;
    const put = async (body: Buffer, more: Record<string, string> = checksum, to = at) =>
      (await fetch(to, { method: "PUT", headers: more, body: new Uint8Array(body) })).status;
    const others = randomBytes(sealed.length);
    const othersSum = createHash("sha256").update(others).digest("base64");
    expect(await put(others)).toBe(400);
    expect(await put(others, {})).toBe(403);
    expect(await put(others, { "x-amz-checksum-sha256": othersSum })).toBe(403);
    expect(await put(sealed.subarray(1))).toBe(403);
    expect(await put(sealed, checksum, at.replace("partNumber=2", "partNumber=1"))).toBe(403);
    for (const method of ["GET", "DELETE"]) expect((await fetch(at, { method })).ok).toBe(false);
    const heldOf = async () => (await api.json("GET", address))["held"];
    expect(await heldOf()).toEqual([]);
    expect(await put(sealed)).toBe(200);
    expect(await heldOf()).toEqual([{ part: 2, size: 5, sha256: wanted.sha256 }]);
    await until(async () => (await put(sealed)) === 403);
  });
});
