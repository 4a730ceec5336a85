import { type Command, Option } from "commander";
import { ask, route } from "./client.ts";
import {
  noun,
  type RepositoryName,
  recordOf,
  recordsIn,
  remote,
  repositoryName,
  repositoryRoute,
  uuid,
} from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { readJsonFile } from "./facts.ts";
import { columns, details, table } from "./output.ts";

type ProposeOptions = RemoteOptions & {
  readonly jurisdiction?: string;
  readonly eccn: string;
  readonly paragraph?: string;
  readonly basis: string;
  readonly datasheet?: string;
  readonly attributes?: string;
};

export function classifyCommands(program: Command, context: Context): void {
  const classify = noun(
    program,
    "classify",
    "classify a repository: one officer proposes, another approves",
  );

  remote(classify, "propose", "propose a classification")
    .argument("<repository>", "namespace/name", repositoryName)
    .requiredOption("--eccn <eccn>", "4E091, or EAR99")
    .addOption(
      new Option("--basis <basis>", "what it rests on")
        .choices(["self", "CCATS", "counsel"])
        .makeOptionMandatory(),
    )
    .option("--paragraph <paragraph>", "the paragraph that the item meets, or is for")
    .addOption(
      new Option("--jurisdiction <jurisdiction>", "whose rules (EAR)").choices([
        "EAR",
        "ITAR",
        "other",
      ]),
    )
    .option("--datasheet <file>", "a JSON object of the facts behind it, - for standard input")
    .option(
      "--attributes <file>",
      "a JSON object of form, publication, statements, computer and determination, - for standard input",
    )
    .action(async (named: RepositoryName, options: ProposeOptions) => {
      const datasheet =
        options.datasheet === undefined ? undefined : await readJsonFile(options.datasheet);
      const attributes =
        options.attributes === undefined ? undefined : await readJsonFile(options.attributes);
      const { client, output } = await openSession(context, options);
      const { jurisdiction, eccn, paragraph, basis } = options;
      const answer = recordOf(
        await ask(client, "POST", `${repositoryRoute(named)}/classifications`, {
          jurisdiction,
          eccn,
          paragraph: paragraph ?? null,
          basis,
          datasheet,
          attributes,
        }),
      );
      output.result(answer, () => details(answer));
    });

  remote(classify, "approve", "approve what another officer proposed")
    .argument("<repository>", "namespace/name", repositoryName)
    .argument("<id>", "the classification's id", uuid)
    .action(async (named: RepositoryName, id: string, options: RemoteOptions) => {
      const { client, output } = await openSession(context, options);
      await ask(
        client,
        "POST",
        `${repositoryRoute(named)}${route`/classifications/${id}/approve`}`,
      );
      output.result(
        { classification: id, approved: true },
        () => `classification ${id} is approved`,
      );
    });

  remote(classify, "list", "the classifications of a repository, newest first")
    .argument("<repository>", "namespace/name", repositoryName)
    .action(async (named: RepositoryName, options: RemoteOptions) => {
      const { client, output } = await openSession(context, options);
      const answer = await ask(client, "GET", `${repositoryRoute(named)}/classifications`);
      output.result(answer, () =>
        table(
          recordsIn(answer, "classifications"),
          columns(
            "id",
            "state",
            "jurisdiction",
            "eccn",
            "paragraph",
            "basis",
            "proposedAt",
            "approvedAt",
          ),
        ),
      );
    });
}
