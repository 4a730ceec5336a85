import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { PGlite, types as pgliteTypes } from "@electric-sql/pglite";
import {
  Kysely,
  type KyselyPlugin,
  PGliteDialect,
  type PluginTransformQueryArgs,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  sql,
} from "kysely";
import { Client, type ClientConfig, Pool, TypeOverrides, types } from "pg";
import { channelName, listenOnPostgres } from "./listen.ts";
import type { Schema } from "./schema.ts";
import { TransactionGuard } from "./transact.ts";

/**
 * An open database. Both engines give bigint for int8, Buffer for bytea, Date for timestamptz, a string for date and numeric, and parsed
 * JSON for jsonb. A JSON value goes in through `JSON.stringify`: an array given as it is becomes an SQL array on PostgreSQL.
 */
export type Database = {
  readonly db: Kysely<Schema>;
  readonly engine: "postgresql" | "pglite";
  /** Calls `onNotice` for each notice on the channel, and after every gap in which one may have been lost. Gives what stops it. */
  listen(channel: string, onNotice: () => void): Promise<() => Promise<void>>;
  notify(channel: string): Promise<void>;
  /** Resolves when the database answers queries now. */
  check(): Promise<void>;
  /** Ends listeners and connections; may be called more than once. PGlite keeps the process alive until then. */
  close(): Promise<void>;
  /** Runs many statements as one transaction, on a connection without a statement timeout. */
  runScript(script: string): Promise<void>;
};

export type PostgresOptions = {
  readonly url: string;
  readonly poolSize?: number;
  readonly connectTimeoutMs?: number;
  /** The server ends a statement after this time; a second later the client stops waiting for a server that is gone. */
  readonly statementTimeoutMs?: number;
  /** Hears of connections that broke while nothing was waiting on them, for the log. */
  readonly onError?: (error: unknown) => void;
};

/**
 * How long a connection is kept that nobody needs. To open one takes PostgreSQL a new process that knows no table and has no statement prepared:
 * after the driver's ten seconds each burst had to wait for some.
 */
const idleConnectionMs = 120_000;

/** The peer of a quiet connection is asked then whether it is still there, so that it is not forgotten on the way either. The system's own delay is hours. */
const keepAliveAfterMs = 30_000;

/** Opens PostgreSQL. Connects when first used; an outage is an error within the timeouts, never a wait for ever. */
export function openPostgres(options: PostgresOptions): Database {
  const { url, poolSize = 10, connectTimeoutMs = 5_000, statementTimeoutMs = 15_000 } = options;
  const onError = options.onError ?? (() => {});
  const scripts: ClientConfig = {
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveAfterMs,
    application_name: "weightvault",
    types: postgresTypes(),
  };
  const config: ClientConfig = {
    ...scripts,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: 2 * statementTimeoutMs,
    query_timeout: statementTimeoutMs + 1_000,
  };
  const pool = new Pool({ ...config, max: poolSize, idleTimeoutMillis: idleConnectionMs });
  pool.on("error", onError);
  // The pool stops listening to a client that it lends, and an error that nobody hears ends the process.
  pool.on("connect", (client) => client.on("error", onError));
  const db = new Kysely<Schema>({
    dialect: new PostgresDialect({ pool: disposing(pool) }),
    plugins: [new TransactionGuard()],
  });
  const stops = new Set<() => Promise<void>>();
  return {
    db,
    engine: "postgresql",
    listen: async (channel, onNotice) => {
      const stop = await listenOnPostgres({
        config,
        channel: channelName(channel),
        onNotice,
        onError,
      });
      stops.add(stop);
      return async () => {
        stops.delete(stop);
        await stop();
      };
    },
    ...common(db),
    close: once(async () => {
      await Promise.all([...stops].map((stop) => stop()));
      await db.destroy();
      if (!pool.ending) await pool.end();
    }),
    runScript: (script) => runOnClient(scripts, onError, script),
  };
}

export type PgliteOptions = {
  /** Null keeps everything in memory. */
  readonly folder: string | null;
  /** What an empty folder begins with, as `PGlite.dumpDataDir` gave it: much faster than making it anew. */
  readonly image?: Blob;
};

