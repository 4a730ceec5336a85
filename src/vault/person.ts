import { randomBytes, randomUUID } from "node:crypto";
import { decrypt, encrypt } from "../crypto/aead.ts";
import { canonicalJson } from "../crypto/canonical-json.ts";
import { commit, newSalt } from "../crypto/commitment.ts";
import { Secret } from "../crypto/secret.ts";
import type { Custodian } from "../custody/custodian.ts";
import { isRefusal, Refusal } from "../errors.ts";
import type { PersonFacts, Verification } from "../export-control/facts.ts";
import type { Caller } from "../identity/authenticate.ts";
import { recordAs } from "./caller.ts";
import { assertAsRecorded, submitRow } from "./row.ts";
import { indexPerson } from "./terms.ts";
import type { Tx, Vault } from "./vault.ts";

/**
 * The personal facts that a decision may need, and the names that are screened. They exist in clear text only in memory:
 * stored, they are encrypted under the person's own key. Place of birth and documents are not wanted.
 */
export type PersonRecord = Pick<
  PersonFacts,
  "usPerson" | "citizenships" | "permanentResidencies" | "employment"
> &
  Partial<Pick<PersonFacts, "engagement" | "acknowledgements" | "verifications">> & {
    readonly name: string;
    readonly otherNames: readonly string[];
  };

/** What an officer states: who verified each group, and when, is for the vault to write down. */
export type StatedPerson = Omit<PersonRecord, "verifications"> & {
  readonly verifications?:
    | {
        readonly [Group in keyof Verifications]: StatedVerification | null;
      }
    | null;
};

type Verifications = NonNullable<PersonFacts["verifications"]>;
type StatedVerification = Pick<Verification, "evidence" | "expiresOn">;

/** The facts as they are kept: the officer who states a group's evidence has verified it, today. */
function verifiedBy(caller: Caller, facts: StatedPerson, now: Date): PersonRecord {
  const { verifications, ...rest } = facts;
  if (verifications == null) return rest;
  const on = now.toISOString().slice(0, 10);
  const stamped = (stated: StatedVerification | null): Verification | null =>
    stated === null
      ? null
      : { by: caller.person, on, evidence: stated.evidence, expiresOn: stated.expiresOn };
  return {
    ...rest,
    verifications: {
      usPerson: stamped(verifications.usPerson),
      nationality: stamped(verifications.nationality),
      employment: stamped(verifications.employment),
      acknowledgements: stamped(verifications.acknowledgements),
    },
  };
}

/** An opened person: the caller wipes `key`. `version` tells whether the row changed since. */
export type OpenedPerson = {
  readonly id: string;
  readonly version: number;
  readonly facts: PersonRecord;
  readonly commitment: Buffer;
  readonly key: Secret;
};

const issuer = "local";

/** Records a person and the principal that their tokens will belong to. */
export async function recordPerson(
  vault: Pick<Vault, "database" | "ledger" | "custodian" | "now">,
  caller: Caller,
  facts: StatedPerson,
): Promise<{ readonly person: string; readonly principal: string }> {
  const made = await preparePerson(vault.custodian, verifiedBy(caller, facts, vault.now()));
  await recordAs(vault, caller, async (tx) => await insertPerson(tx, made, caller, vault.now()));
  return { person: made.person, principal: made.principal };
}

type PreparedPerson = {
  readonly person: string;
  readonly principal: string;
  readonly commitment: Buffer;
  readonly sealed: Buffer;
  readonly wrapped: Buffer;
  readonly custodianKey: string;
};

/** The work that needs the custodian, before the transaction. */
export async function preparePerson(
  custodian: Custodian,
  facts: PersonRecord,
): Promise<PreparedPerson> {
  const person = randomUUID();
  const { dataKey, wrapped, keyId } = await custodian.generate(personContext(person));
  using key = dataKey;
  const { sealed, commitment } = sealFacts(key, person, 1, facts);
  return {
    person,
    principal: randomUUID(),
    commitment,
    sealed,
    wrapped,
    custodianKey: keyId,
  };
}

/** Writes a prepared person, its principal and its entry. */
export async function insertPerson(
  tx: Tx,
  made: PreparedPerson,
  by: Caller | null,
  now: Date,
): Promise<void> {
  const row = {
    id: made.person,
    state: "active",
    version: 1,
    commitment: made.commitment,
  } as const;
  const submission = await submitRow(tx, {
    kind: "person.recorded",
    row,
    by,
    time: now,
    more: { principal: made.principal },
  });
  await tx
    .insertInto("person")
    .values({
      ...row,
      facts: made.sealed,
      wrapped_key: made.wrapped,
      custodian_key: made.custodianKey,
      submission,
      created_at: now,
    })
    .execute();
  await tx
    .insertInto("principal")
    .values({
      id: made.principal,
      issuer,
      subject: made.person,
      person: made.person,
      workload: null,
      created_at: now,
    })
    .execute();
}

