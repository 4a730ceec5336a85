import { createHash } from "node:crypto";
import { chmod, cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { contentDigest, type Manifest } from "../../src/cli/records-folder.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { temporaryFolder } from "./command.ts";
import { type Json, peopleOf } from "./people.ts";

let server: TestServer;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let visitor: string;
let release: string;

const people = peopleOf(() => ({ server, folder }));
const { at, done, begin, add } = people;
const as = async (who: string, ...args: readonly string[]) => await people.as(who, args);

/** The code of a refusal, as --json gives it. */
async function refused(who: string, ...args: readonly string[]): Promise<unknown> {
  const { code, stdout } = await as(who, ...args, "--json");
  expect(code).not.toBe(0);
  return (JSON.parse(stdout) as Json)["code"];
}

beforeAll(async () => {
  [server, folder] = await Promise.all([startTestServer(), temporaryFolder()]);
  await begin();
  await add("second", ["export-officer", "auditor"]);
  await add("uploader", ["uploader"]);
  const india = ["--not-us-person", "--citizenship", "IN:1990-01-01"];
  const made = await add("vikram Visitor", ["reader"], [...india, "--employer-headquarters", "IN"]);
  visitor = made.person;
  await done("uploader", "repository", "create", "lab/model");
  await mkdir(at("checkpoint"));
  await writeFile(at("checkpoint/weights.bin"), "weights");
  await done("uploader", "upload", "lab/model", at("checkpoint"));
  const { classification } = await done(
    "first",
    ...["classify", "propose", "lab/model", "--eccn", "4E091", "--basis", "self"],
  );
  await done("second", "classify", "approve", "lab/model", String(classification));
  await done(
    "first",
    ...["grant", "add", "--principal", made.principal, "--repository", "lab/model"],
    ...["--purpose", "evaluation", "--valid-until", "2027-10-01"],
  );
  expect((await as("vikram", "download", "lab/model", "--output", at("denied"))).code).toBe(4);
  const { releases } = (await done("second", "release", "list")) as { releases: { id: string }[] };
  release = releases[0]?.id ?? "";
});
afterAll(async () => {
  await server?.stop();
  await folder?.[Symbol.asyncDispose]();
});

test("an officer who writes personal facts does not read them without the role", async () => {
  expect(await refused("second", "person", "show", visitor)).toBe("role_missing");
  expect(await refused("second", "release", "evidence", release)).toBe("role_missing");
  expect(await refused("second", "records", "search", "--party", "Vikram Visitor")).toBe(
    "role_missing",
  );
  expect(await done("first", "person", "show", visitor)).toMatchObject({
    facts: { name: "vikram Visitor" },
  });
  const update = ["person", "update", visitor, "--name", "Vikram Visitor", "--not-us-person"];
  const facts = ["--citizenship", "IN:1990-01-01", "--employer-headquarters", "IN"];
  await done("second", ...update, ...facts);
});

test("records search finds by party, country and number, and needs one of them", async () => {
  for (const given of [
    ["--party", "VISITOR, Vikram"],
    ["--country", "IN"],
    ["--country", "US"],
    ["--document", release],
  ]) {
    const { records } = await done("first", "records", "search", ...given);
    expect(records).toContainEqual({ noun: "release", id: release });
  }
  expect((await as("first", "records", "search", "--party", "Nobody Here")).stdout).toBe("none\n");
  expect((await as("first", "records", "search")).code).toBe(2);
  expect((await as("first", "records", "search", "--party", "x", "--country", "IN")).code).toBe(2);
});

test("an export is a folder that verifies offline with the ledger's key alone, and in which every change is found", async () => {
  const exported = await done(
    "first",
    ...["records", "export", "--party", "Vikram Visitor", "--output", at("handed")],
  );
  expect(exported).toMatchObject({ folder: at("handed"), records: 3 });
  const verify = async (where: string) => await as("nobody", "records", "verify", at(where));
  expect(await done("nobody", "records", "verify", at("handed"))).toMatchObject({
    verified: true,
    records: 3,
    evidence: 1,
    decidedAgain: 1,
    erased: 0,
  });
  const index = await readFile(at("handed/index.txt"), "utf8");
  expect(index).toContain(release);
  const record = JSON.parse(
    await readFile(at(`handed/records/release/${release}.json`), "utf8"),
  ) as Json;
  expect(record["history"]).toMatchObject([{ kind: "release.denied", time: expect.any(String) }]);

  const paths = (await readdir(at("handed"), { recursive: true, withFileTypes: true }))
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name).slice(at("handed").length + 1));
  expect(paths.length).toBeGreaterThan(10);
  const spoil = async (name: string, change: () => Promise<void>) => {
    await cp(at("handed"), at("spoilt"), { recursive: true });
    await change();
    expect([name, (await verify("spoilt")).code]).toEqual([name, 6]);
    await rm(at("spoilt"), { recursive: true });
  };
  for (const path of paths) {
    const file = at(`spoilt/${path}`);
    await spoil(`a byte of ${path}`, async () => {
      const bytes = await readFile(file);
      const place = Math.floor(bytes.length / 2);
      bytes[place] = (bytes[place] ?? 0) ^ 1;
      await writeFile(file, bytes);
    });
    await spoil(`no ${path}`, async () => await rm(file));
  }
  await spoil("a file more", async () => await writeFile(at("spoilt/records/more.json"), "{}"));
  await spoil("a link", async () => await symlink("/dev/zero", at("spoilt/entries/zero")));
  await spoil("a verdict and a manifest that agrees", async () => {
    const path = `records/release/${release}.json`;
    const text = (await readFile(at(`spoilt/${path}`), "utf8")).replace('"deny"', '"allow"');
    await writeFile(at(`spoilt/${path}`), text);
    const manifest = JSON.parse(await readFile(at("spoilt/manifest.json"), "utf8")) as Manifest;
    manifest.files[path] = createHash("sha256").update(text).digest("hex");
    for (const record of manifest.pages.flatMap(({ records }) => records))
      if (record.id === release) record.sha256 = contentDigest(JSON.parse(text));
    await writeFile(at("spoilt/manifest.json"), JSON.stringify(manifest));
  });
  const other = `other+00000000+${Buffer.from([1, ...new Uint8Array(32)]).toString("base64")}`;
  expect(
    (await as("nobody", "records", "verify", at("handed"), "--ledger-key", other)).code,
  ).not.toBe(0);
  expect((await as("nobody", "records", "verify", at("absent"))).code).not.toBe(0);
});

