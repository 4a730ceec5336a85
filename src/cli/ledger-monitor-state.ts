import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Checkpoint } from "../merkle/checkpoint.ts";
import { Failure } from "./failure.ts";
import { isCode } from "./paths.ts";
import { writeWhole } from "./whole-file.ts";

const hashHex = z.string().regex(/^[0-9a-f]{64}$/);

const rotationsForm = z.array(z.strictObject({ index: z.int().min(0), statement: z.string() }));

/** One file, so that it is always of one moment. */
const stateForm = z.strictObject({
  /** The last verified checkpoint, as it was signed. */
  checkpoint: z.string(),
  /** The leaf hash of the last verified entry, hex; empty where there is none. */
  lastLeafHex: z.string().regex(/^(?:[0-9a-f]{64})?$/),
  reachedAt: z.iso.datetime(),
  /** How the key was replaced since; what they are worth is told by their signatures. */
  rotations: rotationsForm.default([]),
  /** What was told of the entries' meaning: all that was found of the first `size`, and of releases whose time for an outcome ran out by then. */
  meaning: z
    .strictObject({
      size: z.int().min(0),
      /** When the whole ledger was last read for it. */
      readAt: z.iso.datetime(),
      overdueUntil: z.iso.datetime(),
    })
    .nullable()
    .default(null),
  /** What is known of the ledger beyond the last verified checkpoint; null where nothing is. */
  growth: z
    .strictObject({
      /** The entries after the last verified one that were read and lead to no checkpoint yet, since the ledger went out of reach: the next look goes on there. Null where none were. */
      read: z
        .strictObject({
          size: z.int().min(0),
          edgeHex: z.array(hashHex),
          lastLeafHex: z.string().regex(/^(?:[0-9a-f]{64})?$/),
          rotations: rotationsForm,
        })
        .nullable(),
      /** The signed checkpoints that were seen since, as they were signed, each larger than the one before. */
      towards: z.array(z.string()).min(1),
    })
    .nullable()
    .default(null),
});

export type State = z.output<typeof stateForm>;

/** When a vault that was never reached was first tried. */
export async function firstTried(folder: string, now: Date): Promise<string> {
  const file = join(folder, "first-tried");
  const kept = await readFile(file, "utf8").catch(() => "");
  if (!Number.isNaN(Date.parse(kept.trim()))) return kept.trim();
  await writeFile(file, `${now.toISOString()}\n`);
  return now.toISOString();
}

/**
 * What a monitor remembers; null before its first look. Throws `failed` for a file that is none of its own, and for one that is there and cannot be
 * read now: a monitor that took that for its first look would take a ledger that was rolled back for the whole one.
 */
export async function readState(folder: string): Promise<State | null> {
  const file = join(folder, "state.json");
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    if (isCode(cause, "ENOENT")) return null;
    throw new Failure("failed", `${file} cannot be read`, { cause });
  });
  if (text === null) return null;
  try {
    return stateForm.parse(JSON.parse(text));
  } catch (cause) {
    throw new Failure("failed", `${folder} holds no state of a monitor`, { cause });
  }
}

/** Remembers a state. Its checkpoint also stays beside all the earlier ones, for `ledger verify --checkpoints`. */
export async function keepVerified(folder: string, state: State): Promise<void> {
  await mkdir(join(folder, "checkpoints"), { recursive: true });
  const { checkpoint } = state;
  const name = checkpoint.split("\n")[1] ?? "0";
  await writeWhole(join(folder, "checkpoints", name), Buffer.from(checkpoint, "utf8"));
  await keepState(folder, state);
}

export async function keepState(folder: string, state: State): Promise<void> {
  await writeWhole(join(folder, "state.json"), Buffer.from(`${JSON.stringify(state)}\n`));
}

/** Whoever holds the ledger's key can sign any number of them; few prove as much as many. */
const mostContradicting = 100;

/**
 * Keeps a checkpoint that the ledger's key signed and that was no growth of the verified ones. One of the same size proves the fork to everybody;
 * for another the vault owes a consistency proof, and it may not show it again. Gives its name in the folder; null where a hundred others are there.
 */
export async function keepContradicting(
  folder: string,
  { size, root }: Checkpoint,
  bytes: Buffer,
): Promise<string | null> {
  const place = "contradicting";
  await mkdir(join(folder, place), { recursive: true });
  const file = `${size}-${root.toString("hex")}`;
  const kept = await readdir(join(folder, place));
  if (!kept.includes(file) && kept.length >= mostContradicting) return null;
  await writeWhole(join(folder, place, file), bytes);
  return join(place, file);
}
