import { randomBytes } from "node:crypto";
import { access, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { transact } from "../../src/database/transact.ts";
import { openLedger } from "../../src/ledger/open.ts";
import { submit } from "../../src/ledger/submit.ts";
import {
  encodeTimestampRequest,
  parseAuthority,
  type TimestampResult,
  verifyTimestamp,
} from "../../src/ledger/timestamp-token.ts";
import { newestTimestamp, stampNewest } from "../../src/ledger/timestamping.ts";
import { verifyLedger } from "../../src/ledger/verify.ts";
import type { Stamped } from "../../src/ledger/verify-timestamps.ts";
import { parseNote } from "../../src/merkle/note.ts";
import { temporaryFolder, weightvaultHere } from "../e2e/command.ts";
import { Api } from "../support/api.ts";
import { castOver } from "../support/api-cast.ts";
import { openMemory } from "../support/database.ts";
import { startTestServer } from "../support/server.ts";
import { TestSigner } from "../support/test-signer.ts";
import { type Authority, makeAuthority, whyNoOpenssl } from "../support/timestamp/authority.ts";
import { until } from "../support/until.ts";
import { serveHere } from "../support/witness.ts";
import {
  encodeAll,
  type Files,
  filesOf,
  fixedSigner,
  memorySource,
} from "../vectors/ledger/build.ts";

const missing = whyNoOpenssl();
if (missing !== null) console.warn(`timestamps are not tried: ${missing}`);
const text = "vault.example/ledger\n7\nAAAA\n";
const made: Authority[] = [];

function authorityOf(...options: Parameters<typeof makeAuthority>): Authority {
  const authority = makeAuthority(...options);
  made.push(authority);
  return authority;
}

afterAll(() => {
  for (const each of made) each.remove();
});

/** Answers requests over HTTP, as an authority does. */
async function serveAuthority(make: (request: Buffer) => Buffer) {
  const server = await serveHere((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      response.setHeader("content-type", "application/timestamp-reply");
      response.end(make(Buffer.concat(chunks)));
    });
  });
  return { url: server.url, [Symbol.asyncDispose]: async () => await server.close() };
}

function nonce(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = 0x41;
  return bytes;
}

