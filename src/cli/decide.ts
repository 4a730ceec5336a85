import { writeFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { advise } from "../export-control/advise.ts";
import { consultedFacts } from "../export-control/consulted.ts";
import { decide } from "../export-control/decide.ts";
import type { Facts } from "../export-control/facts.ts";
import type { Rulebook } from "../export-control/rulebook.ts";
import { parseAnswer } from "./answers.ts";
import { ask } from "./client.ts";
import { remote, uuid } from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { country, readJsonFile } from "./facts.ts";
import { readFacts, type SubjectKind, template } from "./facts-file.ts";
import { Failure } from "./failure.ts";
import { instant } from "./grant.ts";
import { cautionsOf, type Explained, memo } from "./memo.ts";
import { createOutput, type Output } from "./output.ts";

type DecideOptions = RemoteOptions & {
  readonly at?: string;
  readonly memo?: string;
  readonly template?: SubjectKind | true;
  readonly principal?: string;
  readonly repository?: string;
  readonly country?: string;
  readonly site?: string;
  readonly suppose?: string;
};

/** Decides a file of facts here, without a server or a token; or has the server decide for whom it has on record. */
export function decideCommand(program: Command, context: Context): void {
  remote(program, "decide", "what the export decision would be, why, and what would change it")
    .argument("[facts]", "a file of facts, decided here without a server; - for standard input")
    .option("--at <time>", "at this instant; a date is its first moment, UTC", instant)
    .option("--memo <file>", "write the memo to this file, in Markdown")
    .addOption(
      new Option("--template [kind]", "print the skeleton of a file of facts").choices([
        "person",
        "workload",
      ]),
    )
    .option("--principal <id>", "have the server decide for this principal", uuid)
    .option("--repository <repository>", "and this repository, namespace/name")
    .option("--country <country>", "and a receipt in this country", country)
    .option("--site <name>", "or at this site of the server's")
    .option("--suppose <file>", 'and these licenses besides: {"licenses": [...]} as JSON')
    .action(async (facts: string | undefined, options: DecideOptions) => {
      const output = createOutput(context, options.json === true);
      if (options.template !== undefined) return printTemplate(output, options.template);
      assertOneWay(facts, options);
      const explained =
        facts === undefined
          ? await simulate(context, options)
          : await explain(await readFacts(facts, options.at));
      await tell(explained, options, output);
    });
}

/** The decision on these facts with the rulebook of this version, and everything about it. */
async function explain(facts: Facts): Promise<Explained> {
  // The rulebook is big, and no other command needs it.
  const { rulebook } = await import("../export-control/rulebook.ts");
  const decision = decide(facts, rulebook);
  const evidence = consultedFacts(facts, rulebook);
  return {
    ...decision,
    checks: decision.checks.map((check) => ({
      ...check,
      evidence: evidence.get(check.check) ?? [],
    })),
    advice: advise(facts, rulebook),
    ...aboutRulebook(rulebook),
    about: aboutFacts(facts),
  };
}

function aboutRulebook({
  asOf,
  overrides,
}: Rulebook): Pick<Explained, "rulebookAsOf" | "overrides"> {
  return {
    rulebookAsOf: asOf,
    overrides: overrides.map(({ id, action, row }) => `${id} (${action} ${row})`),
  };
}

function aboutFacts({ item, subject, grant, destination, departure }: Facts): Explained["about"] {
  const { classification } = item;
  const who =
    subject.kind === "person"
      ? ([["Person", subject.person.id]] as const)
      : ([
          ["Workload", subject.workload.id],
          ["Accountable person", subject.workload.accountable.id],
          ["Entity", subject.workload.entity.id],
        ] as const);
  return [
    ["Item", item.repository],
    [
      "Classification",
      classification === null ? "none" : `${classification.eccn} (${classification.id})`,
    ],
    ...who,
    ["Grant", grant?.id ?? "none"],
    ...(classification?.regimes ?? []).map(
      ({ jurisdiction, list, code }) => [`${jurisdiction} ${list}`, code ?? "on no entry"] as const,
    ),
    ["Destination", destination.country ?? "not known"],
    ...(departure === undefined
      ? []
      : ([["Leaves from", departure.country ?? "not known"]] as const)),
  ];
}

async function simulate(context: Context, options: DecideOptions): Promise<Explained> {
  const { principal, repository, country: place, site, at, suppose } = options;
  const { client } = await openSession(context, options);
  const licenses = suppose === undefined ? {} : await readSupposed(suppose);
  const answer = parseAnswer(
    "simulation",
    await ask(client, "POST", "/v1/decisions/simulate", {
      ...licenses,
      principal,
      repository,
      destination: site === undefined ? { country: place } : { site },
      ...(at === undefined ? {} : { at }),
    }),
  );
  return {
    ...(answer as unknown as Omit<Explained, "about">),
    about: [
      ["Simulation", `${answer.decision}, entry ${answer.entry.index}`],
      ["Item", answer.repository],
      ["Principal", answer.principal],
      ["Person", answer.person],
      ...(answer.workload === null ? [] : ([["Workload", answer.workload]] as const)),
      ["Destination", place ?? `site ${site}`],
    ],
  };
}

/** Licenses and nothing else: an instant or a place in that file would otherwise be what is asked for, or be dropped without a word. */
async function readSupposed(file: string): Promise<{ readonly licenses: unknown }> {
  const { licenses, ...others } = await readJsonFile(file);
  if (licenses === undefined || Object.keys(others).length > 0)
    throw new Failure("usage", `${file} must have the one member "licenses"`);
  return { licenses };
}

function assertOneWay(facts: string | undefined, options: DecideOptions): void {
  const { principal, repository, country: place, site, suppose } = options;
  if (facts !== undefined) {
    if ([principal, repository, place, site, suppose].every((each) => each === undefined)) return;
    throw new Failure(
      "usage",
      "a file of facts is decided here: no --principal, --repository, --country, --site or --suppose",
    );
  }
  const isWhole = principal !== undefined && repository !== undefined;
  if (isWhole && (place === undefined) !== (site === undefined)) return;
  throw new Failure(
    "usage",
    "name a file of facts; or --principal, --repository and --country or --site for the server to decide",
  );
}

function printTemplate(output: Output, kind: SubjectKind | true): void {
  const skeleton = template(kind === true ? "person" : kind);
  output.result(skeleton, () => JSON.stringify(skeleton, null, 2));
}

async function tell(explained: Explained, options: DecideOptions, output: Output): Promise<void> {
  if (options.memo !== undefined) {
    await writeFile(options.memo, memo(explained)).catch((cause: unknown) => {
      throw new Failure("failed", `${options.memo} cannot be written`, { cause });
    });
    output.note(`memo: ${options.memo}`);
  }
  const { about, ...told } = explained;
  const shown = { ...told, cautions: cautionsOf(told) };
  output.result(shown, () => memo({ ...told, about }));
  if (explained.verdict !== "allow") throw new Failure("refused", "", { isTold: true });
}
