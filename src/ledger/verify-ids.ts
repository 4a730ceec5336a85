import { hash, randomBytes } from "node:crypto";

const shards = 256;
const shardBits = 8;
const smallest = 16;
/** From this size on a shard grows where it is, into address space that was reserved: what `malloc` gets back from it would lie about in pieces. */
const growsInPlaceBytes = 2 ** 14;
const reservedTimes = 64;
/** How many hashes are kept for ids that come again soon: those of the releases, grants and people of the jobs that run. */
const keptHashes = 256;

/**
 * Ids that were seen, each with a state of 1 to 255, in 8 bytes a place and 9.4 to 10.6 an id: a ledger of ten million releases is checked
 * for a second decision or outcome in some 105 MB. An id is kept as 64 bits of HalfSipHash-2-4 under keys of this run alone, so that nobody can
 * choose two ids that pass for one. Among ten million ids that chance brings two together is less than three in a million, and another run
 * tells.
 */
export class SeenIds {
  readonly #keys = keysOfRun();
  /** In each place the low half of a hash without the bits of its shard and with the state instead, then the high half. */
  readonly #shards: Places[] = Array.from({ length: shards }, () => new Uint32Array(2 * smallest));
  readonly #counts = new Uint32Array(shards);
  #count = 0;
  /** What a shard held, while it grows. */
  #moving = new Uint32Array(0);
  readonly #recent: { id: string; hash: Hash }[];

