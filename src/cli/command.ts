import { type Command, InvalidArgumentError } from "commander";
import { route } from "./client.ts";
import { Failure } from "./failure.ts";
import { isRecord } from "./record.ts";

/** A group of commands under a noun. */
export function noun(program: Command, name: string, description: string): Command {
  return program.command(name).description(description);
}

/** A command that talks to no server of its own accord; under a noun, `isDefault` lets it be meant where no verb is named. */
export function local(
  parent: Command,
  name: string,
  description: string,
  options: { readonly isDefault?: boolean } = {},
): Command {
  return parent
    .command(name, { ...options })
    .description(description)
    .option("--json", "print the result as JSON");
}

/** A command that talks to the server, with the caller's token in a file or in the environment. */
export function remote(parent: Command, name: string, description: string): Command {
  return anonymous(parent, name, description).option(
    "--token-file <file>",
    "read the caller's token from this file [WEIGHTVAULT_TOKEN_FILE, or WEIGHTVAULT_TOKEN]",
  );
}

/** A command that talks to the server, and says itself where a token comes from or goes to. */
export function anonymous(parent: Command, name: string, description: string): Command {
  return local(parent, name, description)
    .option("--url <url>", "the server [WEIGHTVAULT_URL, or http://127.0.0.1:7373]")
    .option(
      "--timeout <seconds>",
      "give up on a server that is silent for so long (120)",
      positive,
    );
}

export type RepositoryName = { readonly namespace: string; readonly name: string };

/** `namespace/name`. */
export function repositoryName(text: string): RepositoryName {
  const [, namespace, name] = /^([^/\s]+)\/([^/\s]+)$/.exec(text) ?? [];
  if (namespace === undefined || name === undefined)
    throw new InvalidArgumentError("A repository is named namespace/name.");
  return { namespace, name };
}

export function repositoryRoute({ namespace, name }: RepositoryName): string {
  return route`/v1/repositories/${namespace}/${name}`;
}

export function uuid(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text))
    throw new InvalidArgumentError("An id is a UUID.");
  return text.toLowerCase();
}

export function positive(text: string): number {
  const value = whole(text);
  if (value === 0) throw new InvalidArgumentError("It must be at least 1.");
  return value;
}

export function whole(text: string): number {
  const value = Number(text);
  if (!/^[0-9]{1,16}$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError("It must be a whole number.");
  return value;
}

/** Gathers an option that may be given more than once. */
export function repeated(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

/** An answer's member that must be a list of records; a server that answers otherwise is no vault. */
export function recordsIn(
  answer: unknown,
  name: string,
): readonly Readonly<Record<string, unknown>>[] {
  const list = recordOf(answer)[name];
  if (!Array.isArray(list))
    throw new Failure("failed", `the server's answer has no list of ${name}`);
  return list.map(recordOf);
}

export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value))
    throw new Failure("failed", "the server's answer is not what this command expects");
  return value;
}
