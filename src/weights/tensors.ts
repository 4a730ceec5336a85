import { Malformed } from "./malformed.ts";

/** One tensor as a header describes it; its data lies in [begin, end) of the file's data. */
export type Tensor = {
  readonly name: string;
  readonly elements: bigint;
  readonly begin: bigint;
  readonly end: bigint;
};

/** What the header of one file says: its tensors, and how many numbers they hold together. */
export type Counted = {
  readonly tensors: readonly Tensor[];
  readonly parameters: bigint;
  readonly dataBytes: bigint;
};

/** The most that a file format of 64-bit sizes can mean. */
const most = 2n ** 63n - 1n;

/** How many elements a shape has; a shape without dimensions has one. Throws `Malformed` past 2^63-1. */
export function elementsOf(shape: readonly bigint[], name: string): bigint {
  let elements = 1n;
  for (const dimension of shape) {
    if (dimension < 0n || dimension > most) throw overflow(name);
    elements *= dimension;
    if (elements > most) throw overflow(name);
  }
  return elements;
}

function overflow(name: string): Malformed {
  return new Malformed(`the shape of ${quoted(name)} overflows 64 bits`);
}

/** A file's own text inside a sentence of ours, shortened. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}

/**
 * Checks that tensors, in the order of their data, lie one after the other from the first byte on. `padded` says where the next one may
 * begin after an end. Throws `Malformed` for an overlap, a hole, or data past the end.
 */
export function assertContiguous(
  tensors: readonly Tensor[],
  dataBytes: bigint,
  padded: (end: bigint) => bigint,
): void {
  const ordered = [...tensors].sort(inOrder);
  let next = 0n;
  for (const { name, begin, end } of ordered) {
    if (begin < next) throw new Malformed(`the data of ${quoted(name)} overlaps another tensor's`);
    if (begin > next) throw new Malformed(`there is a hole before the data of ${quoted(name)}`);
    if (end > dataBytes)
      throw new Malformed(`the data of ${quoted(name)} ends past the file's end`);
    next = padded(end);
  }
  if (dataBytes > next)
    throw new Malformed("the file goes on after the data that its header describes");
}

function inOrder(one: Tensor, other: Tensor): number {
  if (one.begin !== other.begin) return one.begin < other.begin ? -1 : 1;
  if (one.end === other.end) return 0;
  return one.end < other.end ? -1 : 1;
}

export function counted(tensors: readonly Tensor[], dataBytes: bigint): Counted {
  const parameters = tensors.reduce((sum, { elements }) => sum + elements, 0n);
  return { tensors, parameters, dataBytes };
}
