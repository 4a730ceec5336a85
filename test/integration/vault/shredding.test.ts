import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { newRecipientKeyPair } from "../../../src/crypto/enclosure.ts";
import { openEvidence } from "../../../src/vault/evidence.ts";
import { findRevision, manifestOf } from "../../../src/vault/find-revision.ts";
import { liftHold, placeHold } from "../../../src/vault/hold.ts";
import { objectKey } from "../../../src/vault/object.ts";
import { readSealed } from "../../../src/vault/read-sealed.ts";
import { releaseEnclosed } from "../../../src/vault/release.ts";
import { createRepository, findRepository } from "../../../src/vault/repository.ts";
import { commitRevision } from "../../../src/vault/revision.ts";
import { rewrapKeys } from "../../../src/vault/rewrap.ts";
import { beginRotation } from "../../../src/vault/rotate.ts";
import { approveShredding, proposeShredding } from "../../../src/vault/shred.ts";
import { releaseStream } from "../../../src/vault/stream.ts";
import { sweep } from "../../../src/vault/sweep.ts";
import { openUpload, putFile } from "../../../src/vault/upload.ts";
import type { Vault } from "../../../src/vault/vault.ts";
import { type Cast, chunked, model, stage, unitedStates } from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { withFaults } from "../../support/faults.ts";
import { bodiesOf, verified } from "../../support/ledger.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

const gone = { code: "shredded", status: 410 };

