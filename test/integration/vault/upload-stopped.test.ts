import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { changeStanding } from "../../../src/vault/standing.ts";
import { sweep } from "../../../src/vault/sweep.ts";
import { revokeToken } from "../../../src/vault/token.ts";
import { abortUpload, listUpload, openUpload, putFile } from "../../../src/vault/upload.ts";
import {
  type Actor,
  addPerson,
  addWorkload,
  type Cast,
  model,
  stage,
  usPerson,
} from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

const chunkBytes = 100_000;
const chunks = 200;
const pauseMs = 50;

/** A client that takes ten seconds for its file, and tells when it was begun and how far it was read. */
function slowSource() {
  const begun = Promise.withResolvers<void>();
  const progress = { chunks: 0, isClosed: false };
  async function* read(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (; progress.chunks < chunks; progress.chunks += 1) {
        yield Buffer.alloc(chunkBytes, progress.chunks);
        if (progress.chunks === 2) begun.resolve();
        await sleep(pauseMs);
      }
    } finally {
      progress.isClosed = true;
    }
  }
  return { source: read(), begun: begun.promise, progress };
}

forEachDatabase("an upload goes on only while its caller stands", (open) => {
  let t: TestVault;
  let cast: Cast;

  beforeAll(async () => {
    t = await startVault({ database: await open(), limits: { leaseSeconds: 1 } });
    cast = await stage(t.vault, { bytes: Buffer.from("weights") });
  });
  afterAll(async () => {
    await t.stop();
  });

  const newUploader = async () => await addPerson(t.vault, cast.first, usPerson, ["uploader"]);
  const suspend = async (noun: "person" | "workload" | "entity", id: string) =>
    await changeStanding(t.vault, cast.first.caller, { noun, id, change: "suspended" });

  /** Begins a slow upload, does `stop` while its bytes come, and gives the refusal that ends it. */
  async function stopped(uploader: Actor, stop: (upload: string) => Promise<void>) {
    const { upload } = await openUpload(t.vault, uploader.caller, model);
    const { source, begun, progress } = slowSource();
    const sizeBytes = chunkBytes * chunks;
    const ended = putFile(t.vault, uploader.caller, {
      upload,
      path: "slow.bin",
      sizeBytes,
      source,
    }).then(
      () => "uploaded",
      (error: { readonly code?: string }) => error.code ?? error,
    );
    await begun;
    await stop(upload);
    const outcome = await ended;
    expect(progress.isClosed).toBe(true);
    expect(progress.chunks).toBeLessThan(chunks / 2);
    expect((await listUpload(t.vault, uploader.caller, upload)).files).toEqual([]);
    return outcome;
  }

  async function assertNothingKept(): Promise<void> {
    t.clock.advance({ days: 8 });
    await sweep(t.vault);
    const kept = await t.vault.database.db
      .selectFrom("object")
      .select("id")
      .where("state", "in", ["opening", "sealed"])
      .execute();
    const stored: string[] = [];
    for await (const key of t.vault.store.list("objects/")) stored.push(key);
    // Those of the stage's own revision.
    expect([kept.length, stored.length]).toEqual([1, 1]);
  }

  test("when the token is revoked, the upload ends as not authenticated and nothing is kept", async () => {
    const uploader = await newUploader();
    const outcome = await stopped(uploader, async () => {
      await revokeToken(t.vault, cast.first.caller, uploader.caller.token);
    });
    expect(outcome).toBe("not_authenticated");
    await assertNothingKept();
  });

  test("when the token's time is over, the upload ends as expired and nothing is kept", async () => {
    const uploader = await newUploader();
    const before = t.clock.at;
    try {
      const outcome = await stopped(uploader, async () => t.clock.advance({ days: 91 }));
      expect(outcome).toBe("token_expired");
    } finally {
      t.clock.at = before;
    }
    await assertNothingKept();
  });

  test("when the person is suspended, the upload ends with that and nothing is kept", async () => {
    const uploader = await newUploader();
    const outcome = await stopped(uploader, async () => await suspend("person", uploader.person));
    expect(outcome).toBe("principal_suspended");
    await assertNothingKept();
  });

  test.each(["workload", "entity", "person"] as const)(
    "when the %s behind a workload is suspended, its upload ends with that and nothing is kept",
    async (noun) => {
      const { person } = await newUploader();
      const job = await addWorkload(t.vault, cast.first, person, ["uploader"]);
      expect(await stopped(job, async () => await suspend(noun, job[noun]))).toBe(
        "principal_suspended",
      );
      await assertNothingKept();
    },
  );

  test("when the upload is aborted, its file ends as of a closed upload and nothing is kept", async () => {
    const uploader = await newUploader();
    const outcome = await stopped(uploader, async (upload) => {
      await abortUpload(t.vault, uploader.caller, upload);
    });
    expect(outcome).toBe("upload_closed");
    await assertNothingKept();
  });
});
