import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { newRecipientKeyPair, releaseInfo } from "../../../src/crypto/enclosure.ts";
import { Secret } from "../../../src/crypto/secret.ts";
import { open as openSealed } from "../../../src/floe/open.ts";
import type { BlobStore } from "../../../src/storage/blob-store.ts";
import { findRevision, manifestOf } from "../../../src/vault/find-revision.ts";
import { aadOf, objectKey } from "../../../src/vault/object.ts";
import { releaseEnclosed } from "../../../src/vault/release.ts";
import { createRepository } from "../../../src/vault/repository.ts";
import { commitRevision } from "../../../src/vault/revision.ts";
import { sweep } from "../../../src/vault/sweep.ts";
import { abortUpload, listUpload, openUpload, putFile } from "../../../src/vault/upload.ts";
import {
  type Cast,
  chunked,
  model,
  sha256,
  stage,
  unitedStates,
  uploadRevision,
} from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

forEachDatabase("an upload", (open) => {
  let t: TestVault;
  let cast: Cast;
  const store = { corrupts: false, stuck: "" };

  beforeAll(async () => {
    t = await startVault({
      database: await open(),
      wrap: (adapters) => ({ ...adapters, store: corruptible(adapters.store, store) }),
    });
    cast = await stage(t.vault, { bytes: Buffer.from("weights") });
  });
  afterAll(async () => {
    await t.stop();
  });

  const begin = async () => (await openUpload(t.vault, cast.job.caller, model)).upload;
  const put = async (
    upload: string,
    path: string,
    bytes: Buffer,
    more: { sha256?: string; sizeBytes?: number } = {},
  ) =>
    putFile(t.vault, cast.job.caller, {
      upload,
      path,
      sizeBytes: bytes.length,
      source: chunked(bytes, 7_000),
      ...more,
    });
  const head = async () =>
    (
      await t.vault.database.db
        .selectFrom("repository")
        .select("head")
        .where("name", "=", model.name)
        .executeTakeFirstOrThrow()
    ).head;
  const commitOf = async (
    upload: string,
    files: readonly { path: string; size: number; sha256: string }[],
    parent: string | null,
  ) => commitRevision(t.vault, cast.job.caller, { ...model, upload, parent, message: "m", files });

  async function storedKeys(): Promise<readonly string[]> {
    const keys: string[] = [];
    for await (const key of t.vault.store.list("objects/")) keys.push(key);
    return keys.toSorted();
  }

  test.each([
    ["fewer bytes than declared", { sizeBytes: 200_001 }, "upload_interrupted"],
    ["more bytes than declared", { sizeBytes: 199_999 }, "size_mismatch"],
    ["another digest than declared", { sha256: "00".repeat(32) }, "digest_mismatch"],
  ])("of %s is refused, and nothing of it is kept", async (_, more, code) => {
    const [upload, before] = [await begin(), await storedKeys()];
    await expect(put(upload, "file.bin", randomBytes(200_000), more)).rejects.toMatchObject({
      code,
      status: 400,
    });
    expect((await listUpload(t.vault, cast.job.caller, upload)).files).toEqual([]);
    expect(await storedKeys()).toEqual(before);
    const left = await t.vault.database.db
      .selectFrom("object")
      .select("id")
      .where("upload", "=", upload)
      .where("state", "<>", "removed")
      .execute();
    expect(left).toEqual([]);
  });

  test.each([
    "",
    "/abs",
    "a/../b",
    "./a",
    "a//b",
    "a/",
    "nul\0",
    "back\\slash",
    "x".repeat(1_025),
    "bad\uFFFD",
    "lone\uD800",
    "line\nbreak",
  ])("to the path %j is refused before anything is made", async (path) => {
    const [upload, before] = [await begin(), await storedKeys()];
    await expect(put(upload, path, Buffer.from("x"))).rejects.toMatchObject({
      code: "invalid_path",
      status: 400,
    });
    expect(await storedKeys()).toEqual(before);
  });

  test("that the store damages is not acknowledged", async () => {
    const upload = await begin();
    store.corrupts = true;
    await expect(put(upload, "file.bin", randomBytes(1_500_000))).rejects.toMatchObject({
      code: "object_corrupt",
      status: 500,
    });
    store.corrupts = false;
    expect((await listUpload(t.vault, cast.job.caller, upload)).files).toEqual([]);
  });

  test("of an empty file is a file", async () => {
    const upload = await begin();
    expect(await put(upload, "empty", Buffer.alloc(0))).toMatchObject({
      size: 0,
      sha256: sha256(Buffer.alloc(0)),
    });
  });

  test("becomes visible with its commit, whole, and its revision's id is made of the manifest's bytes", async () => {
    const [upload, parent] = [await begin(), await head()];
    const file = await put(upload, "deep/b.bin", Buffer.from("b"));
    const { revision, manifest } = await commitOf(upload, [file], parent);
    expect(revision).toMatch(/^[0-9a-f]{40}$/);
    expect(await head()).toBe(revision);
    const repository = await t.vault.database.db
      .selectFrom("repository")
      .selectAll()
      .executeTakeFirstOrThrow();
    const row = await findRevision(t.vault.database.db, repository, "main");
    expect(sha256(row.manifest).slice(0, 40)).toBe(revision);
    expect(manifestOf(row)).toEqual(manifest);
    expect(manifest.files).toEqual([file]);
  });

  test("committed again with the same content gives the same revision, with other content a conflict", async () => {
    const [upload, parent] = [await begin(), await head()];
    const file = await put(upload, "again.bin", Buffer.from("again"));
    const { revision } = await commitOf(upload, [file], parent);
    expect((await commitOf(upload, [file], parent)).revision).toBe(revision);
    await expect(
      commitRevision(t.vault, cast.job.caller, {
        ...model,
        upload,
        parent,
        message: "other",
        files: [file],
      }),
    ).rejects.toMatchObject({ code: "upload_closed", status: 409 });
    await expect(put(upload, "late.bin", Buffer.from("late"))).rejects.toMatchObject({
      code: "upload_closed",
    });
  });

  test.each([
    ["a file that was not uploaded", "missing.bin", 1, "00".repeat(32), "file_not_uploaded", 409],
    ["another size", "here.bin", 5, null, "size_mismatch", 400],
    ["another digest", "here.bin", 4, "11".repeat(32), "digest_mismatch", 400],
  ])("whose commit names %s makes no revision", async (_, path, size, digest, code, status) => {
    const [upload, parent] = [await begin(), await head()];
    const file = await put(upload, "here.bin", Buffer.from("here"));
    await expect(
      commitOf(upload, [{ path, size, sha256: digest ?? file.sha256 }], parent),
    ).rejects.toMatchObject({ code, status });
    expect(await head()).toBe(parent);
    expect((await listUpload(t.vault, cast.job.caller, upload)).state).toBe("open");
  });

  test("whose commit names a path twice, or a file as a folder too, is refused", async () => {
    const [upload, parent] = [await begin(), await head()];
    const one = await put(upload, "a", Buffer.from("1"));
    const other = await put(upload, "a/b", Buffer.from("2"));
    await expect(commitOf(upload, [one, one], parent)).rejects.toMatchObject({
      code: "invalid_request",
    });
    await expect(commitOf(upload, [one, other], parent)).rejects.toMatchObject({
      code: "invalid_path",
    });
  });

  test("on a parent that is not the head any more is refused and told the head; of two at once one wins", async () => {
    const parent = await head();
    const uploads = await Promise.all([begin(), begin()]);
    const commits = uploads.map(async (upload, n) =>
      commitOf(upload, [await put(upload, `race-${n}`, Buffer.from(`${n}`))], parent),
    );
    const settled = await Promise.allSettled(commits);
    expect(settled.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    const lost = settled.find((each) => each.status === "rejected");
    expect(lost?.reason).toMatchObject({
      code: "parent_moved",
      status: 409,
      members: { head: await head() },
    });
  });

  test("keeps files of the parent that the commit names, under the same object", async () => {
    const first = await uploadRevision(
      t.vault,
      cast.job,
      { "kept.bin": Buffer.from("kept") },
      await head(),
    );
    const [upload, parent] = [await begin(), await head()];
    const added = await put(upload, "added.bin", Buffer.from("added"));
    const kept = { path: "kept.bin", size: 4, sha256: sha256(Buffer.from("kept")) };
    const { manifest } = await commitOf(upload, [added, kept], parent);
    const repository = await t.vault.database.db
      .selectFrom("repository")
      .selectAll()
      .executeTakeFirstOrThrow();
    const before = manifestOf(await findRevision(t.vault.database.db, repository, first));
    expect(manifest.files.find(({ path }) => path === "kept.bin")?.object).toBe(
      before.files[0]?.object,
    );
  });

  test("is its uploader's alone, and belongs to its repository", async () => {
    const upload = await begin();
    const file = await put(upload, "mine.bin", Buffer.from("mine"));
    for (const work of [
      async () => listUpload(t.vault, cast.first.caller, upload),
      async () => abortUpload(t.vault, cast.first.caller, upload),
      async () =>
        putFile(t.vault, cast.first.caller, {
          upload,
          path: "x",
          sizeBytes: 0,
          source: chunked(Buffer.alloc(0)),
        }),
      async () =>
        commitRevision(t.vault, cast.first.caller, {
          ...model,
          upload,
          parent: await head(),
          message: "",
          files: [file],
        }),
    ]) {
      await expect(work()).rejects.toMatchObject({ code: "not_found", status: 404 });
    }
    const other = { namespace: "lab", name: `other-${randomBytes(3).toString("hex")}` };
    await createRepository(t.vault, cast.job.caller, other);
    await expect(
      commitRevision(t.vault, cast.job.caller, {
        ...other,
        upload,
        parent: null,
        message: "",
        files: [file],
      }),
    ).rejects.toMatchObject({ code: "not_found" });
  });

  test("aborted, expired, replaced or uncommitted leaves no object behind once the sweeper came, and touches no revision", async () => {
    const aborted = await begin();
    await put(aborted, "a.bin", Buffer.from("a"));
    await abortUpload(t.vault, cast.job.caller, aborted);
    const replaced = await begin();
    await put(replaced, "b.bin", Buffer.from("b1"));
    const file = await put(replaced, "b.bin", Buffer.from("b2"));
    await put(replaced, "unnamed.bin", Buffer.from("c"));
    await commitOf(replaced, [file], await head());
    await put(await begin(), "expired.bin", Buffer.from("d"));
    t.clock.advance({ days: 30 });
    await sweep(t.vault);
    await sweep(t.vault);
    const named = await t.vault.database.db
      .selectFrom("revision_file")
      .select("object")
      .distinct()
      .execute();
    expect(await storedKeys()).toEqual(named.map(({ object }) => objectKey(object)).toSorted());
    const states = await t.vault.database.db
      .selectFrom("object")
      .select("state")
      .distinct()
      .orderBy("state")
      .execute();
    expect(states.map(({ state }) => state)).toEqual(["removed", "sealed"]);
  });

  test("given up leaves no object behind though one before it cannot be removed, and that one goes once it can", async () => {
    const upload = await begin();
    for (const path of ["a.bin", "b.bin", "c.bin"]) await put(upload, path, Buffer.from(path));
    const { db } = t.vault.database;
    const rows = await db
      .selectFrom("upload_file")
      .select("object")
      .where("upload", "=", upload)
      .execute();
    const keys = rows.map(({ object }) => objectKey(object));
    const left = async () => (await storedKeys()).filter((key) => keys.includes(key));
    await abortUpload(t.vault, cast.job.caller, upload);
    t.clock.advance({ days: 30 });
    const [stuck = ""] = keys;
    store.stuck = stuck;
    for (let sweeps = 0; sweeps < 2; sweeps += 1)
      await expect(sweep(t.vault)).rejects.toThrow("the sweeper could not finish");
    expect(await left()).toEqual([stuck]);
    store.stuck = "";
    await sweep(t.vault);
    expect(await left()).toEqual([]);
  });

  test("a wrapped key swapped with that of another object of the repository opens neither", async () => {
    const { db } = t.vault.database;
    await uploadRevision(
      t.vault,
      cast.job,
      { "one.bin": Buffer.from("one"), "two.bin": Buffer.from("two") },
      await head(),
    );
    const rows = await db
      .selectFrom("revision_file")
      .innerJoin("object", "object.id", "revision_file.object")
      .select(["object.id", "object.wrapped_key", "revision_file.path"])
      .where("revision", "=", (await head()) ?? "")
      .orderBy("path")
      .execute();
    const take = async (path: string) => {
      const pair = await newRecipientKeyPair();
      const request = {
        ...model,
        revision: "main",
        paths: [path],
        way: "enclosed",
        recipientKey: pair.publicKey,
        destination: unitedStates,
      } as const;
      const { enclosed } = await releaseEnclosed(t.vault, cast.reader.caller, request);
      return enclosed === null
        ? null
        : await pair.open(enclosed.enclosure, releaseInfo(enclosed.place.leaf));
    };
    const [one, two] = rows;
    if (one === undefined || two === undefined) throw new Error("two files are needed");
    await db
      .updateTable("object")
      .set({ wrapped_key: two.wrapped_key })
      .where("id", "=", one.id)
      .execute();
    await db
      .updateTable("object")
      .set({ wrapped_key: one.wrapped_key })
      .where("id", "=", two.id)
      .execute();
    for (const { path } of rows)
      await expect(take(path)).rejects.toMatchObject({ code: "wrapped_key_rejected" });
    for (const row of rows)
      await db
        .updateTable("object")
        .set({ wrapped_key: row.wrapped_key })
        .where("id", "=", row.id)
        .execute();
    using keys = await take("one.bin");
    using key = new Secret(Buffer.from(keys?.expose() ?? []));
    // The bytes of one object under the key of another, or under another's id, do not open either.
    const sealedAs = async (bytesOf: string, id: string) => {
      for await (const _ of openSealed(t.vault.store.read(objectKey(bytesOf)), {
        key,
        aad: aadOf(id),
      }))
        continue;
    };
    await sealedAs(one.id, one.id);
    await expect(sealedAs(two.id, two.id)).rejects.toMatchObject({ code: "object_corrupt" });
    await expect(sealedAs(one.id, two.id)).rejects.toMatchObject({ code: "object_corrupt" });
  });
});

/** A store whose last byte reads wrong while `state.corrupts` holds. */
function corruptible(
  store: BlobStore,
  state: { readonly corrupts: boolean; readonly stuck: string },
): BlobStore {
  return {
    create: async (key) => store.create(key),
    begin: async (key, parts) => store.begin(key, parts),
    resume: async (key, session, parts) => store.resume(key, session, parts),
    abandon: async (key) => store.abandon(key),
    stat: async (key) => store.stat(key),
    readTagged: async (key) => store.readTagged(key),
    replace: async (key, bytes, ifMatch) => store.replace(key, bytes, ifMatch),
    remove: async (key) => {
      if (key === state.stuck) throw new Error("this one cannot be removed");
      await store.remove(key);
    },
    locate: async (key, seconds) => store.locate(key, seconds),
    list: (prefix) => store.list(prefix),
    check: async () => store.check(),
    read: async function* (key, range) {
      for await (const piece of store.read(key, range)) {
        const bytes = Buffer.from(piece);
        if (state.corrupts) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        yield bytes;
      }
    },
  };
}
