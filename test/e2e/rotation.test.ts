import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { temporaryFolder } from "./command.ts";
import { type Json, peopleOf } from "./people.ts";

let server: TestServer;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

const { at, as, done, begin, add } = peopleOf(() => ({ server, folder }));

beforeAll(async () => {
  [server, folder] = await Promise.all([
    startTestServer({ env: { WEIGHTVAULT_BACKUP_RETENTION_DAYS: "35" } }),
    temporaryFolder(),
  ]);
  await begin();
  await add("second", ["export-officer"]);
  await add("auditor", ["auditor"]);
  await add("uploader", ["uploader"]);
  const { principal: reader } = await add("reader", ["reader"]);
  await done("uploader", "repository", "create", "lab/model");
  await mkdir(at("checkpoint"));
  await writeFile(at("checkpoint/weights.bin"), "weights");
  await done("uploader", "upload", "lab/model", at("checkpoint"));
  const propose = ["classify", "propose", "lab/model", "--eccn", "4E091", "--basis", "self"];
  const { classification } = await done("first", ...propose);
  await done("second", "classify", "approve", "lab/model", String(classification));
  const to = ["--principal", reader, "--repository", "lab/model"];
  const until27 = ["--purpose", "evaluation", "--valid-until", "2027-10-01"];
  await done("first", "grant", "add", ...to, ...until27);
});
afterAll(async () => {
  await server?.stop();
  await folder?.[Symbol.asyncDispose]();
});

test("an operator rotates the key while the vault serves, and the status says when the older key may go", async () => {
  const early = await as("first", ["custody", "status"]);
  expect(early.stdout).toContain("no rotation was begun yet");
  const begun = await as("first", ["custody", "rotate"]);
  expect(begun).toMatchObject({ code: 0 });
  expect(begun.stdout).toMatch(/^rotation \S+ has begun: \d+ keys go under soft:/);
  const kek = /soft:[0-9a-f]{16}/.exec(begun.stdout)?.[0];
  await until(
    async () => {
      const { rotation } = await done("first", "custody", "status");
      return (rotation as Json)["state"] === "finished";
    },
    { seconds: 50 },
  );
  expect(await done("first", "custody", "status")).toMatchObject({
    kek,
    keks: [{ kek, objects: 1 }],
    rotation: { kek, left: 0, rejected: 0, restorableUntil: "2026-12-28" },
  });
  const { stdout } = await as("first", ["custody", "status"]);
  expect(stdout).toContain(
    "nothing here needs the older key-encryption keys any more; backups may until 2026-12-28",
  );
  const keys = (await readdir(server.folder)).filter((name) => name.startsWith("kek"));
  expect(keys.toSorted()).toEqual(["kek", "kek.2"]);
  expect((await stat(join(server.folder, "kek.2"))).mode & 0o777).toBe(0o600);
  await done("reader", "download", "lab/model", "--output", at("downloaded"));
  expect((await as("reader", ["custody", "rotate"])).stderr).toContain("roles: operator");
});

test("two officers shred an object, it is refused as gone, and `ledger trace` tells the shredding", async () => {
  const manifest = await done("second", "repository", "show", "lab/model");
  const [revision] = manifest["revisions"] as readonly Json[];
  const { object } = await server.vault.database.db
    .selectFrom("revision_file")
    .select("object")
    .executeTakeFirstOrThrow();
  const named = ["lab/model", "--object", object];
  const proposed = await as("first", ["shred", "propose", ...named]);
  expect(proposed.stdout).toContain(
    "1 object of 7 bytes would lose its key; a backup of the database may restore it until 2026-12-28",
  );
  expect(proposed.stdout).toContain(`  shared by revision ${String(revision?.["revision"])}`);
  const id = /shredding (\S+) is proposed/.exec(proposed.stdout)?.[1] ?? "";
  expect(proposed.stderr).toContain(`weightvault shred approve lab/model ${id} --object ${object}`);
  const alone = await as("first", ["shred", "approve", "lab/model", id, "--object", object]);
  expect({ code: alone.code, says: alone.stderr.includes("second person") }).toEqual({
    code: 1,
    says: true,
  });
  expect(
    await done("second", "shred", "approve", "lab/model", id, "--object", object),
  ).toMatchObject({ objects: 1, bytes: 7, restorableUntil: "2026-12-28" });

  const refused = await as("reader", ["download", "lab/model", "--output", at("gone")]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("shredded by two officers");

  const { id: repository } = await done("second", "repository", "show", "lab/model");
  const told = await as("auditor", ["ledger", "trace", "repository", String(repository)]);
  expect(told.stdout).toMatch(new RegExp(`shredding proposed: shredding ${id}; object ${object}`));
  expect(told.stdout).toMatch(
    new RegExp(`shredding approved: shredding ${id};.*restorableUntil 2026-12-28`),
  );
  expect(told.stdout).toMatch(new RegExp(`repository shredded: shredding ${id};.*1 object`));
  // The whole ledger is verified on the way.
  expect(told.code).toBe(0);
});
