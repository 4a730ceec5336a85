import { randomUUID } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { chmod, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Logger, pino } from "pino";
import { withCause } from "./cli/describe.ts";
import { makeFolder } from "./cli/paths.ts";
import { type Config, ConfigurationError, readConfig } from "./config.ts";
import { type NextSigner, openCustody, unfitCustody } from "./custodians.ts";
import type { Custodian } from "./custody/custodian.ts";
import type { Signer } from "./custody/signer.ts";
import { DataFolderLocked, holdDataFolder } from "./database/data-folder.ts";
import { migrate, ownsTables, pendingMigrations } from "./database/migrate.ts";
import { type Database, openPglite, openPostgres } from "./database/open.ts";
import { isDiskFull, isOutage } from "./database/transact.ts";
import { isRefusal, Refusal } from "./errors.ts";
import { doubtOfAge } from "./export-control/parties.ts";
import { rulebook, withLicenseExpiry } from "./export-control/rulebook.ts";
import { SegmentPool } from "./floe/pool.ts";
import { createApp } from "./http/app.ts";
import { listen } from "./http/listen.ts";
import { openLedger, type RunningLedger } from "./ledger/open.ts";
import { readTimestampSettings } from "./ledger/timestamping.ts";
import { readKeepablePolicy } from "./ledger/witness-policy.ts";
import { type Cosigner, encodeCosignerKey } from "./merkle/cosignature.ts";
import { encodeVerificationKey } from "./merkle/note.ts";
import { openStore } from "./open-store.ts";
import { ListError } from "./screening/list.ts";
import { assertFilesUsable } from "./setting-files.ts";
import type { BlobStore } from "./storage/blob-store.ts";
import { assertKeysBelong, hasBegun } from "./vault/begun.ts";
import { initialize } from "./vault/bootstrap.ts";
import { destinationNamed, destinations } from "./vault/destination.ts";
import { readModelSigners } from "./vault/model-signers.ts";
import { startPasses } from "./vault/passes.ts";
import { rememberOverridden } from "./vault/rulebook.ts";
import { openScreening } from "./vault/screening.ts";
import { UploadWork } from "./vault/upload-work.ts";
import type { Screening, Vault } from "./vault/vault.ts";

export const migrationsFolder = fileURLToPath(new URL("../migrations", import.meta.url));

/** What the vault stands on. */
export type Adapters = {
  readonly database: Database;
  readonly custodian: Custodian;
  readonly signer: Signer;
  readonly store: BlobStore;
  /** See `Custody`. */
  readonly cosigners: readonly Cosigner[];
  openNextSigner(): Promise<NextSigner>;
  /** Closes the database and lets go of the data folder. */
  close(): Promise<void>;
};

export type ServerOptions = {
  readonly config: Config;
  readonly adapters: Adapters;
  readonly now: () => Date;
  readonly log: Logger;
};

export type RunningServer = {
  readonly url: string;
  readonly vault: Vault;
  /** The text with which checkpoints are verified. */
  readonly verificationKey: string;
  /** Where the one-time token lies, if nobody has traded one yet; the next start after its trade removes the file. */
  readonly bootstrapTokenFile: string | null;
  /** Stops accepting, lets what is under way finish within the drain time, and closes everything. */
  stop(): Promise<void>;
};

