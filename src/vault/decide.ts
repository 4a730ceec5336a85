import { createHash, randomUUID } from "node:crypto";
import type { Canonical } from "../crypto/canonical-json.ts";
import { canonicalJson } from "../crypto/canonical-json.ts";
import { kemId } from "../crypto/enclosure.ts";
import { Refusal } from "../errors.ts";
import { decide } from "../export-control/decide.ts";
import type { Decision } from "../export-control/decision.ts";
import type { DestinationFacts, Facts } from "../export-control/facts.ts";
import type { Caller } from "../identity/authenticate.ts";
import { submit } from "../ledger/submit.ts";
import { assertDigests } from "./digest.ts";
import { keepEvidence, sealEvidence } from "./evidence.ts";
import { type GatheredFacts, gatherFacts } from "./facts.ts";
import { findRevision, manifestOf } from "./find-revision.ts";
import { withPerson } from "./hypothetical.ts";
import { filePath } from "./name.ts";
import { outline } from "./outline.ts";
import type { OpenedPerson } from "./person.ts";
import { findRepository, type Repository, type RepositoryName } from "./repository.ts";
import { keepRulebook, rulebookIn, shareRulebook } from "./rulebook.ts";
import { assertNotShredded } from "./shredded.ts";
import { record, secondsAfter, type Tx, type Vault } from "./vault.ts";

export type ReleaseRequest = RepositoryName & {
  /** A revision's id, or `main`. */
  readonly revision: string;
  /** The files wanted; null for all of them. */
  readonly paths: readonly string[] | null;
  readonly way: "enclosed" | "stream";
  /** Enclosed keys alone: the recipient's P-256 point. */
  readonly recipientKey: Buffer | null;
  readonly destination: DestinationFacts;
};

export type ReleaseFile = {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly object: string;
};

/** A recorded decision. Only one with the verdict `allow` can be opened, and only after its entry is recorded. */
export type DecidedRelease = {
  readonly release: string;
  readonly repository: Repository;
  readonly revision: string;
  readonly files: readonly ReleaseFile[];
  readonly facts: Facts;
  readonly decision: Decision;
  readonly submission: bigint;
  readonly expiresAt: Date;
};

/**
 * The first of a release's steps, in one transaction: locks and reads the facts, decides, writes the release and its evidence, consumes
 * license uses and byte budget, and submits `release.allowed`, `release.denied` or `release.held`. A denial commits like an allowance. Throws `ledger_full`, with nothing done, while the ledger cannot keep up, `shredded` for what is gone, and as `assertDigests`.
 */
export async function decideRelease(
  vault: Vault,
  caller: Caller,
  request: ReleaseRequest,
): Promise<DecidedRelease> {
  await vault.ledger.assertRoom();
  const wanted = await findWanted(vault, request);
  return await withPerson(vault, caller, async (person) =>
    record(vault, async (tx) => await decideIn(tx, vault, { caller, request, person, ...wanted })),
  );
}

/**
 * The key under which a later range of the same caller, token and files finds its release. The destination is no part of it: everything else stands beside
 * it in the row, so whoever has the database could try the countries. It is compared with the evidence.
 */
export function reuseKey(
  caller: Caller,
  { way }: Pick<ReleaseRequest, "way">,
  wanted: Pick<Wanted, "repository" | "revision" | "files">,
): Buffer {
  const objects = wanted.files.map(({ object }) => object);
  const parts = {
    way,
    principal: caller.principal,
    token: caller.token,
    repository: wanted.repository.id,
    revision: wanted.revision,
    objects,
  };
  return createHash("sha256").update(canonicalJson(parts)).digest();
}

export type Wanted = {
  readonly repository: Repository;
  readonly revision: string;
  readonly files: readonly ReleaseFile[];
};

