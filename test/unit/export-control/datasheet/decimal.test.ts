import { expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  add,
  compare,
  decimal,
  multiply,
  quotient,
  subtract,
  written,
} from "../../../../src/export-control/datasheet/decimal.ts";

const texts = fc
  .tuple(
    fc.bigInt({ min: 0n, max: 10n ** 30n }),
    fc.option(fc.stringMatching(/^[0-9]{1,20}$/), { nil: null }),
    fc.integer({ min: 0, max: 40 }),
  )
  .map(([whole, fraction, power]) => `${whole}${fraction === null ? "" : `.${fraction}`}e${power}`);
const decimals = texts.map(decimal);

test.each([
  ["1e26", "1e26"],
  ["100000000000000000000000000", "1e26"],
  ["99999999999999999999999999", "9.9999999999999999999999999e25"],
  ["0.1e27", "1e26"],
  ["1.20E+26", "1.2e26"],
  ["5.920", "5.92"],
  ["0.10", "0.1"],
  ["0", "0"],
  ["0.000", "0"],
  ["4800", "4800"],
  ["0.0000001", "1e-7"],
])("%s is %s", (text, expected) => {
  expect(written(decimal(text))).toBe(expected);
});

test.each([
  "",
  "-1",
  "+1",
  "01",
  "1.",
  ".5",
  "1e",
  "1e-3",
  "1e100",
  "1,000",
  "0x10",
  "NaN",
  "1 ",
  "１",
])("%j is no number of a datasheet", (text) => {
  expect(() => decimal(text)).toThrow(RangeError);
});

test("no digit is lost where a float would lose it", () => {
  const [below, exact] = [decimal("99999999999999999999999999"), decimal("1e26")];
  expect(Number(written(below)) === Number(written(exact))).toBe(true);
  expect(compare(below, exact)).toBe(-1);
  expect(written(add(below, decimal("1")))).toBe("1e26");
});

test("sums, products and comparisons are those of whole numbers", () => {
  const scaled = (text: string) => {
    const [digits = "0", power = "0"] = text.split("e");
    const [whole = "", fraction = ""] = digits.split(".");
    return BigInt(whole + fraction.padEnd(20, "0")) * 10n ** BigInt(power);
  };
  fc.assert(
    fc.property(texts, texts, (one, other) => {
      const [left, right] = [scaled(one), scaled(other)];
      expect(compare(decimal(one), decimal(other))).toBe(
        left === right ? 0 : left < right ? -1 : 1,
      );
      const sum = add(decimal(one), decimal(other));
      expect(sum.digits * 10n ** BigInt(sum.exponent + 20)).toBe(left + right);
      const product = multiply(decimal(one), decimal(other));
      expect(product.digits * 10n ** BigInt(product.exponent + 40)).toBe(left * right);
      const difference = subtract(decimal(one), decimal(other));
      expect(difference.digits * 10n ** BigInt(difference.exponent + 20)).toBe(
        left > right ? left - right : 0n,
      );
    }),
  );
});

test("what is written reads as the same number", () => {
  fc.assert(
    fc.property(decimals, (value) => {
      if (/e-/.test(written(value)) || value.digits >= 10n ** 40n) return;
      expect(decimal(written(value))).toEqual(value);
    }),
  );
});

test("a quotient is cut off, never rounded up to a threshold, and says so", () => {
  expect(quotient(decimal("1600"), decimal("270.27028"))).toBe("5.9199...");
  expect(quotient(decimal("1600"), decimal("500"))).toBe("3.2");
  expect(quotient(decimal("1"), decimal("30000"))).toBe("0...");
  expect(quotient(decimal("1e20"), decimal("1e19"))).toBe("10");
});
