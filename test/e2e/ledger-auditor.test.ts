import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "@jest/globals";
import { type Canonical, canonicalJson } from "../../src/crypto/canonical-json.ts";
import { commit } from "../../src/crypto/commitment.ts";
import { decide } from "../../src/export-control/decide.ts";
import { rulebook } from "../../src/export-control/rulebook.ts";
import { parseVerificationKey } from "../../src/merkle/note.ts";
import { parseTlogProof, verifyTlogProof } from "../../src/merkle/tlog-proof.ts";
import { leafHash } from "../../src/merkle/tree.ts";
import { bareFacts } from "../support/bare-facts.ts";
import {
  encodeAll,
  type Files,
  filesOf,
  fixedSigner,
  type Recorded,
} from "../vectors/ledger/build.ts";
import {
  beginning,
  committed,
  decided,
  delivered,
  idOf,
  made,
  record,
} from "../vectors/ledger/story.ts";
import { temporaryFolder, token, weightvaultHere } from "./command.ts";
import { answer, serveHttp } from "./http-double.ts";

const signer = fixedSigner(7);
const key = signer.verificationKey;
const keyed = { env: { WEIGHTVAULT_LEDGER_KEY: key } };

const records: readonly Recorded[] = [
  ...beginning,
  decided("denied", "first"),
  decided("allowed", "second"),
  decided("allowed", "third", { licenses: [], decision: withoutLicense() }),
  delivered("second"),
  delivered("third"),
];

function withoutLicense(): Canonical {
  const { decision } = decided("allowed", "x").body;
  return JSON.parse(JSON.stringify(decision).replace('"covered"', '"pass"')) as Canonical;
}

const indexOf = (kind: string, nth = 0): number =>
  records.flatMap((each, at) => (each.kind === kind ? [at] : []))[nth] ?? -1;

async function writeLedger(folder: string, of: readonly Recorded[] = records): Promise<Files> {
  const files = await filesOf(encodeAll(of), signer);
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  return files;
}

const indexesIn = (stdout: string): readonly number[] =>
  (JSON.parse(stdout) as { entries: { index: number }[] }).entries.map(({ index }) => index);

async function trace(folder: string, ...args: readonly string[]) {
  return await weightvaultHere(["ledger", "trace", ...args, "--ledger", folder], keyed);
}

test("a release's story is its decision and its outcome", async () => {
  await using folder = await temporaryFolder();
  await writeLedger(folder.path);
  const { code, stdout } = await trace(folder.path, "release", idOf("second"), "--json");
  expect([code, indexesIn(stdout)]).toEqual([
    0,
    [indexOf("release.allowed"), indexOf("release.delivered")],
  ]);
});

test("a license's story is its own entries and the releases that rest on it, with their outcomes, and no others", async () => {
  await using folder = await temporaryFolder();
  await writeLedger(folder.path);
  const { stdout } = await trace(folder.path, "license", idOf("license"), "--json");
  expect(indexesIn(stdout)).toEqual([
    indexOf("license.entered"),
    indexOf("license.activated"),
    indexOf("release.allowed"),
    indexOf("release.delivered"),
  ]);
});

test("a repository's story begins with it and tells revision, classification, grant and releases in the order of the ledger", async () => {
  await using folder = await temporaryFolder();
  await writeLedger(folder.path);
  const { stdout } = await trace(folder.path, "repository", idOf("aurora/large"));
  const kinds = stdout
    .trim()
    .split("\n")
    .map((line) => line.split("  ")[2]?.split(":")[0]);
  expect(kinds).toEqual([
    "repository created",
    "revision committed",
    "classification proposed",
    "classification approved",
    "grant made",
    "release denied",
    "release allowed",
    "release allowed",
    "release delivered",
    "release delivered",
  ]);
});