test("a release that was decided under an override is decided again from the folder alone", async () => {
  const propose = ["override", "propose", "4E091-rs-1", "--action", "set-aside"];
  const advised = ["--reason", "not enforced", "--counsel", "memo 12"];
  const days = ["--valid-from", "2020-01-01", "--valid-until", "2099-12-31"];
  const { override } = await done("first", ...propose, ...advised, ...days);
  await done("second", "override", "approve", String(override));
  await as("vikram", "download", "lab/model", "--output", at("under"));
  await done("second", "override", "withdraw", String(override));
  const { releases } = (await done("second", "release", "list")) as { releases: { id: string }[] };
  const under = releases.find(({ id }) => id !== release)?.id ?? "";
  const by = ["records", "export", "--document", under];
  await done("first", ...by, "--output", at("overridden"));
  const verify = ["records", "verify", at("overridden")];
  expect(await done("nobody", ...verify)).toMatchObject({ evidence: 1, decidedAgain: 1 });
  const [file = ""] = await readdir(at("overridden/rulebooks"));
  const text = await readFile(at(`overridden/rulebooks/${file}`), "utf8");
  const changed = text.replace("set-aside", "enforce");
  expect(changed).not.toBe(text);
  await writeFile(at(`overridden/rulebooks/${file}`), changed);
  const manifest = JSON.parse(await readFile(at("overridden/manifest.json"), "utf8")) as Manifest;
  manifest.files[`rulebooks/${file}`] = createHash("sha256").update(changed).digest("hex");
  await writeFile(at("overridden/manifest.json"), JSON.stringify(manifest));
  expect((await as("nobody", ...verify)).code).toBe(6);
});

test("an export for who may not read personal facts opens none", async () => {
  const by = ["--repository", "lab/model", "--from", "2026-11-01", "--to", "2026-12-01"];
  await done("second", "records", "export", ...by, "--output", at("closed"));
  const text = await readFile(at(`closed/records/release/${release}.json`), "utf8");
  expect(JSON.parse(text)).toMatchObject({ evidence: "not-opened" });
  expect(await done("nobody", "records", "verify", at("closed"))).toMatchObject({ evidence: 0 });
  const party = ["records", "export", "--party", "Vikram Visitor"];
  expect(await refused("second", ...party, "--output", at("refused"))).toBe("role_missing");
});

test("an export goes into a new folder alone", async () => {
  const again = ["records", "export", "--document", release, "--output", at("handed")];
  expect((await as("first", ...again)).stderr).toContain("not empty");
  await mkdir(at("locked"));
  await chmod(at("locked"), 0o700);
  expect((await as("first", "records", "export", "--output", at("locked"))).code).toBe(2);
});

test("an export that is refused leaves nothing in its folder, and the next goes into the same", async () => {
  const output = ["--output", at("refused-first")];
  const ofNone = ["records", "export", "--repository", "lab/none", ...output];
  expect(await refused("first", ...ofNone)).toBe("not_found");
  expect(await readdir(at("refused-first"))).toEqual([]);
  await done("first", "records", "export", "--repository", "lab/model", ...output);
});

test("a file in the place of an export's folder is named, and kept", async () => {
  await writeFile(at("a-file"), "kept");
  const args = ["records", "export", "--repository", "lab/model", "--output", at("a-file")];
  const { code, stderr } = await as("first", ...args);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `${at("a-file")} is there and is no folder\n`,
  });
  expect(await readFile(at("a-file"), "utf8")).toBe("kept");
});

test("a country that is no code is refused as usage before it is asked for", async () => {
  expect((await as("first", "records", "search", "--country", "india")).code).toBe(2);
});

test("holds are placed, listed and lifted by a second officer; what is held or young is not erased", async () => {
  expect(await refused("first", "person", "erase", visitor)).toBe("still_in_use");
  const place = ["hold", "place", "--kind", "agency-request", "--reference", "OEE 7"];
  expect((await as("first", ...place, "--reason", "r")).code).toBe(2);
  const { hold } = await done("first", ...place, "--reason", "a letter", "--person", visitor);
  expect(await refused("first", "person", "erase", visitor)).toBe("record_held");
  expect((await as("first", "person", "erase", visitor)).stderr).toContain(
    `holds: ${String(hold)}`,
  );
  expect((await as("second", "hold", "list")).stdout).toContain("OEE 7");
  const lift = ["hold", "lift", String(hold), "--reason", "closed"];
  expect(await refused("second", ...lift)).toBe("invalid_request");
  const authorized = [...lift, "--authorization", "OEE letter 12"];
  expect(await refused("first", ...authorized)).toBe("two_person_rule");
  await done("second", ...authorized);
  const note = ["records", "note", release, "--what", "diversion", "--on", "2026-11-20"];
  const { movement } = await done("second", ...note, "--description", "seen abroad");
  const { records } = await done("first", "records", "search", "--document", release);
  expect(records).toContainEqual({ noun: "movement", id: movement });
});
