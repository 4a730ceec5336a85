import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { Failure } from "./failure.ts";
import { writeWhole } from "./whole-file.ts";

/** One file, so that it is always of one moment. */
const stateForm = z.strictObject({
  /** The last verified checkpoint, as it was signed. */
  checkpoint: z.string(),
  /** The leaf hash of the last verified entry, hex; empty where there is none. */
  lastLeafHex: z.string().regex(/^(?:[0-9a-f]{64})?$/),
  reachedAt: z.iso.datetime(),
  /** How the key was replaced since; what they are worth is told by their signatures. */
  rotations: z.array(z.strictObject({ index: z.int().min(0), statement: z.string() })).default([]),
});

/** What a monitor remembers between looks: the last ledger that verified. */
export type State = z.output<typeof stateForm>;

/** Null before the first look that verified. Throws `failed` for a file that no monitor wrote. */
export async function readState(folder: string): Promise<State | null> {
  const text = await readFile(join(folder, "state.json"), "utf8").catch(() => null);
  if (text === null) return null;
  try {
    return stateForm.parse(JSON.parse(text));
  } catch (cause) {
    throw new Failure("failed", `${folder} holds no state of a monitor`, { cause });
  }
}

/** The checkpoint also stays beside all the earlier ones, for `ledger verify --checkpoints`. */
export async function keep(
  { folder, now }: { readonly folder: string; readonly now: () => Date },
  bytes: Buffer,
  verified: Pick<State, "lastLeafHex" | "rotations">,
): Promise<void> {
  await mkdir(join(folder, "checkpoints"), { recursive: true });
  const checkpoint = bytes.toString("utf8");
  await writeWhole(join(folder, "checkpoints", checkpoint.split("\n")[1] ?? "0"), bytes);
  await keepState(folder, { checkpoint, ...verified, reachedAt: now().toISOString() });
}

/** Remembers all of it in one step. */
export async function keepState(folder: string, state: State): Promise<void> {
  await writeWhole(join(folder, "state.json"), Buffer.from(`${JSON.stringify(state)}\n`));
}