test("a person's story is what was decided about them and what they did", async () => {
  await using folder = await temporaryFolder();
  await writeLedger(folder.path);
  const officer = await trace(folder.path, "person", idOf("officer"), "--json");
  expect(indexesIn(officer.stdout)).toContain(indexOf("grant.made"));
  expect(indexesIn(officer.stdout)).not.toContain(indexOf("release.denied"));
  const trainer = await trace(folder.path, "person", idOf("trainer"), "--json");
  expect(indexesIn(trainer.stdout)).toContain(indexOf("release.denied"));
});

test("an object's story is the revision that holds it, whose entry says so, and the releases of that revision", async () => {
  await using folder = await temporaryFolder();
  const object = idOf("object");
  const manifest = {
    parent: null,
    message: "weights",
    createdAt: "2026-01-01T00:00:00.000Z",
    createdBy: idOf("training job's principal"),
    files: [{ path: "a.bin", size: 4096, sha256: "00".repeat(32), object }],
  };
  const stated = canonicalJson({ ...manifest, repository: idOf("aurora/large") });
  const digest = createHash("sha256").update(stated).digest("hex");
  const revision = digest.slice(0, 40);
  const own = record("revision.committed", { ...committed.body, revision, manifest: digest });
  await writeLedger(folder.path, [
    ...records,
    own,
    decided("allowed", "mine", { revision }),
    delivered("mine"),
  ]);
  const file = join(folder.path, "manifest.json");
  await writeFile(file, JSON.stringify(manifest));
  const traced = await trace(folder.path, "object", object, "--manifest", file, "--json");
  expect(traced.stderr).toContain("other revisions that hold the object");
  const at = records.length;
  expect(indexesIn(traced.stdout)).toEqual([at, at + 1, at + 2]);
  const changed = { ...manifest, message: "other weights" };
  await writeFile(file, JSON.stringify(changed));
  expect((await trace(folder.path, "object", object, "--manifest", file)).code).toBe(5);
  expect((await trace(folder.path, "object", idOf("other"), "--manifest", file)).code).toBe(2);
  expect((await trace(folder.path, "object", object)).code).toBe(2);
});

test("an object's revisions are named as often as there are, by files, by a server's revisions, or by their repository", async () => {
  const object = idOf("object");
  const revisions = [object, idOf("another"), object].map((held, at) => {
    const manifest = {
      parent: null,
      message: `weights ${at}`,
      createdAt: "2026-01-01T00:00:00.000Z",
      createdBy: idOf("training job's principal"),
      files: [{ path: "a.bin", size: 4096, sha256: "00".repeat(32), object: held }],
    };
    const stated = canonicalJson({ ...manifest, repository: idOf("aurora/large") });
    const digest = createHash("sha256").update(stated).digest("hex");
    const revision = digest.slice(0, 40);
    const body = { ...committed.body, revision, manifest: digest };
    return { manifest, revision, entry: record("revision.committed", body) };
  });
  await using folder = await temporaryFolder();
  const of = [...records, ...revisions.map(({ entry }) => entry)];
  const files = await writeLedger(folder.path, of);
  const paths: string[] = [];
  for (const { manifest, revision } of revisions) {
    const path = join(folder.path, `${revision}.json`);
    await writeFile(path, JSON.stringify(manifest));
    paths.push(path);
  }
  const [one = "", two = "", three = ""] = paths;
  const [at, last] = [records.length, records.length + 2];
  const both = ["--manifest", one, "--manifest", three];
  const told = await trace(folder.path, "object", object, ...both, "--json");
  expect([told.code, indexesIn(told.stdout)]).toEqual([0, [at, last]]);
  expect(told.stderr).toContain("whether 2 revisions of its repository do was not looked into");
  const wrong = await trace(folder.path, "object", object, ...both, "--manifest", two);
  expect([wrong.code, wrong.stderr]).toEqual([2, `the revision ${two} does not hold the object\n`]);
  expect((await trace(folder.path, "object", object, "--in", "lab/model@main")).code).toBe(2);
  const sameRevision = await trace(folder.path, "revision", revisions[0]?.revision ?? "", ...both);
  expect(sameRevision.code).toBe(2);

  await using server = await serveHttp((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://vault.example");
    const list = "/v1/repositories/lab/model/revisions";
    const bytes = files.get(pathname.replace("/ledger/", ""));
    const found = revisions.find(({ revision }) => pathname === `${list}/${revision}`);
    if (bytes !== undefined) response.end(bytes);
    else if (pathname === list)
      answer(response, 200, { revisions: revisions.map(({ revision }) => ({ revision })) });
    else if (found === undefined) answer(response, 404, { status: 404, code: "not_found" });
    else answer(response, 200, { revision: found.revision, ...found.manifest });
  });
  const env = { WEIGHTVAULT_URL: server.url, WEIGHTVAULT_LEDGER_KEY: key };
  const asked = async (...args: readonly string[]) =>
    await weightvaultHere(["ledger", "trace", "object", object, ...args, "--json"], { env });
  const named = revisions.map(({ revision }) => `lab/model@${revision}`);
  for (const args of [
    ["--in", named[0] ?? "", "--in", named[2] ?? ""],
    ["--in", "lab/model"],
  ]) {
    const { code, stdout } = await asked(...args);
    expect([code, indexesIn(stdout)]).toEqual([0, [at, last]]);
    expect(JSON.parse(stdout)).toMatchObject({
      revisions: [
        { named: named[0], entries: [at] },
        { named: named[2], entries: [last] },
      ],
    });
  }
});

