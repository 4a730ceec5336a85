import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Canonical, canonicalJson } from "../../src/crypto/canonical-json.ts";
import { enclose, releaseInfo } from "../../src/crypto/enclosure.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { objectAad } from "../../src/floe/aad.ts";
import { seal } from "../../src/floe/seal.ts";
import { encodeEntry } from "../../src/ledger/entry.ts";
import { signCheckpoint } from "../../src/merkle/checkpoint.ts";
import { inclusionProof } from "../../src/merkle/proof.ts";
import { encodeTlogProof } from "../../src/merkle/tlog-proof.ts";
import { leafHash, rootOf } from "../../src/merkle/tree.ts";
import { fixedSigner } from "../vectors/ledger/build.ts";
import { answer, bodyOf, type HttpDouble, problem, serveHttp } from "./http-double.ts";

type Json = Readonly<Record<string, unknown>>;
type Body = { readonly [name: string]: Canonical };

/** What the double does otherwise than an honest vault. */
export type Tampering = {
  /** Before the entry is recorded. */
  readonly entry?: (body: Body) => Body;
  readonly kind?: string;
  /** Releases all files, whichever were asked for. */
  readonly ignoresPaths?: boolean;
  /** Before the files are listed anywhere. */
  readonly file?: (file: SealedFile) => SealedFile;
  /** Before the answer leaves. */
  readonly answer?: (answer: Json) => Json;
  /** In place of an object's bytes. */
  readonly object?: (
    bytes: Buffer,
    response: ServerResponse,
    request: IncomingMessage,
  ) => Buffer | null;
  /** Encloses for this leaf in place of the entry's. */
  readonly leaf?: Buffer;
  readonly expiresInMs?: number;
  /** Lists no files, as a vault does for who may not know of the repository. */
  readonly hidesListing?: boolean;
  readonly listing?: (listing: Json) => Json;
  /** In place of a release: true where it was answered. */
  readonly refuses?: (response: ServerResponse, asked: Asked) => boolean;
  /** Where an object lies, by its id; without it, behind the double's own route. */
  readonly location?: (object: string) => Json;
  /** Signs with another key than the one it shows. */
  readonly signer?: ReturnType<typeof fixedSigner>;
};

export type SealedFile = {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly object: string;
  readonly sealed: Buffer;
  readonly key: Buffer;
};

export const signer = fixedSigner(7);
/** A vault that knows releases alone, with one repository of the given files; it records, signs, seals and encloses as the real one does. */
export async function serveReleases(
  files: Readonly<Record<string, Uint8Array>>,
  tampering: Tampering = {},
): Promise<HttpDouble> {
  const sealed = await Promise.all(
    Object.entries(files).map(async ([path, bytes]) => {
      const file = await sealFile(path, bytes);
      return tampering.file?.(file) ?? file;
    }),
  );
  const entries: Buffer[] = [entryOf(0, "", "vault.initialized", {})];
  const listing = listingOf(sealed);
  return await serveHttp(async (request, response) => {
    const url = request.url ?? "";
    if (url === "/v1/ledger/key") {
      answer(response, 200, { verificationKey: signer.verificationKey, origin: signer.name });
    } else if (url.startsWith("/v1/repositories/lab/model/revisions/")) {
      if (tampering.hidesListing === true) problem(response, 404, "not_found");
      else answer(response, 200, tampering.listing?.(listing) ?? listing);
    } else if (url === "/v1/releases") {
      const asked = JSON.parse((await bodyOf(request)).toString("utf8")) as Asked;
      if (tampering.refuses?.(response, asked) === true) return;
      const vault = { sealed, entries, revision: String(listing["revision"]) };
      answer(response, 201, await releaseTo(asked, vault, tampering));
    } else if (url.endsWith("/location")) {
      const [object = ""] = url.split("/").slice(-2);
      const here = { url: url.replace(/\/location$/, ""), isDirect: false };
      const expiresAt = new Date(entriesAt.getTime() + 300_000).toISOString();
      answer(response, 200, { expiresAt, ...(tampering.location?.(object) ?? here) });
    } else {
      sendObject(request, response, sealed, tampering);
    }
  });
}

/** What a revision's id is made of, and the id. */
function listingOf(sealed: readonly SealedFile[]): Json {
  const manifest = {
    repository: "5f0c0a3e-0000-4000-8000-000000000001",
    parent: null,
    message: "",
    createdAt: entriesAt.toISOString(),
    createdBy: "5f0c0a3e-0000-4000-8000-000000000002",
    files: sealed.map(({ path, size, sha256, object }) => ({ path, size, sha256, object })),
  };
  return { revision: sha256Of(canonicalJson(manifest)).slice(0, 40), ...manifest };
}

