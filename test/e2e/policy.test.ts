import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { newRecipientKeyPair } from "../../src/crypto/enclosure.ts";
import { completeParted } from "../../src/vault/complete-parted.ts";
import { beginParted } from "../../src/vault/parted.ts";
import { policyOf, readPolicy, setPolicy } from "../../src/vault/policy.ts";
import { proveDeclared } from "../../src/vault/prove-declared.ts";
import { releaseEnclosed } from "../../src/vault/release.ts";
import { findRepository } from "../../src/vault/repository.ts";
import { commitRevision } from "../../src/vault/revision.ts";
import { openUpload } from "../../src/vault/upload.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { ask, expectProblem, type Serving, serve } from "../integration/http/serving.ts";
import { type Actor, type Cast, model, sha256, stage, unitedStates } from "../support/actors.ts";
import { AddressedStore } from "../support/addressed-store.ts";
import { sealerOf, sendPart } from "../support/direct-file.ts";
import { entriesOf, verified } from "../support/ledger.ts";
import { weightvaultHere } from "./command.ts";

const whole = randomBytes(100_000);
const repository = "/v1/repositories/lab/model";

let s: Serving;
let cast: Cast;
let addressed: AddressedStore;
let id: string;
let head: string;

/** The vault's own setting admits what is declared, so that the repository's alone can demand more. */
beforeAll(async () => {
  const storeOver = (inner: ConstructorParameters<typeof AddressedStore>[0]) => {
    addressed = new AddressedStore(inner, () => s.clock.now());
    return addressed.store;
  };
  s = await serve({ releaseDeclared: "allow" }, { storeOver });
  cast = await stage(s.vault, { bytes: Buffer.from("weights") });
  id = (await findRepository(s.vault.database.db, model)).id;
  head = cast.revision;
});
afterEach(async () => {
  s.custodian.disarm();
  await prove();
  for (const { caller } of [cast.first, cast.second])
    await setPolicy(s.vault, caller, { ...model, requireProved: false }).catch(() => {});
});
afterAll(async () => {
  const report = await verified(s);
  await s.stop();
  expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
});

/** A revision of one file, which its uploader sealed and the vault has not read. */
async function commitDeclared(): Promise<string> {
  const { vault } = s;
  const { caller } = cast.job;
  const { upload } = await openUpload(vault, caller, model);
  const declared = { path: "weights.bin", sha256: sha256(whole) };
  const begun = await beginParted(vault, caller, { upload, sizeBytes: whole.length, ...declared });
  const { object } = begun.object;
  const file = { upload, object, whole };
  using sealer = await sealerOf(vault, caller, file);
  await sendPart({ vault, caller, addressed }, file, { sealer, part: 1 });
  await completeParted(vault, caller, file, 60_000);
  const files = [{ ...declared, size: whole.length }];
  const commit = { ...model, upload, parent: head, message: "", files };
  head = (await commitRevision(vault, caller, commit)).revision;
  return object;
}

async function prove(): Promise<void> {
  const signal = new AbortController().signal;
  await proveDeclared(s.vault, { onFailure: () => {}, signal });
}

async function release(vault: Vault = s.vault) {
  const { publicKey: recipientKey } = await newRecipientKeyPair();
  const what = { ...model, revision: "main", paths: null, way: "enclosed", recipientKey } as const;
  const { decided } = await releaseEnclosed(vault, cast.reader.caller, {
    ...what,
    destination: unitedStates,
  });
  return decided;
}

const demand = async (officer: Actor = cast.first, requireProved = true) =>
  await setPolicy(s.vault, officer.caller, { ...model, requireProved });
const entriesOfKind = async (kind: string) =>
  (await entriesOf(s.vault.database)).filter((entry) => entry.kind === kind);
const refused = (code: string) => expect.objectContaining({ code });

