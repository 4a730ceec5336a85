import { type Command, Option } from "commander";
import { ask, route } from "./client.ts";
import { noun, recordOf, remote, repeated, uuid, whole } from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { readJsonFile } from "./facts.ts";
import { Failure } from "./failure.ts";
import { columns, details } from "./output.ts";
import { listCommand, showCommand, standingCommands } from "./standing.ts";

type AddOptions = RemoteOptions & {
  readonly file?: string;
  readonly number?: string;
  readonly kind?: string;
  readonly eccn?: readonly string[];
  readonly repository?: readonly string[];
  readonly destination?: readonly string[];
  readonly nationality?: readonly string[];
  readonly person?: readonly string[];
  readonly workload?: readonly string[];
  readonly entity?: readonly string[];
  readonly reason?: readonly string[];
  readonly conditions?: string;
  readonly validFrom?: string;
  readonly validUntil?: string;
  readonly releasesAllowed?: number;
};

type RiderOptions = RemoteOptions & {
  readonly met?: boolean;
  readonly unmet?: boolean;
  readonly on?: string;
};

const kinds = [
  "bis-license",
  "license-exception",
  "no-license-required",
  "individual-license",
  "global-license",
  "general-authorization",
];

export function licenseCommands(program: Command, context: Context): void {
  const license = noun(program, "license", "authorizations: one officer enters, another activates");
  addOptions(remote(license, "add", "enter a license from its paper")).action(
    async (options: AddOptions) => {
      const body = await licenseOf(options);
      const { client, output } = await openSession(context, options);
      const answer = recordOf(await ask(client, "POST", "/v1/licenses", body));
      output.result(answer, () => details(answer));
    },
  );
  remote(license, "activate", "put a license into force that another officer entered")
    .argument("<id>", "the license's id", uuid)
    .action(async (id: string, options: RemoteOptions) => {
      const { client, output } = await openSession(context, options);
      await ask(client, "POST", route`/v1/licenses/${id}/activate`);
      output.result({ license: id, activated: true }, () => `license ${id} is active`);
    });
  remote(license, "rider", "record whether a condition of a license is met")
    .argument("<id>", "the license's id", uuid)
    .argument("<rider>", "the condition's id on the license")
    .addOption(new Option("--met", "it is met").conflicts("unmet"))
    .option("--unmet", "it is not met")
    .option("--on <date>", "since this day, YYYY-MM-DD (today)")
    .action(async (id: string, rider: string, options: RiderOptions) => {
      const { met, unmet, on } = options;
      if (met !== true && unmet !== true)
        throw new Failure("usage", "say --met or --unmet of the condition");
      const { client, output } = await openSession(context, options);
      const body = { met: met === true, on: on ?? null };
      await ask(client, "PUT", route`/v1/licenses/${id}/riders/${rider}`, body);
      output.result({ license: id, rider, ...body }, () => `condition ${rider} is recorded`);
    });
  listCommand(
    license,
    context,
    "licenses",
    columns(
      "id",
      "number",
      "kind",
      "state",
      "validFrom",
      "validUntil",
      "releasesAllowed",
      "releasesUsed",
    ),
  );
  showCommand(license, context, "license", "licenses");
  standingCommands(license, context, "license", "licenses");
}

function addOptions(command: Command): Command {
  return command
    .option("--file <file>", "the license as JSON, - for standard input; flags stand above it")
    .option("--number <number>", "the number on its face")
    .addOption(new Option("--kind <kind>", "what it is").choices(kinds))
    .option("--eccn <eccn>", "an item on its face; may be repeated", repeated)
    .option("--repository <repository>", "covers only this one (all); may be repeated", repeated)
    .option("--destination <country>", "a country of export; may be repeated", repeated)
    .option(
      "--nationality <country>",
      "a nationality for deemed exports; may be repeated",
      repeated,
    )
    .option("--person <id>", "a person named on it (nobody is); may be repeated", repeated)
    .option("--workload <id>", "a workload named on it; may be repeated", repeated)
    .option("--entity <id>", "an entity named on it; may be repeated", repeated)
    .option(
      "--reason <reason>",
      "a reason for control that it overcomes (all); may be repeated",
      repeated,
    )
    .option("--conditions <text>", "its conditions, in its words")
    .option("--valid-from <date>", "the validation date, YYYY-MM-DD")
    .option("--valid-until <date>", "the expiration date, the last day of use")
    .option("--releases-allowed <count>", "how many releases it carries (not counted)", whole);
}

/** The body that the server takes: the file's members, and above them what flags say. Throws `usage` for what no license can lack. */
export async function licenseOf(options: AddOptions): Promise<Readonly<Record<string, unknown>>> {
  const file = options.file === undefined ? {} : await readJsonFile(options.file);
  const inFile = file["scope"] === undefined ? {} : recordOf(file["scope"]);
  const scope = {
    eccns: options.eccn ?? inFile["eccns"] ?? [],
    repositories: options.repository ?? inFile["repositories"] ?? null,
    destinations: options.destination ?? inFile["destinations"] ?? [],
    nationalities: options.nationality ?? inFile["nationalities"] ?? [],
    parties: partiesOf(options) ?? inFile["parties"] ?? null,
    reasons: options.reason ?? inFile["reasons"] ?? null,
  };
  const body = {
    ...file,
    ...given({
      number: options.number,
      kind: options.kind,
      conditions: options.conditions,
      validFrom: options.validFrom,
      validUntil: options.validUntil,
      releasesAllowed: options.releasesAllowed,
    }),
    scope: { ...inFile, ...scope },
  };
  const lacking = ["number", "kind", "validFrom", "validUntil"].filter((name) => !(name in body));
  if (lacking.length > 0)
    throw new Failure("usage", `a license needs ${lacking.join(", ")}, from flags or from --file`);
  return body;
}

function partiesOf({ person, workload, entity }: AddOptions) {
  if (person === undefined && workload === undefined && entity === undefined) return null;
  return { persons: person ?? [], workloads: workload ?? [], entities: entity ?? [] };
}

function given(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
