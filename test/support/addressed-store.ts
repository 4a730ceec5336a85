import { createHash, randomUUID } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { Secret } from "../../src/crypto/secret.ts";
import type {
  AddressedPart,
  BlobStore,
  HeldPart,
  MultipartBlob,
  RecognisedPart,
} from "../../src/storage/blob-store.ts";

type Address = AddressedPart & { readonly blob: MultipartBlob; readonly endsAt: number };

/** A part that was put, as a line of the file has it. */
type KeptPart = HeldPart & { readonly place: string; readonly sha256: string };

/**
 * A store that gives addresses out, over one that has none: `put` stands for the store's own server, which takes at an address the bytes that it was made for,
 * until its time is over, and nothing else. What was put outlives the process where a file is given for it; an address does not.
 */
export class AddressedStore {
  readonly store: BlobStore;
  readonly #addresses = new Map<string, Address>();
  /** What was put at addresses, by session and part; the newest alone, as in a store. */
  readonly #put = new Map<string, RecognisedPart>();
  readonly #now: () => Date;
  readonly #file: string | null;

  /** What every address begins with: that of a server which calls `put`, or nothing. */
  base = "store:/";

  constructor(inner: BlobStore, now: () => Date, file: string | null = null) {
    this.#now = now;
    this.#file = file;
    if (file !== null && existsSync(file))
      for (const line of readFileSync(file, "utf8")
        .split("\n")
        .filter((each) => each !== "")) {
        const { place, sha256, ...held } = JSON.parse(line) as KeptPart;
        this.#put.set(place, { ...held, sha256: Buffer.from(sha256, "hex") });
      }
    const wrap = (blob: MultipartBlob): MultipartBlob => this.#wrap(blob);
    this.store = new Proxy(inner, {
      get: (target, property) => {
        if (property === "begin")
          return async (...given: Parameters<BlobStore["begin"]>) =>
            wrap(await target.begin(...given));
        if (property === "resume")
          return async (...given: Parameters<BlobStore["resume"]>) =>
            wrap(await target.resume(...given));
        if (property === "locate")
          return async (key: string, seconds: number) => ({ url: secretOf(key), seconds });
        const member: unknown = Reflect.get(target, property, target);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  }

  /** The HTTP status with which the store's server answers. */
  async put(url: string, bytes: Buffer): Promise<number> {
    const address = this.#addresses.get(url);
    if (address === undefined || this.#now().getTime() >= address.endsAt) return 403;
    const { part, sizeBytes, sha256, blob } = address;
    const isIt =
      bytes.length === sizeBytes && createHash("sha256").update(bytes).digest().equals(sha256);
    if (!isIt) return 400;
    const writer = await blob.put(part, sizeBytes);
    await writer.write(bytes);
    const held = await writer.complete();
    const place = `${blob.session}/${part}`;
    this.#put.set(place, { ...held, sha256 });
    const kept: KeptPart = { ...held, place, sha256: sha256.toString("hex") };
    if (this.#file !== null) appendFileSync(this.#file, `${JSON.stringify(kept)}\n`);
    return 200;
  }

  #wrap(blob: MultipartBlob): MultipartBlob {
    return {
      session: blob.session,
      put: async (part, sizeBytes) => await blob.put(part, sizeBytes),
      list: async () => await blob.list(),
      complete: async (parts: readonly HeldPart[]) => await blob.complete(parts),
      abort: async () => await blob.abort(),
      locate: async (part, mostSeconds) => {
        const url = `${this.base}/${randomUUID()}?signature=${randomUUID()}`;
        const seconds = Math.min(mostSeconds, 300);
        const endsAt = this.#now().getTime() + seconds * 1_000;
        this.#addresses.set(url, { ...part, blob, endsAt });
        return { url: secretOf(url), seconds, headers: {} };
      },
      recognise: async (candidates) => {
        const held = await blob.list();
        return candidates.flatMap(({ part, sha256 }) => {
          const put = this.#put.get(`${blob.session}/${part}`);
          const isHeld = held.some((each) => each.part === part && each.tag === put?.tag);
          return put !== undefined && isHeld && put.sha256.equals(sha256) ? [put] : [];
        });
      },
    };
  }
}

function secretOf(text: string): Secret {
  return new Secret(Buffer.from(text, "utf8"));
}
