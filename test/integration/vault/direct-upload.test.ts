import { createHash, randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import {
  newRecipientKeyPair,
  type RecipientKeyPair,
  uploadInfo,
} from "../../../src/crypto/enclosure.ts";
import type { Custodian } from "../../../src/custody/custodian.ts";
import type { Signer } from "../../../src/custody/signer.ts";
import type { Database } from "../../../src/database/open.ts";
import { Refusal } from "../../../src/errors.ts";
import { plaintextPartsOf } from "../../../src/floe/layout.ts";
import { Sealer } from "../../../src/floe/seal.ts";
import { leafHash } from "../../../src/merkle/tree.ts";
import type { BlobStore } from "../../../src/storage/blob-store.ts";
import { completeParted } from "../../../src/vault/complete-parted.ts";
import { locatePart } from "../../../src/vault/locate-part.ts";
import { aadOf, objectKey, unwrapKey } from "../../../src/vault/object.ts";
import { abortParted, beginParted, readParted } from "../../../src/vault/parted.ts";
import { proveDeclared } from "../../../src/vault/prove-declared.ts";
import { putPart } from "../../../src/vault/put-part.ts";
import { releaseEnclosed } from "../../../src/vault/release.ts";
import { commitRevision } from "../../../src/vault/revision.ts";
import { rewrapKeys } from "../../../src/vault/rewrap.ts";
import { beginRotation } from "../../../src/vault/rotate.ts";
import { approveShredding, proposeShredding } from "../../../src/vault/shred.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { sweep } from "../../../src/vault/sweep.ts";
import { abortUpload, openUpload } from "../../../src/vault/upload.ts";
import { releaseUploadKey, type UploadKey } from "../../../src/vault/upload-key.ts";
import type { Vault } from "../../../src/vault/vault.ts";
import {
  addPerson,
  type Cast,
  chunked,
  model,
  sha256,
  stage,
  unitedStates,
  usPerson,
} from "../../support/actors.ts";
import { AddressedStore } from "../../support/addressed-store.ts";
import { openMemory } from "../../support/database.ts";
import { type Faulty, failing, withFaults } from "../../support/faults.ts";
import { entriesOf, verified } from "../../support/ledger.ts";
import { until } from "../../support/until.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

const { partBytes, segments } = plaintextPartsOf(2 ** 24);
const whole = randomBytes(partBytes + 100_000);
const partOf = (part: number, bytes = whole) =>
  bytes.subarray((part - 1) * partBytes, part * partBytes);
const refused = (code: string) => expect.objectContaining({ code });

describe("a file that its uploader seals", () => {
  let database: Database;
  let t: TestVault;
  let cast: Cast;
  let store: Faulty<BlobStore>;
  let custodian: Faulty<Custodian>;
  let signer: Faulty<Signer>;
  let addressed: AddressedStore;
  let head: string;

  beforeAll(async () => {
    database = await openMemory();
    t = await startVault({
      database,
      wrap: (adapters) => {
        addressed = new AddressedStore(adapters.store, () => t.clock.now());
        store = withFaults(addressed.store);
        custodian = withFaults(adapters.custodian);
        signer = withFaults(adapters.signer);
        return {
          ...adapters,
          store: store.port,
          custodian: custodian.port,
          signer: signer.port,
        };
      },
    });
    cast = await stage(t.vault, { bytes: Buffer.from("weights") });
    head = cast.revision;
  });
  afterEach(() => {
    store.disarm();
    custodian.disarm();
    signer.disarm();
  });
  afterAll(async () => {
    const report = await verified(t);
    await t.stop();
    await database.close();
    expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  });

  async function begin(declared = sha256(whole), path = "weights.bin") {
    const { upload } = await openUpload(t.vault, cast.job.caller, model);
    const { object } = await beginParted(t.vault, cast.job.caller, {
      upload,
      path,
      sizeBytes: whole.length,
      sha256: declared,
    });
    return { upload, object: object.object };
  }
  type Address = Awaited<ReturnType<typeof begin>>;

  async function ask(at: Address, vault: Vault = t.vault, caller = cast.job.caller) {
    const pair = await newRecipientKeyPair();
    const handed = await releaseUploadKey(vault, caller, { ...at, recipientKey: pair.publicKey });
    return { handed, pair };
  }

  /** As a client opens it: under the leaf of the entry that the receipt proves. */
  async function open({ handed, pair }: { handed: UploadKey; pair: RecipientKeyPair }) {
    const leaf = leafHash(Buffer.from(handed.receipt.entry, "base64"));
    const key = await pair.open(handed.enclosure, uploadInfo(leaf));
    if (key === null) throw new Error("the enclosure does not open");
    return key;
  }

  async function sealerOf(at: Address): Promise<Sealer> {
    const asked = await ask(at);
    using key = await open(asked);
    return new Sealer({ key, aad: aadOf(at.object), header: asked.handed.header });
  }

  function seal(sealer: Sealer, part: number, bytes = whole): Buffer {
    using stream = sealer.stream((part - 1) * segments);
    const head = part === 1 ? [sealer.header] : [];
    const pieces = stream.write(partOf(part, bytes));
    const end = part === 2 ? stream.finish() : stream.finishPart();
    return Buffer.concat([...head, ...pieces, ...end]);
  }

  const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  async function locate(at: Address, part: number, sealed: Buffer, more: object = {}) {
    const located = await locatePart(t.vault, cast.job.caller, {
      ...at,
      part,
      sizeBytes: partOf(part).length,
      sha256: sha256(partOf(part)),
      sealedSha256: digest(sealed),
      ...more,
    });
    return located.url.expose().toString("utf8");
  }
  async function send(at: Address, part: number, sealed: Buffer): Promise<void> {
    expect(await addressed.put(await locate(at, part, sealed), sealed)).toBe(200);
  }
  async function sendAll(at: Address, bytes = whole): Promise<void> {
    using sealer = await sealerOf(at);
    for (const part of [2, 1]) await send(at, part, seal(sealer, part, bytes));
  }
  const complete = async (at: Address, vault: Vault = t.vault) =>
    await completeParted(vault, cast.job.caller, at, 60_000);
  const read = async (at: Address) => await readParted(t.vault, cast.job.caller, at);
  const heldOf = async (at: Address) => (await read(at)).held.map(({ part }) => part);
  const prove = async (vault: Vault = t.vault) => {
    const failures: unknown[] = [];
    const signal = new AbortController().signal;
    const onFailure = (error: unknown) => failures.push(error);
    await proveDeclared(vault, { onFailure, signal });
    return failures;
  };
  async function sendThrough(at: Address, part: number) {
    const bytes = partOf(part);
    await putPart(t.vault, cast.job.caller, {
      ...at,
      part,
      sizeBytes: bytes.length,
      sha256: sha256(bytes),
      source: chunked(bytes),
    });
  }

  async function commit(at: Address, declared = sha256(whole), path = "weights.bin") {
    const { revision } = await commitRevision(t.vault, cast.job.caller, {
      ...model,
      upload: at.upload,
      parent: head,
      message: "",
      files: [{ path, size: whole.length, sha256: declared }],
      lineage: null,
    });
    head = revision;
  }
  async function release(vault: Vault = t.vault) {
    const { publicKey } = await newRecipientKeyPair();
    return await releaseEnclosed(vault, cast.reader.caller, {
      ...model,
      revision: "main",
      paths: null,
      way: "enclosed",
      recipientKey: publicKey,
      destination: unitedStates,
    });
  }
  /** The vault, by whose settings a release need not wait for the read. */
  const admitting = (): Vault => ({
    ...t.vault,
    limits: { ...t.vault.limits, releaseDeclared: "allow" },
  });
  const entriesAbout = async (object: string) =>
    (await entriesOf(database)).filter(({ body }) => body["object"] === object);
  const kindsAbout = async (at: Address) => (await entriesAbout(at.object)).map(({ kind }) => kind);

  test("is sealed under a key whose hand-out is in the ledger, and held as the store lists it", async () => {
    const at = await begin();
    await sendAll(at);
    const [entry] = await entriesAbout(at.object);
    expect(entry?.body).toMatchObject({
      upload: at.upload,
      by: cast.job.caller.principal,
      sha256: sha256(whole),
      bytes: String(whole.length),
    });
    expect(await read(at)).toMatchObject({
      state: "open",
      held: [1, 2].map((part) => ({ part, sha256: sha256(partOf(part)) })),
    });
    const file = { path: "weights.bin", size: whole.length, sha256: sha256(whole) };
    const sealed = { state: "sealed", file: { ...file, object: at.object } };
    expect(await complete(at)).toEqual(sealed);
    expect(await complete(at)).toEqual(sealed);
    expect(await kindsAbout(at)).toEqual(["upload.key-released", "object.declared"]);
    expect(await read(at)).toMatchObject({ state: "sealed", digest: "declared" });

    await commit(at);
    await expect(release()).rejects.toEqual(refused("digest_declared"));
    expect((await release(admitting())).decided.decision.verdict).toBe("allow");

    expect(await prove()).toEqual([]);
    expect(await kindsAbout(at)).toEqual([
      "upload.key-released",
      "object.declared",
      "object.proved",
    ]);
    expect(await read(at)).toMatchObject({ digest: "proved" });
    expect((await release()).enclosed).not.toBeNull();
  });

  test("that holds other bytes than declared is refuted on record and never released", async () => {
    const declared = sha256(Buffer.from("something else"));
    const at = await begin(declared);
    await sendAll(at);
    await complete(at);
    await commit(at, declared);
    expect((await release(admitting())).decided.decision.verdict).toBe("allow");
    expect(await prove()).toEqual([]);
    expect(await prove()).toEqual([]);
    expect(await kindsAbout(at)).toEqual([
      "upload.key-released",
      "object.declared",
      "object.refuted",
    ]);
    expect(await read(at)).toMatchObject({ digest: "refuted" });
    await expect(complete(at)).rejects.toEqual(refused("digest_refuted"));
    for (const vault of [t.vault, admitting()])
      await expect(release(vault)).rejects.toEqual(refused("digest_refuted"));
    // Rows say nothing: whoever writes the database makes nothing releasable.
    await database.db
      .updateTable("parted_object")
      .set({ failure: null, declared_at: null, read_at: null })
      .where("object", "=", at.object)
      .execute();
    await expect(release()).rejects.toEqual(refused("digest_refuted"));
  });

  test("is not refuted by one answer of the store that was garbled on its way", async () => {
    const at = await begin();
    await sendAll(at);
    await complete(at);
    let reads = 0;
    async function* garbled(...asked: Parameters<BlobStore["read"]>) {
      reads += 1;
      for await (const chunk of t.vault.store.read(...asked))
        yield reads === 1 ? Buffer.from(chunk.map((byte) => byte ^ 1)) : chunk;
    }
    const store = new Proxy(t.vault.store, {
      get: (target, name) => (name === "read" ? garbled : (Reflect.get(target, name) as unknown)),
    });
    expect(await prove({ ...t.vault, store })).toEqual([]);
    expect(reads).toBeGreaterThan(1);
    expect((await kindsAbout(at)).at(-1)).toBe("object.proved");
  });

  test("is proved by what its entry declares, and not by an edited row", async () => {
    const at = await begin(sha256(randomBytes(8)));
    await sendAll(at);
    await complete(at);
    const edit = async (values: { sha256?: Buffer; read_at?: null }) =>
      await database.db
        .updateTable("parted_object")
        .set(values)
        .where("object", "=", at.object)
        .returningAll()
        .executeTakeFirstOrThrow();
    const row = await read(at);
    await edit({ sha256: Buffer.from(sha256(whole), "hex") });
    expect(await prove()).toEqual([refused("record_tampered")]);
    expect((await kindsAbout(at)).at(-1)).toBe("object.declared");
    await edit({ sha256: Buffer.from(row.sha256, "hex") });
    t.clock.advance({ seconds: 61 });
    expect(await prove()).toEqual([]);
    const kinds = await kindsAbout(at);
    expect(kinds.at(-1)).toBe("object.refuted");
    await edit({ read_at: null });
    expect(await prove()).toEqual([refused("record_tampered")]);
    expect(await kindsAbout(at)).toEqual(kinds);
    await database.db
      .updateTable("parted_object")
      .set({ read_at: t.clock.now() })
      .where("object", "=", at.object)
      .execute();
  });

  test("that is refuted before its commit is taken anew by the same upload", async () => {
    const at = await begin();
    const other = randomBytes(whole.length);
    await sendAll(at, other);
    await complete(at);
    await prove();
    // The name is taken by another file of the parent, which is not what is committed.
    await expect(commit(at)).rejects.toEqual(refused("digest_mismatch"));
    const again = await beginParted(t.vault, cast.job.caller, {
      upload: at.upload,
      path: "weights.bin",
      sizeBytes: whole.length,
      sha256: sha256(whole),
    });
    expect(again.isNew).toBe(true);
  });

  test("an address takes the part's own bytes alone, until its time is over", async () => {
    const at = await begin();
    using sealer = await sealerOf(at);
    const sealed = seal(sealer, 2);
    const url = await locate(at, 2, sealed);
    expect(await addressed.put(url, sealed.subarray(1))).toBe(400);
    expect(await addressed.put(url, seal(sealer, 2))).toBe(400);
    expect(await heldOf(at)).toEqual([]);
    t.clock.advance({ seconds: 301 });
    expect(await addressed.put(url, sealed)).toBe(403);
    await send(at, 2, sealed);
    expect(await heldOf(at)).toEqual([2]);
    t.clock.advance({ seconds: 3_600 });
    await locate(at, 2, seal(sealer, 2));
    const located = await database.db
      .selectFrom("direct_part")
      .select("part")
      .where("object", "=", at.object)
      .execute();
    expect(located).toHaveLength(1);
    await send(at, 2, sealed);
    await expect(complete(at)).rejects.toMatchObject({
      code: "parts_missing",
      members: { parts: [1] },
    });
    for (const [more, code] of [
      [{ sizeBytes: 1 }, "size_mismatch"],
      [{ part: 3 }, "part_out_of_range"],
    ] as const)
      await expect(locate(at, 2, sealed, more)).rejects.toEqual(refused(code));
  });

  describe("that is given up while the store begins its session anew", () => {
    const sessions = async () => (await readdir(join(t.folder, "store", ".parts"))).toSorted();
    /** A file whose session the store lost, and a part of it that is to get an address. */
    async function lost() {
      const at = await begin();
      using sealer = await sealerOf(at);
      const sealed = seal(sealer, 2);
      await t.vault.store.abandon(objectKey(at.object));
      await database.db
        .updateTable("parted_object")
        .set({ session: null })
        .where("object", "=", at.object)
        .execute();
      const act = async () => await abortParted(t.vault, cast.job.caller, at);
      return { at, sealed, act, before: await sessions() };
    }

    test.each(["before", "after"] as const)(
      "gets no address and leaves no session there (%s the store began it)",
      async (when) => {
        const { at, sealed, act, before } = await lost();
        store.arm({ method: "begin", nth: 1, when, act });
        await expect(locate(at, 2, sealed)).rejects.toEqual(refused("upload_closed"));
        expect(await sessions()).toEqual(before);
      },
    );

    test("leaves a session at a store that went away until the next sweep, and not longer", async () => {
      await sweep(t.vault);
      const { at, sealed, act, before } = await lost();
      const down = failing(new Refusal("store_unavailable", "down on purpose"));
      store.arm({ method: "begin", nth: 1, when: "before", act });
      store.arm({ method: "writer.abort", nth: 1, when: "before", act: down });
      // The first one is of who gave the file up.
      store.arm({ method: "abandon", nth: 2, when: "before", act: down });
      await expect(locate(at, 2, sealed)).rejects.toEqual(refused("store_unavailable"));
      expect(await sessions()).toHaveLength(before.length + 1);
      await sweep(t.vault);
      expect(await sessions()).toEqual(before);
    });

    test("before its first session was there, it is not begun either", async () => {
      const { caller } = cast.job;
      const { upload } = await openUpload(t.vault, caller, model);
      const before = await sessions();
      const act = async () => {
        const { id: object } = await database.db
          .selectFrom("object")
          .select("id")
          .where("upload", "=", upload)
          .executeTakeFirstOrThrow();
        await abortParted(t.vault, caller, { upload, object });
      };
      store.arm({ method: "begin", nth: 1, when: "before", act });
      const file = { upload, path: "weights.bin", sizeBytes: 10, sha256: sha256(whole) };
      await expect(beginParted(t.vault, caller, file)).rejects.toEqual(refused("upload_closed"));
      expect(await sessions()).toEqual(before);
    });
  });

  test("a part that is sealed anew is held as the store has it, and goes beside parts through the vault", async () => {
    const at = await begin();
    using sealer = await sealerOf(at);
    const [first, second] = [seal(sealer, 1), seal(sealer, 1)];
    expect(first.equals(second)).toBe(false);
    await send(at, 1, first);
    expect(await heldOf(at)).toEqual([1]);
    const url = await locate(at, 1, second);
    expect(await heldOf(at)).toEqual([1]);
    expect(await addressed.put(url, second)).toBe(200);
    await sendThrough(at, 2);
    // The list that was read before is of the first seal.
    await complete(at).catch(async () => await complete(at));
    await prove();
    expect((await kindsAbout(at)).at(-1)).toBe("object.proved");
  });

  test.each([
    [
      "of another object",
      async (_: Sealer, at: Address) => {
        const other = await begin();
        using sealer = await sealerOf(other);
        expect(other.object).not.toBe(at.object);
        return seal(sealer, 2);
      },
    ],
    ["of random bytes", async (sealer: Sealer) => randomBytes(seal(sealer, 2).length)],
  ] as const)("a last part %s ends the file", async (_, other) => {
    const at = await begin();
    using sealer = await sealerOf(at);
    await send(at, 1, seal(sealer, 1));
    await send(at, 2, await other(sealer, at));
    await expect(complete(at)).rejects.toEqual(refused("object_corrupt"));
    await expect(complete(at)).rejects.toEqual(refused("object_corrupt"));
    await expect(ask(at)).rejects.toEqual(refused("object_corrupt"));
    expect(await kindsAbout(at)).toEqual(["upload.key-released"]);
  });

  test("a first part whose segments are swapped is found, at the latest by the read of the whole", async () => {
    const at = await begin();
    using sealer = await sealerOf(at);
    const sealed = seal(sealer, 1);
    const [one, two] = [74, 74 + 2 ** 20].map((from) =>
      Buffer.from(sealed.subarray(from, from + 2 ** 20)),
    );
    sealed.set(two ?? [], 74);
    sealed.set(one ?? [], 74 + 2 ** 20);
    await send(at, 1, sealed);
    await send(at, 2, seal(sealer, 2));
    const outcome = await complete(at).catch((error: unknown) => error);
    await prove();
    const last = (await kindsAbout(at)).at(-1);
    expect(last).toBe(outcome instanceof Refusal ? "upload.key-released" : "object.refuted");
  });

  test("two who complete it at once get one answer and make one entry", async () => {
    const at = await begin();
    await sendAll(at);
    const other = {
      ...t.vault,
      uploads: new (
        t.vault.uploads.constructor as typeof import("../../../src/vault/upload-work.ts").UploadWork
      )(),
    };
    const answers = await Promise.all([complete(at), complete(at), complete(at, other)]);
    expect(answers.filter(({ state }) => state === "sealed").length).toBeGreaterThan(1);
    expect(await complete(at)).toMatchObject({ state: "sealed" });
    expect(await kindsAbout(at)).toEqual(["upload.key-released", "object.declared"]);
  });

  test("an outage while it is completed or read is passed over: it goes on afterwards, and nothing is refuted by it", async () => {
    const at = await begin();
    await sendAll(at);
    const down = failing(new Refusal("custodian_unavailable", "down"));
    custodian.arm({ method: "unwrap", nth: 1, when: "before", act: down });
    await expect(complete(at)).rejects.toEqual(refused("custodian_unavailable"));
    await prove();
    await complete(at);
    custodian.arm({ method: "unwrap", nth: 1, when: "before", act: down });
    expect(await prove()).toEqual([refused("custodian_unavailable")]);
    expect(await read(at)).toMatchObject({ digest: "declared" });
    // Whoever failed keeps its claim until that runs out.
    t.clock.advance({ seconds: 61 });
    expect(await prove()).toEqual([]);
    expect(await read(at)).toMatchObject({ digest: "proved" });
  });

  describe("its key", () => {
    test("is handed out again to who goes on, with an entry for each", async () => {
      const at = await begin();
      const [one, other] = [await ask(at), await ask(at)];
      using first = await open(one);
      using second = await open(other);
      expect(first.equals(second)).toBe(true);
      expect(one.handed.key).not.toBe(other.handed.key);
      expect(await kindsAbout(at)).toEqual(["upload.key-released", "upload.key-released"]);
    });

    test("opens under its own entry and for its own recipient alone", async () => {
      const at = await begin();
      const [one, other] = [await ask(at), await ask(at)];
      const leaf = leafHash(Buffer.from(other.handed.receipt.entry, "base64"));
      expect(await one.pair.open(one.handed.enclosure, uploadInfo(leaf))).toBeNull();
      await expect(open({ ...one, pair: other.pair })).rejects.toThrow("does not open");
    });

    test("is for nobody but its uploader, and leaves no entry then", async () => {
      const at = await begin();
      const other = await addPerson(t.vault, cast.first, usPerson, ["uploader"]);
      await expect(ask(at, t.vault, other.caller)).rejects.toEqual(refused("not_found"));
      const recipientKey = randomBytes(65);
      await expect(
        releaseUploadKey(t.vault, cast.job.caller, { ...at, recipientKey }),
      ).rejects.toEqual(refused("invalid_recipient_key"));
      expect(await kindsAbout(at)).toEqual([]);
      await ask(at);
      // Whoever writes the database gives the upload to somebody else.
      await database.db
        .updateTable("upload")
        .set({ principal: other.caller.principal })
        .where("id", "=", at.upload)
        .execute();
      await expect(ask(at, t.vault, other.caller)).rejects.toEqual(refused("record_tampered"));
    });

    test("is never one that the vault has sealed under, whatever the rows say, and stays that of the first hand-out", async () => {
      const at = await begin();
      for (const part of [1, 2]) await sendThrough(at, part);
      await complete(at);
      const { db } = database;
      const rowOf = async () =>
        await db
          .selectFrom("object")
          .select(["wrapped_key", "custodian_key", "header", "repository"])
          .where("id", "=", at.object)
          .executeTakeFirstOrThrow();
      const sealed = await rowOf();
      using own = await unwrapKey(t.vault, { id: at.object, ...sealed }, sealed.repository);
      // Whoever writes the database makes the file look as if it were still to come.
      await db
        .updateTable("object")
        .set({ state: "opening" })
        .where("id", "=", at.object)
        .execute();
      await db
        .updateTable("parted_object")
        .set({ assembled_at: null })
        .where("object", "=", at.object)
        .execute();
      using handed = await open(await ask(at));
      expect(handed.equals(own)).toBe(false);
      const { wrapped_key, custodian_key, header } = sealed;
      for (const edited of [
        { wrapped_key, custodian_key },
        { wrapped_key, custodian_key, header },
      ]) {
        await db.updateTable("object").set(edited).where("id", "=", at.object).execute();
        await expect(ask(at)).rejects.toEqual(refused("record_tampered"));
      }
      await abortParted(t.vault, cast.job.caller, at);
    });

    test("that is handed out again while a completion was taken for dead keeps the file from being declared under the one before", async () => {
      const at = await begin();
      await sendAll(at);
      store.arm({
        method: "stat",
        nth: 1,
        when: "before",
        act: async () => {
          t.clock.advance({ seconds: 61 });
          await ask(at);
        },
      });
      await expect(complete(at)).rejects.toEqual(refused("conflict"));
      expect(await kindsAbout(at)).toEqual(["upload.key-released", "upload.key-released"]);
      await complete(at);
      expect((await kindsAbout(at)).at(-1)).toBe("object.declared");
      expect(await prove()).toEqual([]);
    });

    test("is not handed out first where parts came through the vault already, which are kept", async () => {
      const at = await begin();
      await sendThrough(at, 1);
      await expect(ask(at)).rejects.toEqual(refused("direct_unavailable"));
      expect(await kindsAbout(at)).toEqual([]);
      await sendThrough(at, 2);
      expect(await complete(at)).toMatchObject({ state: "sealed" });
    });

    test("is another than that of a part which was on its way through the vault, and that part is not held", async () => {
      const at = await begin();
      const source = async function* () {
        await ask(at);
        yield partOf(1);
      };
      const [part, sizeBytes] = [1, partOf(1).length];
      const sent = { ...at, part, sizeBytes, sha256: sha256(partOf(1)), source: source() };
      await expect(putPart(t.vault, cast.job.caller, sent)).rejects.toEqual(refused("conflict"));
      await sendAll(at);
      expect(await complete(at)).toMatchObject({ state: "sealed" });
    });

    test("is not handed out once the file is complete, given up, or its upload closed", async () => {
      const at = await begin();
      await sendAll(at);
      await complete(at);
      await expect(ask(at)).rejects.toEqual(refused("upload_closed"));
      const given = await begin();
      await abortParted(t.vault, cast.job.caller, given);
      await expect(ask(given)).rejects.toEqual(refused("upload_closed"));
      const closed = await begin();
      using sealer = await sealerOf(closed);
      await abortUpload(t.vault, cast.job.caller, closed.upload);
      await expect(ask(closed)).rejects.toEqual(refused("upload_closed"));
      await expect(locate(closed, 1, seal(sealer, 1))).rejects.toEqual(refused("upload_closed"));
    });

    test("is not handed out for a file that is just being completed", async () => {
      const at = await begin();
      await sendAll(at);
      await database.db
        .updateTable("parted_object")
        .set({ completing_until: new Date(t.clock.now().getTime() + 60_000) })
        .where("object", "=", at.object)
        .execute();
      await expect(ask(at)).rejects.toEqual(refused("conflict"));
    });

    test("does not leave while no signed checkpoint covers its entry, whatever less releases wait for", async () => {
      const at = await begin();
      const refuse = () => {
        signer.arm({ method: "sign", nth: 1, when: "before", act: refuse });
        failing(new Refusal("signer_unavailable", "armed"))();
      };
      signer.arm({ method: "sign", nth: 1, when: "before", act: refuse });
      const unwraps = () => custodian.calls.filter((call) => call === "unwrap").length;
      const before = unwraps();
      const { limits } = t.vault;
      for (const releaseAfter of ["entry", "checkpoint"] as const)
        await expect(
          ask(at, { ...t.vault, limits: { ...limits, releaseAfter, releaseWaitMs: 300 } }),
        ).rejects.toMatchObject({ code: "ledger_unavailable", status: 503 });
      expect(unwraps()).toBe(before);
      signer.disarm();
      await until(
        async () =>
          await t.ledger.check().then(
            () => true,
            () => false,
          ),
      );
      using key = await open(await ask(at));
      expect(key.sizeBytes).toBe(32);
    });

    test("does not leave while the custodian is down, nor after a revocation that came meanwhile", async () => {
      const at = await begin();
      const down = failing(new Refusal("custodian_unavailable", "down"));
      custodian.arm({ method: "unwrap", nth: 1, when: "before", act: down });
      await expect(ask(at)).rejects.toEqual(refused("custodian_unavailable"));
      custodian.arm({
        method: "unwrap",
        nth: 1,
        when: "after",
        act: async () => await abortUpload(t.vault, cast.job.caller, at.upload),
      });
      await expect(ask(at)).rejects.toEqual(refused("upload_closed"));
    });

    test("is of no use where the store gives no addresses, and is not handed out there", async () => {
      const at = await begin();
      const locateNothing = new Proxy(t.vault.store, {
        get: (target, property) =>
          property === "locate" ? async () => null : Reflect.get(target, property, target),
      });
      const vault = { ...t.vault, store: locateNothing };
      await expect(ask(at, vault)).rejects.toEqual(refused("direct_unavailable"));
      expect(await kindsAbout(at)).toEqual([]);
    });
  });

  test("whose uploader is suspended meanwhile gets no address and is not completed", async () => {
    const at = await begin();
    using sealer = await sealerOf(at);
    for (const part of [1, 2]) await send(at, part, seal(sealer, part));
    const target = { noun: "workload", id: cast.job.caller.workload ?? "" } as const;
    await changeStanding(t.vault, cast.first.caller, { ...target, change: "suspended" });
    try {
      for (const work of [ask(at), locate(at, 1, seal(sealer, 1)), complete(at)])
        await expect(work).rejects.toEqual(refused("principal_suspended"));
    } finally {
      await changeStanding(t.vault, cast.first.caller, { ...target, change: "reinstated" });
    }
    expect(await complete(at)).toMatchObject({ state: "sealed" });
  });

  test("goes on under another key-encryption key, and not once it is shredded", async () => {
    const at = await begin();
    using sealer = await sealerOf(at);
    await send(at, 1, seal(sealer, 1));
    const shredded = await begin();
    await sendAll(shredded);
    const target = { ...model, object: shredded.object };
    const { shredding } = await proposeShredding(t.vault, cast.first.caller, target);
    await approveShredding(t.vault, cast.second.caller, { ...target, shredding });
    await expect(ask(shredded)).rejects.toEqual(refused("shredded"));
    await expect(complete(shredded)).rejects.toEqual(refused("upload_closed"));
    expect(await kindsAbout(shredded)).not.toContain("object.declared");
    await beginRotation(t.vault, cast.first.caller);
    await rewrapKeys(t.vault, { onFailure: () => {}, signal: new AbortController().signal });
    await ask(at);
    await send(at, 2, seal(sealer, 2));
    await complete(at);
    expect(await prove()).toEqual([]);
    expect((await kindsAbout(at)).at(-1)).toBe("object.proved");
  });
});