/** Finds what is asked for. Throws `invalid_path` for what no file can be called, `not_found` for an unknown repository, revision or path. */
export async function findWanted(
  { database }: Pick<Vault, "database">,
  request: RepositoryName & Pick<ReleaseRequest, "revision" | "paths">,
): Promise<Wanted> {
  for (const path of request.paths ?? []) filePath(path);
  const repository = await findRepository(database.db, request);
  const revision = await findRevision(database.db, repository, request.revision);
  const { files } = manifestOf(revision);
  if (request.paths === null) return { repository, revision: revision.id, files };
  const byPath = new Map(files.map((file) => [file.path, file]));
  const chosen = [...new Set(request.paths)].map((path) => {
    const file = byPath.get(path);
    if (file === undefined)
      throw new Refusal("not_found", `the revision has no file ${JSON.stringify(path)}`);
    return file;
  });
  return { repository, revision: revision.id, files: chosen };
}

type Deciding = Wanted & {
  readonly caller: Caller;
  readonly request: ReleaseRequest;
  readonly person: OpenedPerson;
};

async function decideIn(tx: Tx, vault: Vault, deciding: Deciding): Promise<DecidedRelease> {
  const { caller, request, person, repository, revision, files } = deciding;
  const now = vault.now();
  await shareRulebook(tx);
  const rulebook = await rulebookIn(tx, vault);
  await keepRulebook(tx, rulebook, now);
  const gathered = await gatherFacts(tx, {
    caller,
    repository,
    destination: request.destination,
    storeCountry: vault.storeCountry,
    person,
    screening: vault.screening(),
    now,
  });
  await assertNotShredded(tx, repository.id, () => files.map(({ object }) => object));
  const unproved = await assertDigests(tx, vault, {
    repository: repository.id,
    objects: { ids: files.map(({ object }) => object) },
  });
  const decision = decide(gathered.facts, rulebook);
  const release = randomUUID();
  const evidence = sealEvidence(person.key, release, { facts: gathered.facts, decision });
  const isAllowed = decision.verdict === "allow";
  const charged = isAllowed && request.way === "enclosed" ? bytesOf(files) : 0n;
  if (isAllowed) await consume(tx, gathered, decision, charged);
  const submission = await submitDecision(tx, {
    ...deciding,
    release,
    decision,
    grant: gathered.grant?.id ?? null,
    evidence: evidence.commitment,
    screeningList: gathered.facts.screening?.list.digest ?? null,
    unproved,
    now,
  });
  const expiresAt = secondsAfter(now, vault.limits.releaseMinutes * 60);
  await insertRelease(tx, {
    ...deciding,
    release,
    decision,
    grant: gathered.grant?.id ?? null,
    charged,
    submission,
    now,
    expiresAt,
    limits: vault.limits,
  });
  await keepEvidence(tx, { release, person: caller.person, evidence, now });
  return {
    release,
    repository,
    revision,
    files,
    facts: gathered.facts,
    decision,
    submission,
    expiresAt,
  };
}

function bytesOf(files: readonly ReleaseFile[]): bigint {
  return files.reduce((sum, { size }) => sum + BigInt(size), 0n);
}

/** One use of each license relied on, and the bytes of the grant's budget; the rows are locked. */
async function consume(
  tx: Tx,
  { grant }: GatheredFacts,
  decision: Decision,
  bytes: bigint,
): Promise<void> {
  if (grant !== null) await chargeGrant(tx, grant, bytes);
  if (decision.licenses.length === 0) return;
  await tx
    .updateTable("license")
    .set((row) => ({ releases_used: row("releases_used", "+", 1) }))
    .where("id", "in", [...decision.licenses])
    .execute();
}

/** Takes bytes from a locked grant's budget. Throws `byte_budget_spent`. */
export async function chargeGrant(
  tx: Tx,
  grant: NonNullable<GatheredFacts["grant"]>,
  bytes: bigint,
): Promise<void> {
  if (grant.bytes_allowed !== null && grant.bytes_used + bytes > grant.bytes_allowed) {
    throw new Refusal(
      "byte_budget_spent",
      `the grant has ${grant.bytes_allowed - grant.bytes_used} bytes left, ${bytes} are asked for`,
    );
  }
  if (bytes === 0n) return;
  await tx
    .updateTable("grant")
    .set((row) => ({ bytes_used: row("bytes_used", "+", bytes) }))
    .where("id", "=", grant.id)
    .execute();
}