export type Asked = { readonly paths: readonly string[] | null; readonly recipientKey: string };

async function releaseTo(
  { paths, recipientKey }: Asked,
  {
    sealed,
    entries,
    revision,
  }: {
    readonly sealed: readonly SealedFile[];
    readonly entries: Buffer[];
    readonly revision: string;
  },
  tampering: Tampering,
): Promise<Json> {
  const wanted =
    paths === null || tampering.ignoresPaths === true
      ? sealed
      : sealed.filter(({ path }) => paths.includes(path));
  const key = Buffer.from(recipientKey, "base64url");
  const release = randomUUID();
  const list = wanted.map(({ path, size, sha256, object }) => ({ path, size, sha256, object }));
  const body: Body = {
    release,
    revision,
    decision: { verdict: "allow", checks: [] },
    recipientKeySha256: sha256Of(key),
    objects: {
      count: list.length,
      bytes: String(list.reduce((sum, { size }) => sum + size, 0)),
      sha256: sha256Of(canonicalJson(list)),
    },
  };
  const previous = leafHash(entries.at(-1) ?? Buffer.alloc(0)).toString("hex");
  const recorded = tampering.entry?.(body) ?? body;
  const index =
    entries.push(entryOf(entries.length, previous, tampering.kind ?? "release.allowed", recorded)) -
    1;
  const leaves = entries.map((bytes) => leafHash(bytes));
  const [entry, leaf] = [entries[index] ?? Buffer.alloc(0), leaves[index] ?? Buffer.alloc(0)];
  const enclosure = await enclose(
    key,
    releaseInfo(tampering.leaf ?? leaf),
    wanted.map((file) => new Secret(Buffer.from(file.key))),
  );
  const checkpoint = await signCheckpoint(
    { origin: signer.name, size: entries.length, root: rootOf(leaves) },
    tampering.signer ?? signer,
  );
  const hashes = await inclusionProof(index, entries.length, (_, at) => leaves[at] ?? leaf);
  const given: Json = {
    release,
    expiresAt: new Date(entriesAt.getTime() + (tampering.expiresInMs ?? 900_000)).toISOString(),
    revision,
    decision: { verdict: "allow", checks: [] },
    enclosure: {
      kem: 16,
      enc: enclosure.enc.toString("base64url"),
      ciphertext: enclosure.ciphertext.toString("base64url"),
    },
    objects: wanted.map(({ path, size, sha256, object, sealed: bytes }) => ({
      path,
      size,
      sha256,
      object,
      objectBytes: bytes.length,
      url: `/v1/releases/${release}/objects/${object}`,
    })),
    receipt: {
      index,
      entry: entry.toString("base64"),
      proof: encodeTlogProof({ index, hashes, checkpoint }),
    },
  };
  return tampering.answer?.(given) ?? given;
}

function sendObject(
  request: IncomingMessage,
  response: ServerResponse,
  sealed: readonly SealedFile[],
  tampering: Tampering,
): void {
  const object = (request.url ?? "").split("/").at(-1);
  const whole = sealed.find((file) => file.object === object)?.sealed ?? Buffer.alloc(0);
  const bytes = tampering.object === undefined ? whole : tampering.object(whole, response, request);
  if (bytes !== null) sendRange(request, response, bytes);
}

/** Answers a request for bytes, whole or in the one range asked for, as a file server does. */
export function sendRange(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const start = Number(from ?? 0);
  const end = Math.min(to ? Number(to) + 1 : bytes.length, bytes.length);
  if (start >= end) {
    response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    return;
  }
  response.writeHead(from === undefined ? 200 : 206, {
    "content-length": end - start,
    ...(from === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` }),
  });
  response.end(bytes.subarray(start, end));
}

async function sealFile(path: string, bytes: Uint8Array): Promise<SealedFile> {
  const object = randomUUID();
  const key = randomBytes(32);
  const aad = objectAad(Buffer.from(object.replaceAll("-", ""), "hex"));
  const pieces: Buffer[] = [];
  const source = (async function* () {
    yield bytes;
  })();
  for await (const piece of seal(source, { key: new Secret(Buffer.from(key)), aad }))
    pieces.push(Buffer.from(piece));
  const sealed = Buffer.concat(pieces);
  return { path, size: bytes.length, sha256: sha256Of(bytes), object, sealed, key };
}

/** A day of long ago: a client has to go by the vault's clock. */
const entriesAt = new Date("2026-01-01T00:00:00.000Z");

function entryOf(index: number, previous: string, kind: string, body: Body): Buffer {
  return encodeEntry({ index, previous, time: entriesAt.toISOString(), kind, body });
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
