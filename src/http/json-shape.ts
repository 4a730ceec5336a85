import { schemaRefusal } from "./problem.ts";

/** How many elements an array of a body may have. */
export const elementLimit = 10_000;
const memberLimit = 1_000;
const depthLimit = 16;
/** Of all arrays and objects together: enough for a commit of as many files as an array may have. */
const valueLimit = 60_000;

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

type Container = {
  readonly limit: number;
  count: number;
  /** The names so far of an object's members; null for an array. */
  readonly names: Set<string> | null;
  /** The next string is a member's name. */
  isName: boolean;
};

/**
 * Throws `invalid_request` for a body of more elements, members or levels than any request of ours has, and for an object that names a
 * member twice, which two readers may read as two things (RFC 7493, section 2.3). It counts brackets and commas before anything is made of
 * them, so that a small body cannot become a big structure, or a big list of what is wrong with it. What is no JSON is left to the parser.
 */
export function assertJsonShape(bytes: Uint8Array): void {
  const open: Container[] = [];
  let values = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === quote) {
      const end = endOfString(bytes, at);
      takeName(open.at(-1), bytes.subarray(at, end + 1));
      at = end;
    } else if (byte === openArray || byte === openObject) {
      if (open.length === depthLimit) throw tooMuch(`${depthLimit} levels`);
      open.push(byte === openArray ? newArray() : newObject());
      values += 1;
    } else if (byte === closeArray || byte === closeObject) open.pop();
    else if (byte === comma) {
      values += 1;
      const container = open.at(-1);
      if (container === undefined) continue;
      container.count += 1;
      container.isName = container.names !== null;
      if (container.count <= container.limit) continue;
      const what = container.limit === elementLimit ? "elements in an array" : "members";
      throw tooMuch(`${container.limit} ${what}`);
    }
    if (values > valueLimit) throw tooMuch(`${valueLimit} values`);
  }
}

const newArray = (): Container => ({ limit: elementLimit, count: 1, names: null, isName: false });
const newObject = (): Container => ({
  limit: memberLimit,
  count: 1,
  names: new Set(),
  isName: true,
});

/** Remembers a member's name, with its escapes read: `"a"` and `"\u0061"` are one name. */
function takeName(container: Container | undefined, string: Uint8Array): void {
  if (container?.names == null || !container.isName) return;
  container.isName = false;
  const name = nameOf(string);
  if (name === null) return;
  if (container.names.has(name))
    throw schemaRefusal([{ path: [], message: "names a member twice" }], "body");
  container.names.add(name);
}

/** Null for what the parser will refuse. */
function nameOf(string: Uint8Array): string | null {
  try {
    return JSON.parse(Buffer.from(string).toString("utf8")) as string;
  } catch {
    return null;
  }
}

/** Where a string's closing quote is, or the end of the bytes. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at;
}

function tooMuch(limit: string) {
  return schemaRefusal([{ path: [], message: `may have ${limit} at the most` }], "body");
}