  constructor() {
    const none = { id: "", hash: hashOf(this.#keys, "") };
    this.#recent = Array.from({ length: keptHashes }, () => ({ ...none }));
  }

  get size(): number {
    return this.#count;
  }

  /** The memory of all places, free ones too. */
  get sizeBytes(): number {
    return this.#shards.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** 0 for an id that was never set. */
  get(id: string): number {
    const { low, high } = this.#hash(id);
    const places = this.#shardOf(low);
    return (places[placeOf(places, low, high)] ?? 0) & 0xff;
  }

  set(id: string, state: number): void {
    const { low, high } = this.#hash(id);
    const shard = low & (shards - 1);
    const places = this.#shardOf(low);
    const place = placeOf(places, low, high);
    const isNew = places[place] === 0;
    places[place] = ((low & ~(shards - 1)) | state) >>> 0;
    places[place + 1] = high;
    if (!isNew) return;
    this.#count += 1;
    const count = (this.#counts[shard] ?? 0) + 1;
    this.#counts[shard] = count;
    if (count * 2 > places.length * mostTaken) this.#shards[shard] = this.#grown(places);
  }

  /** Shards grow one by one and by an eighth, so that there is never a second copy of the whole, nor much of it free. */
  #grown(places: Places): Places {
    const { length } = places;
    if (this.#moving.length < length) this.#moving = new Uint32Array(2 * length);
    this.#moving.set(places);
    const wider = widened(places, 2 * Math.ceil((length / 2) * 1.125));
    for (let from = 0; from < length; from += 2) {
      const low = this.#moving[from] ?? 0;
      const high = this.#moving[from + 1] ?? 0;
      if (low === 0) continue;
      let place = firstPlace(wider, high);
      while (wider[place] !== 0) place = nextPlace(wider, place);
      wider[place] = low;
      wider[place + 1] = high;
    }
    return wider;
  }

  #shardOf(low: number): Places {
    return this.#shards[low & (shards - 1)] ?? new Uint32Array(2 * smallest);
  }

  /** An id is asked for, then set, and mostly comes again soon: once is enough to hash it. */
  #hash(id: string): Hash {
    const recent = this.#recent[recentPlaceOf(id)];
    if (recent?.id === id) return recent.hash;
    const made = hashOf(this.#keys, id);
    if (recent !== undefined) {
      recent.id = id;
      recent.hash = made;
    }
    return made;
  }
}

/** By the last characters, which differ in ids of every kind. Whoever makes ids of one place alone makes hashes that are not kept. */
function recentPlaceOf(id: string): number {
  const last = id.length - 1;
  const [one, other, third] = [
    id.charCodeAt(last),
    id.charCodeAt(last - 1),
    id.charCodeAt(last - 2),
  ];
  return (one + other * 11 + third * 101) & (keptHashes - 1);
}

/** More of the places are not taken: beyond it, searches get long. */
const mostTaken = 0.85;

/** The id's place, or the free one where it belongs. There are always free places, so the search ends. */
function placeOf(places: Places, low: number, high: number): number {
  let place = firstPlace(places, high);
  while (places[place] !== 0 && !isAt(places, place, low, high)) place = nextPlace(places, place);
  return place;
}

/** High halves in their order, spread over however many places there are. */
function firstPlace(places: Places, high: number): number {
  return 2 * Math.floor((high / 2 ** 32) * (places.length / 2));
}

function nextPlace(places: Places, place: number): number {
  return place + 2 === places.length ? 0 : place + 2;
}

function isAt(places: Places, place: number, low: number, high: number): boolean {
  const isLow = ((places[place] ?? 0) ^ low) >>> shardBits === 0;
  return isLow && places[place + 1] === high;
}

/** So many places and no id in any, in the same memory where that was reserved. */
function widened(places: Places, length: number): Places {
  const sizeBytes = length * Uint32Array.BYTES_PER_ELEMENT;
  const { buffer } = places;
  if (buffer.resizable && sizeBytes <= buffer.maxByteLength) {
    places.fill(0);
    buffer.resize(sizeBytes);
    return places;
  }
  // Gives the memory back at once, and not when the next garbage is collected.
  buffer.transfer(0);
  const maxByteLength = reservedTimes * sizeBytes;
  return new Uint32Array(
    sizeBytes < growsInPlaceBytes
      ? new ArrayBuffer(sizeBytes)
      : new ArrayBuffer(sizeBytes, { maxByteLength }),
  );
}

type Places = Uint32Array<ArrayBuffer>;

type Hash = { readonly low: number; readonly high: number };

type Key = { readonly one: number; readonly other: number };

/** One key for ids of ASCII, another for the digests of all others: an id that is such a digest is not the id that it is the digest of. */
type Keys = { readonly ascii: Key; readonly digests: Key };

function keysOfRun(): Keys {
  const bytes = randomBytes(16);
  const keyAt = (at: number): Key => ({
    one: bytes.readInt32LE(at),
    other: bytes.readInt32LE(at + 4),
  });
  return { ascii: keyAt(0), digests: keyAt(8) };
}

function hashOf({ ascii, digests }: Keys, id: string): Hash {
  return halfSipHash(ascii, id) ?? halfSipHash(digests, hash("sha256", id)) ?? unreachable();
}

function unreachable(): never {
  throw new Error("a digest in hexadecimal digits is ASCII");
}

/** HalfSipHash-2-4 with 64 bits of output, of ASCII text: the 32-bit member of SipHash (Aumasson and Bernstein, 2012). Null for other text. */
function halfSipHash(key: Key, text: string): Hash | null {
  const { length } = text;
  const whole = length >> 2;
  let a = key.one;
  let b = key.other ^ 0xee;
  let c = 0x6c796765 ^ key.one;
  let d = 0x74656462 ^ key.other;
  let beyond = 0;
  let low = 0;
  for (let word = 0; word < whole + 3; word += 1) {
    let input = 0;
    if (word < whole) {
      const at = word * 4;
      const first = text.charCodeAt(at) | (text.charCodeAt(at + 2) << 16);
      const second = text.charCodeAt(at + 1) | (text.charCodeAt(at + 3) << 16);
      // Each unit has 16 bits here, so that one beyond ASCII is seen before the bytes are put together.
      beyond |= first | second;
      input = first | (second << 8);
    } else if (word === whole) {
      // The last word has what is left over, and the length.
      for (let at = whole * 4; at < length; at += 1) {
        const code = text.charCodeAt(at);
        beyond |= code;
        input |= code << ((at & 3) * 8);
      }
      input |= length << 24;
    } else if (word === whole + 1) c ^= 0xee;
    else b ^= 0xdd;
    d ^= input;
    for (let round = word <= whole ? 2 : 4; round > 0; round -= 1) {
      a = (a + b) | 0;
      b = rotate(b, 5) ^ a;
      a = rotate(a, 16);
      c = (c + d) | 0;
      d = rotate(d, 8) ^ c;
      a = (a + d) | 0;
      d = rotate(d, 7) ^ a;
      c = (c + b) | 0;
      b = rotate(b, 13) ^ c;
      c = rotate(c, 16);
    }
    a ^= input;
    if (word === whole + 1) low = (b ^ d) >>> 0;
  }
  const isAscii = (beyond & ~0x7f007f) === 0;
  return isAscii ? { low, high: (b ^ d) >>> 0 } : null;
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
