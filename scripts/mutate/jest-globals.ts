export { expect } from "expect";

/** A test as a file states it. */
export type Stated = { readonly name: string; readonly run: () => unknown };

/** The tests that were stated since the last time they were taken. */
const stated: Stated[] = [];

export function take(): readonly Stated[] {
  return stated.splice(0);
}

/** As much of Jest's `test` as the tests of the room use. */
export function test(name: string, run: () => unknown): void {
  stated.push({ name, run });
}

test.each =
  (rows: readonly unknown[]) =>
  (name: string, run: (...values: readonly unknown[]) => unknown): void => {
    for (const row of rows) {
      const values: readonly unknown[] = Array.isArray(row) ? row : [row];
      test(`${name} ${String(values[0])}`, () => run(...values));
    }
  };

test.skip = (): void => {};

export function describe(_: string, state: () => void): void {
  state();
}
