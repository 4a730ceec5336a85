import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { stringify } from "yaml";
import { Api } from "../support/api.ts";
import { type ApiCast, castOver } from "../support/api-cast.ts";
import { trained, weights } from "../support/datasheets.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { gguf, info, safetensors, tensor } from "../unit/weights/files.ts";
import { type Ended, temporaryFolder, weightvault, weightvaultHere } from "./command.ts";

const examples = fileURLToPath(new URL("../../docs/examples", import.meta.url));
let server: TestServer;
let cast: ApiCast;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  [server, folder] = await Promise.all([startTestServer(), temporaryFolder()]);
  const api = new Api(server.url, null);
  cast = await castOver(api, await server.bootstrapToken());
  await api.as(cast.first.token).json("POST", "/v1/repositories", { namespace: "lab", name: "m" });
  await write("big.yaml", stringify(trained("1.2e26")));
  await write("small.yaml", stringify(trained("9e25")));
});
afterAll(async () => {
  await server?.stop();
  await folder?.[Symbol.asyncDispose]();
});

const at = (name: string) => join(folder.path, name);

async function write(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(at(name), content);
  return at(name);
}

async function check(...args: readonly string[]): Promise<Ended> {
  return await weightvaultHere(["classify", "check", "--datasheet", ...args]);
}

async function as(token: string, ...args: readonly string[]): Promise<Ended> {
  return await weightvaultHere(["classify", ...args], {
    env: { WEIGHTVAULT_URL: server.url, WEIGHTVAULT_TOKEN: token },
  });
}

/** Weights of eleven parameters, and the file that holds them. */
const eleven = (members = {}) => stringify(weights({ parameters: "11", ...members }));
const elevenTensors = { a: tensor("F32", [2, 3], 0, 24), b: tensor("BF16", [5], 24, 34) };