test("a story from a ledger that does not verify is told, and ends with 6; one of nothing with 5", async () => {
  await using folder = await temporaryFolder();
  await writeLedger(folder.path, [...records, delivered("second")]);
  const told = await trace(folder.path, "release", idOf("second"));
  expect([told.code, told.stdout.includes("release delivered")]).toEqual([6, true]);
  await writeLedger(folder.path);
  expect((await trace(folder.path, "release", idOf("nothing"))).code).toBe(5);
});

test("entries of a copy are shown without a server", async () => {
  await using folder = await temporaryFolder();
  await writeLedger(folder.path);
  const args = ["ledger", "show", "--ledger", folder.path, "--last", "2", "--json"];
  const { code, stdout } = await weightvaultHere(args, keyed);
  expect([code, indexesIn(stdout)]).toEqual([0, [records.length - 2, records.length - 1]]);
});

const excerptOf = async (ledger: string, folder: string, ...args: readonly string[]) =>
  await weightvaultHere(["ledger", "export", folder, "--ledger", ledger, ...args], keyed);
const verify = async (folder: string, ...args: readonly string[]) =>
  await weightvaultHere(["ledger", "verify", folder, "--ledger-key", key, "--json", ...args]);

type Report = {
  readonly entries: number;
  readonly notChecked: readonly string[];
  readonly findings: readonly { readonly code: string }[];
};
const codesOf = (stdout: string): readonly string[] =>
  (JSON.parse(stdout) as Report).findings.map(({ code }) => code);

test("an excerpt of a release verifies offline, and says what a part cannot show", async () => {
  await using folder = await temporaryFolder();
  await writeLedger(join(folder.path, "ledger"));
  const part = join(folder.path, "part");
  const made = await excerptOf(join(folder.path, "ledger"), part, "--release", idOf("second"));
  expect(made.code).toBe(0);
  const { code, stdout } = await verify(part);
  const report = JSON.parse(stdout) as Report;
  expect([code, report.entries, report.findings]).toEqual([0, 2, []]);
  expect(report.notChecked.join(" ")).toContain("only the whole ledger shows that");
  expect((await readdir(folder.path)).sort()).toEqual(["ledger", "part"]);
});

