import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { cosign, encodeCosignerKey } from "../../src/merkle/cosignature.ts";
import { encodeNote, parseNote } from "../../src/merkle/note.ts";
import { freshCosigner } from "../unit/merkle/signed-texts.ts";
import { encodeAll, type Files, filesOf, fixedSigner } from "../vectors/ledger/build.ts";
import { temporaryFolder, weightvaultHere } from "./command.ts";
import { answer, serveHttp } from "./http-double.ts";

const signer = fixedSigner(7);
const entries = encodeAll([{ kind: "vault.initialized", body: { vault: "v" } }]);
const files = await filesOf(entries, signer);
const checkpoint = files.get("checkpoint") ?? Buffer.alloc(0);
const env = { WEIGHTVAULT_LEDGER_KEY: signer.verificationKey };

/** Exports a served ledger, which tells of a timestamp where one is given. */
async function exported(
  folder: string,
  served: Files,
  timestamp: unknown = null,
  part: readonly string[] = [],
) {
  await using server = await serveHttp((request, response) => {
    const bytes = served.get((request.url ?? "").replace(/^\/ledger\//, ""));
    if (request.url === "/v1/ledger/timestamp" && timestamp !== null)
      answer(response, 200, timestamp);
    else if (bytes === undefined) answer(response, 404, { status: 404, code: "not_found" });
    else response.end(bytes);
  });
  const here = { env: { ...env, WEIGHTVAULT_URL: server.url } };
  return await weightvaultHere(["ledger", "export", folder, ...part], here);
}

test("an export keeps the newest timestamp beside its checkpoint, and goes without where there is none", async () => {
  await using folder = await temporaryFolder();
  expect((await exported(folder.path, files)).code).toBe(0);
  const stamped = { size: 1, checkpoint: checkpoint.toString(), response: "c3RhbXA=" };
  expect((await exported(folder.path, files, stamped)).code).toBe(0);
  const kept = async (name: string) => await readFile(join(folder.path, "timestamp", name));
  expect((await kept("1.tsr")).toString()).toBe("stamp");
  expect(await kept("1.checkpoint")).toEqual(checkpoint);
  for (const bad of [{ ...stamped, size: "../../x" }, { ...stamped, response: "?" }, {}])
    expect((await exported(folder.path, files, bad)).code).not.toBe(0);
});

/** Writes the policy of a witness, after the line of a log where one is given, and gives the checkpoint that it cosigned. */
async function cosignedUnder(policy: string, log = ""): Promise<string> {
  const note = parseNote(checkpoint);
  if (note === null) throw new Error("no checkpoint");
  const witness = freshCosigner("witness.example/w1");
  await writeFile(policy, `${log}witness w ${encodeCosignerKey(witness.key)}\nquorum w\n`);
  const signatures = [...note.signatures, await cosign(note.text, witness, 1_795_400_000)];
  return encodeNote({ ...note, signatures });
}

test("an excerpt is verified under a policy as the whole ledger is, and never without its entries", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const cosigned = Buffer.from(await cosignedUnder(at("policy")));
  const period = ["--from", "2020-01-01"];
  await exported(at("alone"), files, null, period);
  await exported(at("witnessed"), new Map([...files, ["checkpoint", cosigned]]), null, period);
  const verify = async (name: string) =>
    await weightvaultHere(["ledger", "verify", at(name), "--policy", at("policy")], { env });
  expect(await verify("alone")).toMatchObject({
    code: 6,
    stdout: expect.stringContaining("error quorum_missing"),
  });
  expect(await verify("witnessed")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("quorum of witnesses: yes\n  w: cosigned at 2026-11-23T"),
  });
  const opaque = ["ledger", "verify", at("witnessed"), "--opaque-entries"];
  expect((await weightvaultHere(opaque, { env })).code).toBe(2);
});