/** Takes the data folder and opens what the configuration names. Refuses what production must not run on, all of it at once. */
export async function openAdapters(
  config: Config,
  onError: (error: unknown) => void = () => {},
): Promise<Adapters> {
  await makeFolder(config.dataFolder, 0o700);
  const folder = await holdDataFolder(config.dataFolder);
  let database: Database | null = null;
  try {
    const stored = config.databaseUrl === null ? { folder: join(folder.path, "database") } : null;
    if (stored !== null) assertWhole(folder.path, stored.folder);
    database =
      stored === null
        ? openPostgres({
            url: config.databaseUrl ?? "",
            poolSize: config.databasePoolSize,
            onError,
          })
        : await openPglite(stored);
    await prepareSchema(config, database);
    await assertFitForProduction(config, database);
    const opened = database;
    const store = await openStore(config, join(folder.path, "store"));
    const mayMake = !(await hasBegun({ database }));
    const { custodian, signer, cosigners, ...custody } = await openCustody(config, {
      folder: folder.path,
      mayMake,
    });
    return {
      database: opened,
      custodian,
      signer,
      cosigners,
      store,
      openNextSigner: async () => await custody.openNextSigner(),
      close: async () => {
        await custody.close();
        store.close();
        await opened.close();
        folder.release();
      },
    };
  } catch (error) {
    await database?.close().catch(() => {});
    folder.release();
    throw error;
  }
}

/** Keys without the database that they belong to are what a half-restored backup looks like; an empty vault beside them would hide it. */
function assertWhole(folder: string, database: string): void {
  if (existsSync(database)) return;
  const keys = readdirSync(folder)
    .filter((name) => /^(?:kek(?:\.\d+)?|ledger-key\.pem)$/.test(name))
    .toSorted();
  if (keys.length === 0) return;
  throw new ConfigurationError([
    `WEIGHTVAULT_DATA: ${folder} holds ${keys.join(" and ")} and no database: restore all of it from one backup, or name a new folder`,
  ]);
}

/** The embedded default and development migrate by themselves; production leaves that to the owner's `weightvault migrate`. */
async function prepareSchema(config: Config, database: Database): Promise<void> {
  const pending = await pendingMigrations(database, migrationsFolder);
  if (pending.length === 0) return;
  if (config.environment === "production") {
    throw new ConfigurationError([
      `the database lacks ${pending.join(", ")}: run \`weightvault migrate\` with the owner's URL`,
    ]);
  }
  await migrate(database, migrationsFolder);
}

