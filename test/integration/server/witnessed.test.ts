import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import { weightvaultHere } from "../../e2e/command.ts";
import { Api } from "../../support/api.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { startWitness } from "../../support/witness.ts";
import { anyPlace, release, tell } from "./served.ts";

async function readyz(server: TestServer) {
  const { status, json } = await new Api(server.url, null).ask("GET", "/readyz");
  return { status, checks: json["checks"] as Readonly<Record<string, string>> };
}

test("where a key may leave only after witnesses saw its record, none leaves while their quorum is missing, and readyz says so; an export under the policy is of a checkpoint that has the quorum", async () => {
  await using place = await anyPlace();
  const { folder, env } = place;
  const before = await startTestServer({ env, folder });
  const { first, auditor, reader, bytes } = await tell(before.url, await before.bootstrapToken());
  expect((await readyz(before)).checks).not.toHaveProperty("witnesses");
  const key = parseVerificationKey(before.verificationKey);
  await before.stop();
  if (key === null) throw new Error("the server has no key");

  await using witness = await startWitness({ logs: [key] });
  const policy = join(folder, "witnesses.policy");
  await writeFile(policy, `log ${before.verificationKey}\n${witness.line("w")}quorum w\n`);
  const settings = {
    ...env,
    WEIGHTVAULT_RELEASE_AFTER: "witnessed",
    WEIGHTVAULT_RELEASE_WAIT_MS: "6000",
    WEIGHTVAULT_WITNESS_POLICY: policy,
  };
  const server = await startTestServer({ env: settings, folder });
  try {
    await until(async () => (await readyz(server)).checks["witnesses"] === "ok");
    const { releases } = await new Api(server.url, first.token).json("GET", "/v1/releases");
    const [{ id } = { id: "" }] = releases as readonly { readonly id: string }[];
    expect((await release(server.url, reader)).equals(bytes)).toBe(true);

    // A release serves later ranges too; the next one is a new decision with an entry of its own.
    server.clock.advance({ seconds: 3_600 });
    witness.refuses = (_, response) => response.writeHead(503).end();
    const answer = await release(server.url, reader).catch((error: unknown) => String(error));
    expect(answer).toContain("witnesses_unavailable");
    await until(async () => (await readyz(server)).checks["witnesses"] === "witnesses_unavailable");
    expect((await readyz(server)).status).toBe(503);

    const ledger = async (...args: readonly string[]) =>
      await weightvaultHere(["ledger", ...args], {
        env: {
          WEIGHTVAULT_URL: server.url,
          WEIGHTVAULT_TOKEN: auditor.token,
          WEIGHTVAULT_LEDGER_KEY: server.verificationKey,
        },
      });
    const under = ["--policy", policy];
    const at = (name: string) => join(folder, name);
    const codeOf = async (...args: readonly string[]) => (await ledger(...args)).code;
    expect(await codeOf("export", at("newest"), "--release", id)).toBe(0);
    expect(await codeOf("verify", at("newest"), ...under)).toBe(6);
    expect(await codeOf("export", at("part"), "--release", id, ...under)).toBe(0);
    expect(await codeOf("verify", at("part"), ...under)).toBe(0);

    const exporting = codeOf("export", at("whole"), ...under);
    witness.refuses = null;
    expect(await exporting).toBe(0);
    expect(await codeOf("verify", at("whole"), ...under)).toBe(0);
    await until(async () => (await readyz(server)).status === 200);
    expect((await release(server.url, reader)).equals(bytes)).toBe(true);
  } finally {
    await server.stop();
  }
});
