import type { Command } from "commander";
import type { TileSource } from "../ledger/source.ts";
import { findRotations } from "../ledger/source-rotations.ts";
import { type CosignerKey, judgeCosigned } from "../merkle/cosignature.ts";
import type { Client } from "./client.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { Failure } from "./failure.ts";
import {
  demandedKey,
  demandingMlDsa,
  type LedgerKey,
  ledgerKey,
  withLedgerKey,
  withMlDsaKey,
} from "./ledger-key.ts";
import { isAddress, serverLedger, sourceOf } from "./ledger-source.ts";
import { createOutput, type Output } from "./output.ts";

export type PlaceOptions = RemoteOptions & {
  readonly ledgerKey?: string;
  readonly mlDsaKey?: string;
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
  return withMlDsaKey(withLedgerKey(command)).option(
    "--ledger <folder>",
    "read a copy of the ledger, and ask no server",
  );
}

/** Opens the place. A copy is judged under a key that was pinned: one that lies beside it proves nothing. */
export async function openPlace(context: Context, options: PlaceOptions): Promise<Place> {
  if (options.ledger === undefined) {
    const session = await openSession(context, options);
    const { client, output } = session;
    const key = await demandingMlDsa(await ledgerKey(session, options.ledgerKey), options);
    return { source: demandingSource(serverLedger(client), key), key, output, client };
  }
  const key = await demandingMlDsa(await demandedKey(context.env, options.ledgerKey), options);
  const signal = isAddress(options.ledger) ? context.interruption() : null;
  const source = demandingSource(await sourceOf(options.ledger, context, options, signal), key);
  const rotations = await findRotations(source, key.key);
  const output = createOutput(context, options.json === true);
  return { source, key: { ...key, rotations }, output, client: null };
}

/** The source, whose checkpoint is given to nobody unless the demanded ML-DSA-44 key signed it too: throws `integrity`. */
function demandingSource(source: TileSource, { mlDsaKey = null }: LedgerKey): TileSource {
  if (mlDsaKey === null) return source;
  return {
    ...source,
    checkpoint: async () => {
      const bytes = await source.checkpoint();
      if (bytes !== null) assertMlDsa(bytes, mlDsaKey);
      return bytes;
    },
  };
}

function assertMlDsa(checkpoint: Buffer, key: CosignerKey): void {
  const { verdict } = judgeCosigned(checkpoint, key);
  if (verdict === "verified") return;
  const says = verdict === "forged" ? "has a forged signature of" : "is not signed by";
  throw new Failure("integrity", `the checkpoint ${says} the ML-DSA-44 key ${key.keyId}`);
}