async function assertFitForProduction(config: Config, database: Database): Promise<void> {
  const problems: string[] = [];
  const store = rulebook.countries.find(({ code }) => code === config.storeCountry);
  if (store === undefined)
    problems.push("WEIGHTVAULT_STORE_COUNTRY: the rulebook does not know the country");
  else if (store.groups.includes("D:5")) {
    problems.push(
      "WEIGHTVAULT_STORE_COUNTRY: ciphertext stored in Country Group D:5 is an export (15 CFR 734.18(a)(5)(iv))",
    );
  }
  const unknownSites = config.sites.filter(
    (site) => !rulebook.countries.some(({ code }) => code === site.country),
  );
  for (const { name } of unknownSites)
    problems.push(`WEIGHTVAULT_SITES: the rulebook does not know the country of ${name}`);
  if (config.environment === "production") {
    if (await ownsTables(database))
      problems.push(
        "DATABASE_URL: its role owns the tables or is a superuser, and could undo what keeps the ledger append-only: serve as the lesser role that `weightvault migrate` prepares",
      );
    problems.push(...unfitCustody(config));
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
}

/** Composes the vault, starts its ledger, its passes and its HTTP server. The adapters are its own from here on: a start that fails closes them. */
export async function startServer({
  config,
  adapters,
  now,
  log,
}: ServerOptions): Promise<RunningServer> {
  const { database, custodian, signer, cosigners, store } = adapters;
  await using started = new AsyncDisposableStack();
  started.defer(async () => await adapters.close());
  const node = config.databaseUrl === null ? "embedded" : `${process.pid}-${randomUUID()}`;
  const onFailure = (what: string) => (error: unknown) => log.error({ err: error }, what);
  await assertKeysBelong({ database, custodian, signer, store });
  const screening = await openScreening(
    {
      location: config.screeningList,
      maxAgeDays: config.screeningList === null ? null : config.screeningMaxAgeDays,
      isTrial: config.environment === "development",
    },
    onFailure("the denied-party list was not loaded"),
  );
  const ledger = await openLedger({
    database,
    signer,
    cosigners,
    store,
    node,
    now,
    queueLimit: config.ledgerQueue,
    policy: await readKeepablePolicy(config.witnessPolicyFile, signer.publicKey),
    timestamps: await readTimestampSettings(config),
    onFailure: onFailure("the ledger could not go on"),
  });
  started.defer(async () => await ledger.stop());
  const pool = new SegmentPool({ threads: config.workers });
  started.defer(async () => await pool[Symbol.asyncDispose]());
  const read =
    config.licenseExpiry === rulebook.licenseExpiry
      ? rulebook
      : withLicenseExpiry(rulebook, config.licenseExpiry);
  const vault: Vault = {
    database,
    custodian,
    signer,
    modelSigners: await readModelSigners(config.modelSigningKeyFiles),
    store,
    ledger,
    pool,
    rulebook: read,
    overridden: rememberOverridden(read),
    storeCountry: config.storeCountry,
    sites: config.sites,
    screening: screening.current,
    now,
    node,
    limits: {
      releaseMinutes: config.releaseMinutes,
      releaseAfter: config.releaseAfter,
      releaseWaitMs: config.releaseWaitMs,
      releaseDeclared: config.releaseDeclared,
      uploadHours: config.uploadHours,
      leaseSeconds: 60,
      retentionYears: config.retentionYears,
      backupRetentionDays: config.backupRetentionDays,
      rewrapsPerSecond: config.rewrapsPerSecond,
    },
    uploads: new UploadWork(),
  };
  started.defer(async () => await vault.uploads.stop());
  const bootstrapTokenFile = await writeBootstrapToken(vault, resolve(config.dataFolder));
  const verificationKey = encodeVerificationKey(signer.name, signer.publicKey);
  const draining = { now: false };
  const app = createApp({
    vault,
    verificationKey,
    mlDsaKeys: cosigners.map(({ key }) => encodeCosignerKey(key)),
    origin: signer.name,
    ledgerPublic: config.ledgerPublic,
    destinationOf: destinations(config.sites),
    destinationNamed: destinationNamed(config.sites),
    checks: readiness(adapters, { config, ledger, screening: screening.current, now }),
    isDraining: () => draining.now,
    explain,
    log,
    trustedProxies: config.trustedProxies,
  });
  const server = await listen(app, addressOf(config));
  const passes = startPasses(vault, {
    reload: screening.reload,
    redecideEveryMs: config.redecideSeconds * 1_000,
    onRisk: ({ event, ...risk }) => log.warn(risk, `a grant was ${event} by re-decision`),
    onFailure: onFailure("a background pass failed"),
  });
  started.defer(async () => await passes.stop());
  const running = started.move();
  const stop = once(async () => {
    draining.now = true;
    await server.drain(config.drainSeconds);
    await running.disposeAsync();
  });
  return { url: server.url, vault, verificationKey, bootstrapTokenFile, stop };
}

/** A database outage is told apart from a bug; everything else that is not a refusal is one. */
function explain(thrown: unknown): Refusal {
  if (isRefusal(thrown)) return thrown;
  if (isDiskFull(thrown))
    return new Refusal("database_full", "the database has no room left", { cause: thrown });
  if (isOutage(thrown))
    return new Refusal("database_unavailable", "the database did not answer", { cause: thrown });
  return new Refusal("internal", "the request could not be finished", { cause: thrown });
}

function readiness(
  { database, custodian, signer, store }: Adapters,
  {
    config,
    ledger,
    screening,
    now,
  }: {
    readonly config: Config;
    readonly ledger: RunningLedger;
    readonly screening: () => Screening | null;
    readonly now: () => Date;
  },
) {
  return {
    database: async () => await database.check(),
    store: async () => await store.check(),
    custodian: async () => await custodian.check(),
    signer: async () => await signer.check(),
    sequencer: async () => await ledger.check(),
    ...(config.releaseAfter === "witnessed" && {
      witnesses: async () => await ledger.checkWitnesses(config.releaseWaitMs),
    }),
    screening: async () => {
      const used = screening();
      const doubt = used === null ? "No list is loaded." : doubtOfAge(used, now().toISOString());
      if (doubt !== null) throw new Refusal("screening_unavailable", doubt);
    },
  };
}

/** The token's text lies in a file that only the owner reads, until it is traded. */
async function writeBootstrapToken(vault: Vault, folder: string): Promise<string | null> {
  const file = join(folder, "bootstrap-token");
  using token = await initialize(vault);
  if (token === null) {
    await rm(file, { force: true });
    return null;
  }
  await writeFile(file, `${token.expose().toString("ascii")}\n`, { mode: 0o600 });
  await chmod(file, 0o600);
  return file;
}

function addressOf({ host, port, tlsCertificateFile, tlsKeyFile }: Config) {
  const tls =
    tlsCertificateFile === null || tlsKeyFile === null
      ? null
      : { certificateFile: tlsCertificateFile, keyFile: tlsKeyFile };
  return { host, port, tls };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return () => (done ??= work());
}

/** `weightvault serve`: runs until SIGTERM or SIGINT, then drains. Gives the exit code. */
export async function serve(env: Readonly<Record<string, string | undefined>>): Promise<number> {
  // Heard from the beginning: who is asked to stop while it starts does so when it has.
  const asked = firstSignal("SIGTERM", "SIGINT");
  const starting = { is: true };
  try {
    const config = readConfig(env);
    const giveUp = () => starting.is && process.kill(process.pid, "SIGKILL");
    // A start that hangs in the system, on a dead mount for example, does not even exit; what it wrote survives a kill.
    void asked.then(() => setTimeout(giveUp, config.drainSeconds * 1_000).unref());
    const log = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
    const onError = (error: unknown) => log.warn({ err: error }, "a database connection broke");
    await assertFilesUsable(config);
    const adapters = await openAdapters(config, onError);
    const server = await startServer({ config, adapters, now: () => new Date(), log });
    starting.is = false;
    process.stderr.write(greeting(server));
    await asked;
    log.info("draining");
    await server.stop();
    return 0;
  } catch (error) {
    process.stderr.write(`weightvault does not start: ${reasonOf(error)}\n`);
    return 1;
  }
}

async function firstSignal(...signals: readonly NodeJS.Signals[]): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve());
  });
}

