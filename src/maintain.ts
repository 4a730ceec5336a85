import { randomUUID } from "node:crypto";
import { join, resolve } from "node:path";
import { makeFolder } from "./cli/paths.ts";
import { ConfigurationError, readConfig } from "./config.ts";
import { custodyFitness, initializeCustody, openCustody } from "./custodians.ts";
import { holdDataFolder } from "./database/data-folder.ts";
import { grantServerRole, migrate } from "./database/migrate.ts";
import { openPglite, openPostgres } from "./database/open.ts";
import { isRefusal, Refusal } from "./errors.ts";
import { openLedger } from "./ledger/open.ts";
import { type RebuildOptions, type Rebuilt, rebuildLedger } from "./ledger/rebuild.ts";
import { rotatedSize, rotationBehind, submitRotation } from "./ledger/rotate.ts";
import type { TileSource } from "./ledger/source.ts";
import { storeSource } from "./ledger/source-store.ts";
import { isSignedBeyond } from "./ledger/take-up.ts";
import { migrationsFolder, openAdapters, reasonOf } from "./main.ts";
import { encodeCosignerKey } from "./merkle/cosignature.ts";
import { encodeVerificationKey, type VerificationKey } from "./merkle/note.ts";
import type { Reign } from "./merkle/rotation.ts";
import { openStore } from "./open-store.ts";
import { assertKeysBelong, hasBegun } from "./vault/begun.ts";
import { type Recovered, recoverGovernor } from "./vault/recover.ts";

/**
 * `weightvault ledger rebuild`: in an empty database, as its owner where one is named; the embedded one is made where it is missing. Without
 * a source, from the blob store that the settings name.
 */
export async function rebuildFrom(
  env: Readonly<Record<string, string | undefined>>,
  {
    source: given,
    ...keys
  }: Omit<RebuildOptions, "database" | "source"> & { readonly source: TileSource | null },
): Promise<Rebuilt> {
  const config = readConfig(env);
  const url = config.databaseOwnerUrl ?? config.databaseUrl;
  await using opened = new AsyncDisposableStack();
  if (url === null) {
    await makeFolder(config.dataFolder, 0o700);
    const folder = await holdDataFolder(config.dataFolder);
    opened.defer(() => folder.release());
  }
  const database =
    url === null
      ? await openPglite({ folder: join(resolve(config.dataFolder), "database") })
      : openPostgres({ url, poolSize: 2 });
  opened.defer(async () => await database.close());
  await migrate(database, migrationsFolder);
  let source = given;
  if (source === null) {
    const store = await openStore(config, join(resolve(config.dataFolder), "store"));
    opened.defer(() => store.close());
    source = storeSource(store);
  }
  return await rebuildLedger({ database, source, ...keys });
}

/** `weightvault migrate`: applies the migrations as the owner of the tables and prepares the server's role. Gives the exit code. */
export async function migrateCommand(
  env: Readonly<Record<string, string | undefined>>,
  isJson: boolean,
): Promise<number> {
  try {
    const config = readConfig(env);
    const url = config.databaseOwnerUrl ?? config.databaseUrl;
    if (url === null)
      throw new ConfigurationError([
        "WEIGHTVAULT_DATABASE_OWNER_URL: name the PostgreSQL to migrate; the embedded database migrates itself",
      ]);
    const database = openPostgres({ url, poolSize: 2 });
    try {
      const applied = await migrate(database, migrationsFolder);
      await grantServerRole(database, config.databaseRole);
      const names = applied.length === 0 ? "nothing, the schema is current" : applied.join(", ");
      process.stdout.write(
        isJson
          ? `${JSON.stringify({ applied, role: config.databaseRole })}\n`
          : `applied: ${names}\nrole ${config.databaseRole} may serve\n`,
      );
    } finally {
      await database.close();
    }
    return 0;
  } catch (error) {
    process.stderr.write(`weightvault cannot migrate: ${reasonOf(error)}\n`);
    return 1;
  }
}

