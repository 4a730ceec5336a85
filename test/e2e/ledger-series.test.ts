import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { keepSeries } from "../../src/cli/ledger-series.ts";
import { encodeAll, filesOf, fixedSigner, type Recorded } from "../vectors/ledger/build.ts";
import { beginning, decided, delivered, idOf } from "../vectors/ledger/story.ts";
import { temporaryFolder, weightvault, weightvaultHere } from "./command.ts";
import { answer, serveHttp } from "./http-double.ts";

const signer = fixedSigner(7);
const records: readonly Recorded[] = [
  ...beginning,
  decided("allowed", "second"),
  delivered("second"),
  decided("allowed", "third"),
  delivered("third"),
];
const entries = encodeAll(records);
const notes = await Promise.all(
  entries.map(async (_, at) => {
    const files = await filesOf(entries.slice(0, at + 1), signer);
    return files.get("checkpoint")?.toString("utf8") ?? "";
  }),
);

/** A vault with the first so many entries, a checkpoint for each, and stamps of two of them. */
async function serveVault(
  size: number,
  stamped: readonly number[] = [],
  lacking: readonly number[] = [],
) {
  const files = await filesOf(entries.slice(0, size), signer);
  const series = notes.slice(0, size).map((checkpoint, at) => ({
    size: at + 1,
    checkpoint,
    timestamp: stamped.includes(at + 1) ? "c3RhbXA=" : null,
  }));
  return await serveHttp((request, response) => {
    const url = new URL(request.url ?? "", "http://vault.example");
    if (url.pathname === "/v1/ledger/checkpoints") {
      const [after, only] = [url.searchParams.get("after"), url.searchParams.get("only")];
      const checkpoints = series
        .filter((each) => each.size > Number(after ?? -1) && !lacking.includes(each.size))
        .filter((each) => only === null || each.timestamp !== null)
        .slice(0, Number(url.searchParams.get("limit")));
      return answer(response, 200, { checkpoints });
    }
    const bytes = files.get(url.pathname.replace("/ledger/", ""));
    if (bytes === undefined) answer(response, 404, { status: 404, code: "not_found" });
    else response.end(bytes);
  });
}

const linesOf = async (folder: string): Promise<readonly string[]> =>
  (await readFile(join(folder, "checkpoints.jsonl"), "utf8")).trim().split("\n");
const sizesOf = async (folder: string): Promise<readonly string[]> =>
  (await linesOf(folder)).map((line) => JSON.parse(line).checkpoint.split("\n")[1]);
const env = { WEIGHTVAULT_LEDGER_KEY: signer.verificationKey };
const verify = async (folder: string, ...more: readonly string[]) =>
  await weightvaultHere(["ledger", "verify", folder, ...more], { env });

async function exported(size: number, folder: string, ...part: readonly string[]) {
  await using server = await serveVault(size, [4, 6]);
  const here = { env: { ...env, WEIGHTVAULT_URL: server.url } };
  const { code, stderr } = await weightvaultHere(["ledger", "export", folder, ...part], here);
  expect([code, stderr]).toEqual([0, ""]);
}

test("an export keeps every checkpoint and every stamp, goes on where it ended, and verifies with them", async () => {
  await using folder = await temporaryFolder();
  await exported(5, folder.path);
  expect(await sizesOf(folder.path)).toEqual(["1", "2", "3", "4", "5"]);
  await exported(entries.length, folder.path);
  expect(await sizesOf(folder.path)).toEqual(entries.map((_, at) => String(at + 1)));
  for (const size of [4, 6])
    expect(await readFile(join(folder.path, `timestamp/${size}.tsr`), "utf8")).toBe("stamp");
  expect(await verify(folder.path)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`a series of ${entries.length} signed checkpoints`),
  });
});

test("a checkpoint that an export has stays, also where the vault no longer hands it out", async () => {
  await using folder = await temporaryFolder();
  await exported(5, folder.path);
  await using server = await serveVault(7, [], [2, 5, 6]);
  const here = { env: { ...env, WEIGHTVAULT_URL: server.url } };
  expect(await weightvaultHere(["ledger", "export", folder.path], here)).toMatchObject({ code: 0 });
  expect(await sizesOf(folder.path)).toEqual(["1", "2", "3", "4", "5", "7"]);
  await using silent = await serveVault(7, [], [1, 2, 3, 4, 5, 6, 7]);
  const quiet = { env: { ...env, WEIGHTVAULT_URL: silent.url } };
  expect(await weightvaultHere(["ledger", "export", folder.path], quiet)).toMatchObject({
    code: 0,
  });
  expect(await sizesOf(folder.path)).toHaveLength(6);
});

