import { randomBytes } from "node:crypto";
import { readFileSync, writeSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { Client } from "pg";
import { newRecipientKeyPair, releaseInfo } from "../../src/crypto/enclosure.ts";
import { openPglite, openPostgres } from "../../src/database/open.ts";
import { authenticate, type Caller } from "../../src/identity/authenticate.ts";
import { manifestOf } from "../../src/vault/find-revision.ts";
import { readPlaintext, unwrapKey } from "../../src/vault/object.ts";
import { releaseEnclosed } from "../../src/vault/release.ts";
import { commitRevision } from "../../src/vault/revision.ts";
import { releaseStream } from "../../src/vault/stream.ts";
import { sweep } from "../../src/vault/sweep.ts";
import { openUpload, putFile } from "../../src/vault/upload.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { chunked, model, sha256, unitedStates } from "./actors.ts";
import { AddressedStore } from "./addressed-store.ts";
import { withFaults } from "./faults.ts";
import { assertSaid, resumingDirectly, uploadDirectly } from "./kill-direct.ts";
import { finishWhatWasLeft, resumingByParts, uploadByParts } from "./kill-parts.ts";
import { entriesOf, verified } from "./ledger.ts";
import { startVault, type TestAdapters } from "./vault.ts";

/** What the parent asks of one life of this process. It is killed at the nth effect of the work, if the work gets that far. */
export type KillOrder = {
  readonly folder: string;
  /** Null for PGlite in the folder. */
  readonly databaseUrl: string | null;
  readonly work: "upload" | "parts" | "direct" | "enclosed" | "stream";
  readonly nth: number;
  readonly life: number;
  readonly uploaderToken: string;
  readonly readerToken: string;
  /** A file with a line for everything that earlier lives said; everything said there must hold. */
  readonly said: string;
};

const order = JSON.parse(process.argv[2] ?? "{}") as KillOrder;

let effects = Number.NEGATIVE_INFINITY;
let writes = 0;

const isByParts = order.work === "parts" || order.work === "direct";

/** The full part has seventeen writes, its header and sixteen segments, all alike: one of so many counts. */
const writesApart = 5;
let countedWrites = 0;

/** Everything outside this process's memory counts as an effect: each statement, and each call of custodian, signer and store. */
function effect(): void {
  effects += 1;
  if (effects === order.nth) process.kill(process.pid, "SIGKILL");
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

/** PostgreSQL's protocol: an execution of a prepared statement, and a simple query. */
const executing: readonly (number | undefined)[] = [0x45, 0x51];

function countStatements(): void {
  count(Client.prototype, "query", order.work === "direct" ? isDurable : () => true);
  // Inside a transaction PGlite calls no method that it shows, so its protocol messages are counted.
  count(PGlite.prototype, "execProtocolRaw", ([message]) =>
    executing.includes((message as Uint8Array)[0]),
  );
}

const inTransaction = new WeakSet<object>();

/**
 * Whether something stays of a statement once the process is killed: of a transaction nothing does before its commit, and of a read nothing ever does, so that a kill before
 * any other statement finds what a kill before one of these does.
 */
function isDurable([asked]: readonly unknown[], client: object): boolean {
  const text = typeof asked === "string" ? asked : String(Reflect.get(asked as object, "text"));
  const [word = ""] = /[a-z]+/i.exec(text.replace(/^\s*\/\*.*?\*\//s, "")) ?? [];
  const verb = word.toLowerCase();
  if (verb === "begin" || verb === "start") inTransaction.add(client);
  if (verb !== "commit" && verb !== "rollback")
    return !inTransaction.has(client) && verb !== "select";
  inTransaction.delete(client);
  return verb === "commit";
}

function count(
  target: object,
  name: string,
  isEffect: (parameters: readonly unknown[], self: object) => boolean,
): void {
  const original = Reflect.get(target, name) as (...all: unknown[]) => unknown;
  Reflect.set(target, name, function counted(this: object, ...parameters: unknown[]) {
    if (isEffect(parameters, this)) effect();
    return Reflect.apply(original, this, parameters);
  });
}

function countCalls<Port extends object>(port: Port): Port {
  const faulty = withFaults(port);
  const again = () => faulty.arm({ nth: 1, when: "before", act: counted });
  const isCounted = () => {
    if (!isByParts || faulty.calls.at(-1) !== "writer.write") return true;
    writes += 1;
    if (writes % writesApart !== 1) return false;
    countedWrites += 1;
    return true;
  };
  const counted = () => {
    again();
    if (isCounted()) effect();
  };
  again();
  return faulty.port;
}

async function live(): Promise<void> {
  countStatements();
  const { databaseUrl, folder } = order;
  const database =
    databaseUrl === null
      ? await openPglite({ folder: join(folder, "database") })
      : openPostgres({ url: databaseUrl });
  const given: { addressed: AddressedStore | null } = { addressed: null };
  const wrap = (adapters: TestAdapters): TestAdapters => {
    // What goes past the vault is no effect of it: this stands between the count and the disk.
    const taking = new AddressedStore(adapters.store, () => t.clock.now(), join(folder, "put"));
    given.addressed = taking;
    return {
      database: adapters.database,
      custodian: countCalls(adapters.custodian),
      signer: countCalls(adapters.signer),
      store: countCalls(order.work === "direct" ? taking.store : adapters.store),
    };
  };
  const t = await startVault({ database, folder, wrap });
  const { addressed } = given;
  if (addressed === null) throw new Error("the store was not wrapped");
  t.clock.advance({ seconds: 3_600 * (order.life + 1) });
  await sweep(t.vault);
  await assertHolds(t.vault);
  const report = await verified(t);
  const errors = report.findings.filter(({ severity }) => severity === "error");
  if (!report.verified || errors.length > 0)
    throw new Error(`the ledger does not verify: ${JSON.stringify(errors)}`);
  if (report.releases.open > 0) throw new Error("the sweeper left a release open");
  say(`verified ${report.size}`);
  const isUpload = order.work === "upload" || isByParts;
  const token = isUpload ? order.uploaderToken : order.readerToken;
  const caller = await authenticate(database.db, token, t.vault.now());
  const client = { vault: t.vault, caller, addressed };
  const direct = async () => await uploadDirectly(client, say);
  const works = { upload, parts, direct, enclosed, stream };
  if (isByParts) {
    const resuming =
      order.work === "direct" ? resumingDirectly(client) : resumingByParts(t.vault, caller);
    await finishWhatWasLeft(t.vault, caller, readSaid(), resuming);
  }
  // A process that is killed keeps nothing of what it compiled for the next one.
  if (order.nth === 1) flushCompileCache();
  effects = 0;
  writes = 0;
  countedWrites = 0;
  await works[order.work](t.vault, caller);
  effects = Number.NEGATIVE_INFINITY;
  // Else nobody is killed in the middle of a part.
  if (order.work === "parts" && countedWrites < 3)
    throw new Error(`only ${countedWrites} writes of the parts counted`);
  say("done");
  await t.stop();
  await database.close();
}

/** Every visible revision opens whole, every commit that was acknowledged is visible, and every key and byte given out is on record. */
async function assertHolds(vault: Vault): Promise<void> {
  const { db } = vault.database;
  const revisions = await db.selectFrom("revision").selectAll().execute();
  for (const revision of revisions) {
    for (const file of manifestOf(revision).files) {
      const object = await db
        .selectFrom("object")
        .selectAll()
        .where("id", "=", file.object)
        .executeTakeFirstOrThrow();
      using key = await unwrapKey(vault, object, revision.repository);
      const pieces: Buffer[] = [];
      for await (const piece of readPlaintext(vault, object, { key, start: 0, end: file.size }))
        pieces.push(piece);
      if (object.state !== "sealed" || sha256(Buffer.concat(pieces)) !== file.sha256)
        throw new Error(`revision ${revision.id} is not whole`);
    }
  }
  const visible = new Set(revisions.map(({ id }) => id));
  const entries = await entriesOf(vault.database);
  const allowed = new Set(
    entries.filter(({ kind }) => kind === "release.allowed").map(({ body }) => body["release"]),
  );
  const ended = new Set(
    entries
      .filter(({ kind }) => /^release\.(delivered|failed|unknown)$/.test(kind))
      .map(({ body }) => body["release"]),
  );
  assertSaid(entries, readSaid());
  for (const line of readSaid()) {
    const [what, id = ""] = line.split(" ");
    if (what === "committed" && !visible.has(id))
      throw new Error(`the acknowledged revision ${id} is lost`);
    if (what === "key" && !(allowed.has(id) && ended.has(id)))
      throw new Error(`keys of ${id} left without their record`);
    if (what === "bytes" && !(allowed.has(id) && ended.has(id)))
      throw new Error(`bytes of ${id} left without their record`);
  }
}

function readSaid(): readonly string[] {
  return readFileSync(order.said, "utf8").split("\n");
}

async function parts(vault: Vault, caller: Caller): Promise<void> {
  await uploadByParts(vault, caller, say);
}

async function upload(vault: Vault, caller: Caller): Promise<void> {
  const { upload: id } = await openUpload(vault, caller, model);
  const files = [];
  for (const path of ["a.bin", "deep/b.bin"]) {
    const bytes = randomBytes(path === "a.bin" ? 1_200_000 : 10);
    files.push(
      await putFile(vault, caller, {
        upload: id,
        path,
        sizeBytes: bytes.length,
        source: chunked(bytes, 400_000),
      }),
    );
  }
  const { head } = await vault.database.db
    .selectFrom("repository")
    .select("head")
    .executeTakeFirstOrThrow();
  const { revision } = await commitRevision(vault, caller, {
    ...model,
    upload: id,
    parent: head,
    message: "",
    files,
  });
  say(`committed ${revision}`);
}

async function enclosed(vault: Vault, caller: Caller): Promise<void> {
  const pair = await newRecipientKeyPair();
  const request = {
    ...model,
    revision: "main",
    paths: null,
    way: "enclosed",
    recipientKey: pair.publicKey,
    destination: unitedStates,
  } as const;
  const { decided, enclosed: answer } = await releaseEnclosed(vault, caller, request);
  if (answer === null) throw new Error(`not allowed: ${JSON.stringify(decided.decision)}`);
  using keys = await pair.open(answer.enclosure, releaseInfo(answer.place.leaf));
  if (keys === null) throw new Error("the enclosure does not open");
  say(`key ${decided.release}`);
}

async function stream(vault: Vault, caller: Caller): Promise<void> {
  const { stream: opened } = await releaseStream(vault, caller, {
    ...model,
    revision: "main",
    path: "a.bin",
    destination: unitedStates,
  });
  if (opened === null) throw new Error("not allowed");
  for await (const piece of opened.read({ start: 0, end: opened.file.size })) {
    if (piece.length > 0) say(`bytes ${opened.release}`);
  }
}

await live();