/** Replaces a person's facts. Officers do not change their own. */
export async function updatePerson(
  vault: Pick<Vault, "database" | "ledger" | "custodian" | "now">,
  caller: Caller,
  { id, facts: stated }: { readonly id: string; readonly facts: StatedPerson },
): Promise<void> {
  if (id === caller.person)
    throw new Refusal("two_person_rule", "an officer's own facts are changed by another officer");
  const opened = await openPerson(vault, id);
  using key = opened.key;
  const facts = verifiedBy(caller, stated, vault.now());
  // Releases of now stay to be found under the names and countries of now.
  await indexPerson(vault, opened);
  await recordAs(vault, caller, async (tx) => {
    const present = await tx
      .selectFrom("person")
      .select(["id", "state", "version", "commitment"])
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirstOrThrow();
    if (present.version !== opened.version)
      throw new Refusal("conflict", "the person was changed meanwhile");
    await assertAsRecorded(tx, [present]);
    const version = present.version + 1;
    const { sealed, commitment } = sealFacts(key, id, version, facts);
    const row = { id, state: present.state, version, commitment };
    const submission = await submitRow(tx, {
      kind: "person.updated",
      row,
      by: caller,
      time: vault.now(),
    });
    await tx
      .updateTable("person")
      .set({ version, commitment, facts: sealed, submission })
      .where("id", "=", id)
      .execute();
  });
}

/**
 * Reads and decrypts a person's facts. Throws `not_found`, `erased`, and `record_tampered` where row and ciphertext do not belong together.
 */
export async function openPerson(
  { database, custodian }: Pick<Vault, "database" | "custodian">,
  id: string,
): Promise<OpenedPerson> {
  const row = await database.db
    .selectFrom("person")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "there is no such person");
  const { wrapped_key: wrapped, custodian_key: kek, facts } = row;
  if (wrapped === null || facts === null)
    throw new Refusal("erased", "the person's facts were erased");
  const key = await custodian.unwrap(wrapped, personContext(id), kek);
  const opened = openFacts(key, id, facts);
  if (opened === null || !opened.commitment.equals(row.commitment)) {
    key.wipe();
    throw new Refusal("record_tampered", "a person's stored facts do not belong to their row");
  }
  return { id, version: row.version, facts: opened.facts, commitment: row.commitment, key };
}

/**
 * The same for a decision, which an erased person holds: nothing is known of them, and the evidence of such a decision is sealed under a key
 * that nobody keeps.
 */
export async function openForDecision(
  vault: Pick<Vault, "database" | "custodian">,
  id: string,
): Promise<OpenedPerson> {
  try {
    return await openPerson(vault, id);
  } catch (error) {
    if (!isRefusal(error, "erased")) throw error;
  }
  const { version, commitment } = await vault.database.db
    .selectFrom("person")
    .select(["version", "commitment"])
    .where("id", "=", id)
    .executeTakeFirstOrThrow();
  return { id, version, facts: nothingKnown, commitment, key: new Secret(randomBytes(32)) };
}

const nothingKnown: PersonRecord = {
  name: "",
  otherNames: [],
  usPerson: null,
  citizenships: null,
  permanentResidencies: null,
  employment: null,
};

/** The facts as a decision takes them, with the standing that the locked row has. */
export function factsForDecision(
  { id, facts }: OpenedPerson,
  state: PersonFacts["state"],
): PersonFacts {
  const { usPerson, citizenships, permanentResidencies, employment } = facts;
  return {
    id,
    state,
    usPerson,
    citizenships,
    permanentResidencies,
    employment,
    engagement: facts.engagement ?? null,
    acknowledgements: facts.acknowledgements ?? null,
    verifications: facts.verifications ?? null,
  };
}

/** What a person's data key is bound to. */
export function personContext(person: string): { readonly "weightvault:person": string } {
  return { "weightvault:person": person };
}

/** Ciphertext of `{salt, facts}`; the version is sealed in, so that an old ciphertext put back does not match its row. */
function sealFacts(key: Secret, person: string, version: number, facts: PersonRecord) {
  const salt = newSalt();
  const plaintext = canonicalJson({ salt: salt.toString("hex"), version, facts });
  return {
    sealed: encrypt(key, plaintext, aad(person)),
    commitment: factsCommitment(salt, person, version, facts),
  };
}

function openFacts(
  key: Secret,
  person: string,
  sealed: Buffer,
): { facts: PersonRecord; commitment: Buffer } | null {
  const plaintext = decrypt(key, sealed, aad(person));
  if (plaintext === null) return null;
  const { salt, version, facts } = JSON.parse(plaintext.toString("utf8")) as {
    salt: string;
    version: number;
    facts: PersonRecord;
  };
  plaintext.fill(0);
  return { facts, commitment: factsCommitment(Buffer.from(salt, "hex"), person, version, facts) };
}

function factsCommitment(
  salt: Buffer,
  person: string,
  version: number,
  facts: PersonRecord,
): Buffer {
  return commit(salt, { person, version, facts });
}

function aad(person: string): Buffer {
  return Buffer.from(`weightvault/person/v1\0${person}`, "utf8");
}
