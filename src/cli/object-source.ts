import { setTimeout as delay } from "node:timers/promises";
import { parseAnswer } from "./answers.ts";
import { asFailure, ask, type Client, createClient, getRange, route } from "./client.ts";
import { exitOf } from "./exit.ts";
import { Failure, Problem } from "./failure.ts";
import type { HeldRelease, NamedFile } from "./held-release.ts";
import type { ObtainedRelease } from "./obtain.ts";

/** What all objects of one download share. */
export type SourceOptions = {
  readonly client: Client;
  readonly held: HeldRelease;
  readonly direct: DirectWay;
  /** How often in a row a request that brought no byte is repeated. */
  readonly retries: number;
  readonly note: (sentence: string) => void;
};

/** Whether objects are read from the store itself. It is off for good once the vault has no addresses or the store does not answer. */
export type DirectWay = {
  isOn: boolean;
  hasServed: boolean;
  /** By origin, so that objects share connections. None of them has the token. */
  readonly stores: Map<string, Client>;
};

/** Smaller objects come through the vault: their address would cost as much as their bytes. */
const leastDirectBytes = 8 * 2 ** 20;
const mostWaitMs = 30_000;
/** How many fresh addresses the store, and how many fresh releases the vault, may refuse in a row before it is believed. */
const mostRefusals = 2;
const mostStops = 2;

type Place = {
  readonly client: Client;
  readonly path: string;
  readonly isDirect: boolean;
};

type Trouble = {
  /** Under which release, and where; null where no address was given. */
  readonly release: ObtainedRelease;
  readonly place: Place | null;
  readonly trouble: { failures: number; stops: number };
};

/**
 * A sealed object of a release, in ranges, whatever happens on the way: what broke off is asked for again from where it broke off, an address
 * that expired is renewed, a release that ended is followed by another, and a store that cannot be reached is passed by through the vault.
 */
export class ObjectSource {
  readonly #options: SourceOptions;
  readonly #file: NamedFile;
  readonly #objectBytes: number;
  #address: Promise<Place> | null = null;
  #located: Place | null = null;
  /** How many fresh addresses in a row the store refused. */
  #refusedAddresses = 0;

  constructor(options: SourceOptions, file: NamedFile & { readonly objectBytes: number }) {
    this.#options = options;
    this.#file = file;
    this.#objectBytes = file.objectBytes;
  }

  /**
   * Bytes `start` to `end` (exclusive), as they come. Gives up after the retries without a byte in between. Throws `integrity` where the store has
   * no such object or another size of it, and at once what the vault refuses.
   */
  async *read(start: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
    const trouble = { failures: 0, stops: 0 };
    for (let at = start; at < end; ) {
      const release = await this.#options.held.current();
      let place: Place | null = null;
      try {
        place = await this.#place(release);
        const range = { start: at, end, totalBytes: this.#objectBytes };
        for await (const chunk of readRange(place, range)) {
          at += chunk.length;
          trouble.failures = 0;
          trouble.stops = 0;
          if (place.isDirect) this.#served();
          yield chunk;
        }
      } catch (error) {
        await this.#recover(error, { release, place, trouble });
      }
    }
  }

  #served(): void {
    this.#options.direct.hasServed = true;
    this.#refusedAddresses = 0;
  }

  async #place(release: ObtainedRelease): Promise<Place> {
    const { client, direct } = this.#options;
    const path = route`/v1/releases/${release.release}/objects/${this.#file.object}`;
    if (!direct.isOn || this.#objectBytes < leastDirectBytes)
      return { client, path, isDirect: false };
    this.#address ??= this.#locate({ client, path, isDirect: false });
    try {
      return await this.#address;
    } catch (error) {
      this.#address = null;
      throw error;
    }
  }