test("two neighbours that are missing from an export's series are told under the size of its batches, and a rebuilt ledger is excused up to where it was rebuilt", async () => {
  await using folder = await temporaryFolder();
  await exported(entries.length, folder.path);
  const lines = await linesOf(folder.path);
  await writeFile(join(folder.path, "checkpoints.jsonl"), `${lines.toSpliced(3, 2).join("\n")}\n`);
  expect((await verify(folder.path)).code).toBe(0);
  expect(await verify(folder.path, "--batch", "1")).toMatchObject({
    code: 6,
    stdout: expect.stringContaining("error checkpoints_missing: between the checkpoints of 3 and"),
  });
  expect((await verify(folder.path, "--batch", "1", "--rebuilt-at", "6")).code).toBe(0);
});

test("an export whose series was deleted verifies with a notice, unless the auditor has what stands in for it; an address and another kind of log can have none", async () => {
  await using folder = await temporaryFolder();
  await exported(entries.length, folder.path);
  const absent = expect.stringContaining("notice series_absent: no series of signed checkpoints");
  const silent = expect.not.stringContaining("series_absent");
  expect(await verify(folder.path)).toMatchObject({ code: 0, stdout: silent });
  const lines = await readFile(join(folder.path, "checkpoints.jsonl"), "utf8");
  await rm(join(folder.path, "checkpoints.jsonl"));
  expect(await verify(folder.path)).toMatchObject({ code: 0, stdout: absent });
  const { stdout } = await verify(folder.path, "--json");
  expect(JSON.parse(stdout).findings).toContainEqual(
    expect.objectContaining({ severity: "notice", code: "series_absent" }),
  );
  expect(await verify(folder.path, "--rebuilt-at", "3")).toMatchObject({ stdout: absent });
  const older = join(folder.path, "older");
  await writeFile(older, notes[2] ?? "");
  const kept = ["--older-checkpoint", older];
  expect(await verify(folder.path, ...kept)).toMatchObject({ code: 0, stdout: absent });
  expect(await verify(folder.path, ...kept, "--batch", "100")).toMatchObject({ stdout: silent });
  expect(await verify(folder.path, "--opaque-entries")).toMatchObject({ stdout: silent });
  await writeFile(join(folder.path, "checkpoints.jsonl"), "");
  expect(await verify(folder.path)).toMatchObject({ code: 0, stdout: absent });
  await writeFile(join(folder.path, "checkpoints.jsonl"), lines);
  await using server = await serveVault(entries.length);
  expect(await verify(`${server.url}/ledger/`)).toMatchObject({ code: 0, stdout: silent });
});

test("a newer export is held to the series of an older one, which tells what its own lacks or contradicts", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  await exported(7, at("old"));
  await exported(entries.length, at("new"));
  const older = ["--checkpoints", at("old")];
  const held = async (...more: readonly string[]) => await verify(at("new"), ...older, ...more);
  expect(await held()).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("held to an older series of 7 signed checkpoints"),
  });
  const lines = await linesOf(at("new"));
  await writeFile(join(at("new"), "checkpoints.jsonl"), `${lines.toSpliced(3, 1).join("\n")}\n`);
  expect((await verify(at("new"))).code).toBe(0);
  const lacking = `error checkpoints_missing: the series lacks the checkpoint of 4 entries, which was signed: ${at("old")}/checkpoints.jsonl shows it`;
  expect(await held()).toMatchObject({ code: 6, stdout: expect.stringContaining(lacking) });
  expect((await held("--rebuilt-at", "5")).code).toBe(0);
  await rm(join(at("new"), "checkpoints.jsonl"));
  expect(await held()).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("notice series_absent"),
  });
  expect(await verify(at("old"), "--checkpoints", at("old"))).toMatchObject({ code: 0 });
  await exported(entries.length, at("newest"));
  expect(await verify(at("old"), "--checkpoints", at("newest"))).toMatchObject({
    code: 6,
    stdout: expect.stringContaining("error rolled_back: the ledger has 7 entries"),
  });
});

