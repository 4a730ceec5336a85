/** A number with what it counts, of which one is one: `1 file`, `2 files`. */
export function counted(count: number | string, one: string, many = `${one}s`): string {
  return `${count} ${String(count) === "1" ? one : many}`;
}

/** Entries of a ledger, which most counts are of. */
export function entriesOf(count: number): string {
  return counted(count, "entry", "entries");
}
