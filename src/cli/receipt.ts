import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { canonicalJson } from "../crypto/canonical-json.ts";
import { type Entry, parseEntry } from "../ledger/entry.ts";
import { type CosignerKey, judgeCosigned } from "../merkle/cosignature.ts";
import type { VerificationKey } from "../merkle/note.ts";
import { type PlacedRotation, reignsFrom, successionOf } from "../merkle/rotation.ts";
import { parseTlogProof, verifyTlogProof } from "../merkle/tlog-proof.ts";
import { leafHash } from "../merkle/tree.ts";
import { type Answer, parseAnswer } from "./answers.ts";
import { ask, type Client, route } from "./client.ts";
import { Failure, Problem } from "./failure.ts";
import { isRecord } from "./record.ts";

export type Receipt = Answer<"receipt">;

/** An entry that a receipt proves: it stands in the ledger of that key. */
export type ProvedEntry = {
  readonly entry: Entry;
  readonly bytes: Buffer;
  readonly leaf: Buffer;
};

const retryAfterMs = [100, 300, 1_000, 3_000] as const;

/** The receipt of a release's decision. A decision of a moment ago may have no place in the ledger yet, and is waited for a little. */
export async function fetchReceipt(client: Client, release: string): Promise<Receipt> {
  const path = route`/v1/releases/${release}/receipt`;
  for (const waitMs of retryAfterMs) {
    try {
      return parseAnswer("receipt", await ask(client, "GET", path));
    } catch (error) {
      const isEarly = error instanceof Problem && error.code === "ledger_unavailable";
      if (!isEarly || client.signal.aborted) throw error;
    }
    await delay(waitMs, undefined, { signal: client.signal }).catch(() => {});
  }
  return parseAnswer("receipt", await ask(client, "GET", path));
}

/**
 * Verifies a receipt offline: the entry's bytes, its way to the root, the checkpoint's origin and its signature, by the key or by one that
 * rotations lead to from it. One that was made just now is not taken from a key that went before the given one. Where the ledger's ML-DSA-44 key is
 * given, whatever rotations say, it must have signed the checkpoint too. Throws `integrity`.
 */
export function verifyReceipt(
  receipt: Receipt,
  key: VerificationKey,
  rotations: readonly PlacedRotation[] = [],
  {
    isNew = false,
    mlDsaKey = null,
  }: { readonly isNew?: boolean; readonly mlDsaKey?: CosignerKey | null } = {},
): ProvedEntry {
  const bytes = Buffer.from(receipt.entry, "base64");
  const entry = parseEntry(bytes);
  if (entry === null) throw broken("holds no ledger entry in its canonical form");
  const proof = parseTlogProof(receipt.proof);
  if (proof === null) throw broken("holds no inclusion proof");
  if (entry.index !== receipt.index || proof.index !== receipt.index)
    throw broken("speaks of more than one index");
  const leaf = leafHash(bytes);
  const succession = successionOf(key, rotations);
  if (succession.open(proof.checkpoint)?.verdict === "retired") throw broken(reasons.retired);
  const reigns = isNew ? reignsFrom(key, rotations) : succession.reigns;
  const results = reigns.map((reign) => verifyTlogProof(proof, leaf, reign.key));
  const result = results.find(({ verified }) => verified) ?? verifyTlogProof(proof, leaf, key);
  if (!result.verified) throw broken(reasons[result.refused]);
  if (result.checkpoint.origin !== key.name) throw broken("is of another ledger");
  if (mlDsaKey !== null) {
    const { verdict } = judgeCosigned(proof.checkpoint, mlDsaKey);
    if (verdict === "forged")
      throw broken(`has a forged signature of the ML-DSA-44 key ${mlDsaKey.keyId}`);
    if (verdict !== "verified")
      throw broken(`is not signed by the ML-DSA-44 key ${mlDsaKey.keyId}`);
  }
  return { entry, bytes, leaf };
}

const reasons = {
  malformed_checkpoint: "holds no checkpoint",
  unsigned: "is not signed by the ledger's key",
  forged: "has a forged signature",
  retired: "is signed by a key of the ledger that had been replaced by then",
  not_included: "does not lead from the entry to the signed root",
} as const;

export type ExpectedRelease = {
  readonly release: string;
  readonly revision: string;
  readonly recipientKey: Uint8Array;
  readonly objects: readonly {
    readonly path: string;
    readonly size: number;
    readonly sha256: string;
    readonly object: string;
  }[];
};

/** Holds the entry to what was asked and answered: this release, allowed, for our key, of exactly these files. Throws `integrity`. */
export function assertAllows({ kind, body }: Entry, expected: ExpectedRelease): void {
  const { release, revision, recipientKey, objects } = expected;
  const decision = body["decision"];
  const list = objects.map(({ path, size, sha256, object }) => ({ path, size, sha256, object }));
  const bytes = objects.reduce((sum, { size }) => sum + BigInt(size), 0n);
  const claims: readonly (readonly [holds: boolean, otherwise: string])[] = [
    [kind === "release.allowed", "is no allowed release"],
    [body["release"] === release, "is of another release"],
    [isRecord(decision) && decision["verdict"] === "allow", "has no verdict that allows it"],
    [body["revision"] === revision, "is of another revision"],
    [body["recipientKeySha256"] === sha256Of(recipientKey), "is for another recipient's key"],
    [
      isSame(body["objects"], {
        count: objects.length,
        bytes: bytes.toString(),
        sha256: sha256Of(canonicalJson(list)),
      }),
      "is of another list of files",
    ],
  ];
  const failed = claims.find(([holds]) => !holds);
  if (failed !== undefined)
    throw new Failure("integrity", `the ledger entry of the release ${failed[1]}`);
}

function isSame(value: unknown, expected: Readonly<Record<string, string | number>>): boolean {
  return (
    isRecord(value) && Object.entries(expected).every(([name, member]) => value[name] === member)
  );
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function broken(reason: string): Failure {
  return new Failure("integrity", `the receipt ${reason}`);
}