const kinds = { allow: "release.allowed", deny: "release.denied", hold: "release.held" } as const;
const states = { allow: "allowed", deny: "denied", hold: "held" } as const;

type Recorded = Deciding & {
  readonly release: string;
  readonly decision: Decision;
  readonly grant: string | null;
  readonly now: Date;
};

async function submitDecision(
  tx: Tx,
  {
    evidence,
    screeningList,
    unproved,
    ...recorded
  }: Recorded & {
    readonly evidence: Buffer;
    /** SHA-256 of the denied-party list that the names were compared with; null where there was none. */
    readonly screeningList: string | null;
    /** How many of the files go on the word of who uploaded them. */
    readonly unproved: number;
  },
): Promise<bigint> {
  const { caller, request, release, decision, grant, now } = recorded;
  const recipient: { [name: string]: Canonical } =
    request.recipientKey === null
      ? {}
      : {
          kem: kemId,
          recipientKeySha256: createHash("sha256").update(request.recipientKey).digest("hex"),
        };
  return await submit(tx, {
    kind: kinds[decision.verdict],
    subject: release,
    time: now,
    body: {
      ...allowedBody(caller, { ...recorded, way: request.way, evidence: evidence.toString("hex") }),
      decision: outline(decision),
      grant,
      licenses: [...decision.licenses],
      screeningList,
      ...(unproved === 0 ? {} : { unproved }),
      ...recipient,
    },
  });
}

export type Allowed = Wanted &
  Pick<ReleaseRequest, "way"> & { readonly release: string; readonly evidence: string };

/** Whom a release's entry is about and what of: who uses the release later must ask for exactly this. */
export function allowedBody(
  caller: Caller,
  { release, repository, revision, way, evidence, files }: Allowed,
) {
  return {
    release,
    principal: caller.principal,
    person: caller.person,
    workload: caller.workload,
    token: caller.token,
    repository: repository.id,
    revision,
    way,
    evidence,
    objects: {
      bytes: bytesOf(files).toString(),
      count: files.length,
      sha256: listDigest(files).toString("hex"),
    },
  };
}

/** SHA-256 over the ordered list of what a release is about. */
export function listDigest(files: readonly ReleaseFile[]): Buffer {
  const list = files.map(({ path, size, sha256, object }) => ({ path, size, sha256, object }));
  return createHash("sha256").update(canonicalJson(list)).digest();
}

type Inserted = Recorded & {
  readonly charged: bigint;
  readonly submission: bigint;
  readonly expiresAt: Date;
  readonly limits: Vault["limits"];
};

async function insertRelease(
  tx: Tx,
  { caller, request, repository, revision, files, release, decision, grant, ...rest }: Inserted,
): Promise<void> {
  const { charged, submission, now, expiresAt, limits } = rest;
  await tx
    .insertInto("release")
    .values({
      id: release,
      principal: caller.principal,
      token: caller.token,
      repository: repository.id,
      revision,
      way: request.way,
      verdict: decision.verdict,
      state: states[decision.verdict],
      decision: JSON.stringify(outline(decision)),
      grant,
      reuse_key: reuseKey(caller, request, { repository, revision, files }),
      object_count: files.length,
      object_list_sha256: listDigest(files),
      bytes_total: bytesOf(files),
      bytes_charged: charged,
      node: null,
      lease_until: secondsAfter(now, limits.releaseWaitMs / 1_000 + limits.leaseSeconds),
      created_at: now,
      expires_at: expiresAt,
      submission,
      outcome: null,
    })
    .execute();
  const rows = files.map(({ path, size, sha256, object }, position) => ({
    release,
    position,
    path,
    object,
    size_bytes: BigInt(size),
    sha256: Buffer.from(sha256, "hex"),
  }));
  for (let at = 0; at < rows.length; at += 1_000)
    await tx
      .insertInto("release_object")
      .values(rows.slice(at, at + 1_000))
      .execute();
  const licenses = decision.licenses.map((license) => ({ release, license }));
  if (licenses.length > 0) await tx.insertInto("release_license").values(licenses).execute();
}
