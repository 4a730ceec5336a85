import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isRefusal } from "../errors.ts";
import { type Entry, parseEntry } from "../ledger/entry.ts";
import { readTile, type TileSource } from "../ledger/source.ts";
import { readingOf, unlessSpent } from "../ledger/source-budget.ts";
import { growsFrom } from "../ledger/source-growth.ts";
import { rotationIn } from "../ledger/source-rotations.ts";
import { parseBundle } from "../merkle/bundle.ts";
import type { Checkpoint } from "../merkle/checkpoint.ts";
import { type CosignerKey, verifyCosignature } from "../merkle/cosignature.ts";
import { parseNote } from "../merkle/note.ts";
import { readTiles, rightEdge } from "../merkle/proof.ts";
import { type SignedCheckpoint, successionOf } from "../merkle/rotation.ts";
import { tileWidth } from "../merkle/tile.ts";
import { Frontier, leafHash } from "../merkle/tree.ts";
import { Failure } from "./failure.ts";
import { type LedgerKey, openSigned } from "./ledger-key.ts";
import { keep, keepState, readState, type State } from "./ledger-monitor-state.ts";
import { scanLedger } from "./ledger-source.ts";
import { makeFolder } from "./paths.ts";

/** What one look at a vault's ledger gave. `isAlarm` asks for somebody to come. */
export type Watched = {
  readonly isAlarm: boolean;
  readonly code: "first" | "same" | "grown" | "unreachable" | AlarmCode;
  readonly size: number | null;
  readonly message: string;
};

type AlarmCode =
  | "checkpoint_invalid"
  | "rolled_back"
  | "fork"
  | "inconsistent"
  | "entries_broken"
  | "ledger_unverified"
  | "unreachable_too_long";

export type Monitor = {
  readonly source: TileSource;
  readonly key: LedgerKey;
  /** The ledger's own ML-DSA-44 key, which must have signed each checkpoint too; left out, it is not asked for. */
  readonly mlDsaKey?: CosignerKey | null;
  /** The folder that remembers, between looks and runs. */
  readonly folder: string;
  /** For how long the vault may be out of reach before that is an alarm. */
  readonly unreachableLimitMs: number;
  readonly now: () => Date;
};

/**
 * Looks once: fetches the newest checkpoint, holds it to the key and to the last one verified, and the new entries to both. Only what
 * verified is remembered, so that an alarm stays until somebody has looked into it. The first look verifies the whole ledger.
 */
export async function watchOnce(monitor: Monitor): Promise<Watched> {
  const { folder, now } = monitor;
  await makeFolder(folder);
  const state = await readState(folder);
  try {
    const watched = await look(monitor, state);
    if (state !== null && watched.isAlarm)
      await keepState(folder, { ...state, reachedAt: now().toISOString() });
    return watched;
  } catch (error) {
    if (!isRefusal(error) || error.code !== "ledger_unavailable") throw error;
    return await unreached(monitor, state, error.message);
  }
}