test("the proofs of an excerpt are those of C2SP tlog-proof", async () => {
  await using folder = await temporaryFolder();
  await writeLedger(join(folder.path, "ledger"));
  const part = join(folder.path, "part");
  await excerptOf(join(folder.path, "ledger"), part, "--repository", idOf("aurora/large"));
  const trusted = parseVerificationKey(key);
  const names = await readdir(join(part, "entries"));
  expect(names.length).toBe(10);
  for (const name of names) {
    const file = join(part, "proofs", name.replace(".json", ".tlog-proof"));
    const proof = parseTlogProof(await readFile(file));
    const leaf = leafHash(await readFile(join(part, "entries", name)));
    if (proof === null || trusted === null) throw new Error(`${name} has no proof`);
    expect(verifyTlogProof(proof, leaf, trusted)).toMatchObject({ verified: true });
  }
});

test("an excerpt of a period holds what was made in it", async () => {
  await using folder = await temporaryFolder();
  await writeLedger(join(folder.path, "ledger"));
  const part = join(folder.path, "part");
  const period = ["--from", "2026-01-01T00:00:02Z", "--until", "2026-01-01T00:00:05Z"];
  await excerptOf(join(folder.path, "ledger"), part, ...period);
  const names = await readdir(join(part, "entries"));
  expect(names.sort()).toEqual(["2.json", "3.json", "4.json"]);
  expect((await verify(part)).code).toBe(0);
});

test("an excerpt names the rulebooks and the denied-party lists of its decisions, also without their evidence", async () => {
  await using folder = await temporaryFolder();
  const [ledger, part] = [join(folder.path, "ledger"), join(folder.path, "part")];
  const lists = ["aa", "bb"].map((byte) => byte.repeat(32));
  const screened = lists.map((screeningList, at) =>
    decided("denied", `screened-${at}`, { screeningList }),
  );
  await writeLedger(ledger, [...beginning, ...screened, decided("denied", "of before")]);
  await excerptOf(ledger, part, "--from", "2026-01-01");
  const named = JSON.parse(await readFile(join(part, "excerpt.json"), "utf8")) as {
    readonly rulebooks: readonly string[];
    readonly lists: readonly string[];
  };
  expect(named.lists).toEqual(lists);
  expect(named.rulebooks).toHaveLength(1);
  expect((await verify(part)).code).toBe(0);
});

test("an excerpt is written whole into a new folder, or not at all", async () => {
  await using folder = await temporaryFolder();
  const [ledger, part] = [join(folder.path, "ledger"), join(folder.path, "part")];
  await writeLedger(ledger);
  await mkdir(part);
  expect((await excerptOf(ledger, part, "--release", idOf("second"))).code).toBe(1);
  expect(await readdir(part)).toEqual([]);
  await rm(part, { recursive: true });
  expect((await excerptOf(ledger, part, "--release", idOf("nothing"))).code).toBe(5);
  await rm(join(ledger, "tile/0"), { recursive: true });
  expect((await excerptOf(ledger, part, "--release", idOf("second"))).code).toBe(6);
  expect(await readdir(folder.path)).toEqual(["ledger"]);
});

