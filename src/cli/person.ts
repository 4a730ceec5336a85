import type { Command } from "commander";
import { ask, route } from "./client.ts";
import { noun, recordOf, remote, uuid } from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { type FactsOptions, factsOf, factsOptions } from "./facts.ts";
import { columns, details } from "./output.ts";
import { listCommand, showCommand, standingCommands } from "./standing.ts";

export function personCommands(program: Command, context: Context): void {
  const person = noun(program, "person", "the people whom decisions are about");
  factsOptions(remote(person, "add", "record a person; what is not stated is unknown")).action(
    async (options: RemoteOptions & FactsOptions) => {
      const facts = await factsOf(options);
      const { client, output } = await openSession(context, options);
      const answer = recordOf(await ask(client, "POST", "/v1/persons", facts));
      output.result(answer, () => details(answer));
    },
  );
  listCommand(
    person,
    context,
    "persons",
    columns("id", "principal", "state", "version", "createdAt"),
  );
  showCommand(person, context, "person", "persons");
  factsOptions(
    remote(person, "update", "replace all of a person's facts").argument(
      "<id>",
      "the person's id",
      uuid,
    ),
  ).action(async (id: string, options: RemoteOptions & FactsOptions) => {
    const facts = await factsOf(options);
    const { client, output } = await openSession(context, options);
    await ask(client, "PUT", route`/v1/persons/${id}`, facts);
    output.result({ person: id, updated: true }, () => `person ${id} is updated`);
  });
  standingCommands(person, context, "person", "persons");
}