forEachDatabase("a shredding", (open) => {
  let t: TestVault;
  let cast: Cast;
  let repository: string;
  let head: string;
  const objects = new Map<string, string>();

  const propose = async (object: string | null) =>
    await proposeShredding(t.vault, cast.first.caller, { ...model, object });
  const approve = async (shredding: string, object: string | null, who = cast.second) =>
    await approveShredding(t.vault, who.caller, { ...model, object, shredding });
  const shred = async (object: string | null) =>
    await approve((await propose(object)).shredding, object);
  const objectOf = (path: string) => objects.get(path) ?? "";

  const asked = { ...model, destination: unitedStates };
  const stream = async (path: string, revision = "main", vault: Vault = t.vault) =>
    await releaseStream(vault, cast.reader.caller, { ...asked, revision, path });
  const read = async (path: string, revision = "main"): Promise<string> => {
    const answer = await stream(path, revision);
    const size = answer.stream?.file.size ?? 0;
    const pieces: Buffer[] = [];
    for await (const piece of answer.stream?.read({ start: 0, end: size }) ?? [])
      pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces).toString("utf8");
  };
  const enclosed = async (paths: readonly string[] | null, vault: Vault = t.vault) => {
    const { publicKey } = await newRecipientKeyPair();
    return await releaseEnclosed(vault, cast.reader.caller, {
      ...asked,
      revision: "main",
      paths,
      way: "enclosed",
      recipientKey: publicKey,
    });
  };
  /** Commits a revision on the head: new files, and others kept from it. */
  const commit = async (files: Readonly<Record<string, string>>, kept: readonly string[] = []) => {
    const parent = head;
    const { files: before } = manifestOf(
      await findRevision(
        t.vault.database.db,
        await findRepository(t.vault.database.db, model),
        parent,
      ),
    );
    const { upload } = await openUpload(t.vault, cast.job.caller, model);
    const named = before.filter(({ path }) => kept.includes(path));
    for (const [path, text] of Object.entries(files)) {
      const bytes = Buffer.from(text);
      const put = await putFile(t.vault, cast.job.caller, {
        upload,
        path,
        sizeBytes: bytes.length,
        source: chunked(bytes),
      });
      objects.set(path, put.object);
      named.push(put);
    }
    ({ revision: head } = await commitRevision(t.vault, cast.job.caller, {
      ...model,
      upload,
      parent,
      message: "",
      files: named.map(({ path, size, sha256 }) => ({ path, size, sha256 })),
    }));
    return head;
  };
  const rowOf = async (id: string) =>
    await t.vault.database.db
      .selectFrom("object")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
  const errors = async () =>
    (await verified(t)).findings.filter(({ severity }) => severity === "error");

  beforeAll(async () => {
    t = await startVault({ database: await open() });
    cast = await stage(t.vault, { bytes: Buffer.from("weights") });
    head = cast.revision;
    ({ id: repository } = await findRepository(t.vault.database.db, model));
    await commit({ "a.bin": "a", "b.bin": "b", "c.bin": "c" });
    await commit({ "d.bin": "d", "e.bin": "e", "f.bin": "f" }, ["a.bin", "b.bin", "c.bin"]);
  });
  afterAll(async () => await t.stop());

  describe("of an object", () => {
    test("is proposed with every revision that shares it, and destroys nothing yet", async () => {
      const {
        objects: count,
        bytes,
        revisions,
        restorableUntil,
      } = await propose(objectOf("a.bin"));
      expect({ count, bytes, restorableUntil }).toEqual({
        count: 1,
        bytes: 1n,
        restorableUntil: "2026-12-28",
      });
      expect(revisions).toHaveLength(2);
      expect(revisions).toContain(head);
      expect(await read("a.bin")).toBe("a");
      expect(await bodiesOf(t.vault.database, "shredding.approved")).toEqual([]);
    });

    test("is not approved by its proposer, nor of another object, nor after a month, nor unproposed", async () => {
      const object = objectOf("a.bin");
      const { shredding } = await propose(object);
      await expect(approve(shredding, object, cast.first)).rejects.toMatchObject({
        code: "two_person_rule",
      });
      await expect(approve(shredding, objectOf("b.bin"))).rejects.toMatchObject({
        code: "not_found",
      });
      await expect(approve(shredding, null)).rejects.toMatchObject({
        code: "not_found",
        message: "this shredding was proposed of another object: approve exactly what was proposed",
      });
      await expect(approve(repository, object)).rejects.toMatchObject({ code: "not_found" });
      t.clock.advance({ days: 31 });
      await expect(approve(shredding, object)).rejects.toMatchObject({ code: "conflict" });
      t.clock.advance({ days: -31 });
      expect(await read("a.bin")).toBe("a");
    });

    test("is not done while nobody states how long backups are kept", async () => {
      const limits = { ...t.vault.limits, backupRetentionDays: null };
      const target = { ...model, object: objectOf("a.bin") };
      await expect(
        proposeShredding({ ...t.vault, limits }, cast.first.caller, target),
      ).rejects.toMatchObject({ code: "backup_retention_unstated" });
    });

    test("approved by another officer leaves no wrapped key, and the ledger tells what is gone and until when a backup restores it", async () => {
      const object = objectOf("a.bin");
      const { sha256 } = await rowOf(object);
      const { shredding } = await propose(object);
      const answer = await approve(shredding, object);
      expect(answer.revisions).toHaveLength(2);
      expect(await rowOf(object)).toMatchObject({ wrapped_key: null, shredding });
      const common = {
        shredding,
        repository,
        by: cast.second.principal,
        under: cast.second.caller.token,
        person: cast.second.person,
        scope: "object",
        restorableUntil: "2026-12-28",
      };
      expect(await bodiesOf(t.vault.database, "shredding.approved")).toEqual([
        {
          ...common,
          object,
          count: 1,
          bytes: "1",
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
        },
      ]);
      expect(await bodiesOf(t.vault.database, "repository.shredded")).toMatchObject([
        {
          ...common,
          objects: [{ object, sha256: sha256?.toString("hex") }],
          revisions: expect.arrayContaining([{ revision: head, files: 6 }]) as unknown,
        },
      ]);
      expect(await errors()).toEqual([]);
    });

    test("is opened by no release of any kind afterwards, while the revision's other files are", async () => {
      await expect(stream("a.bin")).rejects.toMatchObject(gone);
      await expect(enclosed(["a.bin"])).rejects.toMatchObject(gone);
      await expect(enclosed(null)).rejects.toMatchObject({
        ...gone,
        members: { objects: [objectOf("a.bin")] },
      });
      expect(await read("b.bin")).toBe("b");
      expect((await enclosed(["b.bin", "d.bin"])).enclosed).not.toBeNull();
    });

    test("stays gone where a database administrator puts the row of a backup back", async () => {
      const object = objectOf("b.bin");
      const { wrapped_key: backup } = await rowOf(object);
      await shred(object);
      const { db } = t.vault.database;
      const restore = db
        .updateTable("object")
        .set({ wrapped_key: backup, shredding: null, state: "sealed" })
        .where("id", "=", object);
      await expect(restore.execute()).rejects.toThrow("object: UPDATE refused");
      await sql`alter table object disable trigger keep_object`.execute(db);
      await restore.execute();
      await sql`alter table object enable trigger keep_object`.execute(db);
      await expect(stream("b.bin")).rejects.toMatchObject(gone);
      await expect(enclosed(["b.bin"])).rejects.toMatchObject(gone);
    });

    test("keeps its manifest, decisions and evidence, and the sweeper removes its bytes", async () => {
      const object = objectOf("a.bin");
      const { release } = await t.vault.database.db
        .selectFrom("release_object")
        .select("release")
        .where("object", "=", object)
        .limit(1)
        .executeTakeFirstOrThrow();
      const { store } = t.vault;
      const keys = async () => {
        const found: string[] = [];
        for await (const key of store.list("objects")) found.push(String(key));
        return found.some((key) => key.endsWith(object));
      };
      expect(await keys()).toBe(true);
      await sweep(t.vault);
      expect(await keys()).toBe(false);
      expect((await rowOf(object)).state).toBe("removed");
      expect((await openEvidence(t.vault, release)).decision.verdict).toBe("allow");
      const row = await findRevision(
        t.vault.database.db,
        await findRepository(t.vault.database.db, model),
        "main",
      );
      expect(manifestOf(row).files.map((file) => file.object)).toContain(object);
      expect(objectKey(object)).toContain(object);
    });

    test("is not carried on into a new revision, and may be uploaded anew", async () => {
      await expect(commit({ "g.bin": "g" }, ["a.bin"])).rejects.toMatchObject(gone);
      await commit({ "a.bin": "new a", "g.bin": "g" }, ["c.bin", "d.bin"]);
      expect(await read("a.bin")).toBe("new a");
      expect((await enclosed(null)).enclosed).not.toBeNull();
    });

    test("is refused twice, and for what the repository does not have", async () => {
      const { object } = await t.vault.database.db
        .selectFrom("object")
        .select("id as object")
        .where("shredding", "is not", null)
        .limit(1)
        .executeTakeFirstOrThrow();
      await expect(propose(object)).rejects.toMatchObject(gone);
      await expect(propose(repository)).rejects.toMatchObject({ code: "not_found" });
    });

    test("keeps the enclosed keys' ciphertext from whom it was delivered to", async () => {
      const { decided } = await enclosed(["c.bin"]);
      const object = objectOf("c.bin");
      const sealed = { release: decided.release, object };
      expect((await readSealed(t.vault, cast.reader.caller, sealed)).sizeBytes).toBeGreaterThan(0);
      await shred(object);
      await expect(readSealed(t.vault, cast.reader.caller, sealed)).rejects.toMatchObject(gone);
    });
  });

  describe("beside a hold", () => {
    const hold = async (scope: "everything" | "repository" | "person", target: string | null) => {
      const request = { kind: "legal", scope, target, reference: "M-1", reason: "r" } as const;
      return (await placeHold(t.vault, cast.first.caller, request)).hold;
    };
    const lift = async (id: string) =>
      await liftHold(t.vault, cast.second.caller, { id, reason: "r", authorization: null });

    test.each(["everything", "repository", "person"] as const)(
      "on the %s is refused, proposed or approved, and possible when it is lifted",
      async (scope) => {
        const object = objectOf("d.bin");
        const { shredding } = await propose(object);
        const target = { everything: null, repository, person: cast.reader.person }[scope];
        const id = await hold(scope, target);
        const held = { code: "record_held", members: { holds: [id] } };
        await expect(propose(object)).rejects.toMatchObject(held);
        await expect(propose(null)).rejects.toMatchObject(held);
        await expect(approve(shredding, object)).rejects.toMatchObject(held);
        await lift(id);
        await propose(object);
        expect((await rowOf(object)).wrapped_key).not.toBeNull();
      },
    );

    test("on a repository or a person that these weights have nothing to do with is possible", async () => {
      const other = await createRepository(t.vault, cast.job.caller, {
        namespace: "lab",
        name: "other",
      });
      const ids = [
        await hold("repository", other.repository),
        await hold("person", cast.visitor.person),
      ];
      await propose(objectOf("d.bin"));
      for (const id of ids) await lift(id);
    });
  });

  describe("beside a release under way", () => {
    /** A vault that shreds once, as soon as a key of an object was unwrapped. */
    const shreddingMeanwhile = (object: string): Vault => {
      const { custodian } = t.vault;
      let isDone = false;
      const unwrap: typeof custodian.unwrap = async (wrapped, context, kek) => {
        const key = await custodian.unwrap(wrapped, context, kek);
        if (context["weightvault:object"] === object && !isDone) {
          isDone = true;
          await shred(object);
        }
        return key;
      };
      return { ...t.vault, custodian: { keyId: custodian.keyId, unwrap } as Vault["custodian"] };
    };

    test("enclosed keys are not delivered once their object is shredded, and the release ends as failed", async () => {
      const before = (await bodiesOf(t.vault.database, "release.delivered")).length;
      await commit({ "e.bin": "e2", "h.bin": "h", "i.bin": "i" }, []);
      await expect(
        enclosed(["e.bin"], shreddingMeanwhile(objectOf("e.bin"))),
      ).rejects.toMatchObject(gone);
      expect(await bodiesOf(t.vault.database, "release.delivered")).toHaveLength(before);
      expect((await bodiesOf(t.vault.database, "release.failed")).at(-1)).toMatchObject({
        bytes: "0",
        reason: "shredded",
      });
      expect(await errors()).toEqual([]);
    });

    test("a stream's next range is refused", async () => {
      const answer = await stream("h.bin");
      await shred(objectOf("h.bin"));
      const asking = answer.stream?.read({ start: 0, end: 1 });
      await expect(asking?.next()).rejects.toMatchObject(gone);
      expect(await errors()).toEqual([]);
    });

    test("no release is allowed after it in the ledger, however the two are timed", async () => {
      await commit({ "j.bin": "j", "k.bin": "k", "l.bin": "l" }, ["i.bin"]);
      for (const path of ["j.bin", "k.bin", "l.bin"]) {
        const object = objectOf(path);
        const { shredding } = await propose(object);
        const settled = await Promise.allSettled([
          read(path),
          approve(shredding, object),
          read(path),
          stream(path),
        ]);
        expect(settled[1]).toMatchObject({ status: "fulfilled" });
        for (const each of settled)
          if (each.status === "rejected") expect(each.reason).toMatchObject(gone);
      }
      expect(await errors()).toEqual([]);
    });

    test("a rotation beside it brings no key back", async () => {
      const object = objectOf("i.bin");
      const { custodian } = t.vault;
      await beginRotation(t.vault, cast.first.caller);
      const rewrap: typeof custodian.rewrap = async (wrapped, context, kek) => {
        const made = await custodian.rewrap(wrapped, context, kek);
        if (context["weightvault:object"] === object) await shred(object);
        return made;
      };
      const slow = { keyId: custodian.keyId, rewrap } as Vault["custodian"];
      expect(await rewrapKeys({ ...t.vault, custodian: slow })).toMatchObject({ isFinished: true });
      expect((await rowOf(object)).wrapped_key).toBeNull();
    });
  });

  test("a wrapped key is not taken away without two officers' entry", async () => {
    const { db } = t.vault.database;
    const { id } = await db
      .selectFrom("object")
      .select("id")
      .where("wrapped_key", "is not", null)
      .limit(1)
      .executeTakeFirstOrThrow();
    const another = await db
      .selectFrom("object")
      .select("shredding")
      .where("shredding", "is not", null)
      .limit(1)
      .executeTakeFirstOrThrow();
    for (const shredding of [repository, another.shredding])
      await expect(
        sql`update object set wrapped_key = null, shredding = ${shredding}, state = 'removing' where id = ${id}`.execute(
          db,
        ),
      ).rejects.toThrow("object: UPDATE refused");
    await expect(sql`delete from object where id = ${id}`.execute(db)).rejects.toThrow(
      "object: DELETE refused",
    );
  });

  describe("of a repository that is uploaded to meanwhile", () => {
    const begun = async (name: string) => {
      const named = { namespace: "lab", name };
      const { repository: id } = await createRepository(t.vault, cast.job.caller, named);
      const target = { ...named, object: null };
      const { shredding } = await proposeShredding(t.vault, cast.first.caller, target);
      const shredNow = async () =>
        await approveShredding(t.vault, cast.second.caller, { ...target, shredding });
      return { named, id, shredNow };
    };

    test("lets no upload open that looked before it", async () => {
      const { named, id, shredNow } = await begun("opening");
      const { db } = t.vault.database;
      const late = new Proxy(db, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name, target);
          if (name === "transaction")
            return () => ({
              execute: async (
                work: Parameters<ReturnType<typeof db.transaction>["execute"]>[0],
              ) => {
                await shredNow();
                return await target.transaction().execute(work);
              },
            });
          return typeof member === "function" ? member.bind(target) : member;
        },
      });
      const vault = { ...t.vault, database: { ...t.vault.database, db: late } };
      await expect(openUpload(vault, cast.job.caller, named)).rejects.toMatchObject(gone);
      const open = db.selectFrom("upload").select("id").where("repository", "=", id);
      expect(await open.execute()).toEqual([]);
    });

    test("leaves no key that was generated before it and kept after it", async () => {
      const { named, id, shredNow } = await begun("keeping");
      const { upload } = await openUpload(t.vault, cast.job.caller, named);
      const custodian = withFaults(t.vault.custodian);
      const act = async () => void (await shredNow());
      custodian.arm({ method: "generate", nth: 1, when: "after", act });
      const file = { upload, path: "a.bin", sizeBytes: 1, source: chunked(Buffer.from("a")) };
      await expect(
        putFile({ ...t.vault, custodian: custodian.port }, cast.job.caller, file),
      ).rejects.toMatchObject({ code: "upload_closed" });
      const keys = t.vault.database.db
        .selectFrom("object")
        .select("id")
        .where("repository", "=", id)
        .where("wrapped_key", "is not", null);
      expect(await keys.execute()).toEqual([]);
    });
  });

  describe("of a repository", () => {
    test("takes every key, those of uploads under way too, and no upload, commit or release comes after it", async () => {
      const { upload } = await openUpload(t.vault, cast.job.caller, model);
      const put = await putFile(t.vault, cast.job.caller, {
        upload,
        path: "late.bin",
        sizeBytes: 4,
        source: chunked(Buffer.from("late")),
      });
      const { objects: count, revisions } = await shred(null);
      expect(count).toBeGreaterThan(2);
      expect(revisions).toEqual([]);
      expect((await rowOf(put.object)).wrapped_key).toBeNull();
      const left = await t.vault.database.db
        .selectFrom("object")
        .select("id")
        .where("repository", "=", repository)
        .where("wrapped_key", "is not", null)
        .where("state", "<>", "sealed")
        .execute();
      expect(left).toEqual([]);
      const files = [{ path: "late.bin", size: put.size, sha256: put.sha256 }];
      const commitment = { ...model, upload, parent: head, message: "", files };
      await expect(commitRevision(t.vault, cast.job.caller, commitment)).rejects.toMatchObject({
        code: "upload_closed",
      });
      await expect(openUpload(t.vault, cast.job.caller, model)).rejects.toMatchObject(gone);
      await expect(stream("late.bin", cast.revision)).rejects.toMatchObject({ code: "not_found" });
      await expect(stream("weights.safetensors", cast.revision)).rejects.toMatchObject(gone);
      await expect(enclosed(null)).rejects.toMatchObject(gone);
      await expect(propose(null)).rejects.toMatchObject(gone);
    });

    test("leaves a ledger that verifies and says what was destroyed", async () => {
      const report = await verified(t);
      expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
      const told = report.findings.filter(({ code }) => code === "weights_shredded");
      expect(told.at(-1)?.message).toMatch(
        /objects of repository .* were shredded; a backup may restore them until 2026-12-28$/,
      );
      expect(report.findings.map(({ code }) => code)).not.toContain("shredding_unlisted");
      expect(report.findings.map(({ code }) => code)).not.toContain("unknown_kind");
    });
  });
});
