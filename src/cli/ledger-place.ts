import type { Command } from "commander";
import type { TileSource } from "../ledger/source.ts";
import { findRotations } from "../ledger/source-rotations.ts";
import type { Client } from "./client.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { demandedKey, type LedgerKey, ledgerKey, withLedgerKey } from "./ledger-key.ts";
import { serverLedger, sourceOf } from "./ledger-source.ts";
import { createOutput, type Output } from "./output.ts";

export type PlaceOptions = RemoteOptions & {
  readonly ledgerKey?: string;
  /** A copy of the ledger, in place of the server's. */
  readonly ledger?: string;
};

/** A ledger to read: the server's, or a copy of it, which no server is asked about. */
export type Place = {
  readonly source: TileSource;
  readonly key: LedgerKey;
  readonly output: Output;
  /** Null for a copy. */
  readonly client: Client | null;
};

export function withPlace(command: Command): Command {
  return withLedgerKey(command).option(
    "--ledger <folder>",
    "read a copy of the ledger, and ask no server",
  );
}

/** Opens the place. A copy is judged under a key that was pinned: one that lies beside it proves nothing. */
export async function openPlace(context: Context, options: PlaceOptions): Promise<Place> {
  if (options.ledger === undefined) {
    const session = await openSession(context, options);
    const { client, output } = session;
    const key = await ledgerKey(session, options.ledgerKey);
    return { source: serverLedger(client), key, output, client };
  }
  const key = await demandedKey(context.env, options.ledgerKey);
  const source = await sourceOf(options.ledger, context, options);
  const rotations = await findRotations(source, key.key);
  const output = createOutput(context, options.json === true);
  return { source, key: { ...key, rotations }, output, client: null };
}
