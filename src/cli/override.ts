import { type Command, Option } from "commander";
import { ask, route } from "./client.ts";
import { noun, recordOf, remote, uuid } from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { columns, details } from "./output.ts";
import { listCommand, showCommand } from "./standing.ts";

type ProposeOptions = RemoteOptions & {
  readonly action: string;
  readonly reason: string;
  readonly counsel: string;
  readonly validFrom: string;
  readonly validUntil: string;
};

const verbs = {
  approve: ["approved", "approve what another officer proposed"],
  withdraw: ["withdrawn", "take an override back at once; any officer may"],
} as const;

export function overrideCommands(program: Command, context: Context): void {
  const override = noun(
    program,
    "override",
    "read a requirement of the rulebook otherwise, on counsel's advice: one officer proposes, another approves",
  );
  remote(override, "propose", "propose to set a requirement aside, or to enforce one")
    .argument("<requirement>", "the requirement's id as a decision's check names it, 4E091-rs-1")
    .addOption(
      new Option("--action <action>", "what it does to the requirement")
        .choices(["set-aside", "enforce"])
        .makeOptionMandatory(),
    )
    .requiredOption("--reason <text>", "why; it stays out of the ledger")
    .requiredOption(
      "--counsel <name>",
      "who advised it, by name or reference; out of the ledger too",
    )
    .requiredOption("--valid-from <date>", "the first day of its effect, YYYY-MM-DD")
    .requiredOption("--valid-until <date>", "the last day of its effect")
    .action(async (requirement: string, options: ProposeOptions) => {
      const { client, output } = await openSession(context, options);
      const { action, reason, counsel, validFrom, validUntil } = options;
      const body = { requirement, action, reason, counsel, validFrom, validUntil };
      const answer = recordOf(await ask(client, "POST", "/v1/overrides", body));
      output.result(answer, () => details(answer));
    });
  for (const [verb, [done, description]] of Object.entries(verbs)) {
    remote(override, verb, description)
      .argument("<id>", "the override's id", uuid)
      .action(async (id: string, options: RemoteOptions) => {
        const { client, output } = await openSession(context, options);
        await ask(client, "POST", `${route`/v1/overrides/${id}`}/${verb}`);
        output.result({ override: id, [done]: true }, () => `override ${id} is ${done}`);
      });
  }
  listCommand(
    override,
    context,
    "overrides",
    columns(
      "id",
      "requirement",
      "action",
      "state",
      "validFrom",
      "validUntil",
      "fits",
      "proposedAt",
    ),
  );
  showCommand(override, context, "override", "overrides");
}