test("whatever of an excerpt is changed is found", async () => {
  await using folder = await temporaryFolder();
  const [ledger, part] = [join(folder.path, "ledger"), join(folder.path, "part")];
  await writeLedger(ledger);
  await excerptOf(ledger, part, "--release", idOf("second"));
  const [at, end] = [indexOf("release.allowed"), indexOf("release.delivered")];
  const changes: readonly (readonly [string, (bytes: Buffer) => Buffer | null, string])[] = [
    [`entries/${at}.json`, (bytes) => Buffer.concat([bytes, Buffer.from(" ")]), "leaf_mismatch"],
    [`entries/${at}.json`, () => null, "entries_missing"],
    [`proofs/${end}.tlog-proof`, () => null, "entries_missing"],
    [
      `proofs/${end}.tlog-proof`,
      (bytes) => Buffer.from(bytes.toString().replace("index 2", "index 1")),
      "leaf_mismatch",
    ],
    [
      "checkpoint",
      (bytes) => Buffer.from(bytes.toString().replace("\n22\n", "\n23\n")),
      "checkpoint_forged",
    ],
    ["checkpoint", () => null, "checkpoint_missing"],
    [
      "excerpt.json",
      (bytes) => Buffer.from(bytes.toString().replace(`${end}\n`, `${end},\n3\n`)),
      "entries_missing",
    ],
  ];
  for (const [path, change, code] of changes) {
    const copy = join(folder.path, "copy");
    await cp(part, copy, { recursive: true });
    const before = await readFile(join(copy, path));
    const after = change(before);
    expect([path, after?.equals(before) ?? false]).toEqual([path, false]);
    if (after === null) await rm(join(copy, path));
    else await writeFile(join(copy, path), after);
    const judged = await verify(copy);
    expect([path, judged.code, codesOf(judged.stdout).includes(code)]).toEqual([path, 6, true]);
    await rm(copy, { recursive: true });
  }
  const older = join(folder.path, "fork");
  const fork = await filesOf(encodeAll(records.with(3, records[4] ?? record("a.b"))), signer);
  await writeFile(older, fork.get("checkpoint") ?? "");
  const forked = await verify(part, "--older-checkpoint", older);
  expect([forked.code, codesOf(forked.stdout)]).toEqual([6, ["fork"]]);
});

const facts = bareFacts("2026-01-01T00:00:17.000Z");

/** A decided release with its evidence; the ledger may record another decision than the facts give. */
function evidenced(name: string, change: (text: string) => string = (text) => text) {
  const salt = Buffer.alloc(32, 5);
  const commitment = commit(salt, facts as unknown as Canonical).toString("hex");
  const decision = JSON.parse(change(JSON.stringify(decide(facts, rulebook)))) as {
    readonly verdict: "deny" | "hold";
    readonly checks: readonly { readonly check: string; readonly outcome: string }[];
    readonly licenses: readonly string[];
  };
  const checks = decision.checks.map(({ check, outcome }) => ({ check, outcome }));
  const outlined = { verdict: decision.verdict, rulebook: rulebook.digest, checks };
  const { licenses } = decision;
  const recorded = decided(decision.verdict === "hold" ? "held" : "denied", name, {
    decision: outlined,
    evidence: commitment,
    licenses,
    grant: null,
  });
  const evidence = { release: idOf(name), salt: salt.toString("hex"), facts, commitment, decision };
  return { recorded, evidence };
}

async function disclosed(folder: string, change?: (text: string) => string) {
  const { recorded, evidence } = evidenced("judged", change);
  const files = await filesOf(encodeAll([...beginning, recorded]), signer);
  await using server = await serveHttp((request, response) => {
    const url = request.url ?? "";
    if (request.headers.authorization !== `Bearer ${token}`) response.writeHead(401).end();
    else if (url === `/v1/releases/${idOf("judged")}/evidence`) answer(response, 200, evidence);
    else {
      const bytes = files.get(url.replace("/ledger/", ""));
      if (bytes === undefined) response.writeHead(404).end();
      else response.end(bytes);
    }
  });
  const part = join(folder, "part");
  const args = ["ledger", "export", part, "--release", idOf("judged"), "--evidence"];
  const exported = await weightvaultHere(args, {
    env: { WEIGHTVAULT_URL: server.url, WEIGHTVAULT_LEDGER_KEY: key },
  });
  await writeLedger(join(folder, "ledger"), [...beginning, recorded]);
  return { exported, part, ledger: join(folder, "ledger") };
}

