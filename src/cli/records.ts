import { type Command, Option } from "commander";
import { ask, route } from "./client.ts";
import {
  local,
  noun,
  type RepositoryName,
  recordOf,
  recordsIn,
  remote,
  repositoryName,
  uuid,
} from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { counted } from "./counted.ts";
import { country } from "./facts.ts";
import { Failure } from "./failure.ts";
import {
  demandedKey,
  demandingMlDsa,
  ledgerKey,
  withLedgerKey,
  withMlDsaKey,
} from "./ledger-key.ts";
import { columns, createOutput, details, table } from "./output.ts";
import { Pages } from "./pages.ts";
import { writeRecords } from "./records-folder.ts";
import type { VerifiedRecords } from "./records-verify.ts";

type CriterionOptions = {
  readonly party?: string;
  readonly country?: string;
  readonly document?: string;
};
type SearchOptions = RemoteOptions & CriterionOptions;
type ExportOptions = SearchOptions & {
  readonly repository?: RepositoryName;
  readonly from?: string;
  readonly to?: string;
  readonly output: string;
  readonly ledgerKey?: string;
  readonly mlDsaKey?: string;
};
type VerifyOptions = {
  readonly json?: boolean;
  readonly ledgerKey?: string;
  readonly mlDsaKey?: string;
};
type NoteOptions = RemoteOptions & {
  readonly what: string;
  readonly on: string;
  readonly description: string;
};

export function recordsCommands(program: Command, context: Context): void {
  const records = noun(
    program,
    "records",
    "find records, hand them to an agency, check what was handed out (15 CFR part 762)",
  );
  criteria(
    remote(records, "search", "find the records that a party, country or document figures in"),
  ).action(async (options: SearchOptions) => {
    const sought = criterionOf(options);
    if (Object.keys(sought).length !== 1)
      throw new Failure("usage", "name one of --party, --country, --document");
    const { client, output } = await openSession(context, options);
    const found: Readonly<Record<string, unknown>>[] = [];
    const pages = new Pages("records");
    let after: string | null = null;
    do {
      const asked = { ...sought, after };
      const answer = recordOf(await ask(client, "POST", "/v1/records/search", asked));
      const page = recordsIn(answer, "records");
      found.push(...page);
      const { next } = answer;
      const names = page.map(({ noun: of, id }) => `${String(of)}/${String(id)}`);
      after = pages.next(names, typeof next === "string" ? next : null);
    } while (after !== null);
    output.result({ records: found }, () => table(found, columns("noun", "id")));
  });
  exportCommand(records, context);
  verifyCommand(records, context);
  remote(records, "note", "note a reexport, transfer or diversion of a release that became known")
    .argument("<release>", "the release's id", uuid)
    .addOption(
      new Option("--what <what>", "what became known")
        .choices(["reexport", "transfer", "diversion"])
        .makeOptionMandatory(),
    )
    .requiredOption("--on <date>", "the day it happened, YYYY-MM-DD")
    .requiredOption("--description <text>", "what is known; it stays out of the ledger")
    .action(async (release: string, options: NoteOptions) => {
      const { client, output } = await openSession(context, options);
      const { what, on, description } = options;
      const path = route`/v1/releases/${release}/movements`;
      const answer = recordOf(await ask(client, "POST", path, { what, on, description }));
      output.result(answer, () => details(answer));
    });
}

function exportCommand(records: Command, context: Context): void {
  const command = remote(
    records,
    "export",
    "write records into a folder that an agency can be handed",
  );
  withMlDsaKey(withLedgerKey(criteria(command)))
    .option("--repository <name>", "those of a repository", repositoryName)
    .option("--from <instant>", "releases decided from this day or instant on")
    .option("--to <instant>", "releases decided before this day or instant")
    .requiredOption("--output <folder>", "a new folder")
    .action(async (options: ExportOptions) => {
      const { repository, from, to } = options;
      const asked = {
        ...criterionOf(options),
        ...(repository === undefined
          ? {}
          : { repository: `${repository.namespace}/${repository.name}` }),
        ...(from === undefined ? {} : { from: instantOf(from) }),
        ...(to === undefined ? {} : { to: instantOf(to) }),
      };
      if (Object.keys(asked).length === 0)
        throw new Failure(
          "usage",
          "name --party, --country, --document, --repository, or --from and --to",
        );
      const session = await openSession(context, options);
      const key = await demandingMlDsa(await ledgerKey(session, options.ledgerKey), options);
      const result = await writeRecords(session.client, key, { asked, folder: options.output });
      session.output.result(result, () =>
        [
          `${counted(result.records, "record")} and ${counted(result.entries, "ledger entry", "ledger entries")} in ${result.folder}`,
          `check them: weightvault records verify ${result.folder} --ledger-key '${key.text}'`,
        ].join("\n"),
      );
    });
}

function verifyCommand(records: Command, context: Context): void {
  const command = local(
    records,
    "verify",
    "check an exported folder with nothing but the ledger's key",
  );
  withMlDsaKey(withLedgerKey(command))
    .argument("<folder>", "the folder that `records export` wrote")
    .action(async (folder: string, options: VerifyOptions) => {
      const output = createOutput(context, options.json === true);
      const pinned = await demandingMlDsa(
        await demandedKey(context.env, options.ledgerKey),
        options,
      );
      // The rulebook is big, and few commands need it.
      const { verifyRecords } = await import("./records-verify.ts");
      const result = await verifyRecords(folder, pinned);
      output.result({ folder, verified: true, ...result }, () =>
        verifiedText(result, pinned.key.name),
      );
    });
}

function criteria(command: Command): Command {
  return command
    .option("--party <name>", "a person's or an entity's name, as screening compares names")
    .option("--country <code>", "a destination, a nationality or an entity's country, XX", country)
    .option(
      "--document <number>",
      "a license's number, a CCATS number, a hold's reference, or any record's id",
    );
}

function criterionOf({ party, country: place, document }: CriterionOptions) {
  return Object.fromEntries(
    Object.entries({ party, country: place, document }).filter(([, value]) => value !== undefined),
  );
}

/** A day is its beginning in UTC. */
function instantOf(text: string): string {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00.000Z` : text;
}

/** What `records verify` says. */
export function verifiedText(
  { records, entries, evidence, decidedAgain, erased }: VerifiedRecords,
  ledger: string,
): string {
  return [
    `verified: ${counted(records, "record")}, ${counted(entries, "ledger entry", "ledger entries")} of ${ledger}`,
    `evidence opened by its commitment: ${evidence}, of which decided again: ${decidedAgain}`,
    `evidence or facts erased after their retention: ${erased}`,
  ].join("\n");
}
