import { randomBytes } from "node:crypto";
import { readdir, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Custodian } from "../../../src/custody/custodian.ts";
import { type Database, openPostgres } from "../../../src/database/open.ts";
import { Refusal } from "../../../src/errors.ts";
import { plaintextPartsOf, segmentCount } from "../../../src/floe/layout.ts";
import { SegmentPool } from "../../../src/floe/pool.ts";
import type { BlobStore } from "../../../src/storage/blob-store.ts";
import { completeParted } from "../../../src/vault/complete-parted.ts";
import { listUploads } from "../../../src/vault/list-uploads.ts";
import { readPlaintext, unwrapKey } from "../../../src/vault/object.ts";
import { abortParted, beginParted, readParted } from "../../../src/vault/parted.ts";
import { putPart } from "../../../src/vault/put-part.ts";
import { commitRevision } from "../../../src/vault/revision.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { sweep } from "../../../src/vault/sweep.ts";
import { abortUpload, listUpload, openUpload } from "../../../src/vault/upload.ts";
import { UploadWork } from "../../../src/vault/upload-work.ts";
import type { Vault } from "../../../src/vault/vault.ts";
import {
  addPerson,
  type Cast,
  chunked,
  model,
  sha256,
  stage,
  usPerson,
} from "../../support/actors.ts";
import { cloneDatabase, describePostgres, openMemory } from "../../support/database.ts";
import { type Faulty, failing, holdNext, withFaults } from "../../support/faults.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

const { partBytes } = plaintextPartsOf(2 ** 24);
const whole = randomBytes(partBytes + 100_000);
const path = "weights/shard.safetensors";
const partOf = (part: number, bytes = whole) =>
  bytes.subarray((part - 1) * partBytes, part * partBytes);

