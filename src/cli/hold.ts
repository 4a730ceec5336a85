import { type Command, Option } from "commander";
import { ask, route } from "./client.ts";
import { noun, recordOf, remote, uuid } from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { Failure } from "./failure.ts";
import { columns, details } from "./output.ts";
import { listCommand } from "./standing.ts";

type PlaceOptions = RemoteOptions & {
  readonly kind: string;
  readonly reference: string;
  readonly reason: string;
  readonly everything?: boolean;
  readonly person?: string;
  readonly entity?: string;
  readonly repositoryId?: string;
  readonly license?: string;
};

type LiftOptions = RemoteOptions & { readonly reason: string; readonly authorization?: string };

export function holdCommands(program: Command, context: Context): void {
  const hold = noun(
    program,
    "hold",
    "keep records from destruction: legal holds and agencies' requests (15 CFR 762.6(b))",
  );
  remote(hold, "place", "place a hold at once")
    .addOption(
      new Option("--kind <kind>", "why it is held")
        .choices(["legal", "agency-request"])
        .makeOptionMandatory(),
    )
    .requiredOption("--reference <number>", "the matter's or the request's own number")
    .requiredOption("--reason <text>", "why; it stays out of the ledger")
    .option("--everything", "hold every record")
    .option("--person <id>", "hold the records that a person figures in", uuid)
    .option("--entity <id>", "those that an entity figures in", uuid)
    .option("--repository-id <id>", "those of a repository, by its id", uuid)
    .option("--license <id>", "those of a license", uuid)
    .action(async (options: PlaceOptions) => {
      const { kind, reference, reason } = options;
      const scope = scopeOf(options);
      const { client, output } = await openSession(context, options);
      const body = { kind, ...scope, reference, reason };
      const answer = recordOf(await ask(client, "POST", "/v1/holds", body));
      output.result(answer, () => details(answer));
    });
  remote(hold, "lift", "lift a hold that another officer placed")
    .argument("<id>", "the hold's id", uuid)
    .requiredOption("--reason <text>", "why; it stays out of the ledger")
    .option(
      "--authorization <reference>",
      "the agency's written authorization, which its own hold takes",
    )
    .action(async (id: string, options: LiftOptions) => {
      const { client, output } = await openSession(context, options);
      const { reason, authorization = null } = options;
      await ask(client, "POST", route`/v1/holds/${id}/lift`, { reason, authorization });
      output.result({ hold: id, lifted: true }, () => `hold ${id} is lifted`);
    });
  listCommand(
    hold,
    context,
    "holds",
    columns("id", "state", "kind", "scope", "target", "reference", "placedAt"),
  );
}

/** What is held: one scope, with its target. */
function scopeOf({ everything, person, entity, repositoryId, license }: PlaceOptions) {
  const given = [
    ...(everything === true ? [{ scope: "everything", target: null }] : []),
    ...(person === undefined ? [] : [{ scope: "person", target: person }]),
    ...(entity === undefined ? [] : [{ scope: "entity", target: entity }]),
    ...(repositoryId === undefined ? [] : [{ scope: "repository", target: repositoryId }]),
    ...(license === undefined ? [] : [{ scope: "license", target: license }]),
  ];
  const [scope] = given;
  if (scope === undefined || given.length > 1)
    throw new Failure(
      "usage",
      "name what is held: one of --everything, --person, --entity, --repository-id, --license",
    );
  return scope;
}
