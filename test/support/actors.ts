import { createHash, randomBytes } from "node:crypto";
import type { LicenseScope } from "../../src/export-control/facts.ts";
import { authenticate, type Caller } from "../../src/identity/authenticate.ts";
import type { Role } from "../../src/identity/token.ts";
import { initialize, trade } from "../../src/vault/bootstrap.ts";
import { approveClassification, proposeClassification } from "../../src/vault/classification.ts";
import type { ReleaseRequest } from "../../src/vault/decide.ts";
import { recordEntity } from "../../src/vault/entity.ts";
import { makeGrant } from "../../src/vault/grant.ts";
import { activateLicense, enterLicense } from "../../src/vault/license.ts";
import { type PersonRecord, recordPerson } from "../../src/vault/person.ts";
import { createRepository, type RepositoryName } from "../../src/vault/repository.ts";
import { commitRevision } from "../../src/vault/revision.ts";
import { issueToken } from "../../src/vault/token.ts";
import { openUpload, putFile } from "../../src/vault/upload.ts";
import { secondsAfter, type Vault } from "../../src/vault/vault.ts";
import { recordWorkload } from "../../src/vault/workload.ts";

/** Somebody with a token. */
export type Actor = {
  readonly caller: Caller;
  readonly token: string;
  readonly person: string;
  readonly principal: string;
};

export const usPerson: PersonRecord = {
  name: "Uma Persson",
  otherNames: [],
  usPerson: { value: true, category: "citizen" },
  citizenships: null,
  permanentResidencies: null,
  employment: null,
};

export function foreignPerson(country: string): PersonRecord {
  return {
    name: `Visitor ${country}`,
    otherNames: [],
    usPerson: { value: false, category: null },
    citizenships: [{ country, from: "1990-01-01", until: null }],
    permanentResidencies: [],
    employment: {
      entityHeadquarters: country,
      ultimateParentHeadquarters: country,
      permanentRegular: false,
    },
  };
}

export const unitedStates: ReleaseRequest["destination"] = {
  country: "US",
  basis: "site",
  site: "local",
};
export const model: RepositoryName = { namespace: "lab", name: "model" };

/** The first officer, by way of the bootstrap token. */
export async function bootstrapOfficer(vault: Vault): Promise<Actor> {
  const bootstrapToken = await initialize(vault);
  if (bootstrapToken === null) throw new Error("the vault was bootstrapped before");
  const made = await trade(vault, {
    bootstrapToken,
    facts: { ...usPerson, name: "Olive First" },
    expiresAt: secondsAfter(vault.now(), 90 * 86_400),
  });
  return await actor(vault, made);
}

/** A person with a token of these roles. */
export async function addPerson(
  vault: Vault,
  officer: Actor,
  facts: PersonRecord,
  roles: readonly Role[],
): Promise<Actor> {
  const made = await recordPerson(vault, officer.caller, facts);
  return await withToken(vault, officer, made, roles);
}

/** A workload of a U.S. entity with a token of these roles; `accountable` answers for it. */
export async function addWorkload(
  vault: Vault,
  officer: Actor,
  accountable: string,
  roles: readonly Role[],
): Promise<Actor & { readonly workload: string; readonly entity: string }> {
  const { entity } = await recordEntity(vault, officer.caller, {
    name: "Lab Incorporated",
    country: "US",
    headquarters: "US",
    ultimateParentHeadquarters: "US",
    ownership: "no-listed-owner",
  });
  const name = `job-${randomBytes(4).toString("hex")}`;
  const made = await recordWorkload(vault, officer.caller, { name, accountable, entity });
  return {
    ...(await withToken(vault, officer, { person: accountable, principal: made.principal }, roles)),
    workload: made.workload,
    entity,
  };
}

async function withToken(
  vault: Vault,
  officer: Actor,
  made: { readonly person: string; readonly principal: string },
  roles: readonly Role[],
): Promise<Actor> {
  const expiresAt = secondsAfter(vault.now(), 90 * 86_400);
  const issued = await issueToken(vault, officer.caller, {
    principal: made.principal,
    roles,
    expiresAt,
  });
  return await actor(vault, { ...made, ...issued });
}