function greeting({ url, bootstrapTokenFile, verificationKey }: RunningServer): string {
  const first =
    bootstrapTokenFile === null
      ? ""
      : `Nobody holds a token yet. Trade the one-time token for the first officer's:\n  npx weightvault init --url ${url} --bootstrap-token-file ${bootstrapTokenFile} --name "Your Name" --us-person citizen --token-file officer.token\n`;
  return `weightvault listens on ${url}\nits ledger is verified with ${verificationKey}\n${first}`;
}

/** One line that says why a command does not go on. */
export function reasonOf(error: unknown): string {
  if (error instanceof DataFolderLocked)
    return `${error.message}; stop that process, or choose another folder with WEIGHTVAULT_DATA`;
  if (error instanceof ConfigurationError || error instanceof ListError) return error.message;
  if (isRefusal(error)) return withCause(error);
  if (isOutage(error))
    return `the database cannot be reached (${Error.isError(error) ? error.message : String(error)})`;
  if (!Error.isError(error)) return String(error);
  // What the system refuses, such as a port that is taken, is no bug to be traced.
  const hint =
    "code" in error && error.code === "EADDRINUSE" ? "; choose another WEIGHTVAULT_PORT" : "";
  return "syscall" in error ? `${error.message}${hint}` : (error.stack ?? error.message);
}

if (import.meta.main) process.exitCode = await serve(process.env);
