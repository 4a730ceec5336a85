import { randomUUID } from "node:crypto";
import { decrypt, encrypt } from "../crypto/aead.ts";
import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import { commit, newSalt } from "../crypto/commitment.ts";
import type { Secret } from "../crypto/secret.ts";
import { Refusal } from "../errors.ts";
import type { Decision } from "../export-control/decision.ts";
import type { Facts } from "../export-control/facts.ts";
import { openPerson } from "./person.ts";
import type { Tx, Vault } from "./vault.ts";

/** What a decision rested on and what it said in full. */
export type Evidence = { readonly facts: Facts; readonly decision: Decision };

export type SealedEvidence = { readonly commitment: Buffer; readonly sealed: Buffer };

/** Encrypts the evidence under the person's key; the commitment to the facts goes into the ledger entry. */
export function sealEvidence(
  key: Secret,
  release: string,
  { facts, decision }: Evidence,
): SealedEvidence {
  const salt = newSalt();
  const content = { salt: salt.toString("hex"), facts, decision } as unknown as Canonical;
  return {
    commitment: commit(salt, facts as unknown as Canonical),
    sealed: encrypt(key, canonicalJson(content), aad(release)),
  };
}

/** Writes the evidence beside its release. */
export async function keepEvidence(
  tx: Tx,
  {
    release,
    person,
    evidence,
    now,
  }: {
    readonly release: string;
    readonly person: string;
    readonly evidence: SealedEvidence;
    readonly now: Date;
  },
): Promise<void> {
  await tx
    .insertInto("evidence")
    .values({ id: randomUUID(), release, person, ...evidence, created_at: now })
    .execute();
}

/** Opens a release's evidence and checks it against its commitment. Throws `not_found`, `erased`, or `record_tampered`. */
export async function openEvidence(
  vault: Pick<Vault, "database" | "custodian">,
  release: string,
): Promise<Evidence & { readonly salt: string; readonly commitment: string }> {
  const row = await vault.database.db
    .selectFrom("evidence")
    .selectAll()
    .where("release", "=", release)
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "there is no evidence of such a release");
  const { sealed } = row;
  if (sealed === null)
    throw new Refusal("erased", "the evidence was erased: the decision cannot be made again");
  const person = await openPerson(vault, row.person);
  using key = person.key;
  const opened = openSealed(key, release, sealed);
  if (opened === null)
    throw new Refusal("record_tampered", "the evidence does not open with its person's key");
  const { salt, facts, decision } = opened;
  const commitment = commit(Buffer.from(salt, "hex"), facts as unknown as Canonical);
  if (!commitment.equals(row.commitment))
    throw new Refusal("record_tampered", "the evidence does not open its commitment");
  return { facts, decision, salt, commitment: commitment.toString("hex") };
}

/** What `sealEvidence` sealed; null where key or bytes are others. Nothing is held against its commitment here. */
export function openSealed(
  key: Secret,
  release: string,
  sealed: Buffer,
): (Evidence & { readonly salt: string }) | null {
  const plaintext = decrypt(key, sealed, aad(release));
  if (plaintext === null) return null;
  return JSON.parse(plaintext.toString("utf8")) as Evidence & { salt: string };
}

function aad(release: string): Buffer {
  return Buffer.from(`weightvault/evidence/v1\0${release}`, "utf8");
}
