import { once } from "node:events";
import { pino } from "pino";
import { readConfig } from "../../src/config.ts";
import { headerBytes } from "../../src/floe/layout.ts";
import { openAdapters, startServer } from "../../src/main.ts";
import type { BlobKey, BlobStore, BlobWriter } from "../../src/storage/blob-store.ts";
import { mebibyte } from "./measure.ts";

type Kept = { readonly sizeBytes: number; readonly header: Buffer; readonly end: Buffer };

const keptBytes = 2 * mebibyte;

/** Counts a blob's bytes and keeps those that are read back before an upload is acknowledged: the header, and what its last segment lies in. */
class DiscardingWriter implements BlobWriter {
  readonly #keep: (kept: Kept) => void;
  readonly #header = Buffer.alloc(headerBytes);
  readonly #end = Buffer.alloc(2 * keptBytes);
  #endBytes = 0;
  #sizeBytes = 0;

  constructor(keep: (kept: Kept) => void) {
    this.#keep = keep;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length > keptBytes) throw new RangeError("a piece is longer than what is kept");
    const missing = bytes.subarray(0, Math.max(0, headerBytes - this.#sizeBytes));
    this.#header.set(missing, Math.min(this.#sizeBytes, headerBytes - missing.length));
    this.#sizeBytes += bytes.length;
    if (this.#endBytes + bytes.length > this.#end.length) {
      this.#end.copyWithin(0, this.#endBytes - keptBytes, this.#endBytes);
      this.#endBytes = keptBytes;
    }
    this.#end.set(bytes, this.#endBytes);
    this.#endBytes += bytes.length;
  }

  async complete(): Promise<{ readonly sizeBytes: number }> {
    const end = Buffer.from(
      this.#end.subarray(Math.max(0, this.#endBytes - keptBytes), this.#endBytes),
    );
    this.#keep({ sizeBytes: this.#sizeBytes, header: this.#header, end });
    return { sizeBytes: this.#sizeBytes };
  }

  async abort(): Promise<void> {}
}

/** A store that discards sealed objects; everything else goes where it went. */
function discarding(store: BlobStore): BlobStore {
  const objects = new Map<BlobKey, Kept>();
  return {
    create: async (key, options) =>
      key.startsWith("objects/")
        ? new DiscardingWriter((kept) => objects.set(key, kept))
        : await store.create(key, options),
    read: async function* (key, range) {
      const kept = objects.get(key);
      if (kept === undefined) return yield* store.read(key, range);
      const { start, end } = range ?? { start: 0, end: kept.sizeBytes };
      const offset = kept.sizeBytes - kept.end.length;
      if (end <= kept.header.length) yield kept.header.subarray(start, end);
      else if (start >= offset) yield kept.end.subarray(start - offset, end - offset);
      else throw new Error("these bytes were discarded");
    },
    stat: async (key) => objects.get(key) ?? (await store.stat(key)),
    readTagged: async (key) => await store.readTagged(key),
    replace: async (key, bytes, ifMatch) => await store.replace(key, bytes, ifMatch),
    remove: async (key) => {
      if (!objects.delete(key)) await store.remove(key);
    },
    list: (prefix) => store.list(prefix),
    begin: async (key, parts) => await store.begin(key, parts),
    resume: async (key, session, parts) => await store.resume(key, session, parts),
    abandon: async (key) => await store.abandon(key),
    locate: async (key, seconds) => await store.locate(key, seconds),
    check: async () => await store.check(),
  };
}

/** The server, as `npm start` runs it, on that store. */
const config = readConfig(process.env);
const adapters = await openAdapters(config);
const server = await startServer({
  config,
  adapters: { ...adapters, store: discarding(adapters.store) },
  now: () => new Date(),
  log: pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true })),
});
process.stderr.write(`weightvault listens on ${server.url}\nit has a one-time token\n`);
await once(process, "SIGTERM");
await server.stop();
