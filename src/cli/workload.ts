import type { Command } from "commander";
import { ask } from "./client.ts";
import { noun, recordOf, remote, uuid } from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { columns, details } from "./output.ts";
import { listCommand, showCommand, standingCommands } from "./standing.ts";

type AddOptions = RemoteOptions & {
  readonly name: string;
  readonly accountable: string;
  readonly entity: string;
};

export function workloadCommands(program: Command, context: Context): void {
  const workload = noun(program, "workload", "jobs and services, and who answers for them");
  remote(workload, "add", "record a workload and its principal")
    .requiredOption("--name <name>", "what it is called")
    .requiredOption("--accountable <id>", "the person who answers for it", uuid)
    .requiredOption("--entity <id>", "the entity that operates it", uuid)
    .action(async (options: AddOptions) => {
      const { client, output } = await openSession(context, options);
      const { name, accountable, entity } = options;
      const answer = recordOf(
        await ask(client, "POST", "/v1/workloads", { name, accountable, entity }),
      );
      output.result(answer, () => details(answer));
    });
  listCommand(
    workload,
    context,
    "workloads",
    columns("id", "name", "principal", "state", "accountable", "entity"),
  );
  showCommand(workload, context, "workload", "workloads");
  standingCommands(workload, context, "workload", "workloads");
}
