import { mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { watchOnce } from "../../../src/cli/ledger-monitor.ts";
import { newestCheckpoint } from "../../../src/ledger/receipt.ts";
import { folderSource } from "../../../src/ledger/source-folder.ts";
import { rotateKeyCommand } from "../../../src/maintain.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import { weightvaultHere } from "../../e2e/command.ts";
import {
  type ClonedDatabase,
  cloneDatabase,
  describePostgres,
  hasPostgres,
} from "../../support/database.ts";
import { provideAwsCredentials } from "../../support/kms-credentials.ts";
import { startKmsServer } from "../../support/kms-server.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { fixedSigner } from "../../vectors/ledger/build.ts";

test("the key of a vault that has not begun is not replaced, and one sentence says so", async () => {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-rotate-"));
  try {
    await expect(rotateKeyCommand({ WEIGHTVAULT_DATA: folder })).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringMatching(/^this vault has not begun, [^\n]+$/),
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);

/** One vault with soft keys, whose ledger's key is replaced once. */
describe("the ledger's key in a file", () => {
  let [data, state, firstKey, secondKey, thirdKey] = ["", "", "", "", ""];
  let clone: ClonedDatabase | null = null;
  /** The keys lie in the data folder; the database does too, where the run has no PostgreSQL. */
  const database = (): Readonly<Record<string, string>> =>
    clone === null ? {} : { DATABASE_URL: clone.url };
  const env = () => ({ WEIGHTVAULT_DATA: data, WEIGHTVAULT_PORT: "0", ...database() });
  const published = () => join(data, "store", "blobs", "ledger");

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), "weightvault-rotate-"));
    state = await mkdtemp(join(tmpdir(), "weightvault-monitor-"));
    clone = hasPostgres ? await cloneDatabase() : null;
    const server = await startTestServer({ folder: data, env: database() });
    firstKey = server.verificationKey;
    await server.stop();
    await watch();
  }, 120_000);

  afterAll(async () => {
    await clone?.drop();
    for (const folder of [data, state]) await rm(folder, { recursive: true, force: true });
  });

  async function watch(text = firstKey, folder = state) {
    const key = parseVerificationKey(text);
    if (key === null) throw new Error("the server has no key");
    const pinned = { key, text, isPinned: true, rotations: [] };
    return await watchOnce({
      source: folderSource(published()),
      key: pinned,
      folder,
      unreachableLimitMs: 0,
      now: () => new Date(),
    });
  }

  /** A command of `ledger` that ends well. */
  async function expectFine(
    args: readonly string[],
    env: Readonly<Record<string, string | undefined>> = {},
  ): Promise<void> {
    const { code, stderr } = await weightvaultHere(["ledger", ...args], { env });
    expect([args[0], code, stderr]).toEqual([args[0], 0, expect.any(String)]);
  }

  test("is replaced by a new one in a file of mode 0600, and the old one stays under another name", async () => {
    const rotated = await rotateKeyCommand(env());
    secondKey = rotated.verificationKey;
    expect(rotated).toMatchObject({ replaced: firstKey, next: expect.stringMatching(/destroy/) });
    expect(secondKey).not.toBe(firstKey);
    const files = (await readdir(data)).filter((name) => name.startsWith("ledger-key"));
    expect(files.toSorted()).toEqual([
      "ledger-key.pem",
      expect.stringMatching(/^ledger-key\.pem\.retired-[0-9a-f]{8}$/),
    ]);
    for (const file of files) expect((await stat(join(data, file))).mode & 0o777).toBe(0o600);
  });

  test("as soon as it is replaced, monitors of the old key and of the new one see the ledger verified", async () => {
    expect(await watch()).toMatchObject({ isAlarm: false, code: "grown" });
    expect(await watch(secondKey, join(state, "of-second"))).toMatchObject({
      isAlarm: false,
      code: "first",
    });
  });

  test("a start with the old key refuses and says what to do; the command, run again, finishes it", async () => {
    const at = (name: string) => join(data, name);
    const [retired = ""] = (await readdir(data)).filter((name) => name.includes(".retired-"));
    // As a crash leaves it between the checkpoint that covers the rotation and the exchange of the files.
    await rename(at("ledger-key.pem"), at("ledger-key.next.pem"));
    await rename(at(retired), at("ledger-key.pem"));
    await expect(startTestServer({ folder: data, env: database() })).rejects.toMatchObject({
      code: "signer_refused",
      message: expect.stringMatching(/key was replaced .*run it again/),
    });
    expect(await rotateKeyCommand(env())).toMatchObject({
      verificationKey: secondKey,
      replaced: firstKey,
    });
    const pem = await readFile(at("ledger-key.pem"), "utf8");
    expect(pem).not.toBe(await readFile(at(retired), "utf8"));
  });

  test("run again after its end it says that it is done and changes nothing, until it names the new key as the one to replace", async () => {
    const files = async () => (await readdir(data)).filter((name) => name.startsWith("ledger-key"));
    const before = await files();
    for (const replace of [null, parseVerificationKey(firstKey)])
      expect(await rotateKeyCommand(env(), { replace })).toMatchObject({
        verificationKey: secondKey,
        replaced: firstKey,
        wasDone: true,
        next: expect.stringContaining(`--replace '${secondKey}'`),
      });
    const other = parseVerificationKey(fixedSigner(9).verificationKey);
    await expect(rotateKeyCommand(env(), { replace: other })).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringMatching(/is not the key that signs this ledger/),
    });
    expect(await files()).toEqual(before);
    const replace = parseVerificationKey(secondKey);
    const again = await rotateKeyCommand(env(), { replace });
    expect(again).toMatchObject({ replaced: secondKey, wasDone: false });
    thirdKey = again.verificationKey;
    expect(await rotateKeyCommand(env(), { replace })).toMatchObject({
      verificationKey: thirdKey,
      replaced: secondKey,
      wasDone: true,
    });
  });

  test("after it the vault goes on under the new key, tells both, and who pinned the first verifies everything", async () => {
    const open = { ...database(), WEIGHTVAULT_LEDGER_PUBLIC: "entries" };
    const server = await startTestServer({ folder: data, env: open });
    try {
      expect(server.verificationKey).toBe(thirdKey);
      const told = await fetch(`${server.url}/v1/ledger/key`);
      expect(await told.json()).toMatchObject({
        verificationKey: thirdKey,
        keys: [
          { verificationKey: firstKey, algorithm: "ed25519", firstSize: 0, statement: null },
          { verificationKey: secondKey, statement: expect.any(String) },
          { verificationKey: thirdKey, lastSize: null, statement: expect.any(String) },
        ],
      });
      const tokenFile = join(state, "officer-token");
      const trade = ["init", "--url", server.url, "--name", "Ada", "--us-person", "citizen"];
      const traded = await weightvaultHere(
        [...trade, "--bootstrap-token-file", join(data, "bootstrap-token")].concat([
          "--token-file",
          tokenFile,
        ]),
      );
      expect(traded).toMatchObject({ code: 0 });
      const env = {
        WEIGHTVAULT_URL: server.url,
        WEIGHTVAULT_TOKEN: undefined,
        WEIGHTVAULT_TOKEN_FILE: tokenFile,
      };
      await expectFine(["show", "--last", "2", "--ledger-key", firstKey], env);
    } finally {
      await server.stop();
    }
    const [copy, part] = [join(state, "copy"), join(state, "part")];
    const under = (key: string) => ["--ledger-key", key];
    await expectFine(["export", copy, "--ledger", published(), ...under(firstKey)]);
    await expectFine(["show", "--last", "1", "--ledger", copy, ...under(firstKey)]);
    const period = ["--from", "2020-01-01", "--ledger", copy];
    await expectFine(["export", part, ...period, ...under(firstKey)]);
    for (const key of [firstKey, secondKey, thirdKey])
      for (const place of [copy, part]) await expectFine(["verify", place, "--ledger-key", key]);
    expect(await watch()).toMatchObject({ isAlarm: false, code: "grown" });
    expect(await watch()).toMatchObject({ isAlarm: false, code: "same" });
  });
});

