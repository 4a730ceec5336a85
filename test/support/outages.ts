import { AsyncLocalStorage } from "node:async_hooks";
import {
  type CompiledQuery,
  type ControlledTransaction,
  type DatabaseConnection,
  type Dialect,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from "kysely";
import type { Database } from "../../src/database/open.ts";
import type { Schema } from "../../src/database/schema.ts";
import { TransactionGuard } from "../../src/database/transact.ts";

/** `before`: the nth statement, begin and commit among them, is not made. `after-commit`: the nth commit is made, and its answer lost. */
export type Outage = { readonly nth: number; readonly when: "before" | "after-commit" };

export type Breakable = {
  /** Does what the given one does, until it goes down. */
  readonly database: Database;
  /** Goes down at the nth statement of work that is counted, for everybody, and stays down. */
  arm(outage: Outage): void;
  /** Goes down at once for everybody but the work that is counted, and stays down. */
  starve(): void;
  /** Serves again, and gives whether it was down. */
  restore(): boolean;
  /** Only the statements of this work are counted, not those of whoever else uses the database meanwhile. */
  counted<Result>(work: () => Promise<Result>): Promise<Result>;
};

/** A database that can be taken down at any statement. An open transaction is then rolled back, as a server does whose client is gone. */
export function withOutages(inner: Database): Breakable {
  const scope = new AsyncLocalStorage<true>();
  const state = { isDown: false, starves: false, left: 0, when: "before" as Outage["when"] };
  const assertUp = () => {
    if (state.isDown || (state.starves && scope.getStore() !== true))
      throw new Error("Connection terminated unexpectedly");
  };
  const count = (when: Outage["when"]) => {
    if (scope.getStore() !== true || state.when !== when || state.left === 0) return;
    state.left -= 1;
    if (state.left === 0) state.isDown = true;
  };
  const db = new Kysely<Schema>({
    dialect: dialectOver(inner.db, {
      onStatement: () => {
        count("before");
        assertUp();
      },
      onCommitted: () => {
        count("after-commit");
        assertUp();
      },
    }),
    plugins: [new TransactionGuard()],
  });
  return {
    database: { ...inner, db },
    arm: ({ nth, when }) => {
      Object.assign(state, { isDown: false, starves: false, left: nth, when });
    },
    starve: () => {
      state.starves = true;
    },
    restore: () => {
      const wasDown = state.isDown || state.starves;
      Object.assign(state, { isDown: false, starves: false, left: 0 });
      return wasDown;
    },
    counted: async (work) => await scope.run(true, work),
  };
}

type Watch = { readonly onStatement: () => void; readonly onCommitted: () => void };

function dialectOver(inner: Kysely<Schema>, watch: Watch): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createDriver: () => ({
      init: async () => {},
      acquireConnection: async () => new WatchedConnection(inner, watch),
      beginTransaction: async (connection) => await (connection as WatchedConnection).begin(),
      commitTransaction: async (connection) => await (connection as WatchedConnection).commit(),
      rollbackTransaction: async (connection) => await (connection as WatchedConnection).rollback(),
      releaseConnection: async () => {},
      destroy: async () => {},
    }),
  };
}

class WatchedConnection implements DatabaseConnection {
  readonly #inner: Kysely<Schema>;
  readonly #watch: Watch;
  #tx: ControlledTransaction<Schema> | null = null;

  constructor(inner: Kysely<Schema>, watch: Watch) {
    this.#inner = inner;
    this.#watch = watch;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    this.#watch.onStatement();
    return (await (this.#tx ?? this.#inner).executeQuery(query)) as QueryResult<Row>;
  }

  // oxlint-disable-next-line require-yield
  async *streamQuery<Row>(): AsyncGenerator<QueryResult<Row>> {
    throw new Error("nothing streams rows");
  }

  async begin(): Promise<void> {
    this.#watch.onStatement();
    this.#tx = await this.#inner.startTransaction().execute();
  }

  async commit(): Promise<void> {
    this.#watch.onStatement();
    const tx = this.#tx;
    await tx?.commit().execute();
    this.#tx = null;
    this.#watch.onCommitted();
  }

  /** Not counted: what happens to a transaction whose client is gone does not depend on it. */
  async rollback(): Promise<void> {
    const tx = this.#tx;
    this.#tx = null;
    await tx?.rollback().execute();
  }
}
