import { hash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { plaintextPartsOf } from "../../src/floe/layout.ts";
import { type Receipt, shortened } from "../../src/ledger/receipt.ts";
import { encodeCosignerKey } from "../../src/merkle/cosignature.ts";
import { encodeVerificationKey } from "../../src/merkle/note.ts";
import { objectKey } from "../../src/vault/object.ts";
import { type Serving, serve } from "../integration/http/serving.ts";
import { type Cast, stage } from "../support/actors.ts";
import { AddressedStore } from "../support/addressed-store.ts";
import { entriesOf } from "../support/ledger.ts";
import { freshCosigner, freshSigner } from "../unit/merkle/signed-texts.ts";
import { temporaryFolder, weightvaultHere } from "./command.ts";
import { answer, bodyOf, type HttpDouble, serveHttp } from "./http-double.ts";

type Json = Readonly<Record<string, unknown>>;

const { partBytes } = plaintextPartsOf(2 ** 24);
const bytes = randomBytes(partBytes + 100_000);
const origin = "test.example/ledger";
const mlDsa = freshCosigner(origin, "ml-dsa-44");
const otherMlDsa = freshCosigner(origin, "ml-dsa-44");
const mlDsaKey = encodeCosignerKey(mlDsa.key);

let s: Serving;
let cast: Cast;
let addressed: AddressedStore;
/** The store's own server, and a vault that answers otherwise than the real one behind it. */
let bucket: HttpDouble;
let vault: HttpDouble;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let tamper: (path: string, told: Json) => Json = (_, told) => told;
let refusals = 0;

beforeAll(async () => {
  folder = await temporaryFolder();
  s = await serve(
    {},
    {
      storeOver: (inner) => {
        addressed = new AddressedStore(inner, () => s.clock.now());
        return addressed.store;
      },
      cosigners: [mlDsa],
    },
  );
  bucket = await serveHttp(async (request, response) => {
    expect(request.headers.authorization).toBeUndefined();
    const sent = await bodyOf(request);
    refusals -= 1;
    const status = refusals >= 0 ? 503 : await addressed.put(`${bucket.url}${request.url}`, sent);
    response.writeHead(status).end();
  });
  addressed.base = bucket.url;
  vault = await serveHttp(async (request, response) => {
    const { url = "", method = "GET", headers } = request;
    const sent = await bodyOf(request);
    const asked = await fetch(`${s.url}${url}`, {
      method,
      headers: {
        authorization: headers.authorization ?? "",
        "content-type": headers["content-type"] ?? "application/json",
        ...(headers["content-digest"] === undefined
          ? {}
          : { "content-digest": String(headers["content-digest"]) }),
      },
      ...(method === "GET" ? {} : { body: new Uint8Array(sent) }),
    });
    const text = await asked.text();
    const told = text === "" ? {} : (JSON.parse(text) as Json);
    answer(response, asked.status, asked.ok ? tamper(url, told) : told);
  });
  cast = await stage(s.vault, { bytes: Buffer.from("weights") });
  await writeFile(join(folder.path, "weights.bin"), bytes);
});
afterEach(() => {
  tamper = (_, told) => told;
  refusals = 0;
});
afterAll(async () => {
  await vault[Symbol.asyncDispose]();
  await bucket[Symbol.asyncDispose]();
  await s.stop();
  await folder[Symbol.asyncDispose]();
});

async function upload(...more: string[]) {
  const before = { entries: (await entriesOf(s.vault.database)).length, puts: bucket.asked.length };
  const env = { WEIGHTVAULT_URL: vault.url, WEIGHTVAULT_TOKEN: cast.job.token };
  const args = ["upload", "lab/model", join(folder.path, "weights.bin"), "--fresh", ...more];
  const ended = await weightvaultHere([...args, "--json"], { env });
  expect(ended.stdout + ended.stderr).not.toContain("signature=");
  const entries = (await entriesOf(s.vault.database)).slice(before.entries);
  const puts = bucket.asked.length - before.puts;
  return { ...ended, kinds: entries.map(({ kind }) => kind), puts };
}

const isKey = (path: string) => path.endsWith("/key") && path.includes("/objects/");

test("a file is sealed here, put into the store, and committed; no address is logged or kept", async () => {
  const sent = await upload();
  expect({ code: sent.code, puts: sent.puts }).toEqual({ code: 0, puts: 2 });
  expect(sent.stderr).toContain("a release waits until the vault has read");
  expect(sent.kinds).toEqual(["upload.key-released", "object.declared", "revision.committed"]);
  const { files } = JSON.parse(sent.stdout) as { files: Json[] };
  expect(files).toEqual([
    { path: "weights.bin", size: bytes.length, sha256: hash("sha256", bytes) },
  ]);
  const row = await s.vault.database.db
    .selectFrom("object")
    .selectAll()
    .orderBy("created_at", "desc")
    .where("size_bytes", "=", BigInt(bytes.length))
    .limit(1)
    .executeTakeFirstOrThrow();
  expect(await s.vault.store.stat(objectKey(row.id))).toEqual({
    sizeBytes: Number(row.object_bytes),
  });
  const held = JSON.stringify([s.lines, await entriesOf(s.vault.database)]);
  expect(held).not.toContain("signature=");
}, 60_000);

test.each<[string, (told: Json) => Json]>([
  ["the receipt of an older entry", (told) => ({ ...told, receipt: older })],
  ["a key that opens under another entry", (told) => ({ ...told, key: crypto.randomUUID() })],
  ["a header of another key", (told) => ({ ...told, header: randomBytes(74).toString("base64") })],
  [
    "an enclosure for somebody else",
    (told) => ({
      ...told,
      enclosure: {
        ...(told["enclosure"] as Json),
        ciphertext: randomBytes(48).toString("base64url"),
      },
    }),
  ],
])(
  "nothing is sealed under %s",
  async (_, change) => {
    let seen = 0;
    tamper = (path, told) => {
      if (!isKey(path)) return told;
      seen += 1;
      older ??= told["receipt"];
      return change(told);
    };
    if (older === null) await remember();
    const sent = await upload("--replace-all");
    expect({ code: sent.code, puts: sent.puts, seen }).toEqual({ code: 6, puts: 0, seen: 1 });
  },
  60_000,
);

/** A receipt of a hand-out that went before. */
let older: unknown = null;
async function remember(): Promise<void> {
  const change = tamper;
  tamper = (path, told) => {
    if (isKey(path)) older = told["receipt"];
    return told;
  };
  await changed();
  await upload();
  tamper = change;
  await changed();
}

/** The head has the file otherwise, and nothing would be uploaded. */
async function changed(): Promise<void> {
  randomBytes(16).copy(bytes);
  await writeFile(join(folder.path, "weights.bin"), bytes);
}

test("a store that does not take the bytes is passed by, and through the vault nothing is sealed here", async () => {
  await changed();
  refusals = 1_000;
  const passed = await upload("--parallel", "1");
  expect({ code: passed.code, puts: passed.puts }).toEqual({ code: 0, puts: 4 });
  expect(passed.stderr).toContain("refuses with HTTP status 503: going on through the vault");
  refusals = 0;
  await changed();
  const through = await upload("--through-vault");
  expect({ code: through.code, puts: through.puts, stderr: through.stderr }).toEqual({
    code: 0,
    puts: 0,
    stderr: "",
  });
  expect(through.kinds).toEqual(["revision.committed"]);
}, 60_000);

type SentReceipt = Json & { readonly proof: string };
const receiptWith =
  (change: (receipt: SentReceipt) => Json) =>
  (told: Json): Json => ({ ...told, receipt: change(told["receipt"] as SentReceipt) });

/** Another bit in the last signature of the checkpoint, which is that of ML-DSA-44. */
function forged(receipt: SentReceipt): Json {
  const at = receipt.proof.lastIndexOf(" ") + 1;
  const line = Buffer.from(receipt.proof.slice(at), "base64");
  line[line.length - 1] = (line.at(-1) ?? 0) ^ 1;
  return { ...receipt, proof: `${receipt.proof.slice(0, at)}${line.toString("base64")}\n` };
}

const ownKeys = () => ["--ledger-key", s.verificationKey, "--ml-dsa-key", mlDsaKey];
const otherKey = () => {
  const { name, publicKey } = freshSigner(origin).signer;
  return encodeVerificationKey(name, publicKey);
};

test("an upload goes on under a key whose hand-out the ledger's own keys prove, both or the one of ML-DSA-44 alone", async () => {
  for (const keys of [ownKeys(), ownKeys().slice(2)]) {
    await changed();
    const { code, puts, stderr } = await upload(...keys);
    const isPinned = keys.includes("--ledger-key");
    expect({ code, puts, isTold: stderr.includes("trusted on first use") }).toEqual({
      code: 0,
      puts: 2,
      isTold: !isPinned,
    });
  }
}, 60_000);

test.each<[string, () => readonly string[], (told: Json) => Json, string]>([
  [
    "without the line of the ML-DSA-44 key",
    ownKeys,
    receiptWith((receipt) => shortened(receipt as Json & Receipt)),
    "is not signed by the ML-DSA-44 key",
  ],
  [
    "with a false line of the ML-DSA-44 key",
    ownKeys,
    receiptWith(forged),
    "has a forged signature of the ML-DSA-44 key",
  ],
  [
    "that another ML-DSA-44 key signed",
    () => [...ownKeys().slice(0, 2), "--ml-dsa-key", encodeCosignerKey(otherMlDsa.key)],
    (told) => told,
    "is not signed by the ML-DSA-44 key",
  ],
  [
    "that another ledger's key signed",
    () => ["--ledger-key", otherKey()],
    (told) => told,
    "is not signed by the ledger's key",
  ],
])(
  "nothing is sealed under a key whose hand-out has a checkpoint %s",
  async (_, keys, change, sentence) => {
    await changed();
    let seen = 0;
    tamper = (path, told) => {
      seen += isKey(path) ? 1 : 0;
      return isKey(path) ? change(told) : told;
    };
    const sent = await upload(...keys());
    expect({ code: sent.code, puts: sent.puts, seen }).toEqual({ code: 6, puts: 0, seen: 1 });
    expect(sent.kinds).toEqual(["upload.key-released"]);
    expect(sent.stderr).toContain(sentence);
  },
  60_000,
);

test("a key that is none, or of another ledger, stops an upload before anything is begun", async () => {
  const elsewhere = encodeCosignerKey(freshCosigner("other.example/ledger", "ml-dsa-44").key);
  for (const keys of [
    ["--ledger-key", "nonsense"],
    ["--ml-dsa-key", s.verificationKey],
    ["--ml-dsa-key", elsewhere],
  ]) {
    const before = vault.asked.length;
    expect(await upload(...keys)).toMatchObject({ code: 2, puts: 0, kinds: [] });
    const asked = vault.asked.slice(before);
    expect(asked.filter((each) => each !== "GET /v1/ledger/key")).toEqual([]);
  }
});
