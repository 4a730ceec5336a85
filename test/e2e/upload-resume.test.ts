import { hash, randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { plaintextPartsOf } from "../../src/floe/layout.ts";
import type { BlobStore, MultipartBlob } from "../../src/storage/blob-store.ts";
import { type Cast, stage } from "../support/actors.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { temporaryFolder, weightvault } from "./command.ts";

const { partBytes } = plaintextPartsOf(2 ** 24);
const shard = randomBytes(3 * partBytes + 100_000);
const parts = 4;

/** How often each part was begun and was held, by its number, and what happens when one is. */
const seen = {
  begun: [] as number[],
  held: [] as number[],
  onHeld: async (_part: number): Promise<void> => {},
};

/** The store, with each part that comes into it on record. */
function recording(store: BlobStore): BlobStore {
  const recorded = (blob: MultipartBlob): MultipartBlob => ({
    session: blob.session,
    list: async () => await blob.list(),
    complete: async (held) => await blob.complete(held),
    abort: async () => await blob.abort(),
    put: async (part, sizeBytes) => {
      seen.begun.push(part);
      const writer = await blob.put(part, sizeBytes);
      return {
        write: async (bytes) => await writer.write(bytes),
        abort: async () => await writer.abort(),
        complete: async () => {
          const held = await writer.complete();
          seen.held.push(part);
          await seen.onHeld(part);
          return held;
        },
      };
    },
  });
  return new Proxy(store, {
    get: (target, property) => {
      if (property === "begin" || property === "resume")
        return async (...given: readonly unknown[]) =>
          recorded(await Reflect.apply(target[property], target, given as never));
      const member: unknown = Reflect.get(target, property, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

let server: TestServer;
let cast: Cast;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let env: Record<string, string>;

beforeAll(async () => {
  [server, folder] = await Promise.all([
    startTestServer({ wrap: (all) => ({ ...all, store: recording(all.store) }) }),
    temporaryFolder(),
  ]);
  cast = await stage(server.vault, { bytes: Buffer.from("weights") });
  env = { WEIGHTVAULT_URL: server.url, WEIGHTVAULT_TOKEN: cast.job.token };
  await mkdir(join(folder.path, "checkpoint/shards"), { recursive: true });
  await writeFile(join(folder.path, "checkpoint/shards/one"), shard);
  await writeFile(join(folder.path, "checkpoint/config.json"), "{}");
});
afterAll(async () => {
  await server?.stop();
  await folder?.[Symbol.asyncDispose]();
});
beforeEach(() => {
  seen.begun.length = 0;
  seen.held.length = 0;
  seen.onHeld = async () => {};
});

const args = () => ["upload", "lab/model", join(folder.path, "checkpoint"), "--json"];
const heldParts = async () =>
  (await server.vault.database.db.selectFrom("object_part").select("part").execute()).map(
    ({ part }) => part,
  );

test.each(["SIGKILL", "SIGINT"] as const)(
  "a folder whose upload was ended by %s goes on with the rerun, and no part that was held is sent again",
  async (signal) => {
    await writeFile(
      join(folder.path, "checkpoint/shards/one"),
      Buffer.concat([shard, Buffer.from(signal)]),
    );
    let kill = () => {};
    seen.onHeld = async () => {
      if (seen.held.length === 2) kill();
    };
    const killed = await weightvault([...args(), "--parallel", "2"], {
      env,
      onStart: (child) => {
        kill = () => child.kill(signal);
      },
    });
    expect(killed.signal).toBe(signal);
    // What was under way when the client went away ends by itself.
    while (server.vault.uploads.signal.aborted || seen.begun.length > seen.held.length) {
      const before = seen.held.length;
      await new Promise((resolve) => setTimeout(resolve, 200));
      if (seen.held.length === before) break;
    }
    const held = await heldParts();
    expect(held.length).toBeGreaterThanOrEqual(1);
    expect(held.length).toBeLessThan(parts);
    seen.begun.length = 0;
    const rerun = await weightvault(args(), { env });
    expect({ code: rerun.code, stderr: rerun.stderr }).toEqual({ code: 0, stderr: "" });
    const missing = [1, 2, 3, 4].filter((part) => !held.includes(part));
    expect(seen.begun.toSorted()).toEqual(missing);
    expect(JSON.parse(rerun.stdout)).toMatchObject({
      files: expect.arrayContaining([
        {
          path: "shards/one",
          size: shard.length + signal.length,
          sha256: hash("sha256", Buffer.concat([shard, Buffer.from(signal)])),
        },
      ]),
    });
    seen.begun.length = 0;
    const again = await weightvault(args(), { env });
    expect(JSON.parse(again.stdout)).toMatchObject({ files: [], unchanged: 2 });
    expect(seen.begun).toEqual([]);
  },
);

test("a server that is away for a moment costs its part another try, and nothing else", async () => {
  await writeFile(
    join(folder.path, "checkpoint/shards/one"),
    Buffer.concat([shard, Buffer.from("x")]),
  );
  let isFailing = true;
  seen.onHeld = async (part) => {
    if (part !== 3 || !isFailing) return;
    isFailing = false;
    const { Refusal } = await import("../../src/errors.ts");
    throw new Refusal("store_unavailable", "down on purpose");
  };
  const { code, stdout } = await weightvault(args(), { env });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ unchanged: 1, files: [{ path: "shards/one" }] });
  expect(seen.begun.toSorted()).toEqual([1, 2, 3, 3, 4]);
});
