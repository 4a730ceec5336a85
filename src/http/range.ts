/** What of a representation a request asks for. */
export type Selection =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly start: number; readonly end: number }
  | { readonly kind: "unsatisfiable" };

const whole: Selection = { kind: "whole" };
const singleRange = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/**
 * Reads a Range header (RFC 9110, section 14). A header that is malformed, in another unit, or of several ranges is ignored, as section
 * 14.2 lets a server do, and the whole is answered. `end` is exclusive.
 */
export function selectRange(header: string | undefined, sizeBytes: number): Selection {
  const [, first, last] = singleRange.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined) return whole;
  if (first === "") return last === "" ? whole : suffix(Number(last), sizeBytes);
  const start = Number(first);
  const end = last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  if (last !== "" && Number(last) < start) return whole;
  return start < sizeBytes ? { kind: "part", start, end } : { kind: "unsatisfiable" };
}

/** The last bytes. An empty representation has none, and no Content-Range could say so: it is answered whole. */
function suffix(lengthBytes: number, sizeBytes: number): Selection {
  if (lengthBytes === 0) return { kind: "unsatisfiable" };
  if (sizeBytes === 0) return whole;
  return { kind: "part", start: Math.max(0, sizeBytes - lengthBytes), end: sizeBytes };
}
