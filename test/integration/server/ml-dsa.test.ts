import { chmod, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { encodeCosignerKey } from "../../../src/merkle/cosignature.ts";
import { weightvault, weightvaultHere } from "../../e2e/command.ts";
import { Api } from "../../support/api.ts";
import { startTestServer } from "../../support/server.ts";
import { freshCosigner } from "../../unit/merkle/signed-texts.ts";
import { anyPlace, bootstrapTokenIn, tell } from "./served.ts";

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

test("every command that verifies a receipt, a statement, records or a ledger demands the ML-DSA-44 key that it is given, online and offline", async () => {
  await using place = await anyPlace();
  const key = join(place.folder, "ledger-ml-dsa.pem");
  const env = { ...place.env, WEIGHTVAULT_LEDGER_ML_DSA_KEYS: key };
  expect(await weightvault(["custody", "init"], { env })).toMatchObject({ code: 0 });
  const server = await startTestServer({ env, folder: place.folder });
  const at = (name: string) => join(place.folder, name);
  try {
    const { json } = await new Api(server.url, null).ask("GET", "/v1/ledger/key");
    const [own = ""] = json["mlDsaKeys"] as readonly string[];
    const other = encodeCosignerKey(freshCosigner("localhost/weightvault", "ml-dsa-44").key);
    const cast = await tell(server.url, await bootstrapTokenIn(place.folder));
    const officer = new Api(server.url, cast.first.token);
    const { releases } = await officer.json("GET", "/v1/releases");
    const [{ id: release } = { id: "" }] = releases as readonly { readonly id: string }[];
    const run = async (token: string, args: readonly string[], mlDsaKey: string) => {
      const { code, stderr } = await weightvaultHere([...args, "--ml-dsa-key", mlDsaKey], {
        env: {
          WEIGHTVAULT_URL: server.url,
          WEIGHTVAULT_TOKEN: token,
          WEIGHTVAULT_LEDGER_KEY: server.verificationKey,
        },
      });
      return { args: args.slice(0, 2), code, isTold: stderr.includes("ML-DSA-44 key") };
    };
    const { first, auditor, reader } = cast;
    const saved = ["--save", at("statement")];
    const day = ["--from", "2020-01-01", "--to", "2100-01-01"];
    const commands: readonly (readonly [string, ...(readonly string[])])[] = [
      [reader.token, "release", "receipt", release],
      [first.token, "release", "evidence", release],
      [first.token, "statement", "revision", "lab/model@main"],
      [first.token, "statement", "release", release, ...saved],
      ["", "statement", "verify", at("statement")],
      [first.token, "records", "export", ...day, "--output", at("records")],
      ["", "records", "verify", at("records")],
      [auditor.token, "ledger", "export", at("ledger")],
      ["", "ledger", "show", "0", "--ledger", at("ledger")],
      ["", "ledger", "trace", "release", release, "--ledger", at("ledger")],
      [reader.token, "download", "lab/model", "--output", at("files")],
    ];
    for (const [token, ...args] of commands) {
      const refused = { args: args.slice(0, 2), code: 6, isTold: true };
      const isNew = args.includes(at("records")) && args[1] === "export";
      // What an export had begun lies there.
      const elsewhere = isNew
        ? args.map((each) => each.replace(at("records"), at("refused")))
        : args;
      expect({ ...(await run(token, elsewhere, other)), args: args.slice(0, 2) }).toEqual(refused);
      expect(await run(token, args, own)).toEqual({ ...refused, code: 0, isTold: false });
    }
  } finally {
    await server.stop();
  }
});
