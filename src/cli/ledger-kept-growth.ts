import type { Checkpoint } from "../merkle/checkpoint.ts";
import { Failure } from "./failure.ts";
import type { Progress } from "./ledger-growth.ts";
import { type LedgerKey, openSigned } from "./ledger-key.ts";
import type { State } from "./ledger-monitor-state.ts";

type Of = { readonly folder: string; readonly key: LedgerKey };

/** The checkpoint that a monitor last verified. Throws `integrity` for one that the ledger's key did not sign: somebody wrote in its folder. */
export function openKept({ checkpoint, rotations }: State, of: Of): Checkpoint {
  return openOwn(checkpoint, rotations, of);
}

/** The signed checkpoints that were seen since and not reached. Throws as `openKept`. */
export function openTowards({ growth, rotations }: State, of: Of): readonly Checkpoint[] {
  return (growth?.towards ?? []).map((note) => openOwn(note, rotations, of));
}

/** How far the entries after the last verified one were read; null where none were. */
export function progressIn({ growth }: State): Progress | null {
  const read = growth?.read ?? null;
  if (read === null) return null;
  const { edgeHex, ...progress } = read;
  return { ...progress, edge: edgeHex.map((hex) => Buffer.from(hex, "hex")) };
}

/** A vault may sign one after the other and let none be reached, for as long as nobody comes for the alarms. */
const mostSeen = 100;

/** The state that remembers a signed checkpoint that is not reached yet: the newest one always, and the first ones before it. */
export function withSeen(state: State, note: Buffer): State {
  const before = state.growth?.towards ?? [];
  const text = note.toString("utf8");
  const isSeen = before.some((each) => sizeLine(each) === sizeLine(text));
  const towards = isSeen ? before : [...before.slice(0, mostSeen - 1), text];
  return { ...state, growth: { read: state.growth?.read ?? null, towards } };
}

/** The same, with how far the entries were read towards it. */
export function withGrowth(state: State, { edge, ...progress }: Progress, note: Buffer): State {
  const { growth, ...seen } = withSeen(state, note);
  const edgeHex = edge.map((hash) => hash.toString("hex"));
  return { ...seen, growth: { read: { ...progress, edgeHex }, towards: growth?.towards ?? [] } };
}

function sizeLine(note: string): string | undefined {
  return note.split("\n")[1];
}

function openOwn(
  note: string,
  rotations: State["rotations"],
  { folder, key: { key } }: Of,
): Checkpoint {
  const opened = openSigned(note, { key, rotations });
  if (opened?.verdict === "verified" && opened.checkpoint.origin === key.name)
    return opened.checkpoint;
  throw new Failure("integrity", `${folder} holds a checkpoint that the ledger's key did not sign`);
}
