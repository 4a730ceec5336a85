import { createHash, createPrivateKey, createPublicKey, randomUUID, sign } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import { checkIds } from "../../src/export-control/decision.ts";
import { type EntryBody, encodeEntry } from "../../src/ledger/entry.ts";
import { encodeBundle } from "../../src/merkle/bundle.ts";
import { signCheckpoint } from "../../src/merkle/checkpoint.ts";
import { encodeVerificationKey } from "../../src/merkle/note.ts";
import { type Tile, tilePath, tileWidth } from "../../src/merkle/tile.ts";
import { TileEdge } from "../../src/merkle/tile-edge.ts";
import { leafHash } from "../../src/merkle/tree.ts";

export type WrittenLog = {
  readonly folder: string;
  readonly verificationKey: string;
  readonly size: number;
  /** Of all entries together. */
  readonly entryBytes: number;
};

const name = "bench.example/ledger";

/** DER of a PKCS#8 key up to the 32 bytes of an Ed25519 seed (RFC 8410, section 7). The measured log's key may be known to everybody. */
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * Writes a vault's log of `size` entries into the folder, in the layout of C2SP tlog-tiles: an officer, persons, a classified revision, a
 * license and a grant, and then releases, each allowed on every check and delivered.
 */
export async function writeLog(folder: string, size: number): Promise<WrittenLog> {
  const write = writerInto(folder);
  const edge = new TileEdge();
  const records = story();
  let bundle: Buffer[] = [];
  let previous = "";
  let entryBytes = 0;
  for (let index = 0; index < size; index += 1) {
    const { kind, body } = records();
    const time = new Date(Date.UTC(2026, 0, 1) + index).toISOString();
    const entry = encodePlain({ index, previous, time, kind, body });
    const leaf = leafHash(entry);
    previous = leaf.toString("hex");
    entryBytes += entry.length;
    bundle.push(entry);
    for (const { tile, bytes } of edge.append(leaf)) await write(tilePath(tile), bytes);
    if (bundle.length < tileWidth && index + 1 < size) continue;
    const number = Math.floor(index / tileWidth);
    const tile: Tile = { level: "entries", number, width: bundle.length };
    await write(tilePath(tile), encodeBundle(bundle));
    bundle = [];
    // A subject that only computes would keep an interruption waiting for ever.
    if (number % 64 === 0) await breathe();
  }
  for (const { tile, bytes } of edge.partials()) await write(tilePath(tile), bytes);
  const signer = signerOf();
  const checkpoint = await signCheckpoint({ origin: name, size, root: edge.root() }, signer);
  await write("checkpoint", Buffer.from(checkpoint));
  const verificationKey = encodeVerificationKey(name, signer.publicKey);
  return { folder, verificationKey, size, entryBytes };
}

type Write = (path: string, bytes: Uint8Array) => Promise<void>;

function writerInto(folder: string): Write {
  const made = new Set<string>();
  return async (path, bytes) => {
    const file = join(folder, path);
    const above = dirname(file);
    if (!made.has(above)) await mkdir(above, { recursive: true });
    made.add(above);
    await writeFile(file, bytes);
  };
}

function signerOf() {
  const key = createPrivateKey({
    key: Buffer.concat([pkcs8Prefix, Buffer.alloc(32, 7)]),
    format: "der",
    type: "pkcs8",
  });
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  return { name, publicKey, sign: async (message: Uint8Array) => sign(null, message, key) };
}

type Recorded = { readonly kind: string; readonly body: EntryBody };

const digest = createHash("sha256").update("bench").digest("hex");
const ids = {
  officer: randomUUID(),
  officerPrincipal: randomUUID(),
  officerToken: randomUUID(),
  second: randomUUID(),
  secondPrincipal: randomUUID(),
  secondToken: randomUUID(),
  reader: randomUUID(),
  readerPrincipal: randomUUID(),
  readerToken: randomUUID(),
  repository: randomUUID(),
  classification: randomUUID(),
  license: randomUUID(),
  grant: randomUUID(),
};

