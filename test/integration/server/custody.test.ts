import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { weightvault } from "../../e2e/command.ts";
import { Api } from "../../support/api.ts";
import { createBareDatabase, describePostgres } from "../../support/database.ts";
import { type KmsServer, startKmsServer } from "../../support/kms-server.ts";
import { refusedStart, type ServerProcess, spawnServer } from "../../support/server-process.ts";
import { until } from "../../support/until.ts";
import { bootstrapTokenIn, embeddedPlace, release, tell } from "./served.ts";

let kms: KmsServer;

beforeEach(async () => {
  kms = await startKmsServer();
});
afterEach(async () => await kms.stop());

/** Custodian and signer on the KMS server of the tests, with credentials where the SDK looks for them. */
function onKms({ keyArn = kms.keyArn, signingKeyArn = kms.signingKeyArn } = {}) {
  return {
    AWS_ACCESS_KEY_ID: "AKIAEXAMPLEEXAMPLE00",
    AWS_SECRET_ACCESS_KEY: "example-secret-of-the-tests",
    WEIGHTVAULT_CUSTODIAN: "aws-kms",
    WEIGHTVAULT_SIGNER: "aws-kms",
    WEIGHTVAULT_KMS_REGION: kms.region,
    WEIGHTVAULT_KMS_ENDPOINT: kms.endpoint,
    WEIGHTVAULT_KMS_KEY: keyArn,
    WEIGHTVAULT_KMS_SIGNING_KEY: signingKeyArn,
    WEIGHTVAULT_KMS_TIMEOUT_MS: "20000",
  };
}

describePostgres("in production, on PostgreSQL", () => {
  test("the vault serves with its keys in a KMS, keeps no key file, and is red when the KMS refuses", async () => {
    const { url, drop } = await createBareDatabase();
    const role = `server_${randomUUID().slice(0, 8)}`;
    const serverUrl = new URL(url);
    serverUrl.username = role;
    await using place = await embeddedPlace();
    const list = join(place.folder, "list.json");
    const results = [
      { id: "1", source: "Denied Persons List (DPL)", name: "Invented Party", alt_names: [] },
    ];
    await writeFile(
      list,
      JSON.stringify({ search_performed_at: new Date().toISOString(), results }),
    );
    const env = {
      ...place.env,
      ...onKms(),
      DATABASE_URL: serverUrl.href,
      WEIGHTVAULT_ENV: "production",
      WEIGHTVAULT_STORE_COUNTRY: "US",
      WEIGHTVAULT_SITES: '[{"name":"hq","country":"US","networks":["127.0.0.0/8"]}]',
      WEIGHTVAULT_SCREENING_LIST: list,
    };
    let server: ServerProcess | null = null;
    try {
      const migrated = await weightvault(["migrate"], {
        env: { WEIGHTVAULT_DATABASE_OWNER_URL: url, WEIGHTVAULT_DATABASE_ROLE: role },
      });
      expect(migrated).toMatchObject({ code: 0 });
      const half = await refusedStart({ ...env, WEIGHTVAULT_SIGNER: "soft" });
      expect(half.said).toMatch(/the soft signer is refused in production/);

      server = spawnServer(env);
      const { reader, bytes } = await tell(await server.url, await bootstrapTokenIn(place.folder));
      expect((await release(await server.url, reader)).equals(bytes)).toBe(true);
      const api = new Api(await server.url, null);
      expect((await api.ask("GET", "/readyz")).status).toBe(200);
      const denied = { status: 400, type: "AccessDeniedException", message: "User: arn:aws:x" };
      kms.arm("GenerateDataKey", denied, 9);
      kms.arm("Sign", denied, 9);
      // Every check's outcome is remembered by itself, so that the signer's may be red before the custodian's.
      let { status, json } = await api.ask("GET", "/readyz");
      const custodian = () => (json["checks"] as Readonly<Record<string, unknown>>)["custodian"];
      await until(async () => {
        ({ status, json } = await api.ask("GET", "/readyz"));
        return custodian() !== "ok";
      });
      expect([status, custodian()]).toEqual([503, "custodian_refused"]);
      expect(JSON.stringify(json)).not.toContain("arn:");
      expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null });
      expect(server.said()).not.toMatch(/example-secret|AKIAEXAMPLE/);
    } finally {
      await server?.end("SIGKILL");
      await drop();
    }
  });
});

test("a vault does not start on another key of the KMS's than it began with, nor on soft keys", async () => {
  await using place = await embeddedPlace();
  const first = spawnServer({ ...place.env, ...onKms() });
  await tell(await first.url, await bootstrapTokenIn(place.folder));
  expect(await first.end("SIGTERM")).toEqual({ code: 0, signal: null });

  const other = await refusedStart({ ...place.env, ...onKms({ keyArn: kms.otherKeyArn }) });
  expect(other.said).toMatch(/the custodian does not open the keys that this vault wrapped/);
  const soft = await refusedStart(place.env);
  expect(soft.said).toMatch(/kek is missing, and this vault has begun with one/);
  const unsigned = await refusedStart({
    ...place.env,
    ...onKms(),
    WEIGHTVAULT_LEDGER_NAME: "another.example/name",
  });
  expect(unsigned.said).toMatch(/the signer is not the one that signed this ledger/);
});

test("`weightvault custody check` tries the keys and prints what verifies the ledger", async () => {
  await using place = await embeddedPlace();
  const good = await weightvault(["custody", "check", "--json"], {
    env: { ...place.env, ...onKms() },
  });
  expect(good).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(good.stdout)).toMatchObject({ fitness: [], custodian: kms.keyArn });
  const wrong = await weightvault(["custody", "check"], {
    env: { ...place.env, ...onKms({ keyArn: kms.signingKeyArn }) },
  });
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toMatch(/AWS KMS refuses the vault \(InvalidKeyUsageException\)/);
  const init = await weightvault(["custody", "init"], { env: { ...place.env, ...onKms() } });
  expect(init.code).toBe(1);
  expect(init.stderr).toMatch(/keys are made on a PKCS #11 token alone/);
});
