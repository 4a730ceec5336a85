import { join } from "node:path";
import { openSoftSigner } from "../../src/custody/soft-signer.ts";
import { openPostgres } from "../../src/database/open.ts";
import { openLedger, type RunningLedger } from "../../src/ledger/open.ts";
import { openDiskStore } from "../../src/storage/disk.ts";

export type LedgerNode = {
  readonly database: ReturnType<typeof openPostgres>;
  readonly ledger: RunningLedger;
  /** Milliseconds that signing took so far, and how many signatures that were. */
  readonly signing: { ms: number; count: number };
  readonly stop: () => Promise<void>;
};

export type NodeOptions = {
  readonly name: string;
  readonly url: string;
  /** Holds the signer's key and the store of all nodes. */
  readonly folder: string;
  readonly poolSize: number;
  readonly queueLimit: number;
};

/** A node's ledger as the server composes it: PostgreSQL, the soft signer, the disk store. One node of those that share a folder publishes. */
export async function startLedgerNode(
  { name, url, folder, poolSize, queueLimit }: NodeOptions,
  publishes: boolean,
): Promise<LedgerNode> {
  const database = openPostgres({ url, poolSize });
  const signer = await openSoftSigner({
    file: join(folder, "ledger-key.pem"),
    mayMake: publishes,
    name: "bench.example/ledger",
    environment: "development",
  });
  const signing = { ms: 0, count: 0 };
  const ledger = await openLedger({
    database,
    signer: {
      name: signer.name,
      publicKey: signer.publicKey,
      check: async () => await signer.check(),
      sign: async (message) => {
        const startedAt = performance.now();
        const signature = await signer.sign(message);
        signing.ms += performance.now() - startedAt;
        signing.count += 1;
        return signature;
      },
    },
    store: publishes ? await openDiskStore({ root: join(folder, "store") }) : null,
    node: name,
    now: () => new Date(),
    onFailure: (error) => process.stderr.write(`${String(error)}\n`),
    queueLimit,
  });
  return {
    database,
    ledger,
    signing,
    stop: async () => {
      await ledger.stop();
      await database.close();
    },
  };
}