/**
 * `weightvault custody init` makes the keys that the configured token lacks; `weightvault custody check` says what a token can and cannot do,
 * and opens the configured custodian and signer, which wrap, unwrap and sign to prove themselves. Gives the exit code.
 */
export async function custodyCommand(
  env: Readonly<Record<string, string | undefined>>,
  what: "init" | "check",
  isJson: boolean,
): Promise<number> {
  const say = (value: object, lines: readonly string[]) =>
    process.stdout.write(isJson ? `${JSON.stringify(value)}\n` : `${lines.join("\n")}\n`);
  try {
    const config = readConfig(env);
    if (what === "init") {
      const keys = await initializeCustody(config);
      const lines = keys.flatMap(({ label, was, verificationKey }) => [
        `${was === "made" ? "made" : "was there"}  ${label}`,
        ...(verificationKey === undefined ? [] : [`signs  ${verificationKey}`]),
      ]);
      say({ keys }, lines);
      return 0;
    }
    const fitness = await custodyFitness(config);
    const needs = fitness.map(({ need, isMet }) => `${isMet ? "has  " : "lacks"}  ${need}`);
    if (fitness.some(({ isMet, isVital }) => isVital && !isMet)) {
      say({ fitness }, needs);
      return 1;
    }
    const opened = await openCustody(config, {
      folder: resolve(config.dataFolder),
      mayMake: false,
    });
    const { custodian, signer, cosigners } = opened;
    await opened.close();
    const mlDsaKeys = cosigners.map(({ key }) => encodeCosignerKey(key));
    const verificationKey = encodeVerificationKey(signer.name, signer.publicKey);
    say({ fitness, custodian: custodian.keyId, verificationKey, mlDsaKeys }, [
      ...needs,
      `wraps  ${custodian.keyId}`,
      `signs  ${verificationKey}`,
      ...mlDsaKeys.map((each) => `signs  ${each}`),
    ]);
    return 0;
  } catch (error) {
    process.stderr.write(`weightvault custody ${what}: ${reasonOf(error)}\n`);
    return 1;
  }
}

export type Rotated = {
  /** The key that signs from now on, as it is handed around. */
  readonly verificationKey: string;
  readonly replaced: string;
  /** The size of the old key's last checkpoint, which covers the rotation. */
  readonly lastSize: number;
  /** Whether an earlier run had ended it, so that this one changed nothing. */
  readonly wasDone: boolean;
  /** What is left for the operator to do. */
  readonly next: string;
};

export type RotateOptions = {
  /** The key to be replaced, which makes a second rotation another command than the first; null for the one that the ledger began with. */
  readonly replace?: VerificationKey | null;
  readonly now?: () => Date;
};

/**
 * `weightvault ledger rotate-key`: hands the ledger over to the next key that the settings name, and resolves when a checkpoint of the old key
 * covers that and the new one has signed its first, or could not in time. Whatever interrupted it, it may be run again under the same settings, and after its end it changes nothing: a soft key that has
 * replaced another is itself replaced where `replace` names it alone, a KMS's or a token's where the settings name a further one. It takes
 * the data folder for itself. Refuses (`conflict`) a vault that has not begun, and a `replace` that is not the key that rules.
 */