/** Opens PGlite in a folder, made if need be, or in memory. The caller holds the folder's lock: PGlite has none. */
export async function openPglite({ folder, image }: PgliteOptions): Promise<Database> {
  if (folder !== null) await mkdir(folder, { recursive: true, mode: 0o700 });
  const pglite = await PGlite.create({
    ...(folder === null ? {} : { dataDir: resolve(folder) }),
    ...(image === undefined ? {} : { loadDataDir: image }),
    parsers: {
      [pgliteTypes.INT8]: BigInt,
      [pgliteTypes.BYTEA]: bytesOf,
      [pgliteTypes.DATE]: String,
    },
  });
  const db = new Kysely<Schema>({
    dialect: new PGliteDialect({ pglite }),
    plugins: [new TransactionGuard(), new LoopTurn()],
  });
  return {
    db,
    engine: "pglite",
    listen: async (channel, onNotice) => {
      const stop = await pglite.listen(channelName(channel), onNotice);
      return async () => {
        if (!pglite.closed) await stop();
      };
    },
    ...common(db),
    close: once(async () => {
      await db.destroy();
      if (!pglite.closed) await pglite.close();
    }),
    runScript: async (script) => {
      await pglite.transaction((tx) => tx.exec(script));
    },
  };
}

/**
 * PGlite answers without the event loop turning in between, so that whoever sends one statement after the other would keep sockets, files and
 * timers waiting for as long as they do. After each statement the loop turns once.
 */
class LoopTurn implements KyselyPlugin {
  transformQuery({ node }: PluginTransformQueryArgs): PluginTransformQueryArgs["node"] {
    return node;
  }

  transformResult: KyselyPlugin["transformResult"] = async ({ result }) => {
    await turn();
    return result;
  };
}

function common(db: Kysely<Schema>): Pick<Database, "notify" | "check"> {
  return {
    notify: async (channel) => {
      await sql`select pg_notify(${channelName(channel)}, '')`.execute(db);
    },
    check: async () => {
      await sql`select`.execute(db);
    },
  };
}

/** A client whose query timed out still waits for the answer, so it is thrown away instead of going back to the pool. */
function disposing(pool: Pool): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    connect: async () => {
      const client = await pool.connect();
      let lost: Error | null = null;
      const query = async (text: string, parameters: readonly unknown[]) => {
        if (lost !== null) throw lost;
        try {
          return await client.query({ ...preparedAs(text), text, values: [...parameters] });
        } catch (error) {
          if (isReadTimeout(error)) lost = error;
          throw error;
        }
      };
      const release = (destroy?: boolean) => client.release(destroy === true || lost !== null);
      return { query, release } as unknown as PostgresPoolClient;
    },
  };
}

/**
 * A statement that begins with its own name in a comment, such as `ledger.submit`, is prepared once a connection instead of being parsed and
 * planned each time. Two texts of one name are refused by the driver. A name without a dot only names: the plan of a prepared statement is that of
 * the day on which it was prepared, which is not for a statement whose best plan depends on how large its tables are.
 */
function preparedAs(text: string): { readonly name?: string } {
  const [, name] = /^\/\* ([a-z]+\.[a-z-]+) \*\//.exec(text) ?? [];
  return name === undefined ? {} : { name };
}

function isReadTimeout(error: unknown): error is Error {
  return Error.isError(error) && error.message === "Query read timeout";
}

async function runOnClient(
  config: ClientConfig,
  onError: (error: unknown) => void,
  script: string,
): Promise<void> {
  const client = new Client(config);
  client.on("error", onError);
  try {
    await client.connect();
    await client.query("begin");
    await client.query(script);
    await client.query("commit");
  } finally {
    await client.end().catch(onError);
  }
}

function postgresTypes(): TypeOverrides {
  const { INT8, BYTEA, DATE } = types.builtins;
  const overrides = new TypeOverrides();
  overrides.setTypeParser(INT8, BigInt);
  overrides.setTypeParser(BYTEA, bytesOf);
  overrides.setTypeParser(DATE, String);
  return overrides;
}

/** The hexadecimal output format of bytea: `\x` and two digits a byte. */
function bytesOf(text: string): Buffer {
  return Buffer.from(text.slice(2), "hex");
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return () => (done ??= work());
}