test("disclosed evidence opens its commitment and is decided again, offline, in the excerpt and in the whole ledger", async () => {
  await using folder = await temporaryFolder();
  const { exported, part, ledger } = await disclosed(folder.path);
  expect([exported.code, exported.stderr]).toEqual([0, ""]);
  const file = join(part, "evidence", `${idOf("judged")}.json`);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const said = "1 decision was held to their evidence, 1 of them made again";
  for (const judged of [await verify(part), await verify(ledger, "--evidence", part)])
    expect([judged.code, judged.stderr.trim()]).toEqual([0, said]);
  const evidence = JSON.parse(await readFile(file, "utf8")) as { facts: { at: string } };
  evidence.facts.at = "2026-01-02T00:00:00.000Z";
  await writeFile(file, JSON.stringify(evidence));
  const [inPart, inWhole] = [await verify(part), await verify(ledger, "--evidence", part)];
  expect([inPart.code, codesOf(inPart.stdout)]).toEqual([6, ["replay_differs"]]);
  const codes = ["replay_differs", "series_absent"];
  expect([inWhole.code, codesOf(inWhole.stdout)]).toEqual([6, codes]);
});

test("a decision that does not replay under its rulebook is found", async () => {
  await using folder = await temporaryFolder();
  const { part } = await disclosed(folder.path, (text) =>
    text.replace('"outcome":"unknown"', '"outcome":"pass"'),
  );
  const { code, stdout } = await verify(part);
  expect([code, codesOf(stdout)]).toEqual([6, ["replay_differs"]]);
});

test("a license that the facts do not bring under its scope is found", async () => {
  await using folder = await temporaryFolder();
  const licenses = [idOf("license")];
  const { part } = await disclosed(folder.path, (text) =>
    JSON.stringify({ ...(JSON.parse(text) as object), licenses }),
  );
  const { code, stdout } = await verify(part);
  expect([code, codesOf(stdout)]).toEqual([6, ["license_out_of_scope"]]);
});

const watch = async (ledger: string, state: string, ...args: readonly string[]) => {
  const fixed = ["ledger", "monitor", "--once", "--json", "--ledger-key", key];
  // The entries are of a fixed day, so that what is open among them is overdue on any other.
  const patient = ["--outcome-within", "9000000000", ...args];
  const ended = await weightvaultHere([...fixed, "--url", ledger, "--state", state, ...patient]);
  const { code: said = "", isAlarm = false } =
    ended.stdout === "" ? {} : (JSON.parse(ended.stdout) as { code: string; isAlarm: boolean });
  return [ended.code, said, isAlarm];
};

test("a monitor follows a ledger that grows, and keeps every checkpoint for the verifier", async () => {
  await using folder = await temporaryFolder();
  const [ledger, state] = [join(folder.path, "ledger"), join(folder.path, "state")];
  const long = Array.from({ length: 600 }, (_, at) =>
    record("token.revoked", { token: idOf(`${at}`), ...made("officer") }),
  );
  const all = [...beginning, ...long];
  await writeLedger(ledger, all.slice(0, 200));
  expect(await watch(ledger, state)).toEqual([0, "first", false]);
  expect(await watch(ledger, state)).toEqual([0, "same", false]);
  for (const size of [201, 256, 257, 513, all.length]) {
    await writeLedger(ledger, all.slice(0, size));
    expect(await watch(ledger, state)).toEqual([0, "grown", false]);
  }
  expect((await readdir(join(state, "checkpoints"))).length).toBe(6);
  expect((await verify(ledger, "--checkpoints", join(state, "checkpoints"))).code).toBe(0);
});

