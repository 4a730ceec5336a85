import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Kysely, KyselyPlugin, PluginTransformQueryArgs, Transaction } from "kysely";
import { isContention } from "./failure.ts";
import type { Schema } from "./schema.ts";

export { isContention, isDiskFull, isOutage, isUniqueViolation } from "./failure.ts";

export type TransactOptions = {
  /** How often the work is tried before contention is thrown to the caller. */
  readonly attempts?: number;
};

/**
 * Runs `work` in one transaction and commits what it did, or nothing of it.
 * A deadlock or a serialization failure rolls back and runs the whole of `work` again, so it may touch nothing but `tx`.
 * A connection that breaks during the commit is thrown, never retried: the commit may have happened.
 */
export async function transact<Result>(
  db: Kysely<Schema>,
  work: (tx: Transaction<Schema>) => Promise<Result>,
  { attempts = 6 }: TransactOptions = {},
): Promise<Result> {
  const guard = guardOf(db);
  guard?.assertOutside();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db
        .transaction()
        .execute(async (tx) => (guard === null ? work(tx) : guard.inside(() => work(release(tx)))));
    } catch (error) {
      if (attempt >= attempts || !isContention(error)) throw error;
      await sleep(Math.random() * 10 * 2 ** attempt);
    }
  }
}

/** The transaction itself may query inside the transaction, so it goes without the guard. */
function release(tx: Transaction<Schema>): Transaction<Schema> {
  return tx.withoutPlugins();
}

function guardOf(db: Kysely<Schema>): TransactionGuard | null {
  const found = db.getExecutor().plugins.find((plugin) => plugin instanceof TransactionGuard);
  return found instanceof TransactionGuard ? found : null;
}

/**
 * Refuses a query on `db` by code that runs inside a transaction of the same database. On PGlite, which has one connection, it would
 * wait for ever; on PostgreSQL it would escape the transaction, and could starve the pool.
 */
export class TransactionGuard implements KyselyPlugin {
  readonly #transaction = new AsyncLocalStorage<{ isOpen: boolean }>();

  /** Work left running after the transaction has ended is outside it again. */
  async inside<Result>(work: () => Promise<Result>): Promise<Result> {
    const transaction = { isOpen: true };
    try {
      return await this.#transaction.run(transaction, work);
    } finally {
      transaction.isOpen = false;
    }
  }

  assertOutside(): void {
    if (this.#transaction.getStore()?.isOpen !== true) return;
    throw new Error("a query inside a transaction must use its `tx`, not `db`");
  }

  transformQuery({ node }: PluginTransformQueryArgs): PluginTransformQueryArgs["node"] {
    this.assertOutside();
    return node;
  }

  transformResult: KyselyPlugin["transformResult"] = async ({ result }) => result;
}
