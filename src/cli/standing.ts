import type { Command } from "commander";
import { ask, route } from "./client.ts";
import { recordOf, recordsIn, remote, uuid } from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { type Column, details, table } from "./output.ts";

const verbs = {
  suspend: ["suspended", "take its effect away until it is reinstated"],
  reinstate: ["reinstated", "give a suspended one its effect back"],
  revoke: ["revoked", "take its effect away for good"],
} as const;

/** `suspend`, `reinstate` and `revoke` for what has a standing. */
export function standingCommands(
  group: Command,
  context: Context,
  noun: string,
  plural: string,
): void {
  for (const [verb, [done, description]] of Object.entries(verbs)) {
    remote(group, verb, description)
      .argument("<id>", `the ${noun}'s id`, uuid)
      .action(async (id: string, options: RemoteOptions) => {
        const { client, output } = await openSession(context, options);
        await ask(client, "POST", `/v1/${plural}${route`/${id}/${verb}`}`);
        output.result({ [noun]: id, [done]: true }, () => `${noun} ${id} is ${done}`);
      });
  }
}

export function listCommand(
  group: Command,
  context: Context,
  plural: string,
  columns: readonly Column[],
): void {
  remote(group, "list", `all ${plural}`).action(async (options: RemoteOptions) => {
    const { client, output } = await openSession(context, options);
    const answer = await ask(client, "GET", `/v1/${plural}`);
    output.result(answer, () => table(recordsIn(answer, plural), columns));
  });
}

export function showCommand(group: Command, context: Context, noun: string, plural: string): void {
  remote(group, "show", `all that is recorded of one ${noun}`)
    .argument("<id>", `the ${noun}'s id`, uuid)
    .action(async (id: string, options: RemoteOptions) => {
      const { client, output } = await openSession(context, options);
      const answer = recordOf(await ask(client, "GET", `/v1/${plural}${route`/${id}`}`));
      output.result(answer, () => details(answer));
    });
}
