import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { parseDocument } from "yaml";
import { canonicalJson } from "../crypto/canonical-json.ts";
import { type Datasheet, datasheetForm } from "../export-control/datasheet/form.ts";
import { counted } from "./counted.ts";
import { readAll } from "./facts.ts";
import { Failure } from "./failure.ts";
import { countWeights, type WeightsCount } from "./weights.ts";

/** A datasheet as its file states it, and the SHA-256 of its canonical bytes, hex: what an entry names it by. */
export type ReadDatasheet = { readonly sheet: Datasheet; readonly sha256: string };

const limitBytes = 256 * 1_024;
const shownIssues = 20;
/** Their values would lose digits; a number stays the text that was written. */
const numberTags = ["tag:yaml.org,2002:int", "tag:yaml.org,2002:float"];

/**
 * Reads a datasheet from a YAML file (JSON is YAML), or from standard input for `-`. Throws `usage` for what does not parse, holds an alias or a
 * tag, or does not fit the form, with the path of each member.
 */
export async function readDatasheet(file: string): Promise<ReadDatasheet> {
  const parsed = datasheetForm.safeParse(parseYaml(await readText(file), file));
  if (parsed.success) return { sheet: parsed.data, sha256: digestOf(parsed.data) };
  const issues = parsed.error.issues.slice(0, shownIssues).flatMap(describeIssue);
  throw new Failure("usage", [`${file} is not a datasheet:`, ...issues].join("\n"));
}

/** The SHA-256 of a datasheet's canonical bytes, hex. */
export function digestOf(sheet: Datasheet): string {
  return createHash("sha256").update(canonicalJson(sheet)).digest("hex");
}

/** The value of one YAML document of the core schema, whose numbers stay texts. Throws `usage`. */
export function parseYaml(text: string, file: string): unknown {
  try {
    const document = parseDocument(text, {
      schema: "core",
      customTags: (tags) =>
        tags.filter((tag) => typeof tag === "string" || !numberTags.includes(tag.tag)),
      stringKeys: true,
      prettyErrors: true,
    });
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw problem;
    return document.toJS({ maxAliasCount: 0 }) as unknown;
  } catch (cause) {
    const why = Error.isError(cause) ? (cause.message.split("\n")[0] ?? "") : "";
    throw new Failure("usage", `${file} does not parse as YAML: ${why.replace(/:$/, "")}`, {
      cause,
    });
  }
}

/** What the headers say, beside what the sheet says. */
export type ParametersCheck = WeightsCount & { readonly explained: string | null };

/**
 * Compares the parameters that a datasheet states with those that the headers of the files count; null without files. Throws `integrity` where
 * they differ and the sheet does not explain it, and `usage` for a sheet of something else.
 */
export async function checkParameters(
  { sheet }: ReadDatasheet,
  path: string | undefined,
): Promise<ParametersCheck | null> {
  if (path === undefined) return null;
  if (sheet.item !== "model-weights")
    throw new Failure(
      "usage",
      `--weights goes with the datasheet of a model, not of ${sheet.item}`,
    );
  const count = await countWeights(path);
  const explained = sheet.parametersExplained;
  if (count.parameters === BigInt(sheet.parameters)) return { ...count, explained: null };
  if (explained !== null) return { ...count, explained };
  throw new Failure(
    "integrity",
    `the datasheet states ${counted(String(sheet.parameters), "parameter")}, and the headers count ${count.parameters}; correct it, or say why in parametersExplained`,
  );
}

async function readText(file: string): Promise<string> {
  const bytes = file === "-" ? Buffer.from(await readAll(process.stdin)) : await readSmall(file);
  if (bytes.length > limitBytes)
    throw new Failure(
      "usage",
      `${file} has more than ${limitBytes} bytes, too many for a datasheet`,
    );
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Failure("usage", `${file} is not UTF-8`, { cause });
  }
}

/** A file's bytes up to one more than a datasheet may have. */
async function readSmall(file: string): Promise<Uint8Array> {
  try {
    await using handle = await open(file, "r");
    const buffer = Buffer.alloc(limitBytes + 1);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    throw new Failure("usage", `${file} cannot be read`, { cause });
  }
}

type Issue = {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
};

function describeIssue(issue: Issue): readonly string[] {
  const at = (path: readonly PropertyKey[]) => path.map(String).join(".") || "the whole of it";
  if (issue.code !== "unrecognized_keys") return [`  ${at(issue.path)}: ${issue.message}`];
  return (issue.keys ?? []).map((key) => `  ${at([...issue.path, key])}: there is no such member`);
}
