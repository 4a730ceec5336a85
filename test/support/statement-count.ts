import type { KyselyPlugin, PluginTransformQueryArgs } from "kysely";

/** Counts the statements that go through it. */
export class StatementCount implements KyselyPlugin {
  count = 0;

  transformQuery({ node }: PluginTransformQueryArgs): PluginTransformQueryArgs["node"] {
    this.count += 1;
    return node;
  }

  transformResult: KyselyPlugin["transformResult"] = async ({ result }) => result;
}
