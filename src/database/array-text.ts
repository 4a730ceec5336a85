/** The text of an SQL array of numbers: the driver would quote and escape each of them. */
export function arrayText(numbers: readonly (number | bigint)[]): string {
  return `{${numbers.join()}}`;
}
