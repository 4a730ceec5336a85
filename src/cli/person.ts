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
  remote(
    person,
    "erase",
    "destroy a person's facts and evidence after their retention: one officer proposes, another approves",
  )
    .argument("<id>", "the person's id", uuid)
    .option("--approve <erasure>", "approve this proposal of another officer's, for good", uuid)
    .action(async (id: string, options: RemoteOptions & { readonly approve?: string }) => {
      const { client, output } = await openSession(context, options);
      const proposals = route`/v1/persons/${id}/erasures`;
      if (options.approve === undefined) {
        const answer = recordOf(await ask(client, "POST", proposals));
        output.note("another officer approves it with --approve and this id, within 30 days");
        return output.result(answer, () => details(answer));
      }
      const path = `${proposals}${route`/${options.approve}/approve`}`;
      const answer = recordOf(await ask(client, "POST", path));
      output.result({ ...answer, erased: true }, () => `person ${id} is erased`);
    });
}