describe("a file that comes by parts", () => {
  let database: Database;
  let t: TestVault;
  let cast: Cast;
  let store: Faulty<BlobStore>;
  let custodian: Faulty<Custodian>;

  beforeAll(async () => {
    database = await openMemory();
    t = await startVault({
      database,
      wrap: (adapters) => {
        store = withFaults(adapters.store);
        custodian = withFaults(adapters.custodian);
        return { ...adapters, store: store.port, custodian: custodian.port };
      },
    });
    cast = await stage(t.vault, { bytes: Buffer.from("weights") });
  });
  afterEach(() => {
    store.disarm();
    custodian.disarm();
  });
  afterAll(async () => {
    await t.stop();
    await database.close();
  });

  /** The vault as another process sees it: with nothing remembered. */
  const anew = (): Vault => ({ ...t.vault, uploads: new UploadWork() });

  async function begin(bytes = whole, upload?: string) {
    const opened = upload ?? (await openUpload(t.vault, cast.job.caller, model)).upload;
    const { object } = await beginParted(t.vault, cast.job.caller, {
      upload: opened,
      path,
      sizeBytes: bytes.length,
      sha256: sha256(bytes),
    });
    return { upload: opened, object: object.object };
  }
  type Address = Awaited<ReturnType<typeof begin>>;
  type More = Partial<Parameters<typeof putPart>[2]>;

  const put = async (at: Address, part: number, more: More = {}, vault: Vault = t.vault) =>
    await putPart(vault, cast.job.caller, {
      ...at,
      part,
      sizeBytes: partOf(part).length,
      sha256: sha256(partOf(part)),
      source: chunked(partOf(part), 700_001),
      ...more,
    });
  const complete = async (at: Address, vault: Vault = t.vault) =>
    await completeParted(vault, cast.job.caller, at, 60_000);
  const read = async (at: Address) => await readParted(t.vault, cast.job.caller, at);
  const heldOf = async (at: Address) => (await read(at)).held.map(({ part }) => part);
  const filesOf = async ({ upload }: Address) =>
    (await listUpload(t.vault, cast.job.caller, upload)).files;
  const refused = (code: string) => expect.objectContaining({ code });
  const sealed = (at: Address) => ({
    state: "sealed",
    file: { path, size: whole.length, sha256: sha256(whole), object: at.object },
  });
  const sessions = async () => await readdir(join(t.folder, "store", ".parts"));

  async function bytesOf(object: string): Promise<Buffer> {
    const row = await t.vault.database.db
      .selectFrom("object")
      .selectAll()
      .where("id", "=", object)
      .executeTakeFirstOrThrow();
    using key = await unwrapKey(t.vault, row, row.repository);
    const pieces: Buffer[] = [];
    for await (const piece of readPlaintext(t.vault, row, { key, start: 0, end: whole.length }))
      pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces);
  }

  async function sendAll(at: Address): Promise<void> {
    for (const part of [1, 2]) await put(at, part);
  }

  test("the segments of a part are sealed in the pool's threads, and the file is what came", async () => {
    let works = 0;
    await using pool = new (class extends SegmentPool {
      override async work(...of: Parameters<SegmentPool["work"]>): Promise<number> {
        works += 1;
        return await super.work(...of);
      }
    })({ threads: 1 });
    const at = await begin();
    for (const part of [2, 1]) await put(at, part, {}, { ...t.vault, pool });
    expect(works).toBe(segmentCount(whole.length));
    expect(await complete(at)).toEqual(sealed(at));
    expect((await bytesOf(at.object)).equals(whole)).toBe(true);
  });

  test("may come out of order and side by side, is proved by reading it back, and is committed whole", async () => {
    const at = await begin();
    await Promise.all([put(at, 2), put(at, 1)]);
    expect(await read(at)).toMatchObject({ state: "open", parts: 2, partBytes });
    expect(await heldOf(at)).toEqual([1, 2]);
    expect(await filesOf(at)).toEqual([]);
    const reads = store.calls.length;
    expect(await complete(at)).toEqual(sealed(at));
    expect(store.calls.slice(reads).filter((call) => call === "read")).toHaveLength(3);
    expect((await bytesOf(at.object)).equals(whole)).toBe(true);
    const [file] = await filesOf(at);
    if (file === undefined) throw new Error("the upload holds nothing");
    const { db } = t.vault.database;
    const { head } = await db.selectFrom("repository").select("head").executeTakeFirstOrThrow();
    const { upload } = at;
    const request = { ...model, upload, parent: head, message: "", files: [file] };
    const { manifest } = await commitRevision(t.vault, cast.job.caller, request);
    expect(manifest.files).toEqual([file]);
    expect(await sessions()).toEqual([]);
  });

  test("that comes in order is proved by the digest that ran along: of it, header and last segment alone are read back", async () => {
    const at = await begin();
    await sendAll(at);
    const reads = store.calls.length;
    expect(await complete(at)).toEqual(sealed(at));
    expect(store.calls.slice(reads).filter((call) => call === "read")).toHaveLength(2);
  });

  test("goes on in another process, with any client, from what the server holds", async () => {
    const at = await begin();
    await put(at, 2);
    const { caller } = cast.job;
    const found = (await listUploads(anew(), caller, model)).find(
      ({ upload }) => upload === at.upload,
    );
    expect(found?.objects).toEqual([
      { object: at.object, path, size: whole.length, sha256: sha256(whole), parts: 2, held: 1 },
    ]);
    const again = await begin(whole, at.upload);
    expect(again).toEqual(at);
    expect(await heldOf(at)).toEqual([2]);
    const other = anew();
    await put(at, 1, {}, other);
    expect(await complete(at, other)).toEqual(sealed(at));
    expect((await bytesOf(at.object)).equals(whole)).toBe(true);
  });

  test("of one part, and an empty one, is a file too", async () => {
    for (const bytes of [Buffer.from("short"), Buffer.alloc(0)]) {
      const at = await begin(bytes);
      await put(at, 1, {
        sizeBytes: bytes.length,
        sha256: sha256(bytes),
        source: chunked(bytes, 7),
      });
      expect(await complete(at)).toMatchObject({ file: { sha256: sha256(bytes) } });
    }
  });

  test.each<[string, number, () => More, string]>([
    ["part 0", 0, () => ({ sizeBytes: partBytes }), "part_out_of_range"],
    ["a part behind the last", 3, () => ({ sizeBytes: partBytes }), "part_out_of_range"],
    ["a part that is too small", 1, () => ({ sizeBytes: partBytes - 1 }), "size_mismatch"],
    ["a part that is too big", 1, () => ({ sizeBytes: partBytes + 1 }), "size_mismatch"],
    ["a last part that is full", 2, () => ({ sizeBytes: partBytes }), "size_mismatch"],
    ["another digest", 2, () => ({ sha256: "00".repeat(32) }), "digest_mismatch"],
    ["other bytes", 2, () => ({ source: chunked(randomBytes(100_000), 1e6) }), "digest_mismatch"],
    ["fewer bytes", 2, () => ({ source: chunked(randomBytes(99_999), 1e6) }), "upload_interrupted"],
    ["more bytes", 2, () => ({ source: chunked(randomBytes(100_001), 1e6) }), "size_mismatch"],
  ])("refuses %s, and holds nothing of it", async (_, part, more, code) => {
    const at = await begin();
    await expect(put(at, part, more())).rejects.toMatchObject({ code, status: 400 });
    expect(await heldOf(at)).toEqual([]);
    await abortParted(t.vault, cast.job.caller, at);
  });

  test("is refused whole when it has another SHA-256 than declared, and leaves nothing", async () => {
    const at = await begin(Buffer.concat([whole.subarray(0, -1), Buffer.from([0])]));
    await sendAll(at);
    await expect(complete(at)).rejects.toMatchObject({ code: "digest_mismatch" });
    await expect(complete(at, anew())).rejects.toMatchObject({ code: "digest_mismatch" });
    expect(await filesOf(at)).toEqual([]);
    expect(await sessions()).toEqual([]);
  });

  test("keeps a part that comes again as it is, and takes another in its place", async () => {
    const at = await begin();
    const tagOf = async () =>
      (
        await t.vault.database.db
          .selectFrom("object_part")
          .select("tag")
          .where("object", "=", at.object)
          .executeTakeFirst()
      )?.tag;
    await put(at, 2);
    const tag = await tagOf();
    expect(await put(at, 2)).toMatchObject({ part: 2, sha256: sha256(partOf(2)) });
    expect(await tagOf()).toBe(tag);
    const other = randomBytes(100_000);
    const more = { sha256: sha256(other), source: chunked(other, 1e6) };
    await put(at, 2, more);
    expect(await tagOf()).not.toBe(tag);
    expect((await read(at)).held).toEqual([{ part: 2, size: 100_000, sha256: sha256(other) }]);
    // A part that fails on its way no longer holds the earlier one's place.
    await expect(put(at, 2, { source: chunked(other, 1e6) })).rejects.toEqual(
      refused("digest_mismatch"),
    );
    expect(await heldOf(at)).toEqual([]);
    await abortParted(t.vault, cast.job.caller, at);
  });

  test("names the parts that are missing when it is completed, and takes them", async () => {
    const at = await begin();
    await put(at, 2);
    await expect(complete(at)).rejects.toMatchObject({
      code: "parts_missing",
      status: 409,
      members: { parts: [1] },
    });
    await put(at, 1);
    expect(await complete(at)).toEqual(sealed(at));
  });

  test("completed by two at once is one file, and both get the same answer; again, too, and in another process", async () => {
    const at = await begin();
    await Promise.all([put(at, 2), put(at, 1)]);
    const answers = await Promise.all([complete(at), complete(at)]);
    expect(answers).toEqual([sealed(at), sealed(at)]);
    expect(await complete(at, anew())).toEqual(sealed(at));
    expect(await filesOf(at)).toHaveLength(1);
  });

  test("that another node completes is told as being proved, and takes no part meanwhile", async () => {
    const at = await begin();
    await sendAll(at);
    const { entered, release } = holdNext(store, "stat");
    const first = complete(at);
    await entered;
    expect(await complete(at, anew())).toEqual({ state: "proving", provedBytes: 0 });
    expect((await read(at)).state).toBe("proving");
    const other = randomBytes(100_000);
    await expect(
      put(at, 2, { sha256: sha256(other), source: chunked(other, 1e6) }),
    ).rejects.toMatchObject({ code: "conflict", status: 409 });
    release();
    expect(await first).toEqual(sealed(at));
  });

  test("that another node sealed after this one fell silent is sealed for both", async () => {
    const at = await begin();
    await sendAll(at);
    const { entered, release } = holdNext(store, "stat");
    const silent = complete(at);
    await entered;
    const before = t.clock.at;
    t.clock.advance({ seconds: t.vault.limits.leaseSeconds + 1 });
    expect(await complete(at, anew())).toEqual(sealed(at));
    t.clock.at = before;
    release();
    expect(await silent).toEqual(sealed(at));
    expect((await bytesOf(at.object)).equals(whole)).toBe(true);
  });

  test("whose part the store lost asks for that part again, and for no other", async () => {
    const at = await begin();
    await sendAll(at);
    const [session = ""] = await sessions();
    const folder = join(t.folder, "store", ".parts", session);
    const mark = (await readdir(folder)).find((name) => name.startsWith("2."));
    await unlink(join(folder, mark ?? ""));
    await expect(complete(at)).rejects.toMatchObject({
      code: "parts_missing",
      members: { parts: [2] },
    });
    expect(await heldOf(at)).toEqual([1]);
    await put(at, 2);
    expect(await complete(at)).toEqual(sealed(at));
    expect((await bytesOf(at.object)).equals(whole)).toBe(true);
  });

  test("of which the store lost everything asks for all parts again", async () => {
    const at = await begin();
    await sendAll(at);
    const [session = ""] = await sessions();
    await rm(join(t.folder, "store", ".parts", session), { recursive: true });
    await expect(complete(at)).rejects.toMatchObject({ code: "multipart_gone", status: 409 });
    expect(await heldOf(at)).toEqual([]);
    await sendAll(at);
    expect(await complete(at)).toEqual(sealed(at));
  });

  test("that was put together of other parts than the client knows of is proved by reading it back, and refused", async () => {
    const at = await begin();
    await put(at, 1);
    const other = randomBytes(100_000);
    await put(at, 2, { sha256: sha256(other), source: chunked(other, 1e6) });
    const act = failing(new Refusal("store_unavailable", "the answer was lost on purpose"));
    store.arm({ method: "writer.complete", nth: 1, when: "after", act });
    await expect(complete(at)).rejects.toEqual(refused("store_unavailable"));
    // The store put it together and ended the session, which nobody knows: the client sends another part, and has to send all of them anew.
    await expect(put(at, 2)).rejects.toEqual(refused("multipart_gone"));
    await sendAll(at);
    store.arm({ method: "read", nth: 3, when: "before", act });
    await expect(complete(at)).rejects.toEqual(refused("store_unavailable"));
    await expect(complete(at)).rejects.toEqual(refused("digest_mismatch"));
    expect(await filesOf(at)).toEqual([]);
  });

  test("holds of the same part twice at once the one that the store has, whichever is told first", async () => {
    const at = await begin();
    await put(at, 1);
    const other = randomBytes(100_000);
    const more = () => ({ sha256: sha256(other), source: chunked(other, 1e6) });
    // The second one comes, whole, between the first one's storing and the end of its request: it stays.
    const act = async () => void (await put(at, 2));
    store.arm({ method: "writer.complete", nth: 1, when: "after", act });
    await expect(put(at, 2, more())).rejects.toEqual(refused("conflict"));
    expect((await read(at)).held.at(-1)).toMatchObject({ sha256: sha256(partOf(2)) });
    await put(at, 2, more());
    const tags: unknown[] = [];
    const tagOf = async () => {
      const { db } = t.vault.database;
      const row = db.selectFrom("object_part").select("tag").where("object", "=", at.object);
      tags.push((await row.where("part", "=", 2).executeTakeFirst())?.tag);
    };
    const twice = async () => {
      await put(at, 2);
      await tagOf();
    };
    store.arm({ method: "writer.complete", nth: 1, when: "after", act: twice });
    // Of the same bytes, both are held.
    expect(await put(at, 2)).toMatchObject({ part: 2 });
    await tagOf();
    expect(tags[0]).toBe(tags[1]);
    expect(await complete(at)).toEqual(sealed(at));
    expect((await bytesOf(at.object)).equals(whole)).toBe(true);
  });

  test("that is swept while a part begins its session leaves no session", async () => {
    const { upload } = await openUpload(t.vault, cast.job.caller, model);
    const down = failing(new Refusal("store_unavailable", "down on purpose"));
    store.arm({ method: "begin", nth: 1, when: "before", act: down });
    await expect(begin(whole, upload)).rejects.toEqual(refused("store_unavailable"));
    const { id: object } = await t.vault.database.db
      .selectFrom("object")
      .select("id")
      .where("upload", "=", upload)
      .executeTakeFirstOrThrow();
    const act = async () => {
      await abortUpload(t.vault, cast.job.caller, upload);
      t.clock.advance({ seconds: 1 });
      await sweep(t.vault);
    };
    store.arm({ method: "begin", nth: 1, when: "before", act });
    await expect(put({ upload, object }, 2)).rejects.toEqual(refused("upload_closed"));
    expect(await sessions()).toEqual([]);
  });

  test("that the store damaged is not acknowledged, and leaves nothing", async () => {
    const at = await begin();
    await sendAll(at);
    const [session = ""] = await sessions();
    const file = join(t.folder, "store", ".parts", session, "blob");
    const { open: openFile } = await import("node:fs/promises");
    const handle = await openFile(file, "r+");
    await handle.write(Buffer.from([1, 2, 3, 4]), 0, 4, 10_000_000);
    await handle.close();
    await expect(complete(at, anew())).rejects.toMatchObject({ code: "object_corrupt" });
    expect(await filesOf(at)).toEqual([]);
    await expect(read(at)).rejects.toMatchObject({ code: "object_corrupt" });
  });

  test("meets a custodian or a store that is down with 503 at each step, and goes on when it is back", async () => {
    const { upload } = await openUpload(t.vault, cast.job.caller, model);
    const at: { address: Address } = { address: { upload, object: "" } };
    const steps: readonly [readonly string[], () => Promise<unknown>][] = [
      [["generate", "begin"], async () => (at.address = await begin(whole, upload))],
      [["unwrap", "resume", "writer.put", "writer.write"], async () => await put(at.address, 1)],
      [["unwrap", "writer.complete"], async () => await put(at.address, 2)],
      [
        ["stat", "resume", "writer.complete", "unwrap", "read"],
        async () => await complete(at.address, anew()),
      ],
    ];
    for (const [methods, work] of steps) {
      for (const method of methods) {
        const isCustodian = method === "generate" || method === "unwrap";
        const code = isCustodian ? "custodian_unavailable" : "store_unavailable";
        const act = failing(new Refusal(code, "down on purpose"));
        (isCustodian ? custodian : store).arm({ method, nth: 1, when: "before", act });
        const [outcome] = await Promise.allSettled([work()]);
        expect({ method, outcome }).toMatchObject({
          method,
          outcome: { status: "rejected", reason: { code, status: 503 } },
        });
      }
      await work();
    }
    expect((await bytesOf(at.address.object)).equals(whole)).toBe(true);
  });

  test("is held to its caller: nobody else sees it, and the suspended cannot add a part", async () => {
    const uploader = await addPerson(t.vault, cast.first, usPerson, ["uploader"]);
    const at = await begin();
    await expect(readParted(t.vault, uploader.caller, at)).rejects.toEqual(refused("not_found"));
    const source = chunked(partOf(2), 1e6);
    const request = { ...at, part: 2, sizeBytes: 100_000, sha256: sha256(partOf(2)), source };
    await expect(putPart(t.vault, uploader.caller, request)).rejects.toEqual(refused("not_found"));
    expect(await listUploads(t.vault, uploader.caller, model)).toEqual([]);
    const { upload } = await openUpload(t.vault, uploader.caller, model);
    const { object } = await beginParted(t.vault, uploader.caller, {
      upload,
      path,
      sizeBytes: whole.length,
      sha256: sha256(whole),
    });
    await changeStanding(t.vault, cast.first.caller, {
      noun: "person",
      id: uploader.person,
      change: "suspended",
    });
    const own = { ...request, upload, object: object.object, source: chunked(partOf(2), 1e6) };
    await expect(putPart(t.vault, uploader.caller, own)).rejects.toEqual(
      refused("principal_suspended"),
    );
    expect((await readParted(t.vault, uploader.caller, own)).held).toEqual([]);
    await abortParted(t.vault, cast.job.caller, at);
  });

  test("goes when it, its upload or its upload's time is given up, with all that the store holds of it", async () => {
    const [given, aborted, expired] = [await begin(), await begin(), await begin()];
    for (const at of [given, aborted, expired]) await put(at, 2);
    await abortParted(t.vault, cast.job.caller, given);
    await abortUpload(t.vault, cast.job.caller, aborted.upload);
    for (const at of [given, aborted])
      await expect(put(at, 1)).rejects.toMatchObject({ code: "upload_closed" });
    const before = t.clock.at;
    t.clock.advance({ days: 8 });
    await expect(put(expired, 1)).rejects.toMatchObject({ code: "upload_closed" });
    await sweep(t.vault);
    t.clock.at = before;
    expect(await sessions()).toEqual([]);
    const left = await t.vault.database.db.selectFrom("object_part").select("object").execute();
    expect(left).toEqual([]);
  });
});

