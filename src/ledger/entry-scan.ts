import { isDigit, isPlainTime, timeFromEnd } from "./entry-time.ts";

/** Where the value of an entry's body begins: after `{"body":`. */
const bodyAt = 8;
const opening = Buffer.from('{"body":{', "latin1");

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;

/** Deeper bodies are left to the parser, which knows its own limits. */
const deepest = 32;

const none = -1;

/**
 * Whether the bytes certainly are an entry in its one canonical form (RFC 8785), found in a single pass over plain ASCII, without building it.
 * False leaves the question open: for `parseEntry`, which the bytes then go to.
 */
export function isPlainEntry(bytes: Uint8Array, known: Known = nothingKnown): boolean {
  if (!startsWith(bytes, 0, opening)) return false;
  const end = objectEnd(bytes, bodyAt, { depth: 0, skip: known.skip });
  return end !== none && isTail(bytes, end, known);
}

/** What the caller has found out about an entry, so that it need not be read again. */
export type Known = {
  /** A stretch that is one canonical value. */
  readonly skip: Skip | null;
  /** Whether 64 small hexadecimal digits stand where an entry that is not the first names the one before it. */
  readonly isLinked: boolean;
  /** Whether a time stands where an entry has its own. */
  readonly isTimed: boolean;
};

export type Skip = { readonly start: number; readonly end: number };

const nothingKnown: Known = { skip: null, isLinked: false, isTimed: false };

/** The end of the canonical value that begins at `at`; -1 where there is none, or none that is certain. */
export function plainValueEnd(bytes: Uint8Array, at: number): number {
  return valueEnd(bytes, at, { depth: 0, skip: null });
}

type Place = { readonly depth: number; readonly skip: Skip | null };

function valueEnd(bytes: Uint8Array, at: number, place: Place): number {
  switch (bytes[at] ?? none) {
    case quote:
      return stringEnd(bytes, at);
    case 0x7b:
      return objectEnd(bytes, at, place);
    case 0x5b:
      return arrayEnd(bytes, at, place);
    case 0x74:
      return wordEnd(bytes, at, words.true);
    case 0x66:
      return wordEnd(bytes, at, words.false);
    case 0x6e:
      return wordEnd(bytes, at, words.null);
    default:
      return integerEnd(bytes, at);
  }
}

const words = {
  true: Buffer.from("true", "latin1"),
  false: Buffer.from("false", "latin1"),
  null: Buffer.from("null", "latin1"),
} as const;

function wordEnd(bytes: Uint8Array, at: number, word: Uint8Array): number {
  return startsWith(bytes, at, word) ? at + word.length : none;
}

/** One for each byte that a string may hold here: no escapes, no control characters, nothing beyond ASCII. */
const plainBytes = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte <= 0x7e && byte !== quote && byte !== backslash ? 1 : 0,
);

function stringEnd(bytes: Uint8Array, at: number): number {
  let place = at + 1;
  while (plainBytes[bytes[place] ?? 0] === 1) place += 1;
  return bytes[place] === quote ? place + 1 : none;
}

/** Up to 15 digits are exact in a double. */
function integerEnd(bytes: Uint8Array, at: number): number {
  const first = bytes[at] === 0x2d ? at + 1 : at;
  let end = first;
  while (isDigit(bytes[end])) end += 1;
  const digits = end - first;
  if (digits === 0 || digits > 15) return none;
  if (bytes[first] === 0x30 && (digits > 1 || first > at)) return none;
  return end;
}

/** Names in strictly rising order, which among ASCII is the order of RFC 8785, section 3.2.3. */
function objectEnd(bytes: Uint8Array, at: number, { depth, skip }: Place): number {
  if (depth === deepest) return none;
  if (bytes[at + 1] === 0x7d) return at + 2;
  const inside = { depth: depth + 1, skip };
  let nameBefore = none;
  let nameBeforeEnd = none;
  for (let place = at + 1; ; ) {
    if (bytes[place] !== quote) return none;
    const nameEnd = stringEnd(bytes, place);
    if (nameEnd === none || bytes[nameEnd] !== colon) return none;
    const isLater =
      nameBefore === none || isBefore(bytes, { nameBefore, nameBeforeEnd, place, nameEnd });
    if (!isLater) return none;
    nameBefore = place;
    nameBeforeEnd = nameEnd;
    const start = nameEnd + 1;
    const end = skip?.start === start ? skip.end : valueEnd(bytes, start, inside);
    if (end === none) return none;
    if (bytes[end] === 0x7d) return end + 1;
    if (bytes[end] !== comma) return none;
    place = end + 1;
  }
}

