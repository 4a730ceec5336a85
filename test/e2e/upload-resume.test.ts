import { hash, randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { Refusal } from "../../src/errors.ts";
import { plaintextPartsOf } from "../../src/floe/layout.ts";
import { type Serving, serve } from "../integration/http/serving.ts";
import { type Cast, stage } from "../support/actors.ts";
import { failing } from "../support/faults.ts";
import { until } from "../support/until.ts";
import { temporaryFolder, weightvault, weightvaultHere } from "./command.ts";

const { partBytes } = plaintextPartsOf(2 ** 24);
const parts = 3;

let s: Serving;
let cast: Cast;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let env: Record<string, string>;

beforeAll(async () => {
  [s, folder] = await Promise.all([serve(), temporaryFolder()]);
  cast = await stage(s.vault, { bytes: Buffer.from("weights") });
  env = { WEIGHTVAULT_URL: s.url, WEIGHTVAULT_TOKEN: cast.job.token };
  await mkdir(join(folder.path, "checkpoint/shards"), { recursive: true });
  await writeFile(join(folder.path, "checkpoint/config.json"), "{}");
});
afterEach(() => s.store.disarm());
afterAll(async () => {
  await s.stop();
  await folder[Symbol.asyncDispose]();
});

const args = () => ["upload", "lab/model", join(folder.path, "checkpoint"), "--json"];
const counted = (method: string) => s.store.calls.filter((call) => call === method).length;
const heldParts = async () =>
  (await s.vault.database.db.selectFrom("object_part").select("part").execute()).length;

/** A file of three parts, new for each test. */
async function newShard() {
  const bytes = randomBytes(2 * partBytes + 100_000);
  await writeFile(join(folder.path, "checkpoint/shards/one"), bytes);
  return { path: "shards/one", size: bytes.length, sha256: hash("sha256", bytes) };
}

test("a folder whose upload was killed goes on with the rerun, and no part that was held is sent again", async () => {
  const shard = await newShard();
  let kill = () => {};
  s.store.arm({ method: "writer.complete", nth: 1, when: "after", act: () => kill() });
  // The small file is one writer of its own, and completes first.
  s.store.arm({ method: "writer.complete", nth: 2, when: "after", act: () => kill() });
  const puts = counted("writer.put");
  const killed = await weightvault([...args(), "--parallel", "2"], {
    env,
    onStart: (child) => {
      kill = () => {
        if (counted("writer.put") > puts) child.kill("SIGKILL");
      };
    },
  });
  expect(killed.signal).toBe("SIGKILL");
  // Every part that was begun was held or given up.
  await until(async () => counted("writer.abort") >= counted("writer.put"));
  const held = await heldParts();
  expect(held).toBeGreaterThan(0);
  expect(held).toBeLessThan(parts);
  const before = counted("writer.complete");
  const rerun = await weightvaultHere(args(), { env });
  expect({ code: rerun.code, stderr: rerun.stderr }).toEqual({ code: 0, stderr: "" });
  // Of the parts that were missing each, and of the whole.
  expect(counted("writer.complete") - before).toBe(parts - held + 1);
  expect(JSON.parse(rerun.stdout)).toMatchObject({
    files: [{ path: "config.json", size: 2 }, shard],
  });
  const after = counted("writer.put");
  const again = await weightvaultHere(args(), { env });
  expect(JSON.parse(again.stdout)).toMatchObject({ files: [], unchanged: 2 });
  expect(counted("writer.put")).toBe(after);
}, 180_000);

test("a store that is away for a moment costs its part another try, and nothing else", async () => {
  const shard = await newShard();
  const act = failing(new Refusal("store_unavailable", "down on purpose"));
  s.store.arm({ method: "writer.complete", nth: 2, when: "before", act });
  const before = counted("writer.put");
  const { code, stdout } = await weightvaultHere(args(), { env });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ unchanged: 1, files: [shard] });
  expect(counted("writer.put") - before).toBe(parts + 1);
});
