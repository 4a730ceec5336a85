import type { Advice } from "../export-control/advise.ts";
import type { Consulted } from "../export-control/consulted.ts";
import type { Check, Decision } from "../export-control/decision.ts";

/** A decision with all that a memo tells about it. */
export type Explained = Omit<Decision, "checks"> & {
  readonly checks: readonly ExplainedCheck[];
  readonly advice: Advice;
  /** The date of the newest text in the rulebook. */
  readonly rulebookAsOf: string;
  /** The operator's overrides of the rulebook, each with what it does to which requirement. */
  readonly overrides: readonly string[];
  /** What it is about, in the order in which the memo names it. Ids and places, no names. */
  readonly about: readonly (readonly [title: string, value: string])[];
};

/** `evidence` is what the check read; a server keeps that to itself. */
export type ExplainedCheck = Check & { readonly evidence?: readonly Consulted[] };

const words = { allow: "allowed", deny: "denied", hold: "held" } as const;

const results = {
  allow: "allowed",
  license: "a license is required and none covers it",
  deny: "denied",
  unknown: "not known, which holds",
} as const;

const disclaimer =
  "This is no legal advice. It applies a dated rulebook of which no row ships signed by counsel; the controlling texts are those of ecfr.gov and federalregister.gov. No key is released on it: a release is decided anew, and recorded.";

const ofOtherRegimes =
  "The rows of other regimes are from memory or second hand; the controlling texts of the European Union are those of eur-lex.europa.eu.";

/** The memo that an export officer files, in Markdown that reads as plain text too. */
export function memo(explained: Explained): string {
  const { verdict, at, rulebook, rulebookAsOf, overrides, checks, about, regimes = [] } = explained;
  const deciding = checks.filter((check) => decides(check, verdict));
  const others = checks.filter((check) => !deciding.includes(check));
  const heading: readonly (readonly [string, string])[] = [
    ...about,
    ["Instant", at],
    ["Rulebook", `${rulebook}, text as of ${rulebookAsOf}`],
    ...(overrides.length === 0 ? [] : ([["Overrides", overrides.join(", ")]] as const)),
    ...regimes.map(
      ({ jurisdiction, result }) => [`Under ${jurisdiction}`, results[result]] as const,
    ),
  ];
  return `${[
    `# Export decision: ${words[verdict]}`,
    table(["", ""], heading),
    "## Verdict",
    sentenceOf(explained, deciding),
    ...(deciding.length === 0 ? [] : ["## What decided it", ...deciding.map(told)]),
    "## The other checks",
    table(
      ["check", "outcome", "law", "rows"],
      others.map(({ check, outcome, citation, rows }) => [
        check,
        outcome,
        citation,
        rows.join(", "),
      ]),
    ),
    "## The law cited",
    [...new Set([...deciding, ...others].map(({ citation }) => citation))]
      .map((citation) => `- ${citation}`)
      .join("\n"),
    ...(verdict === "allow" ? [] : ["## What would change it", changes(explained.advice)]),
    "## Reservation",
    [disclaimer, ...(regimes.length === 0 ? [] : [ofOtherRegimes]), ...cautionsOf(explained)].join(
      " ",
    ),
  ].join("\n\n")}\n`;
}

/** What whoever relies on the decision has to know besides. */
export function cautionsOf({ at, rulebookAsOf }: Pick<Explained, "at" | "rulebookAsOf">) {
  if (at.slice(0, 10) >= rulebookAsOf) return [];
  return [
    `The instant is before ${rulebookAsOf}, the date of the rulebook's text: statuses with dates are those of the instant, and Country Groups, entries and conditions those of the text.`,
  ];
}

function decides({ outcome }: Check, verdict: Decision["verdict"]): boolean {
  if (verdict === "allow") return outcome === "covered";
  return outcome === "fail" || outcome === "unknown";
}

function sentenceOf({ verdict, licenses }: Explained, deciding: readonly Check[]): string {
  const named = (outcome: Check["outcome"]) =>
    deciding.filter((check) => check.outcome === outcome).map(({ check }) => check);
  const [failed, unknown] = [named("fail"), named("unknown")];
  switch (verdict) {
    case "deny":
      return `The release is denied, because it fails: ${failed.join(", ")}.${unknown.length === 0 ? "" : ` Not known besides: ${unknown.join(", ")}.`}`;
    case "hold":
      return `The release is held, because it is not known how these come out: ${unknown.join(", ")}.`;
    case "allow":
      if (licenses.length === 0 && deciding.length > 0)
        return "The release is allowed under license exceptions, as told below: every other check passes or does not apply.";
      return licenses.length === 0
        ? "The release is allowed: every check passes or does not apply, and no authorization is needed."
        : `The release is allowed in reliance on ${licenses.join(", ")}, each of which would lose one use: every other check passes or does not apply.`;
  }
}

function told({
  check,
  outcome,
  citation,
  reason,
  rows,
  licenses,
  exceptions,
  evidence = [],
}: ExplainedCheck): string {
  const excepted = exceptions.filter(({ covers }) => covers && outcome === "covered");
  const covering = [...licenses, ...excepted.map(({ exception }) => exception)];
  return [
    `### ${check}: ${outcome}`,
    reason,
    [
      `- law: ${citation}`,
      ...(rows.length === 0 ? [] : [`- rulebook rows: ${rows.join(", ")}`]),
      ...(covering.length === 0 ? [] : [`- covered by: ${covering.join(", ")}`]),
      ...exceptions.filter(({ covers }) => !covers).map(lacking),
      ...(evidence.length === 0
        ? []
        : [
            `- facts: ${evidence.map(({ fact, value }) => `${fact} = ${JSON.stringify(value)}`).join("; ")}`,
          ]),
    ].join("\n"),
  ].join("\n\n");
}

function lacking({ exception, citation, conditions }: Check["exceptions"][number]): string {
  const open = conditions.filter(({ state }) => state !== "met");
  return `- ${exception} (${citation}) would cover it, with on record: ${open.map(({ condition }) => condition).join("; ")}`;
}

function changes({ ways, obstacles, isCut }: Advice): string {
  const cut = isCut
    ? ["The search ended at its bound: there may be other lists, or a shorter one."]
    : [];
  if (ways.length === 0) {
    const walls = obstacles.map(({ check, reason, remedy }) =>
      `- ${check}: ${reason} ${remedy ?? ""}`.trimEnd(),
    );
    return [
      "Nothing that officers may lawfully do was found to change it. What stands in the way:",
      walls.join("\n"),
      ...cut,
    ].join("\n\n");
  }
  const lists = ways.map((way) =>
    way.map(({ sentence }, at) => `${at + 1}. ${sentence}`).join("\n"),
  );
  const opening =
    lists.length === 1
      ? "Everything in this list, and nothing less; each was tried. Only true answers may be recorded."
      : "Everything in one of these lists, and nothing less; each was tried. Only true answers may be recorded.";
  return [
    opening,
    ...lists.flatMap((list, at) => (at === 0 ? [list] : ["Or:", list])),
    ...cut,
  ].join("\n\n");
}

/** Columns padded to one width, so that the text reads as a table where nothing renders it. */
function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) =>
    row.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")),
  );
  const widths = titles.map((title, at) =>
    Math.max(3, title.length, ...cells.map((row) => row[at]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, at) => (row[at] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(titles), line(widths.map((width) => "-".repeat(width))), ...cells.map(line)].join(
    "\n",
  );
}