(missing === null ? describe : describe.skip)("timestamps of OpenSSL's authority", () => {
  let authority: Authority;
  beforeAll(() => {
    authority = authorityOf();
  });

  async function judged(
    response: Buffer,
    { of = text, under = authority }: { readonly of?: string; readonly under?: Authority } = {},
  ): Promise<TimestampResult> {
    return await verifyTimestamp(response, of, parseAuthority(under.certificates));
  }

  test.each([
    ["SHA-256 in its certificate's id", {}],
    ["SHA-1 in its certificate's id", { ess_cert_id_alg: "sha1" }],
    ["SHA-512 in its signature", { signer_digest: "sha512", ess_cert_id_alg: "sha512" }],
  ])(
    "a granted stamp with %s verifies offline, and tells its time and nonce",
    async (_, config) => {
      const asked = nonce();
      const response = authority.answer(encodeTimestampRequest(text, asked), config);
      expect(authority.accepts(response, text)).toBe(true);
      const result = await judged(response);
      if ("refused" in result) throw new Error(result.refused);
      expect(result.nonceHex).toBe(asked.toString("hex"));
      expect(Math.abs(result.stampedAt.getTime() - Date.now())).toBeLessThan(3_600_000);
    },
  );

  test("a stamp of another text, or under another authority's certificate, is refused", async () => {
    const response = authority.answer(encodeTimestampRequest(text, nonce()));
    expect(await judged(response, { of: `${text} ` })).toHaveProperty("refused");
    expect(await judged(response, { under: authorityOf() })).toHaveProperty("refused");
  });

  test("what was not granted is refused", async () => {
    // The authority takes no SHA-256.
    const response = authority.answer(encodeTimestampRequest(text, nonce()), { digests: "sha384" });
    expect(await judged(response)).toMatchObject({ refused: expect.stringContaining("grant") });
  });

  test.each([
    ["had expired when it stamped", { validity: ["20200101000000Z", "20210101000000Z"] }],
    ["was not yet valid when it stamped", { validity: ["21190101000000Z", "21200101000000Z"] }],
  ] as const)("a certificate that %s is refused", async (_, options) => {
    const other = authorityOf(options);
    const response = other.answer(encodeTimestampRequest(text, nonce()));
    expect(await judged(response, { under: other })).toHaveProperty("refused");
  });

  test("a changed byte anywhere never verifies as another statement", async () => {
    const response = authority.answer(encodeTimestampRequest(text, nonce()));
    const truth = await judged(response);
    let refused = 0;
    for (let at = 0; at < response.length; at += 7) {
      const changed = Buffer.from(response);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const result = await judged(changed);
      if ("refused" in result) refused += 1;
      else expect(result).toEqual(truth);
    }
    expect(refused).toBeGreaterThan(response.length / 14);
    for (const cut of [0, 1, 20, response.length - 1])
      expect(await judged(response.subarray(0, cut))).toHaveProperty("refused");
  });

  test("ledger verify tells since when a ledger stood, and finds stamps that are not its own", async () => {
    const signer = fixedSigner(7);
    const entries = encodeAll([
      { kind: "vault.initialized", body: { vault: "v" } },
      { kind: "token.revoked", body: { token: "t", by: null } },
    ]);
    const [older, files] = [
      await filesOf(entries.slice(0, 1), signer),
      await filesOf(entries, signer),
    ];
    const stampOf = (ledger: Files) => {
      const checkpoint = ledger.get("checkpoint") ?? Buffer.alloc(0);
      const about = parseNote(checkpoint)?.text ?? "";
      return { checkpoint, response: authority.answer(encodeTimestampRequest(about, nonce())) };
    };
    const report = async (stamped: readonly Stamped[], under = authority) => {
      const timestamps = { certificates: under.certificates, stamped };
      const { verificationKey } = signer;
      const options = { verificationKey, entries: "opaque", timestamps } as const;
      const { findings, timestamps: found } = await verifyLedger(memorySource(files), options);
      return { codes: findings.map(({ code }) => code), sizes: found?.map(({ size }) => size) };
    };
    const stamps = [stampOf(older), stampOf(files)] as const;
    expect(await report(stamps)).toEqual({ codes: [], sizes: [1, 2] });
    expect(await report([])).toEqual({ codes: ["timestamp_missing"], sizes: [] });
    expect(await report(stamps, authorityOf())).toEqual({
      codes: ["timestamp_invalid", "timestamp_invalid"],
      sizes: [],
    });
    const otherPast = await filesOf(
      encodeAll([{ kind: "vault.initialized", body: { vault: "w" } }]),
      signer,
    );
    const larger = await filesOf([...entries, ...entries], signer);
    const foreign = await filesOf(entries, fixedSigner(8));
    for (const ledger of [otherPast, larger, foreign])
      expect(await report([stampOf(ledger)])).toEqual({ codes: ["timestamp_invalid"], sizes: [] });
    const swapped = { ...stamps[0], response: stamps[1].response };
    expect(await report([swapped])).toEqual({ codes: ["timestamp_invalid"], sizes: [] });

    await using folder = await temporaryFolder();
    for (const [path, bytes] of [
      ...files,
      ["timestamp/1.checkpoint", stamps[0].checkpoint],
      ["timestamp/1.tsr", stamps[0].response],
      ["authority.pem", Buffer.from(authority.certificates)],
    ] as const) {
      await mkdir(join(folder.path, path, ".."), { recursive: true });
      await writeFile(join(folder.path, path), bytes);
    }
    const certificate = ["--timestamp-certificate", join(folder.path, "authority.pem")];
    const verify = [
      "ledger",
      "verify",
      folder.path,
      "--ledger-key",
      signer.verificationKey,
      "--opaque-entries",
    ];
    const told = await weightvaultHere([...verify, ...certificate]);
    expect(told).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("stood at 1 entry by"),
    });
    await rm(join(folder.path, "timestamp"), { recursive: true });
    expect((await weightvaultHere([...verify, ...certificate])).code).toBe(6);
  });

  test("a server has its newest checkpoint stamped soon after its start, and a whole export, an excerpt and what it published verify with the stamp offline", async () => {
    await using authorityHere = await serveAuthority((request) => authority.answer(request));
    await using place = await temporaryFolder();
    const at = (name: string) => join(place.path, name);
    await writeFile(at("authority.pem"), authority.certificates);
    const server = await startTestServer({
      env: {
        WEIGHTVAULT_TIMESTAMP_URL: authorityHere.url,
        WEIGHTVAULT_TIMESTAMP_CERTIFICATE: at("authority.pem"),
        WEIGHTVAULT_TIMESTAMP_SECONDS: "86400",
      },
    });
    const here = async (...args: readonly string[]) =>
      await weightvaultHere(args, {
        env: {
          WEIGHTVAULT_URL: server.url,
          WEIGHTVAULT_LEDGER_KEY: server.verificationKey,
          WEIGHTVAULT_TOKEN: auditor.token,
        },
      });
    let auditor = { token: "" };
    try {
      const api = new Api(server.url, null);
      ({ auditor } = await castOver(api, await server.bootstrapToken()));
      const asked = async () => await api.as(auditor.token).ask("GET", "/v1/ledger/timestamp");
      await until(async () => (await asked()).status === 200, { seconds: 30 });
      const { size } = (await asked()).json as { size: number };
      const published = join(server.folder, "store", "blobs", "ledger");
      const stamp = join(published, "timestamp", `${size}.tsr`);
      await until(
        async () =>
          await access(stamp).then(
            () => true,
            () => false,
          ),
        { seconds: 30 },
      );
      expect(await here("ledger", "export", at("whole"))).toMatchObject({ code: 0 });
      const part = ["ledger", "export", "--from", "2020-01-01"];
      expect(await here(...part, at("part"))).toMatchObject({ code: 0 });
      // From the copy, which no server is asked about.
      const copied = await here(...part, at("copied"), "--ledger", at("whole"));
      expect(copied).toMatchObject({ code: 0 });
      const verify = async (folder: string) =>
        await here("ledger", "verify", at(folder), "--timestamp-certificate", at("authority.pem"));
      const certified = ["--timestamp-certificate", at("authority.pem")];
      expect(await here("ledger", "verify", published, ...certified)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining(`stood at ${size} entries by`),
      });
      for (const folder of ["whole", "part", "copied"])
        expect([folder, await verify(folder)]).toEqual([
          folder,
          expect.objectContaining({
            code: 0,
            stdout: expect.stringContaining(`stood at ${size} entries by`),
          }),
        ]);
      const growth = join(at("part"), `timestamp/${size}.growth`);
      const told = await readFile(growth, "utf8");
      for (const changed of [null, "", told.replace(`old ${size}`, `old ${size + 1}`)]) {
        if (changed === null) await rm(growth);
        else await writeFile(growth, changed);
        expect(await verify("part")).toMatchObject({
          code: 6,
          stdout: expect.stringContaining("error timestamp_invalid"),
        });
      }
      await rm(join(at("part"), "timestamp"), { recursive: true });
      expect((await verify("part")).stdout).toContain("error timestamp_missing");
    } finally {
      await server.stop();
    }
  });

  test("a ledger's newest checkpoint is stamped once, and a bad answer is not kept", async () => {
    const [database, signer] = [await openMemory(), new TestSigner()];
    const answers: { make: (request: Buffer) => Buffer; asked: number } = {
      make: (request) => authority.answer(request),
      asked: 0,
    };
    await using server = await serveAuthority((request) => {
      answers.asked += 1;
      return answers.make(request);
    });
    const ledger = await openLedger({
      database,
      store: null,
      signer,
      node: "one",
      now: () => new Date(),
      onFailure: () => {},
    });
    const stamp = async () => {
      const { certificates } = authority;
      const options = { database, node: "one", authority: { url: server.url, certificates } };
      await stampNewest(options, AbortSignal.timeout(20_000));
    };
    try {
      const submission = await transact(database.db, (tx) =>
        submit(tx, { kind: "vault.initialized", time: new Date(), body: { vault: "v" } }),
      );
      ledger.wake();
      await ledger.settle(submission, { after: "checkpoint", timeoutMs: 20_000 });
      const wrong: readonly ((request: Buffer) => Buffer)[] = [
        () => Buffer.alloc(0),
        () => Buffer.alloc(100_000),
        () => authority.answer(encodeTimestampRequest("another text", nonce())),
        () => authority.answer(encodeTimestampRequest(text, nonce())),
        (request) => authorityOf().answer(request),
        (request) => authority.answer(request, { digests: "sha384" }),
      ];
      for (const make of wrong) {
        answers.make = make;
        await expect(stamp()).rejects.toMatchObject({ code: "timestamp_refused" });
      }
      // The right text under another nonce is an old answer played again.
      const { note = "" } =
        (await database.db.selectFrom("ledger_checkpoint").select("note").executeTakeFirst()) ?? {};
      const stampedText = parseNote(note)?.text ?? "";
      answers.make = () => authority.answer(encodeTimestampRequest(stampedText, nonce()));
      await expect(stamp()).rejects.toMatchObject({
        message: expect.stringContaining("another request"),
      });
      expect(await newestTimestamp(database.db)).toBeNull();
      answers.make = (request) => authority.answer(request);
      await stamp();
      const before = answers.asked;
      await stamp();
      expect(answers.asked).toBe(before);
      const kept = await newestTimestamp(database.db);
      expect(kept?.size).toBe(1);
      expect(
        await judged(kept?.response ?? Buffer.alloc(0), { of: stampedText }),
      ).not.toHaveProperty("refused");
    } finally {
      await ledger.stop();
      await database.close();
    }
  });
});

(missing === null ? test : test.skip).each([
  ["for nothing in particular", "clientAuth"],
  ["for time-stamping and more", "critical,timeStamping,clientAuth"],
])("OpenSSL itself does not stamp with a certificate %s", (_, usage) => {
  expect(() => authorityOf({ usage }).answer(encodeTimestampRequest(text, nonce()))).toThrow(
    "signer certificate purpose",
  );
});