export async function rotateKeyCommand(
  env: Readonly<Record<string, string | undefined>>,
  { replace = null, now = () => new Date() }: RotateOptions = {},
): Promise<Rotated> {
  try {
    const config = readConfig(env);
    await using stack = new AsyncDisposableStack();
    const adapters = await openAdapters(config);
    stack.defer(async () => await adapters.close());
    const { database, signer, cosigners, store } = adapters;
    if (!(await hasBegun({ database })))
      throw new Refusal(
        "conflict",
        "this vault has not begun, and its first start makes its first key: is WEIGHTVAULT_DATA or DATABASE_URL another one's?",
      );
    const behind = await rotationBehind({ database, from: signer });
    if (
      behind !== null &&
      (replace === null ? config.signer === "soft" : isKey(replace, behind.key))
    )
      return doneBefore(signer, behind);
    if (replace !== null && !isKey(replace, signer))
      throw new Refusal(
        "conflict",
        `${textOf(replace)} is not the key that signs this ledger, which is ${textOf(signer)}: nothing was changed`,
      );
    const next = await adapters.openNextSigner();
    if (behind !== null && isKey(next.signer, signer)) return doneBefore(signer, behind);
    const rotation = { database, from: signer, to: next.signer };
    const node = config.databaseUrl === null ? "embedded" : `${process.pid}-${randomUUID()}`;
    const sequencing = { database, cosigners, store, node, now };
    let lastSize = await rotatedSize(rotation);
    if (lastSize === null) {
      await assertKeysBelong({ ...adapters });
      const submission = await submitRotation({ ...rotation, now });
      let failure: unknown = null;
      const onFailure = (error: unknown) => {
        failure = error;
      };
      const ledger = await openLedger({ ...sequencing, signer, onFailure });
      try {
        const wait = { after: "checkpoint", timeoutMs: config.releaseWaitMs } as const;
        await ledger.settle(submission, wait).catch((error: unknown) => {
          throw failure ?? error;
        });
      } finally {
        await ledger.stop();
      }
      lastSize = await rotatedSize(rotation);
    }
    if (lastSize === null) throw new Error("the rotation is covered by no checkpoint");
    // The new key signs at once, for whoever pins it from now on; where that does not come to pass here, the first node that has it does so.
    const taking = await openLedger({ ...sequencing, signer: next.signer, onFailure: () => {} });
    try {
      await isSignedBeyond(database.db, lastSize, config.releaseWaitMs);
    } finally {
      await taking.stop();
    }
    return {
      verificationKey: textOf(next.signer),
      replaced: textOf(signer),
      lastSize,
      wasDone: false,
      next: await next.install(),
    };
  } catch (error) {
    if (isRefusal(error)) throw error;
    throw new Error(`weightvault cannot rotate the ledger's key: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

type NamedKey = { readonly name: string; readonly publicKey: Uint8Array };

function doneBefore(signer: NamedKey, { key, lastSize }: Reign): Rotated {
  const ruling = textOf(signer);
  return {
    verificationKey: ruling,
    replaced: textOf(key),
    lastSize,
    wasDone: true,
    next: `nothing was changed; to replace the key that signs now as well: weightvault ledger rotate-key --replace '${ruling}'`,
  };
}

function isKey(one: NamedKey, other: NamedKey): boolean {
  return one.name === other.name && Buffer.from(one.publicKey).equals(other.publicKey);
}

function textOf({ name, publicKey }: NamedKey): string {
  return encodeVerificationKey(name, publicKey);
}

/**
 * `weightvault recover`: gives a governing role back to somebody, after every token with it has expired, and resolves when the ledger covers
 * that. It takes the data folder for itself, so the server that uses the folder has to be stopped.
 */
export async function recoverCommand(
  env: Readonly<Record<string, string | undefined>>,
  person: string | null,
  now: () => Date = () => new Date(),
): Promise<Recovered> {
  try {
    const config = readConfig(env);
    await using stack = new AsyncDisposableStack();
    const adapters = await openAdapters(config);
    stack.defer(async () => await adapters.close());
    const { database, custodian, signer, cosigners, store } = adapters;
    await assertKeysBelong({ database, custodian, signer, store });
    let failure: unknown = null;
    const ledger = await openLedger({
      database,
      signer,
      cosigners,
      store,
      queueLimit: config.ledgerQueue,
      node: config.databaseUrl === null ? "embedded" : `${process.pid}-${randomUUID()}`,
      now,
      onFailure: (error) => {
        failure = error;
      },
    });
    stack.defer(async () => await ledger.stop());
    const recovered = await recoverGovernor({ database, ledger, now }, person);
    const wait = { after: "checkpoint", timeoutMs: config.releaseWaitMs } as const;
    await ledger.settle(recovered.submission, wait).catch((error: unknown) => {
      recovered.text.wipe();
      throw failure ?? error;
    });
    return recovered;
  } catch (error) {
    if (isRefusal(error)) throw error;
    throw new Error(`weightvault cannot recover: ${reasonOf(error)}`, { cause: error });
  }
}