async function actor(
  vault: Vault,
  made: {
    readonly person: string;
    readonly principal: string;
    readonly text: { expose(): Buffer };
  },
): Promise<Actor> {
  const token = made.text.expose().toString("ascii");
  return {
    person: made.person,
    principal: made.principal,
    token,
    caller: await authenticate(vault.database.db, token, vault.now()),
  };
}

export type Cast = {
  readonly first: Actor;
  readonly second: Actor;
  readonly job: Actor;
  readonly reader: Actor;
  readonly visitor: Actor;
  readonly revision: string;
  readonly bytes: Buffer;
};

/**
 * The story that most tests begin with: two officers, a training job that uploaded `weights.safetensors`, a classification as 4E091, a U.S.
 * reader and a foreign visitor who both have a grant.
 */
export async function stage(
  vault: Vault,
  {
    bytes = randomBytes(3_000_000),
    eccn = "4E091",
  }: { readonly bytes?: Buffer; readonly eccn?: string } = {},
): Promise<Cast> {
  const first = await bootstrapOfficer(vault);
  const second = await addPerson(vault, first, { ...usPerson, name: "Otto Second" }, [
    "export-officer",
    "auditor",
  ]);
  const job = await addWorkload(vault, first, second.person, ["uploader", "reader"]);
  const reader = await addPerson(vault, first, usPerson, ["reader"]);
  const visitor = await addPerson(vault, first, foreignPerson("IN"), ["reader"]);
  await createRepository(vault, job.caller, model);
  const revision = await uploadRevision(vault, job, { "weights.safetensors": bytes });
  const { classification } = await proposeClassification(vault, first.caller, model, {
    jurisdiction: "EAR",
    eccn,
    paragraph: null,
    basis: "self",
    datasheet: {},
  });
  await approveClassification(vault, second.caller, model, classification);
  for (const { principal } of [reader, visitor]) await grant(vault, first, principal);
  return { first, second, job, reader, visitor, revision, bytes };
}

/** A grant on the model for a year from now. */
export async function grant(
  vault: Vault,
  officer: Actor,
  principal: string,
  bytesAllowed: bigint | null = null,
): Promise<string> {
  const now = vault.now();
  const made = await makeGrant(vault, officer.caller, {
    ...model,
    principal,
    purpose: "evaluation",
    validFrom: now,
    validUntil: secondsAfter(now, 365 * 86_400),
    bytesAllowed,
  });
  return made.grant;
}

/** Uploads files and commits them as a revision on the head. */
export async function uploadRevision(
  vault: Vault,
  uploader: Actor,
  files: Readonly<Record<string, Buffer>>,
  parent: string | null = null,
): Promise<string> {
  const { upload } = await openUpload(vault, uploader.caller, model);
  const named = [];
  for (const [path, bytes] of Object.entries(files)) {
    const { size, sha256 } = await putFile(vault, uploader.caller, {
      upload,
      path,
      sizeBytes: bytes.length,
      source: chunked(bytes),
    });
    named.push({ path, size, sha256 });
  }
  const { revision } = await commitRevision(vault, uploader.caller, {
    ...model,
    upload,
    parent,
    message: "",
    files: named,
  });
  return revision;
}

export async function* chunked(bytes: Buffer, chunkBytes = 65_536): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

/** A BIS license for releases of 4E091 to nationals of a country, named persons alone; entered by one officer and activated by the other. */
export async function license(
  vault: Vault,
  { first, second }: Pick<Cast, "first" | "second">,
  {
    persons,
    nationality = "IN",
    scope = {},
    validUntil = "2027-11-22",
    releasesAllowed = null,
  }: {
    readonly persons: readonly string[];
    readonly nationality?: string;
    readonly scope?: Partial<LicenseScope>;
    readonly validUntil?: string;
    readonly releasesAllowed?: number | null;
  },
): Promise<string> {
  const entered = await enterLicense(vault, first.caller, {
    number: "D000001",
    kind: "bis-license",
    conditions: "",
    validFrom: "2026-01-01",
    validUntil,
    releasesAllowed,
    scope: {
      eccns: ["4E091"],
      repositories: null,
      destinations: [],
      nationalities: [nationality],
      parties: { persons, workloads: [], entities: [] },
      reasons: null,
      ...scope,
    },
  });
  await activateLicense(vault, second.caller, entered.license);
  return entered.license;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