describePostgres("the ledger's key in a KMS, with several nodes on PostgreSQL", () => {
  test("it is replaced while a node serves: that one turns red, and one with the new key goes on", async () => {
    provideAwsCredentials();
    const [kms, clone] = [await startKmsServer(), await cloneDatabase()];
    const folders = await Promise.all(
      [1, 2, 3].map(async () => await mkdtemp(join(tmpdir(), "weightvault-rotate-"))),
    );
    const [first = "", other = "", third = ""] = folders;
    const old = {
      DATABASE_URL: clone.url,
      WEIGHTVAULT_CUSTODIAN: "aws-kms",
      WEIGHTVAULT_SIGNER: "aws-kms",
      WEIGHTVAULT_KMS_REGION: kms.region,
      WEIGHTVAULT_KMS_ENDPOINT: kms.endpoint,
      WEIGHTVAULT_KMS_KEY: kms.keyArn,
      WEIGHTVAULT_KMS_SIGNING_KEY: kms.signingKeyArn,
      WEIGHTVAULT_KMS_TIMEOUT_MS: "20000",
    };
    const fresh = { ...old, WEIGHTVAULT_KMS_SIGNING_KEY: kms.nextSigningKeyArn };
    const running: TestServer[] = [];
    const start = async (folder: string, env: Readonly<Record<string, string>>) => {
      const server = await startTestServer({ folder, env });
      running.push(server);
      return async () => {
        const answer = await fetch(`${server.url}/readyz`);
        const { checks } = (await answer.json()) as { checks: Readonly<Record<string, string>> };
        return { status: answer.status, sequencer: checks["sequencer"] };
      };
    };
    try {
      const ready = await start(first, old);
      // Until its first checkpoint a ledger is any signer's.
      const { db } = running[0]?.vault.database ?? { db: null };
      if (db === null) throw new Error("no server was started");
      await until(async () => (await newestCheckpoint(db)) !== null, { seconds: 30 });
      await expect(startTestServer({ folder: other, env: fresh })).rejects.toThrow(
        /brought in by `weightvault ledger rotate-key`/,
      );
      const rotate = { ...old, WEIGHTVAULT_DATA: other };
      await expect(rotateKeyCommand(rotate)).rejects.toThrow(/WEIGHTVAULT_KMS_NEXT_SIGNING_KEY/);
      const next = { WEIGHTVAULT_KMS_NEXT_SIGNING_KEY: kms.nextSigningKeyArn };
      expect(await rotateKeyCommand({ ...rotate, ...next })).toMatchObject({
        next: expect.stringContaining(`WEIGHTVAULT_KMS_SIGNING_KEY=${kms.nextSigningKeyArn}`),
      });
      await until(async () => (await ready()).sequencer === "signer_refused", { seconds: 30 });
      const goesOn = await start(third, fresh);
      await until(async () => (await goesOn()).sequencer === "ok", { seconds: 30 });
      await expect(startTestServer({ folder: other, env: old })).rejects.toThrow(
        /key was replaced .*start it with the new key's settings/,
      );
    } finally {
      for (const server of running.toReversed()) await server.stop();
      await clone.drop();
      await kms.stop();
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    }
  }, 120_000);
});