test("the example of weights is a datasheet, and the real command shows its arithmetic without a server or a token", async () => {
  const args = ["classify", "check", "--datasheet", join(examples, "weights.yaml")];
  const { code, stdout, stderr } = await weightvault([...args], { env: { WEIGHTVAULT_TOKEN: "" } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("6 x 52000000000 parameters x 28000000000000 tokens = 8.736e24");
  expect(stdout).toContain("1.06836e26 >= 1e26 operations: yes");
  expect(stdout).toMatch(/datasheet SHA-256 [0-9a-f]{64}/);
});

test("classify with a datasheet and no verb checks it, and without one says what is missing", async () => {
  const sheet = join(examples, "weights.yaml");
  const bare = await weightvaultHere(["classify", "--datasheet", sheet, "--json"]);
  expect(bare.code).toBe(0);
  expect(bare.stdout).toBe((await check(sheet, "--json")).stdout);
  const empty = await weightvaultHere(["classify"]);
  expect(empty.code).toBe(2);
  expect(empty.stderr).toContain("--datasheet");
  const mistaken = await weightvaultHere(["classify", "aprove"]);
  expect(mistaken.code).toBe(2);
  const help = await weightvaultHere(["classify", "--help"]);
  expect(help.stdout).toContain("propose");
});

test("the example of chips is a datasheet, and --json gives the same arithmetic", async () => {
  const { code, stdout } = await check(join(examples, "chip-technology.yaml"), "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    item: "technology",
    headers: null,
    proposal: {
      conclusion: { kind: "entry" },
      candidates: [{ eccn: "3E001", paragraph: "3A090.b", confidence: "stated" }],
    },
  });
});

test("numbers keep every digit, and JSON is read as YAML", async () => {
  const sheet = await write("digits.json", JSON.stringify(trained("99999999999999999999999999")));
  const { stdout } = await check(sheet);
  expect(stdout).toContain("9.9999999999999999999999999e25 >= 1e26 operations: no");
  const yaml = stringify(trained("1")).replace(
    'operations: "1"',
    "operations: 99999999999999999999999999",
  );
  expect((await check(await write("digits.yaml", yaml))).stdout).toBe(stdout);
});

test.each<[string, string, string]>([
  [
    "a member that there is not",
    `${stringify(trained("1"))}flops: 1`,
    "flops: there is no such member",
  ],
  [
    "a member of a stage that there is not",
    stringify(trained("1")).replace("operations:", "ops:"),
    "training.0.ops: there is no such member",
  ],
  [
    "a number that is none",
    stringify(trained("1")).replace('operations: "1"', "operations: many"),
    "training.0.operations: must be a number",
  ],
  [
    "an alias",
    `${stringify(trained("1")).replace("intendedUses: null", "intendedUses: [&a x, *a]")}`,
    "Alias resolution is disabled",
  ],
  [
    "a bomb of aliases",
    "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]",
    "Alias resolution is disabled",
  ],
  ["a tag", "form: !!js/function x", "Unresolved tag"],
  ["a key twice", "form: a\nform: b", "unique"],
  ["two documents", "form: a\n---\nform: b", "multiple documents"],
  ["a nest of brackets", "[".repeat(100_000), "does not parse"],
  ["no YAML", "a: b: c", "does not parse"],
  ["nothing", "", "is not a datasheet"],
  ["too many bytes", `title: ${"x".repeat(300_000)}`, "more than 262144 bytes"],
])("a file with %s ends with 2 and says where", async (_, content, says) => {
  const { code, stdout, stderr } = await check(await write("bad.yaml", content));
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(says);
});

test("a file that is not there ends with 2", async () => {
  expect((await check(at("nowhere.yaml"))).code).toBe(2);
  expect((await check(folder.path)).code).toBe(2);
});

test("the stated parameters are compared with the headers of safetensors, of an index of them, and of GGUF", async () => {
  const sheet = await write("eleven.yaml", eleven());
  const file = await write("model.safetensors", safetensors(elevenTensors, 34));
  const { code, stdout } = await check(sheet, "--weights", file, "--json");
  expect({ code, headers: JSON.parse(stdout).headers }).toEqual({
    code: 0,
    headers: { format: "safetensors", files: 1, tensors: 2, parameters: "11", explained: null },
  });
  const infos = [info("a", [2, 3], 0, 0), info("b", [5], 30, 32)];
  const other = await write("model.gguf", gguf({ infos, dataBytes: 42 }));
  expect((await check(sheet, "--weights", other)).stdout).toContain(
    "headers (gguf): 11 parameters",
  );
  await write("m-1.safetensors", safetensors({ a: tensor("F32", [2, 3], 0, 24) }, 24));
  await write("m-2.safetensors", safetensors({ b: tensor("BF16", [5], 0, 10) }, 10));
  const map = { a: "m-1.safetensors", b: "m-2.safetensors" };
  const index = { metadata: { total_size: 34 }, weight_map: map };
  await write("model.safetensors.index.json", JSON.stringify(index));
  for (const path of [at("model.safetensors.index.json"), folder.path])
    expect((await check(sheet, "--weights", path)).stdout).toContain("2 tensors of 2 files");
});

test("a count that differs ends with 6, unless the sheet explains it", async () => {
  const file = await write("model.safetensors", safetensors(elevenTensors, 34));
  const sheet = await write("twelve.yaml", eleven({ parameters: "12" }));
  const { code, stderr } = await check(sheet, "--weights", file);
  expect(code).toBe(6);
  expect(stderr).toContain("states 12 parameters, and the headers count 11");
  const parametersExplained = "One parameter is tied to another.";
  const explained = await write("tied.yaml", eleven({ parameters: "12", parametersExplained }));
  const { code: done, stdout } = await check(explained, "--weights", file);
  expect(done).toBe(0);
  expect(stdout).toContain(`not as stated; the sheet explains: ${parametersExplained}`);
});

test.each<[string, Uint8Array, string]>([
  ["pytorch_model.bin", Buffer.from([0x80, 2, 0x63, 0x6f, 0x73]), "pickle"],
  ["renamed.safetensors", Buffer.from([0x80, 4, 0x95, 0x6f, 0x73]), "pickle"],
  [
    "model.pt",
    Buffer.concat([
      Buffer.from("PK\u0003\u0004"),
      Buffer.alloc(26),
      Buffer.from("archive/data.pkl"),
    ]),
    "pickle",
  ],
  ["cut.safetensors", safetensors(elevenTensors, 20), "ends past"],
  ["cut.gguf", gguf({ tensorCount: 9 }), "more than the file can have"],
  ["text.safetensors", Buffer.from("hello, this is text"), "header would"],
  ["notes.txt", Buffer.from("hello"), "neither safetensors nor GGUF"],
])("%s is refused with 6 and not loaded", async (name, content, says) => {
  const sheet = await write("eleven.yaml", eleven());
  const { code, stderr } = await check(sheet, "--weights", await write(name, content));
  expect(code).toBe(6);
  expect(stderr).toContain(says);
});

test("--weights without a file, with a folder of several models, or with another item ends with 2", async () => {
  const sheet = await write("eleven.yaml", eleven());
  expect((await check(sheet, "--weights", at("none"))).code).toBe(2);
  await using several = await temporaryFolder();
  for (const name of ["a.safetensors", "b.safetensors"])
    await writeFile(join(several.path, name), safetensors(elevenTensors, 34));
  const { code, stderr } = await check(sheet, "--weights", several.path);
  expect({ code, says: stderr.includes("holds 2") }).toEqual({ code: 2, says: true });
  const chip = join(examples, "chip-technology.yaml");
  expect((await check(chip, "--weights", several.path)).code).toBe(2);
});

test("one officer proposes what the sheet leads to, and the other sees digest and arithmetic before approving", async () => {
  const basis = ["--basis", "self", "--json"];
  const made = await as(
    cast.first.token,
    "propose",
    "lab/m",
    "--datasheet",
    at("big.yaml"),
    ...basis,
  );
  expect({ code: made.code, stderr: made.stderr }).toEqual({ code: 0, stderr: "" });
  const { classification, datasheetSha256, eccn } = JSON.parse(made.stdout);
  expect(eccn).toBe("4E091");
  const shown = await as(cast.second.token, "show", "lab/m", classification);
  expect(shown.stdout).toContain(`datasheet SHA-256 ${datasheetSha256}`);
  expect(shown.stdout).toContain("1.2e26 >= 1e26 operations: yes");
  const approved = await as(cast.second.token, "approve", "lab/m", classification, "--json");
  expect(approved.code).toBe(0);
  expect(approved.stderr).toContain(`datasheet SHA-256 ${datasheetSha256}`);
  expect(approved.stderr).toContain("1.2e26 >= 1e26 operations: yes");
  expect(JSON.parse(approved.stdout)).toEqual({ classification, approved: true, datasheetSha256 });
});

test("what one officer states of another regime's lists, the other sees before approving", async () => {
  const regimes = [{ jurisdiction: "EU", list: "annex-I", code: "4E001" }];
  const file = await write("attributes.json", JSON.stringify({ regimes }));
  const made = await as(
    cast.first.token,
    "propose",
    "lab/m",
    "--datasheet",
    at("big.yaml"),
    "--attributes",
    file,
    ...["--basis", "self", "--json"],
  );
  expect({ code: made.code, stderr: made.stderr }).toEqual({ code: 0, stderr: "" });
  const { classification } = JSON.parse(made.stdout);
  const shown = await as(cast.second.token, "show", "lab/m", classification);
  expect(shown.stdout).toContain('"jurisdiction":"EU"');
  const approved = await as(cast.second.token, "approve", "lab/m", classification, "--json");
  expect(approved.code).toBe(0);
  expect(approved.stderr).toContain("stated besides: {");
  expect(approved.stderr).toContain('"code":"4E001"');
});

test("a sheet that leads to no entry needs one to be stated, and the server a justification", async () => {
  const propose = ["propose", "lab/m", "--basis", "counsel", "--datasheet", at("small.yaml")];
  const unstated = await as(cast.first.token, ...propose);
  expect({ code: unstated.code, says: unstated.stderr.includes("not EAR99 by itself") }).toEqual({
    code: 2,
    says: true,
  });
  const unjustified = await as(cast.first.token, ...propose, "--eccn", "EAR99");
  expect(unjustified.code).toBe(1);
  expect(unjustified.stderr).toContain("candidates: none");
  const why = ["--justification", "Counsel wrote that no entry names it."];
  const justified = await as(cast.first.token, ...propose, "--eccn", "EAR99", ...why, "--json");
  expect(justified.code).toBe(0);
  const shown = await as(
    cast.second.token,
    "show",
    "lab/m",
    JSON.parse(justified.stdout).classification,
  );
  expect(shown.stdout).toContain("justification: Counsel wrote that no entry names it.");
});

test("nothing is proposed where the headers count otherwise", async () => {
  const propose = ["propose", "lab/m", "--basis", "self", "--datasheet", at("big.yaml")];
  const file = await write("model.safetensors", safetensors(elevenTensors, 34));
  const { code } = await as(cast.first.token, ...propose, "--weights", file);
  expect(code).toBe(6);
});