/** The records one after the other, without an end. */
function story(): () => Recorded {
  const first = beginning();
  let release: string | null = null;
  return () => {
    const next = first.shift();
    if (next !== undefined) return next;
    if (release === null) {
      release = randomUUID();
      return allowed(release);
    }
    const ended: Recorded = { kind: "release.delivered", body: { bytes: "4096", release } };
    release = null;
    return ended;
  };
}

function beginning(): Recorded[] {
  const { repository, classification, license, grant } = ids;
  const byOfficer = { by: ids.officerPrincipal, under: ids.officerToken };
  const bySecond = { by: ids.secondPrincipal, under: ids.secondToken };
  const nobody = { by: null, under: null };
  const token = (id: string, principal: string, roles: readonly string[]) => ({
    token: id,
    principal,
    roles,
    hashSha256: digest,
    expiresAt: "2027-01-01T00:00:00.000Z",
  });
  const roles = ["export-officer", "operator", "uploader"];
  const revision = digest.slice(0, 40);
  const classified = { classification, repository, eccn: "4E091" };
  return [
    { kind: "vault.initialized", body: { vault: randomUUID() } },
    person(ids.officer, ids.officerPrincipal, nobody),
    issued(token(ids.officerToken, ids.officerPrincipal, roles), nobody),
    person(ids.second, ids.secondPrincipal, byOfficer),
    issued(token(ids.secondToken, ids.secondPrincipal, roles), byOfficer),
    person(ids.reader, ids.readerPrincipal, byOfficer),
    issued(token(ids.readerToken, ids.readerPrincipal, ["reader"]), byOfficer),
    { kind: "repository.created", body: { repository, ...byOfficer } },
    { kind: "revision.committed", body: { repository, revision, parent: null, ...byOfficer } },
    { kind: "classification.proposed", body: { ...classified, person: ids.officer, ...byOfficer } },
    { kind: "classification.approved", body: { ...classified, person: ids.second, ...bySecond } },
    {
      kind: "license.entered",
      body: { license, releasesAllowed: null, person: ids.officer, ...byOfficer },
    },
    { kind: "license.activated", body: { license, person: ids.second, ...bySecond } },
    {
      kind: "grant.made",
      body: {
        grant,
        principal: ids.readerPrincipal,
        repository,
        person: ids.officer,
        bytesAllowed: null,
        ...byOfficer,
      },
    },
  ];
}

type Maker = { readonly by: string | null; readonly under: string | null };

function person(id: string, principal: string, maker: Maker): Recorded {
  return { kind: "person.recorded", body: { person: id, principal, commitment: digest, ...maker } };
}

function issued(token: EntryBody, maker: Maker): Recorded {
  return { kind: "token.issued", body: { ...token, ...maker } };
}

const decision = {
  checks: checkIds.map((check) => ({ check, outcome: check === "export-ns" ? "covered" : "pass" })),
  rulebook: digest,
  verdict: "allow",
};

/** In the order of the canonical form, member by member. */
function allowed(release: string): Recorded {
  return {
    kind: "release.allowed",
    body: {
      decision,
      evidence: createHash("sha256").update(release).digest("hex"),
      grant: ids.grant,
      kem: 16,
      licenses: [ids.license],
      objects: { bytes: "4096", count: 2, sha256: digest },
      person: ids.reader,
      principal: ids.readerPrincipal,
      recipientKeySha256: digest,
      release,
      repository: ids.repository,
      revision: digest.slice(0, 40),
      token: ids.readerToken,
      way: "enclosed",
      workload: null,
    },
  };
}

/** The releases are written in canonical order already, and take a third of the time so. */
function encodePlain({ index, previous, time, kind, body }: Parameters<typeof encodeEntry>[0]) {
  return kind.startsWith("release.")
    ? Buffer.from(JSON.stringify({ body, index, kind, previous, time }))
    : encodeEntry({ index, previous, time, kind, body });
}
