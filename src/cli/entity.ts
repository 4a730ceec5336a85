import { type Command, Option } from "commander";
import { ask } from "./client.ts";
import { noun, recordOf, remote } from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { country, readJsonFile } from "./facts.ts";
import { columns, details } from "./output.ts";
import { listCommand, showCommand, standingCommands } from "./standing.ts";

type AddOptions = RemoteOptions & {
  readonly name: string;
  readonly country?: string;
  readonly headquarters?: string;
  readonly parentHeadquarters?: string;
  readonly ownership?: string;
  readonly file?: string;
};

const ownerships = ["no-listed-owner", "listed-owner-below-half", "listed-owner-half-or-more"];

export function entityCommands(program: Command, context: Context): void {
  const entity = noun(program, "entity", "the companies that operate workloads");
  remote(entity, "add", "record an entity; what is not stated is unknown")
    .requiredOption("--name <name>", "the name to screen")
    .option("--country <country>", "where it is incorporated or organised", country)
    .option("--headquarters <country>", "where it has its headquarters", country)
    .option("--parent-headquarters <country>", "where its ultimate parent has them", country)
    .addOption(
      new Option("--ownership <share>", "what listed parties own of it").choices(ownerships),
    )
    .option(
      "--file <file>",
      "the entity as a JSON object, its papers as acknowledgements, - for standard input; flags stand above it",
    )
    .action(async (options: AddOptions) => {
      const body = await entityOf(options);
      const { client, output } = await openSession(context, options);
      const answer = recordOf(await ask(client, "POST", "/v1/entities", body));
      output.result(answer, () => details(answer));
    });
  listCommand(
    entity,
    context,
    "entities",
    columns("id", "name", "state", "country", "headquarters"),
  );
  showCommand(entity, context, "entity", "entities");
  standingCommands(entity, context, "entity", "entities");
}

/** The body that the server takes: the file's members, and above them what flags say. Throws `usage` for a file that is no JSON object. */
export async function entityOf({
  name,
  country,
  headquarters,
  parentHeadquarters,
  ownership,
  file,
}: Pick<
  AddOptions,
  "name" | "country" | "headquarters" | "parentHeadquarters" | "ownership" | "file"
>): Promise<Readonly<Record<string, unknown>>> {
  const flags = {
    name,
    country,
    headquarters,
    ultimateParentHeadquarters: parentHeadquarters,
    ownership,
  };
  const stated = Object.entries(flags).filter(([, value]) => value !== undefined);
  return {
    ...(file === undefined ? {} : await readJsonFile(file)),
    ...Object.fromEntries(stated),
  };
}
