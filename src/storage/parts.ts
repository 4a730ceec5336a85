import { Refusal } from "../errors.ts";
import type { HeldPart, Parts } from "./blob-store.ts";

/** No object store takes more. */
const mostParts = 10_000;

/** Where a part begins in its blob. Throws a RangeError for a part that the cut has no room for: a mistake of the caller. */
export function partPlace({ firstBytes, nextBytes }: Parts, part: number, sizeBytes: number) {
  if (!Number.isSafeInteger(part) || part < 1 || part > mostParts)
    throw new RangeError(`parts are numbered from 1 to ${mostParts}`);
  const mostBytes = part === 1 ? firstBytes : nextBytes;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 1 || sizeBytes > mostBytes)
    throw new RangeError(`part ${part} has from 1 to ${mostBytes} bytes`);
  return part === 1 ? 0 : firstBytes + (part - 2) * nextBytes;
}

/** Throws a RangeError for a part that ended before the bytes that were announced for it. */
export function assertFills(writtenBytes: number, sizeBytes: number): void {
  if (writtenBytes !== sizeBytes)
    throw new RangeError(`${writtenBytes} of the part's announced ${sizeBytes} bytes were written`);
}

/** The size of the blob that the parts make. Throws a RangeError unless they are 1 to the last in order and only the last is short. */
export function assertNamed(cut: Parts, parts: readonly HeldPart[]): number {
  if (parts.length === 0) throw new RangeError("a blob has one part at the least");
  let endBytes = 0;
  for (const [at, { part, sizeBytes }] of parts.entries()) {
    const start = partPlace(cut, part, sizeBytes);
    if (part !== at + 1 || start !== endBytes)
      throw new RangeError("the parts are not 1 to the last, each but the last full");
    endBytes = start + sizeBytes;
  }
  return endBytes;
}

/** The refusal for parts that are not held as they are named; null where all are. */
export function partsMissing(
  named: readonly HeldPart[],
  held: readonly HeldPart[],
  isSame: (one: string, other: string) => boolean = (one, other) => one === other,
): Refusal | null {
  const present = new Map(held.map((each) => [each.part, each]));
  const parts = named
    .filter(({ part, sizeBytes, tag }) => {
      const found = present.get(part);
      return found === undefined || found.sizeBytes !== sizeBytes || !isSame(found.tag, tag);
    })
    .map(({ part }) => part);
  if (parts.length === 0) return null;
  return new Refusal("parts_missing", "the store does not hold parts that it was given", {
    members: { parts },
  });
}