function arrayEnd(bytes: Uint8Array, at: number, { depth, skip }: Place): number {
  if (depth === deepest) return none;
  if (bytes[at + 1] === 0x5d) return at + 2;
  const inside = { depth: depth + 1, skip };
  for (let place = at + 1; ; ) {
    const end = valueEnd(bytes, place, inside);
    if (end === none) return none;
    if (bytes[end] === 0x5d) return end + 1;
    if (bytes[end] !== comma) return none;
    place = end + 1;
  }
}

type Names = {
  readonly nameBefore: number;
  readonly nameBeforeEnd: number;
  readonly place: number;
  readonly nameEnd: number;
};

/** Both names end in a quote, which sorts before all that a longer name could go on with save a space and "!": those are left open. */
function isBefore(bytes: Uint8Array, { nameBefore, nameBeforeEnd, place, nameEnd }: Names) {
  const shorter = Math.min(nameBeforeEnd - nameBefore, nameEnd - place);
  for (let offset = 1; offset < shorter; offset += 1) {
    const one = bytes[nameBefore + offset] ?? 0;
    const other = bytes[place + offset] ?? 0;
    if (one !== other) return one < other && one > 0x21 && other > 0x21;
  }
  return false;
}

const indexName = Buffer.from(',"index":', "latin1");
const kindName = Buffer.from(',"kind":"', "latin1");
const previousName = Buffer.from('","previous":"', "latin1");
const timeName = Buffer.from('","time":"', "latin1");
const hexDigits = 64;

/** Where the digits begin with which a plain entry names the one before it, counted from its end. */
export const previousFromEnd = timeFromEnd + timeName.length + hexDigits;

/** The end of a plain entry's kind, behind its quote, counted from the entry's end, where it is not the first. */
export const kindFromEnd = previousFromEnd + previousName.length - 1;

/** What follows an entry's body. */
function isTail(bytes: Uint8Array, at: number, { isLinked, isTimed }: Known): boolean {
  if (!startsWith(bytes, at, indexName)) return false;
  const index = at + indexName.length;
  const indexEnd = bytes[index] === 0x2d ? none : integerEnd(bytes, index);
  if (indexEnd === none || !startsWith(bytes, indexEnd, kindName)) return false;
  const kindEnd = kindEndAt(bytes, indexEnd + kindName.length);
  if (kindEnd === none || !startsWith(bytes, kindEnd, previousName)) return false;
  const previous = kindEnd + previousName.length;
  const isFirst = indexEnd === index + 1 && bytes[index] === 0x30;
  // Where the time stands in its place from the end, as is asked below, the link does as well.
  const linkEnd = isLinked ? previous + hexDigits : hexEnd(bytes, previous);
  const previousEnd = isFirst ? previous : linkEnd;
  if (previousEnd === none || !startsWith(bytes, previousEnd, timeName)) return false;
  const time = previousEnd + timeName.length;
  if (time !== bytes.length - timeFromEnd || !isClosed(bytes, bytes.length - 2)) return false;
  return isTimed || isPlainTime(bytes, time);
}

function isClosed(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === quote && bytes[at + 1] === 0x7d;
}

/** `<noun>.<verb>`: small letters, one dot, and in the verb hyphens. */
function kindEndAt(bytes: Uint8Array, at: number): number {
  let dot = at;
  while (isLetter(bytes[dot])) dot += 1;
  if (dot === at || bytes[dot] !== 0x2e) return none;
  let end = dot + 1;
  while (isLetter(bytes[end]) || bytes[end] === 0x2d) end += 1;
  return end === dot + 1 ? none : end;
}

/** One for each byte, or unit of text, that is a small hexadecimal digit. */
export const hexBytes = Uint8Array.from({ length: 256 }, (_, byte) =>
  isDigit(byte) || (byte >= 0x61 && byte <= 0x66) ? 1 : 0,
);

function hexEnd(bytes: Uint8Array, at: number): number {
  let place = at;
  while (place < at + hexDigits && hexBytes[bytes[place] ?? 0] === 1) place += 1;
  return place === at + hexDigits ? place : none;
}

function isLetter(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x61 && byte <= 0x7a;
}

/** Whether the bytes from `at` on begin with those of the text. */
export function startsWith(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let offset = 0; offset < text.length; offset += 1) {
    if (bytes[at + offset] !== text[offset]) return false;
  }
  return true;
}