describePostgres("a file that comes by parts, on PostgreSQL", () => {
  test("is one file when its parts come side by side, and two nodes complete it at once", async () => {
    const clone = await cloneDatabase();
    const database = openPostgres({ url: clone.url });
    const t = await startVault({ database });
    try {
      const { caller } = (await stage(t.vault, { bytes: Buffer.from("weights") })).job;
      const { upload } = await openUpload(t.vault, caller, model);
      const wanted = { upload, path, sizeBytes: whole.length, sha256: sha256(whole) };
      const begin = async () => await beginParted(t.vault, caller, wanted);
      const begun = await Promise.all([begin(), begin()]);
      expect(begun.map(({ isNew }) => isNew).filter(Boolean).length).toBeGreaterThan(0);
      const { object } = begun[0].object;
      expect(begun[1].object.object).toBe(object);
      const parts = [2, 1, 2].map(async (part) => {
        const bytes = partOf(part);
        const source = chunked(bytes, 700_001);
        const sizeBytes = bytes.length;
        const request = { upload, object, part, sizeBytes, sha256: sha256(bytes), source };
        return await putPart(t.vault, caller, request).catch((error: unknown) => error);
      });
      const ends = await Promise.all(parts);
      // Of the same part twice at once, the later one stays; the earlier one is told, or was through.
      expect(ends.filter((end) => !(end instanceof Refusal)).length).toBeGreaterThan(1);
      const nodes = [t.vault, { ...t.vault, uploads: new UploadWork() }];
      const answers = await Promise.all(
        nodes.map(async (node) => await completeParted(node, caller, { upload, object }, 60_000)),
      );
      expect(answers.map(({ state }) => state)).toContain("sealed");
      const file = { path, size: whole.length, sha256: sha256(whole), object };
      expect((await listUpload(t.vault, caller, upload)).files).toEqual([file]);
    } finally {
      await t.stop();
      await database.close();
      await clone.drop();
    }
  });
});
