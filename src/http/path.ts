import { Refusal } from "../errors.ts";

/** What may stand in a request's path as it was sent: visible ASCII without `#` and without the backslash, which URL parsers turn. */
const rawPath = /^[\x21\x22\x24-\x5b\x5d-\x7e]*$/;
const filePrefix = /^\/v1\/repositories\/[^/]*\/[^/]*\/(?:uploads|revisions)\/[^/]*\/files(?:\/|$)/;

/** The path of a request target, origin or absolute form (RFC 9112, section 3.2), neither decoded nor normalised. */
export function targetPath(target: string): string {
  const [path = ""] = target.replace(/^https?:\/\/[^/?]*/i, "").split("?", 1);
  return path === "" ? "/" : path;
}

/**
 * The segments of a path, each decoded once and strictly. Throws `invalid_path` below a file address, and `not_found` elsewhere, for
 * malformed percent-encoding, bytes that are not UTF-8, a NUL, and an encoded slash, which would be another path when decoded.
 */
export function pathSegments(path: string): readonly string[] {
  if (!rawPath.test(path)) throw refused(path, "has a character that must be percent-encoded");
  return path
    .slice(1)
    .split("/")
    .map((segment) => decodeSegment(path, segment));
}

/** Matches decoded segments with a template; null where they do not fit. `{name}` takes one segment, `{name...}` all that are left. */
export function matchTemplate(
  template: string,
  segments: readonly string[],
): Readonly<Record<string, string>> | null {
  const wanted = template.slice(1).split("/");
  const params: Record<string, string> = {};
  for (const [position, part] of wanted.entries()) {
    const given = segments[position];
    if (given === undefined) return null;
    const [, name, rest] = /^\{(\w+)(\.\.\.)?\}$/.exec(part) ?? [];
    if (name === undefined) {
      if (part !== given) return null;
    } else if (rest !== undefined) {
      params[name] = segments.slice(position).join("/");
      return params;
    } else if (given === "") return null;
    else params[name] = given;
  }
  return segments.length === wanted.length ? params : null;
}

function decodeSegment(path: string, segment: string): string {
  const decoded = decoding(segment);
  if (decoded === null) throw refused(path, "is not percent-encoded UTF-8");
  if (decoded.includes("\0")) throw refused(path, "has a NUL");
  if (decoded.includes("/")) throw refused(path, "has an encoded slash in a segment");
  return decoded;
}

function decoding(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

function refused(path: string, problem: string): Refusal {
  return filePrefix.test(path)
    ? new Refusal("invalid_path", `the file path ${problem}`)
    : new Refusal("not_found", `the address ${problem}`);
}
