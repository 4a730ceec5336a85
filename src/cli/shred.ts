import type { Command } from "commander";
import { ask, route } from "./client.ts";
import {
  noun,
  type RepositoryName,
  recordOf,
  remote,
  repositoryName,
  repositoryRoute,
  uuid,
} from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { counted } from "./counted.ts";

type Options = RemoteOptions & { readonly object?: string };

export function shredCommands(program: Command, context: Context): void {
  const shred = noun(
    program,
    "shred",
    "destroy the keys of weights for good: one officer proposes, another approves",
  );
  targeted(shred, "propose", "propose to shred a repository, or one object of it").action(
    async (named: RepositoryName, options: Options) => {
      const { client, output } = await openSession(context, options);
      const answer = recordOf(
        await ask(client, "POST", `${repositoryRoute(named)}/shreddings`, bodyOf(options)),
      );
      const id = String(answer["shredding"]);
      const target = options.object === undefined ? "" : ` --object ${options.object}`;
      const approval = `weightvault shred approve ${named.namespace}/${named.name} ${id}${target}`;
      output.result(answer, () => `${told(answer, "would lose")}\nshredding ${id} is proposed`);
      output.note(`another officer approves it with: ${approval}`);
    },
  );
  targeted(shred, "approve", "approve what another officer proposed: it is done at once")
    .argument("<shredding>", "the proposal's id", uuid)
    .action(async (named: RepositoryName, id: string, options: Options) => {
      const { client, output } = await openSession(context, options);
      const path = `${repositoryRoute(named)}/shreddings${route`/${id}/approve`}`;
      const answer = recordOf(await ask(client, "POST", path, bodyOf(options)));
      output.result(answer, () => told(answer, "lost"));
    });
}

function targeted(parent: Command, name: string, description: string): Command {
  return remote(parent, name, description)
    .argument("<repository>", "namespace/name", repositoryName)
    .option("--object <id>", "this object alone, in every revision that has it", uuid);
}

function bodyOf({ object = null }: { readonly object?: string | null }) {
  return { object };
}

function told(answer: Readonly<Record<string, unknown>>, verb: string): string {
  const { objects, bytes, revisions, restorableUntil } = answer;
  const sharing = Array.isArray(revisions) ? revisions.map(String) : [];
  return [
    `${counted(String(objects), "object")} of ${counted(String(bytes), "byte")} ${verb} ${objects === 1 ? "its key" : "their keys"}; a backup of the database may restore ${objects === 1 ? "it" : "them"} until ${String(restorableUntil)}`,
    ...sharing.map((revision) => `  shared by revision ${revision}`),
  ].join("\n");
}