test("a monitor alarms with 6 on a smaller ledger, a fork, another history and broken entries, and goes on doing so", async () => {
  const alarms: readonly (readonly [string, (folder: string) => Promise<unknown>])[] = [
    ["rolled_back", async (folder) => await writeLedger(folder, records.slice(0, 15))],
    [
      "fork",
      async (folder) =>
        await writeLedger(folder, records.slice(0, 20).with(3, records[4] ?? record("a.b"))),
    ],
    [
      "inconsistent",
      async (folder) => await writeLedger(folder, records.with(3, records[4] ?? record("a.b"))),
    ],
    [
      "entries_broken",
      async (folder) => {
        const entries = [...encodeAll(records)];
        entries[21] = entries[20] ?? Buffer.alloc(0);
        for (const [path, bytes] of await filesOf(entries, signer))
          await writeFile(join(folder, path), bytes).catch(async () => {
            await mkdir(dirname(join(folder, path)), { recursive: true });
            await writeFile(join(folder, path), bytes);
          });
      },
    ],
    [
      "checkpoint_invalid",
      async (folder) => {
        const files = await filesOf(encodeAll(records), fixedSigner(8));
        await writeFile(join(folder, "checkpoint"), files.get("checkpoint") ?? "");
      },
    ],
  ];
  for (const [code, attack] of alarms) {
    await using folder = await temporaryFolder();
    const [ledger, state] = [join(folder.path, "ledger"), join(folder.path, "state")];
    await writeLedger(ledger, records.slice(0, 20));
    expect(await watch(ledger, state)).toEqual([0, "first", false]);
    await attack(ledger);
    for (let look = 0; look < 2; look += 1)
      expect(await watch(ledger, state)).toEqual([6, code, true]);
    await writeLedger(ledger, records);
    expect(await watch(ledger, state)).toEqual([0, "grown", false]);
  }
});

test("a monitor tells a finding about new entries once, with its code, and ends with 6 then", async () => {
  await using folder = await temporaryFolder();
  const [ledger, state] = [join(folder.path, "ledger"), join(folder.path, "state")];
  await writeLedger(ledger, records);
  expect(await watch(ledger, state)).toEqual([0, "first", false]);
  await writeLedger(ledger, [...records, delivered("third")]);
  const once = ["ledger", "monitor", "--once", "--ledger-key", key, "--url", ledger];
  const look = async (...more: readonly string[]) =>
    await weightvaultHere([...once, "--state", state, "--outcome-within", "9000000000", ...more]);
  const alarm = `ALARM  second_outcome at ${records.length}: release ${idOf("third")} ends again`;
  expect(await look("--read-every", "0")).toMatchObject({
    code: 6,
    stdout: expect.stringContaining(alarm),
  });
  const { code, stdout } = await look("--read-every", "0");
  expect([code, stdout.includes("ALARM")]).toEqual([0, false]);
});

test("a monitor bears a vault that is out of reach for a while, of which one look alone ends with 7, and alarms after its limit", async () => {
  await using folder = await temporaryFolder();
  const away = "http://127.0.0.1:1/ledger/";
  const limited = ["--unreachable-for", "3600"];
  expect(await watch(away, folder.path, ...limited)).toEqual([7, "unreachable", false]);
  await writeFile(join(folder.path, "first-tried"), "2020-01-01T00:00:00.000Z\n");
  expect(await watch(away, folder.path, ...limited)).toEqual([6, "unreachable_too_long", true]);
});

test("a monitor ends one look with 6 where the server holds its tiles back for longer than `--verify-within`, and verifies them at the next", async () => {
  await using folder = await temporaryFolder();
  const [ledger, state] = [join(folder.path, "ledger"), join(folder.path, "state")];
  await writeLedger(ledger, records);
  expect(await watch(ledger, state)).toEqual([0, "first", false]);
  const long = [...records, ...Array.from({ length: 600 }, () => record("a.b", {}))];
  const files = await filesOf(encodeAll(long), signer);
  let isHeld = true;
  await using server = await serveHttp(({ url = "" }, response) => {
    const path = url.slice("/ledger/".length);
    // Its headers come, and then nothing.
    if (isHeld && path === "tile/entries/001") response.flushHeaders();
    else response.writeHead(files.has(path) ? 200 : 404).end(files.get(path));
  });
  const address = `${server.url}/ledger/`;
  expect(await watch(address, state, "--verify-within", "1")).toEqual([6, "too_slow", true]);
  isHeld = false;
  expect(await watch(address, state)).toEqual([0, "grown", false]);
});
