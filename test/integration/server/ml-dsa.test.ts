import { chmod, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { weightvault, weightvaultHere } from "../../e2e/command.ts";
import { Api } from "../../support/api.ts";
import { startTestServer } from "../../support/server.ts";
import { anyPlace } from "./served.ts";

const answerOf = ({ stdout }: { readonly stdout: string }) => JSON.parse(stdout) as unknown;

test("`custody init` makes the ledger's ML-DSA-44 key once, readable to its owner alone, and the server signs with it, tells it, and does not start without it", async () => {
  await using place = await anyPlace();
  const file = join(place.folder, "ledger-ml-dsa.pem");
  const env = { ...place.env, WEIGHTVAULT_LEDGER_ML_DSA_KEYS: file };
  const without = startTestServer({ env, folder: place.folder });
  await expect(without).rejects.toThrow(/is missing: `weightvault custody init` makes it/);

  const init = await weightvault(["custody", "init", "--json"], { env });
  expect(init).toMatchObject({ code: 0, stderr: "" });
  const verificationKey = expect.stringMatching(/^localhost\/weightvault\+[0-9a-f]{8}\+B/);
  const made = { label: file, verificationKey };
  expect(answerOf(init)).toEqual({ keys: [{ ...made, was: "made" }] });
  expect((await stat(file)).mode & 0o777).toBe(0o600);

  const server = await startTestServer({ env, folder: place.folder });
  const { json } = await new Api(server.url, null).ask("GET", "/v1/ledger/key");
  expect(json["mlDsaKeys"]).toEqual([verificationKey]);
  await server.stop();

  const again = await weightvault(["custody", "init", "--json"], { env });
  const [key] = json["mlDsaKeys"] as readonly string[];
  expect(answerOf(again)).toEqual({ keys: [{ label: file, was: "there", verificationKey: key }] });
  const ledger = join(place.folder, "store", "blobs", "ledger");
  const pinned = ["--ledger-key", server.verificationKey, "--ml-dsa-key", key ?? ""];
  const verified = await weightvaultHere(["ledger", "verify", ledger, ...pinned]);
  expect(verified).toMatchObject({ code: 0, stderr: "" });
  expect(verified.stdout).toContain("signed with ML-DSA-44: yes");

  await chmod(file, 0o644);
  const readable = startTestServer({ env, folder: place.folder });
  await expect(readable).rejects.toThrow(/must have mode 0600/);
});
