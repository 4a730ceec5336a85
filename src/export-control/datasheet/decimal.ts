/** A number of zero or more that is exactly `digits` times ten to the power of `exponent`. No threshold ever meets a float. */
export type Decimal = { readonly digits: bigint; readonly exponent: number };

/** What a datasheet may write: `600`, `5.92`, `1.2e26`. Bounded, so that sums and products stay small. */
export const decimalPattern = /^(0|[1-9][0-9]{0,39})(?:\.([0-9]{1,40}))?(?:[eE]\+?([0-9]{1,2}))?$/;

export const zero: Decimal = { digits: 0n, exponent: 0 };

/** The number that a text writes, every digit kept. Throws a RangeError for a text that does not match `decimalPattern`. */
export function decimal(text: string): Decimal {
  const [, whole, fraction = "", power = "0"] = decimalPattern.exec(text) ?? [];
  if (whole === undefined) throw new RangeError(`${text.slice(0, 100)} is not a decimal number`);
  return shortest({ digits: BigInt(whole + fraction), exponent: Number(power) - fraction.length });
}

export function add(one: Decimal, other: Decimal): Decimal {
  const exponent = Math.min(one.exponent, other.exponent);
  return shortest({ digits: digitsAt(one, exponent) + digitsAt(other, exponent), exponent });
}

/** The difference, or zero where it would be less. */
export function subtract(one: Decimal, other: Decimal): Decimal {
  const exponent = Math.min(one.exponent, other.exponent);
  const digits = digitsAt(one, exponent) - digitsAt(other, exponent);
  return digits <= 0n ? zero : shortest({ digits, exponent });
}

export function multiply(...factors: readonly Decimal[]): Decimal {
  return shortest({
    digits: factors.reduce((product, { digits }) => product * digits, 1n),
    exponent: factors.reduce((sum, { exponent }) => sum + exponent, 0),
  });
}

export function sum(terms: readonly Decimal[]): Decimal {
  return terms.reduce(add, zero);
}

/** Below zero, zero or above zero, as the first is less than, equal to or more than the second. */
export function compare(one: Decimal, other: Decimal): number {
  const exponent = Math.min(one.exponent, other.exponent);
  const [left, right] = [digitsAt(one, exponent), digitsAt(other, exponent)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

export function largest(numbers: readonly Decimal[]): Decimal {
  return numbers.reduce((most, each) => (compare(each, most) > 0 ? each : most), zero);
}

/** The one text of a number, all its digits: plain up to fifteen places, else as in `1.2e26`. */
export function written({ digits, exponent }: Decimal): string {
  const text = digits.toString();
  const places = text.length + exponent;
  if (exponent >= 0 && places <= 15) return text + "0".repeat(exponent);
  if (exponent < 0 && places > -6 && places <= 15) {
    const padded = text.padStart(1 - exponent, "0");
    return `${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
  }
  const rest = text.slice(1);
  return `${text.slice(0, 1)}${rest === "" ? "" : `.${rest}`}e${places - 1}`;
}

/** A quotient for people, cut off after four places and marked where that loses something. Comparisons multiply instead of dividing. */
export function quotient(dividend: Decimal, divisor: Decimal): string {
  const shift = Math.max(0, divisor.exponent - dividend.exponent);
  const back = Math.max(0, dividend.exponent - divisor.exponent);
  const above = dividend.digits * 10n ** BigInt(back) * 10_000n;
  const below = divisor.digits * 10n ** BigInt(shift);
  const text = written(shortest({ digits: above / below, exponent: -4 }));
  return above % below === 0n ? text : `${text}...`;
}

function digitsAt({ digits, exponent }: Decimal, wanted: number): bigint {
  return digits * 10n ** BigInt(exponent - wanted);
}

/** Without trailing zeros, so that equal numbers have equal forms. */
function shortest({ digits, exponent }: Decimal): Decimal {
  if (digits === 0n) return zero;
  let [short, power] = [digits, exponent];
  while (short % 10n === 0n) [short, power] = [short / 10n, power + 1];
  return { digits: short, exponent: power };
}