test("an older series is taken from an export, from an excerpt with its checkpoint, and from a file of its own", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  await exported(7, at("old"));
  await exported(entries.length, at("whole"));
  await exported(entries.length, at("part"), "--release", idOf("second"));
  await mkdir(at("alone"));
  await cp(join(at("old"), "checkpoints.jsonl"), join(at("alone"), "checkpoints.jsonl"));
  await writeFile(join(at("alone"), "another"), notes[1] ?? "");
  const held = async (name: string, by: string) => await verify(at(name), "--checkpoints", at(by));
  const of = (count: number) => `held to an older series of ${count} signed checkpoints`;
  // Of the excerpt there are three of its period, and its own checkpoint is the ledger's newest.
  for (const [name, by, count] of [
    ["whole", "old", 7],
    ["whole", "part", 4],
    ["whole", "alone", 7],
    ["part", "old", 7],
  ] as const)
    expect(await held(name, by)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(of(count)),
    });
  await rm(join(at("old"), "checkpoints.jsonl"));
  const { code, stderr } = await held("whole", "old");
  expect([code, stderr]).toEqual([2, expect.stringContaining("a ledger without a series")]);
});

test("a ledger is not taken for one that was rebuilt when it had more entries than it has", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  await exported(entries.length, at("whole"));
  await exported(entries.length, at("part"), "--release", idOf("second"));
  for (const name of ["whole", "part"]) {
    const most = entries.length;
    expect((await verify(at(name), "--rebuilt-at", String(most))).code).toBe(0);
    const { code, stdout, stderr } = await verify(at(name), "--rebuilt-at", String(most + 1));
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(
      `the ledger has ${most} entries, and --rebuilt-at says that it was rebuilt when it had ${most + 1}`,
    );
  }
});

test("an excerpt, of the server or of a copy, keeps the checkpoints of its period, each proved to lead to its own", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const release = ["--release", idOf("second")];
  await exported(entries.length, at("part"), ...release);
  await exported(entries.length, at("whole"));
  const copied = await weightvaultHere(
    ["ledger", "export", at("copied"), ...release, "--ledger", at("whole")],
    { env },
  );
  expect([copied.code, copied.stderr]).toEqual([0, ""]);
  // The decision and its outcome are neighbours: one checkpoint before them, and one for each.
  const first = beginning.length;
  for (const name of ["part", "copied"]) {
    expect(await sizesOf(at(name))).toEqual([first, first + 1, first + 2].map(String));
    expect(await verify(at(name))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("a series of 3 signed checkpoints"),
    });
  }
  const lines = await linesOf(at("part"));
  const broken = async (...kept: readonly string[]) => {
    await cp(at("part"), at("broken"), { recursive: true, force: true });
    await writeFile(join(at("broken"), "checkpoints.jsonl"), `${kept.join("\n")}\n`);
    return await verify(at("broken"));
  };
  expect(await broken(...lines.slice(0, 2))).toMatchObject({
    code: 6,
    stdout: expect.stringContaining("error checkpoints_missing: the series ends"),
  });
  const [one = "", two = ""] = lines;
  const swapped = JSON.stringify({ ...JSON.parse(two), proof: JSON.parse(one).proof });
  expect(await broken(one, swapped, ...lines.slice(2))).toMatchObject({
    code: 6,
    stdout: expect.stringContaining("error history_rewritten"),
  });
  expect(await broken(one, "{}", ...lines.slice(1))).toMatchObject({
    code: 6,
    stdout: expect.stringContaining("error series_malformed"),
  });
});

/** A vault whose checkpoints go on and on, up to a number of pages that no honest client asks for. */
async function serveWithoutEnd(timestamp: string | null) {
  const files = await filesOf(entries, signer);
  const last = notes.at(-1) ?? "";
  const pages = { asked: 0 };
  const server = await serveHttp((request, response) => {
    const url = new URL(request.url ?? "", "http://vault.example");
    const bytes = files.get(url.pathname.replace("/ledger/", ""));
    if (bytes !== undefined) return response.end(bytes);
    if (url.pathname !== "/v1/ledger/checkpoints" || url.searchParams.get("only") === null)
      return answer(response, 404, { status: 404, code: "not_found" });
    pages.asked += 1;
    const after = Math.max(entries.length, Number(url.searchParams.get("after") ?? 0));
    const count = pages.asked > 5 ? 0 : Number(url.searchParams.get("limit"));
    const checkpoints = Array.from({ length: count }, (_, at) => {
      const size = after + at + 1;
      return { size, checkpoint: last.replace(`\n${entries.length}\n`, `\n${size}\n`), timestamp };
    });
    return answer(response, 200, { checkpoints });
  });
  return { ...server, pages };
}

