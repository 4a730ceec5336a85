import type { KyselyPlugin, PluginTransformQueryArgs, PluginTransformResultArgs } from "kysely";
import type { Database } from "../../src/database/open.ts";

/** A statement's name, as the comment that it begins with gives it. */
export type StatementFault = {
  readonly name: string;
  /** `after`: it was executed, and committed where it is a transaction of its own; whoever sent it does not hear so. */
  readonly when: "before" | "after";
  readonly act: () => void | Promise<void>;
};

/** A database in which one named statement fails, or waits, once. What `before` does is done at once: it can only throw. */
export class StatementFaults implements KyselyPlugin {
  #armed: StatementFault | null = null;
  readonly #names = new WeakMap<object, string>();
  /** How many faults have happened. */
  happened = 0;

  arm(fault: StatementFault): void {
    this.#armed = fault;
  }

  in(database: Database): Database {
    return { ...database, db: database.db.withPlugin(this) };
  }

  transformQuery({ node, queryId }: PluginTransformQueryArgs): PluginTransformQueryArgs["node"] {
    const [first] = "sqlFragments" in node ? node.sqlFragments : [];
    const [, name] = /^\/\* ([a-z.-]+) \*\//.exec(first ?? "") ?? [];
    if (name === undefined) return node;
    this.#names.set(queryId, name);
    const fault = this.#take(name, "before");
    if (fault !== null) void fault.act();
    return node;
  }

  async transformResult({
    result,
    queryId,
  }: PluginTransformResultArgs): Promise<PluginTransformResultArgs["result"]> {
    const fault = this.#take(this.#names.get(queryId) ?? "", "after");
    if (fault !== null) await fault.act();
    return result;
  }

  #take(name: string, when: StatementFault["when"]): StatementFault | null {
    const fault = this.#armed;
    if (fault?.name !== name || fault.when !== when) return null;
    this.#armed = null;
    this.happened += 1;
    return fault;
  }
}