async function look(monitor: Monitor, state: State | null): Promise<Watched> {
  const { source, key, folder } = monitor;
  const bytes = await source.checkpoint();
  const rotations = state?.rotations ?? [];
  const opened = bytes === null ? null : openSigned(bytes, { key: key.key, rotations });
  if (bytes === null || opened === null || !mayBeOurs(opened, bytes, key)) {
    const message =
      opened?.verdict === "retired"
        ? "the checkpoint is signed by a key of the ledger that had been replaced by then"
        : "the checkpoint is not signed by the ledger's key";
    return alarm("checkpoint_invalid", null, message);
  }
  const { checkpoint } = opened;
  const { size, root } = checkpoint;
  if (!isSignedByMlDsa(bytes, monitor)) {
    const message = "the checkpoint is not signed by the ledger's ML-DSA-44 key";
    return alarm("checkpoint_invalid", size, message);
  }
  if (state === null) return await lookFirst(monitor, checkpoint, bytes);
  const kept = openKept(state, monitor);
  // Whoever signed it is named by no entry that this one has and the last one had not.
  if (opened.verdict !== "verified" && size <= kept.size) return unsigned();
  if (size < kept.size)
    return alarm("rolled_back", size, `the ledger has ${size} entries; it had ${kept.size}`);
  if (size === kept.size) {
    if (!root.equals(kept.root))
      return alarm("fork", size, `two checkpoints of ${size} entries have different roots`);
    await keepState(folder, { ...state, reachedAt: monitor.now().toISOString() });
    return { isAlarm: false, code: "same", size, message: `still ${size} entries` };
  }
  const reading = await readingOf(source, { key: key.key, checkpoint: bytes, known: rotations });
  const reads = growFrom(
    { ...monitor, source: reading.source },
    kept,
    checkpoint,
    state.lastLeafHex,
  );
  const grown = await unlessSpent(reading, reads);
  if (grown === null) return unproved(size, reading.spent() ?? "");
  // Of what a key signed that nobody has named, nothing but that is to be said.
  if ("isAlarm" in grown) return opened.verdict === "verified" ? grown : unsigned();
  const followed = [...state.rotations, ...grown.rotations];
  // A key that nobody knew before is one that the new entries name, or none.
  const verdict = openSigned(bytes, { key: key.key, rotations: followed })?.verdict;
  if (verdict !== "verified") return unsigned();
  const { rotations: taken } = successionOf(key.key, followed);
  for (const { head } of taken.filter(({ index }) => index >= kept.size))
    if (!(await growsFrom(head, { source, key: key.key, newest: checkpoint })))
      return alarm(
        "inconsistent",
        size,
        `it does not go on from the ${head.size} entries that its old key had signed when it named the new one`,
      );
  await keep(monitor, bytes, { lastLeafHex: grown.lastLeafHex, rotations: followed });
  const message = `${size} entries, ${size - kept.size} of them new; all verified`;
  return { isAlarm: false, code: "grown", size, message };
}

function isSignedByMlDsa(bytes: Buffer, { mlDsaKey = null }: Monitor): boolean {
  const note = mlDsaKey === null ? null : parseNote(bytes);
  return (
    mlDsaKey === null || (note !== null && verifyCosignature(note, mlDsaKey).verdict === "verified")
  );
}

/** Verified, or signed by a key of the same name that the entries may yet name. */
function mayBeOurs(
  { checkpoint, verdict }: SignedCheckpoint,
  bytes: Buffer,
  { key }: LedgerKey,
): boolean {
  if (checkpoint.origin !== key.name) return false;
  if (verdict === "verified") return true;
  const names = parseNote(bytes)?.signatures.map(({ name }) => name) ?? [];
  return verdict === "unsigned" && names.includes(key.name);
}

function unsigned(): Watched {
  return alarm("checkpoint_invalid", null, "the checkpoint is not signed by the ledger's key");
}

function unproved(size: number, spent: string): Watched {
  const message = `the checkpoint is not signed by the ledger's key, says that it covers ${size} entries, and ${spent} named no key that signed it: the rest was not read`;
  return alarm("checkpoint_invalid", null, message);
}

async function lookFirst(monitor: Monitor, { size }: Checkpoint, bytes: Buffer): Promise<Watched> {
  const { source, key } = monitor;
  const frozen: TileSource = { ...source, checkpoint: async () => bytes };
  const rotations: State["rotations"] = [];
  const report = await scanLedger(frozen, key, (entry) => collect(entry, rotations));
  if (report.size === null) return unsigned();
  if (!report.verified)
    return alarm("ledger_unverified", size, `the ledger has ${report.errors} findings`);
  const last = size === 0 ? "" : await lastLeafOf(monitor, size);
  await keep(monitor, bytes, { lastLeafHex: last, rotations });
  return { isAlarm: false, code: "first", size, message: `${size} entries; all verified` };
}

