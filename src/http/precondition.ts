import type { IncomingHttpHeaders } from "node:http";
import { type Selection, selectRange } from "./range.ts";

export type Wanted = Selection | { readonly kind: "not-modified" | "precondition-failed" };

const entityTags = /(?:W\/)?"[^"]*"/g;

/**
 * What a GET asks for after its preconditions, in the order of RFC 9110, section 13.2.2. Our entity tags are strong: each is the
 * SHA-256 of the bytes. There is no modification date, so that conditions on one do not hold and an If-Range date gives the whole.
 */
export function evaluate(headers: IncomingHttpHeaders, etag: string, sizeBytes: number): Wanted {
  const { "if-match": ifMatch, "if-none-match": ifNoneMatch, "if-range": ifRange } = headers;
  if (ifMatch !== undefined && !matchesStrongly(ifMatch, etag))
    return { kind: "precondition-failed" };
  if (ifNoneMatch !== undefined && matchesWeakly(ifNoneMatch, etag))
    return { kind: "not-modified" };
  const isStale = ifRange !== undefined && String(ifRange).trim() !== etag;
  return isStale ? { kind: "whole" } : selectRange(headers.range, sizeBytes);
}

function matchesStrongly(header: string, etag: string): boolean {
  return header.trim() === "*" || tagsOf(header).includes(etag);
}

function matchesWeakly(header: string, etag: string): boolean {
  const tags = tagsOf(header).map((tag) => tag.replace(/^W\//, ""));
  return header.trim() === "*" || tags.includes(etag);
}

function tagsOf(header: string): readonly string[] {
  return header.match(entityTags) ?? [];
}