test("a policy that demands it holds a release on an uploader's word, and lets it go once the vault has read it", async () => {
  await commitDeclared();
  expect((await release()).decision.verdict).toBe("allow");
  await demand();
  await expect(release()).rejects.toEqual(refused("digest_declared"));
  await prove();
  expect((await release()).decision.verdict).toBe("allow");
});

test("a policy is never looser than the vault", async () => {
  await commitDeclared();
  await demand();
  await demand(cast.second, false);
  const strict: Vault = { ...s.vault, limits: { ...s.vault.limits, releaseDeclared: "refuse" } };
  await expect(release(strict)).rejects.toEqual(refused("digest_declared"));
  expect((await release()).decision.verdict).toBe("allow");
});

test("what a policy forbids since a release was decided does not leave any more", async () => {
  await commitDeclared();
  s.custodian.arm({
    method: "unwrap",
    nth: 1,
    when: "after",
    act: async () => void (await demand()),
  });
  await expect(release()).rejects.toEqual(refused("digest_declared"));
});

test("a release on an uploader's word says so in its entry, and its revision which files those were", async () => {
  const object = await commitDeclared();
  const { release: onWord } = await release();
  await prove();
  const { release: onProof } = await release();
  const allowed = await entriesOfKind("release.allowed");
  const told = (of: string) => allowed.find(({ body }) => body["release"] === of)?.body;
  expect(told(onWord)).toMatchObject({ unproved: 1 });
  expect(told(onProof)).not.toHaveProperty("unproved");
  expect((await entriesOfKind("revision.committed")).at(-1)?.body).toMatchObject({
    revision: head,
    declared: [object],
  });
});

test("one officer makes a policy strict at once and another one less strict, and what changes nothing leaves no entry", async () => {
  const before = (await entriesOfKind("repository.policy-set")).length;
  const { version } = await demand();
  expect(await demand(cast.second)).toMatchObject({ version, setBy: cast.first.person });
  await expect(demand(cast.first, false)).rejects.toEqual(refused("two_person_rule"));
  const now = s.vault.now();
  expect(await demand(cast.second, false)).toEqual({
    requireProved: false,
    version: version + 1,
    setBy: cast.second.person,
    setAt: now,
  });
  const told = (await entriesOfKind("repository.policy-set")).slice(before);
  expect(told.map(({ body }) => body)).toMatchObject([
    { repository: id, requireProved: true, version, by: cast.first.principal },
    { repository: id, requireProved: false, version: version + 1, by: cast.second.principal },
  ]);
});

test.each<[string, () => Promise<unknown>]>([
  [
    "edited",
    async () =>
      await sql`update repository_policy set require_proved = false where repository = ${id}::uuid`.execute(
        s.vault.database.db,
      ),
  ],
  [
    "taken out",
    async () =>
      await sql`delete from repository_policy where repository = ${id}::uuid and version = (
        select max(version) from repository_policy)`.execute(s.vault.database.db),
  ],
  [
    "put over it",
    async () =>
      await sql`insert into repository_policy
        select repository, version + 1, false, set_by, set_at, submission from repository_policy
        order by version desc limit 1`.execute(s.vault.database.db),
  ],
])(
  "a policy's row that was %s in the database holds every release that rests on it",
  async (_, edit) => {
    const { db } = s.vault.database;
    await commitDeclared();
    await demand();
    const kept = await db.selectFrom("repository_policy").selectAll().execute();
    await sql`alter table repository_policy disable trigger append_only`.execute(db);
    await edit();
    const tampered = refused("record_tampered");
    await expect(release()).rejects.toEqual(tampered);
    await expect(demand(cast.second, false)).rejects.toEqual(tampered);
    await expect(policyOf(db, id)).rejects.toEqual(tampered);
    await prove();
    await expect(release()).rejects.toEqual(tampered);
    await sql`delete from repository_policy`.execute(db);
    await db.insertInto("repository_policy").values(kept).execute();
    await sql`alter table repository_policy enable trigger append_only`.execute(db);
    expect((await release()).decision.verdict).toBe("allow");
  },
);

