import type { Command } from "commander";
import { ask, route } from "./client.ts";
import { recordOf, recordsIn, remote, uuid } from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { describeDecision } from "./describe.ts";
import { table } from "./output.ts";

type Row = Readonly<Record<string, unknown>>;

export function riskCommand(program: Command, context: Context): void {
  remote(program, "risk", "grants that were allowed and are no more, and those that never were")
    .argument("[grant]", "one grant: what it would come to now from each site, and why", uuid)
    .action(async (grant: string | undefined, options: RemoteOptions) => {
      const { client, output } = await openSession(context, options);
      if (grant !== undefined) {
        const answer = await ask(client, "GET", route`/v1/risk/${grant}`);
        output.result(answer, () => explained(recordsIn(answer, "decisions")));
        return;
      }
      const answer = recordOf(await ask(client, "GET", "/v1/risk"));
      const rows = recordsIn(answer, "risk");
      output.result(answer, () => listed(rows));
      if (Number(answer["total"]) > rows.length)
        output.note(
          `${String(answer["total"])} grants are at risk; these are the ${rows.length} that are so longest`,
        );
    });
}

function explained(decisions: readonly Row[]): string {
  return decisions
    .flatMap(({ site, decision }) => [
      `from ${String(site)}: ${String(recordOf(decision)["verdict"])}`,
      ...describeDecision(decision),
    ])
    .join("\n");
}

function listed(rows: readonly Row[]): string {
  const columns = [
    ...["grant", "risk", "state", "since", "repository"].map((title) => ({
      title,
      of: (row: Row) => row[title],
    })),
    { title: "who", of: (row: Row) => row["workload"] ?? row["person"] },
    {
      title: "checks",
      of: (row: Row) =>
        checksOf(row)
          .map(({ check }) => check)
          .join(" "),
    },
  ];
  const help = new Map(
    rows.flatMap(checksOf).map(({ check, help }) => [String(check), String(help)]),
  );
  return [
    table(rows, columns),
    ...[...help].map(([check, sentence]) => `  ${check}: ${sentence}`),
  ].join("\n");
}

/** The checks that stand in the way from any site, each once. */
function checksOf(row: Row): readonly Row[] {
  const found = recordsIn(row, "sites").flatMap((site) => recordsIn(site, "checks"));
  return [...new Map(found.map((each) => [each["check"], each])).values()];
}
