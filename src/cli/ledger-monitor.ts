import { isRefusal } from "../errors.ts";
import type { Entry } from "../ledger/entry.ts";
import type { TileSource } from "../ledger/source.ts";
import { readingOf, unlessSpent } from "../ledger/source-budget.ts";
import { growsFrom } from "../ledger/source-growth.ts";
import type { Checkpoint } from "../merkle/checkpoint.ts";
import type { CosignerKey } from "../merkle/cosignature.ts";
import { successionOf } from "../merkle/rotation.ts";
import { counted, entriesOf } from "./counted.ts";
import { collect, growFrom, lastLeafOf } from "./ledger-growth.ts";
import { openKept, openTowards, progressIn, withGrowth, withSeen } from "./ledger-kept-growth.ts";
import { type LedgerKey, openSigned } from "./ledger-key.ts";
import type { MeaningWatch } from "./ledger-meaning.ts";
import {
  firstTried,
  keepContradicting,
  keepState,
  keepVerified,
  readState,
  type State,
} from "./ledger-monitor-state.ts";
import { isSignedByMlDsa, mayBeOurs } from "./ledger-signed.ts";
import { scanLedger } from "./ledger-source.ts";
import { makeFolder } from "./paths.ts";

/** What one look at a vault's ledger gave. `isAlarm` asks for somebody to come. */
export type Watched = {
  readonly isAlarm: boolean;
  readonly code: "first" | "same" | "grown" | "unreachable" | AlarmCode;
  readonly size: number | null;
  readonly message: string;
  /** How many findings about what the entries mean were told. */
  readonly findings?: number;
  /** The signed checkpoint that was no growth of the verified ones, or came with broken entries, as it was kept: a file in the monitor's folder. */
  readonly contradicting?: string;
};

type AlarmCode =
  | "checkpoint_invalid"
  | "rolled_back"
  | "fork"
  | "inconsistent"
  | "entries_broken"
  | "ledger_unverified"
  | "unreachable_too_long"
  | "too_slow";

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
  /** Judges what the entries mean; without it, growth alone is watched. */
  readonly meaning?: MeaningWatch;
};

/**
 * Looks once: fetches the newest checkpoint, holds it to the key and to the last one verified, and the new entries to both. Only what
 * verified is remembered, so that an alarm stays until somebody has looked into it. The first look verifies the whole ledger. What its entries mean is
 * judged apart: a finding there is told once, and the watch goes on.
 */
export async function watchOnce(monitor: Monitor): Promise<Watched> {
  const { folder, now } = monitor;
  await makeFolder(folder);
  const state = await readState(folder);
  try {
    const watched = await look(monitor, state);
    if (state !== null && watched.isAlarm) {
      // As the look left it: it may have verified growth before it found something else.
      const kept = (await readState(folder)) ?? state;
      const growth = growthAfter(watched, kept);
      await keepState(folder, { ...kept, growth, reachedAt: now().toISOString() });
    }
    return watched;
  } catch (error) {
    if (!isRefusal(error) || error.code !== "ledger_unavailable") throw error;
    return await unreached(monitor, state, error.message);
  }
}

/** What contradicts itself is read from its beginning once more, and what was signed of it is evidence from then on. After any other alarm what was signed counts further. */
function growthAfter({ code }: Watched, { growth }: State): State["growth"] {
  if (code === "inconsistent" || code === "entries_broken") return null;
  return growth === null ? null : { ...growth, read: null };
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
  if (!isSignedByMlDsa(bytes, monitor.mlDsaKey ?? null)) {
    const message = "the checkpoint is not signed by the ledger's ML-DSA-44 key";
    return alarm("checkpoint_invalid", size, message);
  }
  if (state === null) return await lookFirst(monitor, checkpoint, bytes);
  const kept = openKept(state, monitor);
  const towards = openTowards(state, monitor);
  // The last one that was signed, also where the entries up to it were not all read.
  const seen = towards.at(-1) ?? kept;
  // Whoever signed it is named by no entry that this one has and the last one had not.
  if (opened.verdict !== "verified" && size <= seen.size) return unsigned();
  const contradicted = async (code: AlarmCode, message: string): Promise<Watched> => {
    const contradicting = await keepContradicting(folder, checkpoint, bytes);
    return { ...alarm(code, size, message), ...(contradicting === null ? {} : { contradicting }) };
  };
  if (size < seen.size)
    return await contradicted(
      "rolled_back",
      `the ledger has ${entriesOf(size)}; it had ${seen.size}`,
    );
  if (size === seen.size && !root.equals(seen.root))
    return await contradicted("fork", `two checkpoints of ${entriesOf(size)} have different roots`);
  if (size === kept.size) {
    const judged = await judgeMeaning(monitor, { checkpoint, bytes, state });
    if ("isAlarm" in judged) return judged;
    const { meaning, found } = judged;
    await keepState(folder, { ...state, meaning, reachedAt: monitor.now().toISOString() });
    return { isAlarm: false, code: "same", size, ...saying(`still ${entriesOf(size)}`, found) };
  }
  // It is signed, and counts from here on: also where nothing of what it covers can be read, or this process ends on the way.
  if (opened.verdict === "verified" && size > seen.size)
    await keepState(folder, withSeen(state, bytes));
  const reading = await readingOf(source, { key: key.key, checkpoint: bytes, known: rotations });
  const begun = progressIn(state);
  const reads = growFrom(
    { source: reading.source, key },
    {
      kept,
      newest: checkpoint,
      lastLeafHex: state.lastLeafHex,
      begun,
      towards,
      // What was read by another process, or before an outage, was shown to nobody who is here.
      onEntry: begun === null ? (monitor.meaning?.from(kept.size) ?? null) : null,
      onCut: async (progress) => {
        // Nobody is known to vouch for what another key signed.
        if (opened.verdict !== "verified") return;
        await keepState(folder, withGrowth(state, progress, bytes));
      },
    },
  );
  const grown = await unlessSpent(reading, reads);
  if (grown === null) return unproved(size, reading.spent() ?? "");
  // Of what a key signed that nobody has named, nothing but that is to be said.
  if ("broken" in grown) {
    if (opened.verdict !== "verified") return unsigned();
    const { broken, message } = grown;
    const contradiction = await contradicted(broken, message);
    // Those that were signed on the way are forgotten with what was read towards them, and are evidence as well: after the newest, for which there must be room.
    for (const [at, each] of towards.entries())
      await keepContradicting(folder, each, Buffer.from(state.growth?.towards[at] ?? "", "utf8"));
    return contradiction;
  }
  const followed = [...state.rotations, ...grown.rotations];
  // A key that nobody knew before is one that the new entries name, or none.
  const verdict = openSigned(bytes, { key: key.key, rotations: followed })?.verdict;
  if (verdict !== "verified") return unsigned();
  const { rotations: taken } = successionOf(key.key, followed);
  for (const { head } of taken.filter(({ index }) => index >= kept.size))
    if (!(await growsFrom(head, { source, key: key.key, newest: checkpoint })))
      return await contradicted(
        "inconsistent",
        `it does not go on from the ${entriesOf(head.size)} that its old key had signed when it named the new one`,
      );
  monitor.meaning?.proved();
  const next = {
    ...state,
    rotations: followed,
    checkpoint: bytes.toString("utf8"),
    lastLeafHex: grown.lastLeafHex,
    growth: null,
    reachedAt: monitor.now().toISOString(),
  };
  // The reading of the whole ledger, where it is due, may be cut off, and need not begin with these again.
  await keepVerified(folder, next);
  const judged = await judgeMeaning(monitor, { checkpoint, bytes, state: next });
  if ("isAlarm" in judged) return judged;
  const { meaning, found } = judged;
  await keepState(folder, { ...next, meaning, reachedAt: monitor.now().toISOString() });
  const message = `${entriesOf(size)}, ${size - kept.size} of them new; all verified`;
  return { isAlarm: false, code: "grown", size, ...saying(message, found) };
}

