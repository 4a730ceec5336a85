import { isUtf8 } from "node:buffer";
import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import { maximumEntryBytes } from "../merkle/tile.ts";

export type EntryBody = { readonly [name: string]: Canonical };

/** One record of the ledger, as its leaf is hashed. */
export type Entry = {
  /** Its place in the ledger, from 0. */
  readonly index: number;
  /** The leaf hash of the entry before it, lower-case hex; empty for index 0. */
  readonly previous: string;
  /** UTC with milliseconds, `2026-01-31T23:59:59.999Z`. */
  readonly time: string;
  /** `<noun>.<verb>`. */
  readonly kind: string;
  readonly body: EntryBody;
};

/** In the order of the canonical form, which no other order can be. */
const members = ["body", "index", "kind", "previous", "time"].join();
const bodyPrefix = Buffer.from('{"body":', "latin1");
const kindPattern = /^[a-z]+\.[a-z-]+$/;
const previousPattern = /^[0-9a-f]{64}$/;
const timePattern = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/;

/** The entry's bytes, RFC 8785. Throws a RangeError over 65,535 bytes and a TypeError for whatever `parseEntry` would not take back. */
export function encodeEntry({ index, previous, time, kind, body }: Entry): Buffer {
  const entry = { body, index, kind, previous, time };
  if (!isEntry(entry)) {
    throw new TypeError(
      `entry ${index} of kind ${kind} has a member that the ledger does not take`,
    );
  }
  const bytes = canonicalJson(entry);
  if (bytes.length > maximumEntryBytes) {
    throw new RangeError(`entry ${index} of kind ${kind} has ${bytes.length} bytes`);
  }
  return bytes;
}

/**
 * The entry's bytes around a body that is canonical JSON already: what `encodeEntry` would give, without making the body anew, so that the
 * ledger holds byte for byte what was submitted. Null where the body is no canonical object, or a member is one that no entry has.
 */
export function spliceEntry(
  { index, previous, time, kind }: Omit<Entry, "body">,
  body: Buffer,
): Buffer | null {
  if (!isEntry({ body: {}, index, kind, previous, time }) || !isCanonicalObject(body)) return null;
  const rest = afterBody({ index, previous, time, kind });
  const bytes = Buffer.allocUnsafe(bodyPrefix.length + body.length + rest.length);
  bodyPrefix.copy(bytes);
  body.copy(bytes, bodyPrefix.length);
  bytes.write(rest, bodyPrefix.length + body.length, "latin1");
  return bytes.length > maximumEntryBytes ? null : bytes;
}

/** The body's bytes within the bytes of an entry that `parseEntry` gave: what was submitted. */
export function bodyBytes(entry: Entry, bytes: Buffer): Buffer {
  return bytes.subarray(bodyPrefix.length, bytes.length - afterBody(entry).length);
}

/** None of these members has a character that JSON escapes: their patterns admit none. */
function afterBody({ index, previous, time, kind }: Omit<Entry, "body">): string {
  return `,"index":${index},"kind":"${kind}","previous":"${previous}","time":"${time}"}`;
}

/** Whoever can write into the outbox could otherwise end one entry and begin another inside a body. */
function isCanonicalObject(bytes: Buffer): boolean {
  try {
    const text = bytes.toString("utf8");
    const value: unknown = JSON.parse(text);
    if (!isObject(value)) return false;
    return isPlainlyCanonical(text, value)
      ? isUtf8(bytes)
      : canonicalJson(value as EntryBody).equals(bytes);
  } catch {
    return false;
  }
}

/**
 * The entry of exactly these bytes. Null for anything that is not an entry in its one canonical form, so that two texts of the same entry
 * never exist. Whether index and `previous` are right is for who knows the entry before.
 */
export function parseEntry(bytes: Uint8Array): Entry | null {
  if (bytes.length > maximumEntryBytes || !isUtf8(bytes)) return null;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    const text = buffer.toString("utf8");
    const value: unknown = JSON.parse(text);
    if (!isEntry(value)) return null;
    return isPlainlyCanonical(text, value) || canonicalJson(value).equals(buffer) ? value : null;
  } catch {
    // Not JSON, nested past the stack, or with a value that canonical JSON does not know.
    return null;
  }
}

/**
 * Whether the text is certainly the value's RFC 8785 form, several times faster than making that form: what JSON.stringify writes is
 * RFC 8785's where names are in order and numbers are whole, save for lone surrogates, which it escapes. False leaves the question open.
 */
function isPlainlyCanonical(text: string, value: unknown): boolean {
  return JSON.stringify(value) === text && !text.includes("\\ud") && isOrdered(value);
}

function isOrdered(value: unknown): boolean {
  if (typeof value === "number") return Number.isSafeInteger(value);
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(isOrdered);
  const names = Object.keys(value);
  return (
    names.every((name, at) => at === 0 || name > (names[at - 1] ?? "")) &&
    Object.values(value).every(isOrdered)
  );
}

/** `Entry` is a type of its own, without the index signature that canonical JSON asks for. */
function isEntry(value: unknown): value is Entry & EntryBody {
  if (!isObject(value) || Object.keys(value).join() !== members) return false;
  const { index, previous, time, kind, body } = value;
  return (
    typeof index === "number" &&
    Number.isSafeInteger(index) &&
    index >= 0 &&
    typeof previous === "string" &&
    (index === 0 ? previous === "" : previousPattern.test(previous)) &&
    isTime(time) &&
    typeof kind === "string" &&
    kindPattern.test(kind) &&
    isObject(body)
  );
}

function isTime(value: unknown): boolean {
  if (typeof value !== "string" || !timePattern.test(value)) return false;
  // The 30th of February and 24:00 parse as well, as another day.
  return new Date(value).getUTCDate() === Number(value.slice(8, 10));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
