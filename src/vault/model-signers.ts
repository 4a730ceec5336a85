import { Refusal } from "../errors.ts";
import { readRegularFile } from "../ledger/source-file.ts";
import { type ModelSigners, parseModelSigners } from "../lineage/signing-keys.ts";

const longestFileBytes = 1_000_000;

/** The keys and roots of the operator's PEM files. Throws `configuration_invalid`, naming the file, for one that holds anything else. */
export async function readModelSigners(files: readonly string[]): Promise<ModelSigners> {
  const read = await Promise.all(files.map(readOne));
  return {
    keys: read.flatMap(({ keys }) => keys),
    roots: read.flatMap(({ roots }) => roots),
  };
}

async function readOne(file: string): Promise<ModelSigners> {
  const bytes = await readRegularFile(file, longestFileBytes).catch((cause: unknown) => {
    throw unusable(file, "cannot be read", cause);
  });
  if (bytes === null) throw unusable(file, "is no file");
  try {
    return parseModelSigners(bytes.toString("latin1"));
  } catch (cause) {
    throw unusable(file, Error.isError(cause) ? cause.message : "is malformed", cause);
  }
}

function unusable(file: string, why: string, cause?: unknown): Refusal {
  return new Refusal("configuration_invalid", `the model signing keys ${file}: ${why}`, { cause });
}