test("a server that answers with checkpoints without end, none of them stamped, ends an export with an error", async () => {
  await using folder = await temporaryFolder();
  await using server = await serveWithoutEnd(null);
  const here = { env: { ...env, WEIGHTVAULT_URL: server.url } };
  expect(await weightvaultHere(["ledger", "export", folder.path], here)).toMatchObject({
    code: 6,
    stderr: expect.stringContaining("asked for stamped checkpoints"),
  });
  expect(server.pages.asked).toBe(1);
});

test("an excerpt reads no further in a server's timestamps than its own checkpoint", async () => {
  await using folder = await temporaryFolder();
  await using server = await serveWithoutEnd("c3RhbXA=");
  const here = { env: { ...env, WEIGHTVAULT_URL: server.url } };
  const part = ["ledger", "export", join(folder.path, "part"), "--release", idOf("second")];
  expect(await weightvaultHere(part, here)).toMatchObject({ code: 0 });
  expect(server.pages.asked).toBe(1);
});

test("a ledger is held to more kept checkpoints than may be open at once", async () => {
  await using folder = await temporaryFolder();
  await exported(entries.length, join(folder.path, "whole"));
  const kept = join(folder.path, "kept");
  await mkdir(kept);
  for (let at = 0; at < 300; at += 1) await writeFile(join(kept, `${at}`), notes[0] ?? "");
  const asked = ["ledger", "verify", join(folder.path, "whole"), "--checkpoints", kept];
  const verified = await weightvault(asked, { env, limits: "ulimit -n 100" });
  expect(verified).toMatchObject({ code: 0, stderr: "" });
});

async function* inSeries(...checkpoints: readonly string[]) {
  for (const checkpoint of checkpoints)
    yield { size: Number(checkpoint.split("\n")[1]), checkpoint };
}

test("a signature that an export's checkpoint has stays, also where the vault hands the same checkpoint out without it or with a false one", async () => {
  await using folder = await temporaryFolder();
  const [one = "", two = ""] = notes;
  const cosigned = `${one}— witness.example/w ${Buffer.alloc(76, 1).toString("base64")}\n`;
  const keep = async (...checkpoints: readonly string[]) =>
    await keepSeries(folder.path, 9, () => inSeries(...checkpoints));
  const checkpoints = async () =>
    (await linesOf(folder.path)).map((line) => JSON.parse(line).checkpoint);
  await keep(one);
  await keep(cosigned, two);
  expect(await checkpoints()).toEqual([cosigned, two]);
  await keep(one, two);
  await keep(one, two);
  expect(await checkpoints()).toEqual([cosigned, one, two]);
  const forged = two.replace(/— .*/u, `— ${signer.name} ${Buffer.alloc(68).toString("base64")}`);
  await keep(one, forged);
  expect(await checkpoints()).toEqual([cosigned, one, two, forged]);
});

test("an export's series that is damaged is told and left as it is", async () => {
  await using folder = await temporaryFolder();
  await exported(5, folder.path);
  const lines = (await linesOf(folder.path)).with(1, "{}").join("\n");
  await writeFile(join(folder.path, "checkpoints.jsonl"), `${lines}\n`);
  await using server = await serveVault(7);
  const here = { env: { ...env, WEIGHTVAULT_URL: server.url } };
  expect(await weightvaultHere(["ledger", "export", folder.path], here)).toMatchObject({
    code: 6,
    stderr: expect.stringContaining("a series of checkpoints that is damaged"),
  });
  expect((await linesOf(folder.path)).join("\n")).toBe(lines);
});

test("a checkpoint as long as a note can be is read again from the series", async () => {
  await using folder = await temporaryFolder();
  const [one = "", two = "", three = ""] = notes;
  const long = one.replace("\n\n", `\n${"\u6c34".repeat(900_000)}\n\n`);
  await keepSeries(folder.path, 9, () => inSeries(long, two));
  await keepSeries(folder.path, 9, () => inSeries(three));
  expect(await sizesOf(folder.path)).toEqual(["1", "2", "3"]);
});