test("an export and an excerpt keep the ML-DSA-44 key that the server tells; `ledger verify` names it, and holds the checkpoint to it only where it is demanded", async () => {
  await using folder = await temporaryFolder();
  const { key } = freshCosigner(signer.name, "ml-dsa-44");
  const mlDsaKeys = [encodeCosignerKey(key)];
  const told = JSON.stringify({ verificationKey: signer.verificationKey, keys: [], mlDsaKeys });
  const served = new Map([...files, ["/v1/ledger/key", Buffer.from(told)]]);
  for (const part of [[], ["--from", "2020-01-01"]]) {
    const place = join(folder.path, `${part.length}`);
    const file = join(place, `ml-dsa-44-key-${key.keyId}`);
    expect(await exported(place, served, null, part)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`demand it with --ml-dsa-key ${file}`),
    });
    expect(await readFile(file, "utf8")).toBe(`${encodeCosignerKey(key)}\n`);
    expect(await weightvaultHere(["ledger", "verify", place], { env })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("which nothing was held to"),
    });
    const demanding = ["ledger", "verify", place, "--ml-dsa-key", file];
    expect(await weightvaultHere(demanding, { env })).toMatchObject({
      code: 6,
      stdout: expect.stringContaining("error ml_dsa_missing"),
    });
    const copy = join(folder.path, `copy of ${part.length}`);
    const copying = await weightvaultHere(["ledger", "export", copy, "--ledger", place], { env });
    // An excerpt is no ledger to copy.
    expect(copying.code).toBe(part.length === 0 ? 0 : 2);
    if (part.length === 0) expect(await readdir(copy)).toContain(`ml-dsa-44-key-${key.keyId}`);
  }
});

test("under --policy an excerpt and a whole export take the quorum's checkpoint from the series that the server tells, and a copy without one is refused", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const cosigned = await cosignedUnder(at("policy"));
  const series = JSON.stringify({
    checkpoints: [{ size: 1, checkpoint: cosigned, timestamp: null }],
  });
  const served = new Map([
    ...files,
    ["/v1/ledger/checkpoints?limit=256", Buffer.from(series)],
    ["/v1/ledger/checkpoints?limit=256&after=0", Buffer.from(series)],
  ]);
  const policy = ["--policy", at("policy")];
  const part = ["--from", "2020-01-01"];
  expect((await exported(at("part"), served, null, [...part, ...policy])).code).toBe(0);
  expect((await exported(at("whole"), served, null, policy)).code).toBe(0);
  for (const name of ["part", "whole"]) {
    const verified = await weightvaultHere(["ledger", "verify", at(name), ...policy], { env });
    expect(verified).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("quorum of witnesses: yes"),
    });
  }
  await exported(at("alone"), files);
  const again = ["ledger", "export", at("none"), "--ledger", at("alone"), ...part, ...policy];
  expect(await weightvaultHere(again, { env })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("no witness of the policy cosigned the checkpoint"),
  });
});

test("an exported ledger is verified under a policy: with its quorum it says who cosigned and when, without it ends with 6", async () => {
  await using folder = await temporaryFolder();
  const policy = join(folder.path, "policy");
  const cosigned = Buffer.from(await cosignedUnder(policy, `log ${signer.verificationKey}\n`));
  const verify = async (...more: string[]) =>
    await weightvaultHere(["ledger", "verify", folder.path, "--policy", policy, ...more], { env });
  await exported(folder.path, files);
  const without = await verify();
  expect(without.code).toBe(6);
  expect(without.stdout).toContain("error quorum_missing: no witness of the policy cosigned");
  await exported(folder.path, new Map([...files, ["checkpoint", cosigned]]));
  const witnessed = await verify();
  expect(witnessed.code).toBe(0);
  expect(witnessed.stdout).toContain("quorum of witnesses: yes\n  w: cosigned at 2026-11-23T");
  expect(JSON.parse((await verify("--json")).stdout)).toMatchObject({
    witnessed: { hasQuorum: true, witnesses: [{ name: "w", cosignedAt: 1_795_400_000 }] },
  });
  await writeFile(policy, "quorum w\n");
  const broken = await verify();
  // As a key that is none: who runs the command has no settings to correct.
  expect(broken.code).toBe(2);
  expect(broken.stderr).toMatch(/line 1(?!.*settings)/s);
});
