import { type Command, InvalidArgumentError } from "commander";
import { uuid } from "./command.ts";
import { Failure } from "./failure.ts";
import type { Selection } from "./ledger-story.ts";

/** What part of a ledger is asked for. */
export type ChoiceOptions = {
  readonly release?: string;
  readonly repository?: string;
  readonly person?: string;
  readonly license?: string;
  readonly from?: string;
  readonly until?: string;
};

export function withChoice(command: Command): Command {
  return command
    .option("--release <id>", "only a release: its decision and outcome", uuid)
    .option("--repository <id>", "only what is about a repository", uuid)
    .option("--person <id>", "only what a person did or was decided about", uuid)
    .option("--license <id>", "only a license and the releases that rest on it", uuid)
    .option("--from <time>", "only from this day or time on (UTC)", instant)
    .option("--until <time>", "only before this day or time (UTC)", instant);
}

/** The choice; null where nothing was chosen. Throws `usage` for more than one thing. */
export function selectionOf(options: ChoiceOptions): Selection | null {
  const nouns = ["release", "repository", "person", "license"] as const;
  const things = nouns.flatMap((noun) => {
    const id = options[noun];
    return id === undefined ? [] : [{ noun, id }];
  });
  if (things.length > 1)
    throw new Failure("usage", "ask for one release, repository, person or license");
  const [thing = null] = things;
  const { from = null, until = null } = options;
  return thing === null && from === null && until === null ? null : { thing, from, until };
}

/** A day, or a time in UTC, as entries write times. */
export function instant(text: string): string {
  const isForm = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{3})?)?Z)?$/.test(text);
  const atMs = isForm ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs))
    throw new InvalidArgumentError("A time is 2026-01-31 or 2026-01-31T23:59:59Z.");
  return new Date(atMs).toISOString();
}
