import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { bytesOf, isDigest } from "../../../src/ledger/verify-body.ts";

const decimal = /^(?:0|[1-9][0-9]{0,29})$/;
const hexadecimal = /^[0-9a-f]{64}$/;

test("a number of bytes is what its decimal digits say, of any length, and nothing else is one", () => {
  const digits = fc.string({ unit: fc.constantFrom(...Array.from("0123456789")), maxLength: 31 });
  const others = fc.string({
    unit: fc.constantFrom(...Array.from("0123456789-+. e\u0660/:")),
    maxLength: 17,
  });
  fc.assert(
    fc.property(fc.oneof(digits, others), (text) => {
      expect(bytesOf(text)).toBe(decimal.test(text) ? BigInt(text) : null);
    }),
    { numRuns: 3_000 },
  );
  for (const value of ["", "00", "01", undefined, null, 7, ["7"], { bytes: "7" }])
    expect(bytesOf(value)).toBeNull();
  for (const text of ["0", "999999999999999", "1000000000000000"])
    expect(bytesOf(text)).toBe(BigInt(text));
});

test("a digest is 64 small hexadecimal digits, and nothing else is one", () => {
  const digest = "0123456789abcdef".repeat(4);
  for (let code = 0; code < 300; code += 1)
    for (const at of [0, 31, 63]) {
      const text = digest.slice(0, at) + String.fromCharCode(code) + digest.slice(at + 1);
      expect([code, isDigest(text)]).toEqual([code, hexadecimal.test(text)]);
    }
  for (const value of ["", digest.slice(1), `${digest}0`, undefined, null, 7, [digest]])
    expect(isDigest(value)).toBe(false);
});