/** The old tree's right edge must make the old root, and with the new entries' leaves the new one: then nothing but appending happened. */
async function growFrom(
  { source, key }: Monitor,
  kept: Checkpoint,
  newest: Checkpoint,
  lastLeafHex: string,
): Promise<Watched | Pick<State, "lastLeafHex" | "rotations">> {
  const inconsistent = (what: string) => alarm("inconsistent", newest.size, what);
  const read = readTiles(newest.size, async (tile) => {
    const bytes = await readTile(source, key.key, tile);
    if (bytes === null) throw new RangeError(`the ledger lacks tile ${tile.level}/${tile.number}`);
    return bytes;
  });
  let frontier: Frontier;
  try {
    frontier = Frontier.restore(kept.size, await rightEdge(kept.size, read));
  } catch (error) {
    if (isRefusal(error)) throw error;
    return inconsistent(Error.isError(error) ? error.message : "a tile cannot be used");
  }
  if (!frontier.root().equals(kept.root))
    return inconsistent(`the first ${kept.size} entries are not those that were verified`);
  const rotations: State["rotations"] = [];
  let previous = lastLeafHex;
  for (
    let number = Math.floor(kept.size / tileWidth);
    number * tileWidth < newest.size;
    number += 1
  ) {
    const width = Math.min(tileWidth, newest.size - number * tileWidth);
    const bundle = await readTile(source, key.key, { level: "entries", number, width });
    const entries = bundle === null ? null : parseBundle(bundle);
    if (entries?.length !== width)
      return alarm("entries_broken", newest.size, `the entries of bundle ${number} are not whole`);
    for (const bytes of entries.slice(frontier.size - number * tileWidth)) {
      const index = frontier.size;
      const entry = parseEntry(bytes);
      if (entry?.index !== index || entry.previous !== previous)
        return alarm(
          "entries_broken",
          newest.size,
          `entry ${index} does not follow the one before`,
        );
      const leaf = leafHash(bytes);
      previous = leaf.toString("hex");
      frontier.append(leaf);
      collect(entry, rotations);
    }
  }
  if (!frontier.root().equals(newest.root))
    return inconsistent(`the new entries do not lead to the root that is signed at ${newest.size}`);
  return { lastLeafHex: previous, rotations };
}

function collect(entry: Entry, rotations: State["rotations"]): void {
  const rotation = rotationIn(entry);
  if (typeof rotation?.statement !== "string") return;
  rotations.push({ index: rotation.index, statement: rotation.statement });
}

async function lastLeafOf({ source, key }: Monitor, size: number): Promise<string> {
  const number = Math.floor((size - 1) / tileWidth);
  const width = Math.min(tileWidth, size - number * tileWidth);
  const bytes = await readTile(source, key.key, { level: "entries", number, width });
  const entry = bytes === null ? undefined : parseBundle(bytes)?.[(size - 1) % tileWidth];
  if (entry === undefined) throw new Failure("integrity", "the ledger's last entry is gone");
  return leafHash(entry).toString("hex");
}

async function unreached(
  { folder, now, unreachableLimitMs }: Monitor,
  state: State | null,
  reason: string,
): Promise<Watched> {
  // The first failure begins the time, also where the vault was never reached.
  const since = state?.reachedAt ?? (await firstTried(folder, now()));
  const silentMs = now().getTime() - Date.parse(since);
  const message = `${reason} It is out of reach since ${since}.`;
  const size = null;
  return silentMs > unreachableLimitMs
    ? alarm("unreachable_too_long", size, message)
    : { isAlarm: false, code: "unreachable", size, message };
}

async function firstTried(folder: string, now: Date): Promise<string> {
  const file = join(folder, "first-tried");
  const kept = await readFile(file, "utf8").catch(() => "");
  if (!Number.isNaN(Date.parse(kept.trim()))) return kept.trim();
  await writeFile(file, `${now.toISOString()}\n`);
  return now.toISOString();
}

function alarm(code: AlarmCode, size: number | null, message: string): Watched {
  return { isAlarm: true, code, size, message };
}

function openKept({ checkpoint, rotations }: State, { folder, key: { key } }: Monitor): Checkpoint {
  const opened = openSigned(checkpoint, { key, rotations });
  if (opened?.verdict === "verified" && opened.checkpoint.origin === key.name)
    return opened.checkpoint;
  throw new Failure("integrity", `${folder} holds a checkpoint that the ledger's key did not sign`);
}
