import { type Command, Option } from "commander";
import { isProposed, propose } from "../export-control/datasheet/propose.ts";
import { rulebook } from "../export-control/rulebook.ts";
import { parseAnswer } from "./answers.ts";
import { baseLines, showClassification } from "./classification.ts";
import { ask, route } from "./client.ts";
import {
  local,
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
import { checkParameters, type ReadDatasheet, readDatasheet } from "./datasheet.ts";
import { datasheetMemo } from "./datasheet-memo.ts";
import { readJsonFile } from "./facts.ts";
import { Failure } from "./failure.ts";
import { columns, createOutput, details, table } from "./output.ts";

type SheetOptions = { readonly datasheet?: string; readonly weights?: string };

type ProposeOptions = RemoteOptions &
  SheetOptions & {
    readonly jurisdiction?: string;
    readonly eccn?: string;
    readonly paragraph?: string;
    readonly basis: string;
    readonly justification?: string;
    readonly attributes?: string;
  };

const datasheetFlag = "--datasheet <file>";
const weightsFlag = "--weights <path>";
const weightsHelp =
  "the model's safetensors or GGUF files, whose headers have to count the stated parameters";

export function classifyCommands(program: Command, context: Context): void {
  const classify = noun(
    program,
    "classify",
    "classify a repository: one officer proposes, another approves",
  );

  local(classify, "check", "show what a datasheet leads to; asks no server", { isDefault: true })
    .requiredOption(
      datasheetFlag,
      "the datasheet as YAML (docs/classification.md), - for standard input",
    )
    .option(weightsFlag, weightsHelp)
    .action(
      async (options: {
        readonly json?: boolean;
        readonly datasheet: string;
        readonly weights?: string;
      }) => {
        const output = createOutput(context, options.json === true);
        const { value, text } = await check(options.datasheet, options.weights);
        output.result(value, () => text);
      },
    );

  remote(classify, "propose", "propose a classification")
    .argument("<repository>", "namespace/name", repositoryName)
    .option("--eccn <eccn>", "4E091, or EAR99; the one that the datasheet leads to, if it is one")
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
    .option(datasheetFlag, "the datasheet as YAML (docs/classification.md), - for standard input")
    .option(weightsFlag, weightsHelp)
    .option("--justification <sentence>", "why it is another entry than the datasheet leads to")
    .option(
      "--attributes <file>",
      "a JSON object of form, publication, statements, computer, determination and regimes, - for standard input",
    )
    .action(async (named: RepositoryName, options: ProposeOptions) => {
      const sheet = await sheetOf(options);
      const stated = statedEntry(options, sheet);
      const attributes =
        options.attributes === undefined ? undefined : await readJsonFile(options.attributes);
      const { client, output } = await openSession(context, options);
      const answer = recordOf(
        await ask(client, "POST", `${repositoryRoute(named)}/classifications`, {
          jurisdiction: options.jurisdiction,
          ...stated,
          basis: options.basis,
          datasheet: sheet?.sheet,
          datasheetSha256: sheet?.sha256,
          justification: options.justification,
          attributes,
        }),
      );
      const proposed = parseAnswer("proposed", answer);
      const { datasheetSha256 } = proposed;
      for (const line of baseLines(proposed)) output.note(line);
      if (datasheetSha256 !== (sheet?.sha256 ?? null))
        throw new Failure("integrity", "the server recorded another datasheet than was sent");
      output.result({ ...answer, ...stated }, () => details({ ...answer, ...stated }));
    });

  remote(classify, "show", "show a classification with the arithmetic of its datasheet")
    .argument("<repository>", "namespace/name", repositoryName)
    .argument("<id>", "the classification's id", uuid)
    .action(async (named: RepositoryName, id: string, options: RemoteOptions) => {
      const { client, output } = await openSession(context, options);
      const shown = await showClassification(client, named, id);
      output.result(shown.answer, () =>
        shown.memo === null
          ? details(recordOf(shown.answer))
          : [shown.memo, ...(shown.stated === null ? [] : [shown.stated])].join("\n"),
      );
    });

  remote(
    classify,
    "approve",
    "approve what another officer proposed, after its arithmetic is shown",
  )
    .argument("<repository>", "namespace/name", repositoryName)
    .argument("<id>", "the classification's id", uuid)
    .action(async (named: RepositoryName, id: string, options: RemoteOptions) => {
      const { client, output } = await openSession(context, options);
      const { datasheetSha256, memo: shown, stated } = await showClassification(client, named, id);
      output.note(
        shown ?? "the classification has no datasheet, so no arithmetic stands behind it",
      );
      if (stated !== null) output.note(stated);
      await ask(
        client,
        "POST",
        `${repositoryRoute(named)}${route`/classifications/${id}/approve`}`,
      );
      output.result(
        { classification: id, approved: true, datasheetSha256 },
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

/** Reads the datasheet that is named, and holds the headers of the files against it. Throws `usage` and `integrity`. */
async function sheetOf({ datasheet, weights }: SheetOptions): Promise<ReadDatasheet | null> {
  if (datasheet === undefined) {
    if (weights === undefined) return null;
    throw new Failure("usage", "--weights goes with --datasheet, which states the parameters");
  }
  const read = await readDatasheet(datasheet);
  await checkParameters(read, weights);
  return read;
}

/** The entry that the officer states, or the only one that the datasheet leads to. Throws `usage`. */
function statedEntry(
  { eccn, paragraph }: ProposeOptions,
  read: ReadDatasheet | null,
): { readonly eccn: string; readonly paragraph: string | null } {
  if (eccn !== undefined) return { eccn, paragraph: paragraph ?? null };
  if (read === null) throw new Failure("usage", "a proposal needs --eccn, or a --datasheet");
  const { candidates, conclusion } = propose(read.sheet, rulebook);
  const [only] = candidates;
  if (only !== undefined && candidates.length === 1 && conclusion.kind === "entry") {
    const stated = { eccn: only.eccn, paragraph: paragraph ?? only.paragraph };
    if (isProposed({ candidates }, { ...stated, jurisdiction: "EAR" })) return stated;
  }
  const names = candidates.map((each) => each.eccn).join(", ") || "none";
  throw new Failure(
    "usage",
    `the datasheet leads to no single entry (${names}); state one with --eccn. ${conclusion.says}`,
  );
}

async function check(datasheet: string, weights: string | undefined) {
  const read = await readDatasheet(datasheet);
  const { sheet, sha256 } = read;
  const parameters = await checkParameters(read, weights);
  const proposal = propose(sheet, rulebook);
  const counted =
    parameters === null ? null : { ...parameters, parameters: parameters.parameters.toString() };
  return {
    value: {
      title: sheet.title,
      item: sheet.item,
      datasheetSha256: sha256,
      headers: counted,
      proposal,
    },
    text: datasheetMemo({ sheet, sha256, proposal, parameters }),
  };
}