test("a policy's rows are added to and never changed", async () => {
  await demand();
  const { db } = s.vault.database;
  for (const change of [
    sql`update repository_policy set require_proved = false`,
    sql`delete from repository_policy`,
    sql`truncate repository_policy`,
  ])
    await expect(change.execute(db)).rejects.toThrow("repository_policy");
});

test("the API shows a policy to whoever may know of the repository, and an officer sets it", async () => {
  const by = (actor: Actor) => ({ token: actor.token });
  const { version } = await policyOf(s.vault.database.db, id);
  const json = { requireProved: true };
  for (const nobody of [cast.job, cast.reader])
    expectProblem(
      await ask(s, `PUT ${repository}/policy`, { ...by(nobody), json }),
      "role_missing",
    );
  const set = await ask(s, `PUT ${repository}/policy`, { ...by(cast.first), json });
  const policy = {
    requireProved: true,
    requiredByVault: false,
    version: version + 1,
    setBy: cast.first.person,
    setAt: s.vault.now().toISOString(),
  };
  expect(set).toMatchObject({ status: 200, json: { policy } });
  expect((await ask(s, `GET ${repository}`, by(cast.reader))).json).toMatchObject({ policy });
  const relaxed = { ...by(cast.first), json: { requireProved: false } };
  expectProblem(await ask(s, `PUT ${repository}/policy`, relaxed), "two_person_rule");
  for (const wrong of [{}, { requireProved: "yes" }, { requireProved: true, more: 1 }])
    expectProblem(
      await ask(s, `PUT ${repository}/policy`, { ...by(cast.first), json: wrong }),
      "invalid_request",
    );
  const nowhere = { ...by(cast.first), json };
  expectProblem(await ask(s, "PUT /v1/repositories/lab/none/policy", nowhere), "not_found");
});

test("a policy that is set between the reads of its row and of its entry is read anew, and told for no tampering", async () => {
  const { database } = s.vault;
  const { version } = await policyOf(database.db, id);
  const betweenReads = () => {
    let isSet = false;
    const executor = database.db.getExecutor();
    const setting = intercepted(executor, "executeQuery", async (...query) => {
      if (!isSet) await demand();
      isSet = true;
      return await executor.executeQuery(...query);
    });
    // The row is read by the builder, and then the entry by a statement in words, which asks for the executor.
    return intercepted(database.db, "getExecutor", () => setting);
  };
  const looking = { database: { ...database, db: betweenReads() } };
  const policy = { requireProved: true, version: version + 1 };
  expect(await readPolicy(looking, id)).toMatchObject(policy);
});

/** The same but for one method. */
function intercepted<Of extends object, Name extends keyof Of>(
  of: Of,
  name: Name,
  method: Of[Name],
): Of {
  return new Proxy(of, {
    get: (target, asked) => {
      if (asked === name) return method;
      const value: unknown = Reflect.get(target, asked, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test("a command shows a policy and sets it", async () => {
  const run = async (who: Actor, ...more: string[]) => {
    const env = { WEIGHTVAULT_URL: s.url, WEIGHTVAULT_TOKEN: who.token };
    return await weightvaultHere(["repository", "policy", "lab/model", ...more], { env });
  };
  const told = async (who: Actor, ...more: string[]) => {
    const { code, stdout } = await run(who, ...more, "--json");
    return { exit: code, ...(JSON.parse(stdout) as object) };
  };
  expect(await told(cast.reader)).toMatchObject({ exit: 0, requireProved: false });
  const demanded = { exit: 0, requireProved: true, setBy: cast.first.person };
  expect(await told(cast.first, "--require-proved", "yes")).toMatchObject(demanded);
  expect((await run(cast.reader)).stdout).toMatch(/^requireProved +true$/m);
  expect(await told(cast.first, "--require-proved", "no")).toMatchObject({
    exit: 1,
    code: "two_person_rule",
  });
  expect(await run(cast.first, "--require-proved", "perhaps")).toMatchObject({ code: 2 });
});
