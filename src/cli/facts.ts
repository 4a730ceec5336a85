import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { recordOf, repeated } from "./command.ts";
import { Failure } from "./failure.ts";

/** What a person's facts are given as: flags, or a file, or a file and flags that stand above it. */
export type FactsOptions = {
  readonly facts?: string;
  readonly name?: string;
  readonly otherName?: readonly string[];
  readonly usPerson?: string | true;
  readonly notUsPerson?: boolean;
  readonly citizenship?: readonly Dated[];
  readonly permanentResidency?: readonly Dated[];
  readonly employerHeadquarters?: string;
  readonly employerParentHeadquarters?: string;
  readonly permanentRegular?: boolean;
};

type Dated = { readonly country: string; readonly from: string; readonly until: string | null };

const categories = ["citizen", "national", "permanent-resident", "protected-individual"];

export function factsOptions(command: Command): Command {
  const notUsPerson = new Option("--not-us-person", "they are not a U.S. person");
  return command
    .option("--facts <file>", "the facts as JSON in this file, - for standard input")
    .option("--name <name>", "the name to screen")
    .option("--other-name <name>", "another name of theirs; may be repeated", repeated)
    .addOption(
      new Option("--us-person [category]", "they are a U.S. person (15 CFR 772.1)").choices(
        categories,
      ),
    )
    .addOption(notUsPerson.conflicts("usPerson"))
    .option(
      "--citizenship <status>",
      "CC:from or CC:from:until, with dates; repeat it for all of them",
      dated,
    )
    .option(
      "--permanent-residency <status>",
      "CC:from or CC:from:until; may be repeated (none, where a citizenship is stated)",
      dated,
    )
    .option(
      "--employer-headquarters <country>",
      "where their employer has its headquarters",
      country,
    )
    .option(
      "--employer-parent-headquarters <country>",
      "where its ultimate parent has them",
      country,
    )
    .option(
      "--permanent-regular",
      "they are a permanent and regular employee (15 CFR 734.20(d)(2))",
    );
}

/**
 * The body that the server takes. What is neither in the file nor in a flag stays unknown; but whoever states citizenships and no residency, or
 * the reverse, states that there is none of the other kind: a file can say null for what is not known. Throws `usage` without a name.
 */
export async function factsOf(options: FactsOptions): Promise<Readonly<Record<string, unknown>>> {
  const facts: Record<string, unknown> =
    options.facts === undefined ? {} : { ...(await readJsonFile(options.facts)) };
  if (options.name !== undefined) facts["name"] = options.name;
  if (options.otherName !== undefined) facts["otherNames"] = options.otherName;
  if (options.notUsPerson === true) facts["usPerson"] = { value: false, category: null };
  if (options.usPerson !== undefined)
    facts["usPerson"] = {
      value: true,
      category: options.usPerson === true ? null : options.usPerson,
    };
  if (options.citizenship !== undefined) facts["citizenships"] = options.citizenship;
  if (options.permanentResidency !== undefined)
    facts["permanentResidencies"] = options.permanentResidency;
  if (options.employerHeadquarters !== undefined) {
    facts["employment"] = {
      entityHeadquarters: options.employerHeadquarters,
      ultimateParentHeadquarters: options.employerParentHeadquarters ?? null,
      permanentRegular: options.permanentRegular === true,
    };
  } else if (
    options.employerParentHeadquarters !== undefined ||
    options.permanentRegular === true
  ) {
    throw new Failure("usage", "an employment needs --employer-headquarters");
  }
  if (facts["name"] === undefined)
    throw new Failure("usage", "a person needs --name, or a name in --facts");
  return facts;
}

/** A JSON object from a file, or from standard input for `-`. Throws `usage`. */
export async function readJsonFile(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const text = file === "-" ? await readAll(process.stdin) : await readFile(file, "utf8");
    return recordOf(JSON.parse(text) as unknown);
  } catch (cause) {
    throw new Failure("usage", `${file} cannot be read as a JSON object`, { cause });
  }
}

/** All that a stream gives, as text. */
export async function readAll(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

export function country(text: string): string {
  if (!/^[A-Z]{2}$/.test(text))
    throw new InvalidArgumentError("A country is two capital letters (ISO 3166-1).");
  return text;
}

function dated(text: string, before: readonly Dated[] | undefined): readonly Dated[] {
  const date = "([0-9]{4}-[0-9]{2}-[0-9]{2})";
  const [, code, from, until] = new RegExp(`^([A-Z]{2}):${date}(?::${date})?$`).exec(text) ?? [];
  if (code === undefined || from === undefined)
    throw new InvalidArgumentError(
      "A status is CC:YYYY-MM-DD, or CC:YYYY-MM-DD:YYYY-MM-DD where it ended.",
    );
  return [...(before ?? []), { country: code, from, until: until ?? null }];
}
