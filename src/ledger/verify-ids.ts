import { hash } from "node:crypto";

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const lanes = 4;

/**
 * Ids that were seen, each with a state of 1 to 255, in 17 bytes a place: a ledger of ten million releases is checked for a second decision or
 * outcome without ten million strings. An id that is no UUID is kept as 16 bytes of its SHA-256.
 */
export class SeenIds {
  #keys = new Uint32Array(lanes * 1024);
  #states = new Uint8Array(1024);
  #count = 0;

  get size(): number {
    return this.#count;
  }

  /** 0 for an id that was never set. */
  get(id: string): number {
    return this.#states[this.#placeOf(keyOf(id))] ?? 0;
  }

  set(id: string, state: number): void {
    this.#put(keyOf(id), state);
    if (this.#count * 4 > this.#states.length * 3) this.#grow();
  }

  #put(key: Uint32Array, state: number): void {
    const place = this.#placeOf(key);
    if (this.#states[place] === 0) this.#count += 1;
    this.#keys.set(key, place * lanes);
    this.#states[place] = state;
  }

  /** The id's place, or the free one where it belongs. A quarter of the places is always free, so the search ends. */
  #placeOf(key: Uint32Array): number {
    const mask = this.#states.length - 1;
    let place = mix(key) & mask;
    while (this.#states[place] !== 0 && !this.#holds(place, key)) place = (place + 1) & mask;
    return place;
  }

  #holds(place: number, key: Uint32Array): boolean {
    for (let lane = 0; lane < lanes; lane += 1) {
      if (this.#keys[place * lanes + lane] !== key[lane]) return false;
    }
    return true;
  }

  #grow(): void {
    const [keys, states] = [this.#keys, this.#states];
    this.#keys = new Uint32Array(keys.length * 2);
    this.#states = new Uint8Array(states.length * 2);
    this.#count = 0;
    for (const [place, state] of states.entries()) {
      if (state !== 0) this.#put(keys.subarray(place * lanes, (place + 1) * lanes), state);
    }
  }
}

function keyOf(id: string): Uint32Array {
  const hex = uuidPattern.test(id) ? id.replaceAll("-", "") : hash("sha256", id);
  const key = new Uint32Array(lanes);
  for (let lane = 0; lane < lanes; lane += 1) {
    key[lane] = Number.parseInt(hex.slice(lane * 8, lane * 8 + 8), 16);
  }
  return key;
}

/** UUIDs of version 7 share their leading bits: every lane has to tell. */
function mix(key: Uint32Array): number {
  let mixed = 0;
  for (const lane of key) {
    mixed = Math.imul(mixed ^ lane, 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
  return mixed >>> 0;
}
