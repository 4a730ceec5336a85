import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { z } from "zod";
import type { Facts } from "../export-control/facts.ts";
import { factsJsonSchema, facts as schema } from "../export-control/facts-schema.ts";
import { Failure } from "./failure.ts";

/** Facts with a few hundred licenses take a tenth of this. */
export const limitBytes = 1_048_576;

const mostIssues = 20;

/** `--template` spells out every group, and a group with nulls in it is not the same as none. */
const hint =
  'A group of which nothing is known is null as a whole, "published": null for one; docs/decision-facts.schema.json says what may be null.';

/**
 * The facts in a file, or on standard input for `-`: JSON in UTF-8 of at most 1 MiB that fits docs/decision-facts.schema.json, where `at`
 * takes the place of their own instant. Throws `usage`, and says at which members the file does not fit.
 */
export async function readFacts(file: string, at: string | undefined): Promise<Facts> {
  const given = parsed(file, await bytesOf(file));
  const isReplaced = at !== undefined && typeof given === "object" && given !== null;
  const result = schema.safeParse(isReplaced ? { ...given, at } : given);
  if (result.success) return result.data;
  const { issues } = result.error;
  const lines = issues
    .slice(0, mostIssues)
    .map(
      ({ path, message }) => `  ${path.length === 0 ? "$" : z.core.toDotPath(path)}: ${message}`,
    );
  const more = issues.length > mostIssues ? [`  and ${issues.length - mostIssues} more`] : [];
  const opening = `${file} does not fit the schema of decision facts:`;
  throw new Failure("usage", [opening, ...lines, ...more, hint].join("\n"));
}

export type SubjectKind = "person" | "workload";

/** Every member that the facts have, each null or empty, for a subject of that kind. */
export function template(kind: SubjectKind): unknown {
  return skeleton(factsJsonSchema(), kind);
}

type JsonSchema = Readonly<Record<string, unknown>>;

function skeleton(of: JsonSchema, kind: SubjectKind): unknown {
  const options = (of["anyOf"] ?? of["oneOf"]) as readonly JsonSchema[] | undefined;
  if (options !== undefined) {
    const objects = options.filter(({ type }) => type === "object");
    const [first] = objects;
    const chosen = objects.find((option) => constOf(option, "kind") === kind) ?? first;
    return chosen === undefined ? null : skeleton(chosen, kind);
  }
  if ("const" in of) return of["const"];
  if (of["type"] === "array") return [];
  if (of["type"] !== "object") return null;
  const members = Object.entries(of["properties"] as Readonly<Record<string, JsonSchema>>);
  return Object.fromEntries(members.map(([name, member]) => [name, skeleton(member, kind)]));
}

function constOf({ properties }: JsonSchema, name: string): unknown {
  return (properties as Readonly<Record<string, JsonSchema>> | undefined)?.[name]?.["const"];
}

function parsed(file: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch (cause) {
    throw new Failure("usage", `${file} is not JSON in UTF-8`, { cause });
  }
}

async function bytesOf(file: string): Promise<Buffer> {
  if (file === "-") return await limited(process.stdin, file);
  try {
    await using handle = await open(file, "r");
    return await limited(handle.createReadStream({ autoClose: false }), file);
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure("usage", `${file} cannot be read`, { cause });
  }
}

async function limited(stream: Readable, file: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) throw new Failure("usage", `${file} has more than 1 MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