type Judged = {
  readonly meaning: State["meaning"];
  readonly found: { readonly count: number; readonly more: number };
};

/** What the entries up to a verified checkpoint mean, as far as it was not told: from the new ones, or from the whole ledger where that is due. */
async function judgeMeaning(
  { meaning, source, key, now }: Monitor,
  {
    checkpoint: { size },
    bytes,
    state,
  }: { readonly checkpoint: Checkpoint; readonly bytes: Buffer; readonly state: State },
): Promise<Judged | Watched> {
  const none = { count: 0, more: 0 };
  if (meaning === undefined) return { meaning: state.meaning, found: none };
  const isDue = meaning.isDue(size, state.meaning, now());
  if (isDue) {
    const rotations = async () => state.rotations;
    const frozen: TileSource = { ...source, checkpoint: async () => bytes, rotations };
    const report = await meaning.read(frozen, key, { told: state.meaning });
    if (!report.verified) return unverified(size, report.errors);
  }
  const { told, ...found } = meaning.tell(state.meaning, now(), isDue);
  return { meaning: told, found };
}

/** Those that were told, and those that were too many to be. */
function saying(
  message: string,
  { count, more }: Judged["found"],
): Pick<Watched, "message" | "findings"> {
  if (count === 0) return { message };
  const others = more === 0 ? "" : `, and ${more} more that ledger verify tells`;
  return { message: `${message}; ${counted(count, "finding")}${others}`, findings: count };
}

function unverified(size: number, errors: number): Watched {
  return alarm("ledger_unverified", size, `the ledger has ${counted(errors, "finding")}`);
}

function unsigned(): Watched {
  return alarm("checkpoint_invalid", null, "the checkpoint is not signed by the ledger's key");
}

function unproved(size: number, spent: string): Watched {
  const message = `the checkpoint is not signed by the ledger's key, says that it covers ${entriesOf(size)}, and ${spent} named no key that signed it: the rest was not read`;
  return alarm("checkpoint_invalid", null, message);
}

async function lookFirst(monitor: Monitor, { size }: Checkpoint, bytes: Buffer): Promise<Watched> {
  const { source, key, meaning, folder, now } = monitor;
  const frozen: TileSource = { ...source, checkpoint: async () => bytes };
  const rotations: State["rotations"] = [];
  const onEntry = (entry: Entry) => collect(entry, rotations);
  const report =
    meaning === undefined
      ? await scanLedger(frozen, key, onEntry)
      : await meaning.read(frozen, key, { told: null, onEntry });
  if (report.size === null) return unsigned();
  if (!report.verified) return unverified(size, report.errors);
  const lastLeafHex = size === 0 ? "" : await lastLeafOf(monitor, size);
  const { told = null, ...found } = meaning?.tell(null, now(), true) ?? { count: 0, more: 0 };
  await keepVerified(folder, {
    checkpoint: bytes.toString("utf8"),
    lastLeafHex,
    rotations,
    meaning: told,
    growth: null,
    reachedAt: now().toISOString(),
  });
  return {
    isAlarm: false,
    code: "first",
    size,
    ...saying(`${entriesOf(size)}; all verified`, found),
  };
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

export function alarm(code: AlarmCode, size: number | null, message: string): Watched {
  return { isAlarm: true, code, size, message };
}