  /** Asks for an address. The token is for the vault alone and never goes with it. */
  async #locate(through: Place): Promise<Place> {
    const { client, direct } = this.#options;
    const answer = parseAnswer("location", await ask(client, "GET", `${through.path}/location`));
    if (!answer.isDirect) {
      direct.isOn = false;
      return through;
    }
    const url = URL.parse(answer.url);
    const isClear = url?.protocol === "http:" && client.url.protocol === "https:";
    if (url === null || !["http:", "https:"].includes(url.protocol) || isClear)
      // The address itself is a capability, and stays out of the sentence.
      throw new Failure("failed", "the server names a place for the object that cannot be used");
    const store =
      direct.stores.get(url.origin) ??
      createClient({ ...client, url: new URL(url.origin), token: null });
    direct.stores.set(url.origin, store);
    this.#located = { client: store, path: `${url.pathname}${url.search}`, isDirect: true };
    return this.#located;
  }

  /** Returns where it is worth another try, after a while; throws otherwise. */
  async #recover(error: unknown, { release, place, trouble }: Trouble): Promise<void> {
    const { client, held } = this.#options;
    if (client.signal.aborted) throw asFailure(client, error);
    if (place?.isDirect === true && error instanceof Problem && this.#isRefused(error, place))
      return;
    if (error instanceof Problem && error.code === "release_stopped") {
      // Its time was over, or an authorization ended: the next decision tells which.
      trouble.stops += 1;
      if (trouble.stops > mostStops) throw error;
      this.#address = null;
      await held.after(release);
      return;
    }
    const isBusy = error instanceof Problem && error.status === 429;
    if (exitOf(error) !== "unavailable" && !isBusy) throw error;
    trouble.failures += 1;
    if (trouble.failures > this.#patience(place)) {
      if (place?.isDirect !== true) throw error;
      this.#giveUpDirect("does not answer");
      trouble.failures = 0;
      return;
    }
    const waitMs = Math.min(mostWaitMs, 200 * 3 ** (trouble.failures - 1));
    await delay(waitMs * (0.5 + Math.random() / 2), undefined, { signal: client.signal }).catch(
      () => {},
    );
  }

  /** A store that has never served is given up sooner: the address may be one that only the vault can reach. */
  #patience(place: Place | null): number {
    const { direct, retries } = this.#options;
    return place?.isDirect === true && !direct.hasServed ? Math.min(1, retries) : retries;
  }

  /** Whether the store refuses the address, which is another one from now on. Throws where another try cannot help. */
  #isRefused({ status }: Problem, place: Place): boolean {
    const { path } = this.#file;
    if (status === 404 || status === 416)
      throw new Failure(
        "integrity",
        `${path}: the sealed object ${status === 404 ? "is not in the object store" : "in the object store is shorter than recorded"}. Report it to the vault's operator`,
      );
    if (status >= 500 || status === 429) return false;
    // Others that read from it were refused too, and one of them has dropped it.
    if (this.#located !== place) return true;
    // Most often its time was over. One that is refused while it is fresh will be refused again.
    this.#located = null;
    this.#address = null;
    this.#refusedAddresses += 1;
    if (this.#refusedAddresses > mostRefusals)
      this.#giveUpDirect(`refuses with HTTP status ${status}`);
    return true;
  }

  #giveUpDirect(reason: string): void {
    const { direct, note } = this.#options;
    if (direct.isOn) note(`the object store ${reason}: going on through the vault`);
    direct.isOn = false;
    this.#address = null;
  }
}

async function* readRange(
  { client, path }: Place,
  range: { readonly start: number; readonly end: number; readonly totalBytes: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const response = await getRange(client, path, range);
  let missingBytes = range.end - range.start;
  const chunks = (response as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await chunks.next().catch((error: unknown) => {
        throw asFailure(client, error);
      });
      if (next.done === true) break;
      const chunk = next.value.subarray(0, missingBytes);
      missingBytes -= chunk.length;
      if (chunk.length > 0) yield chunk;
    }
  } finally {
    response.destroy();
  }
  if (missingBytes > 0)
    throw new Failure("unavailable", "the answer with the sealed object broke off");
}
