import { expect, test } from "@jest/globals";
import { mutationsOf } from "../../scripts/mutate/mutations.ts";

/** The text after each mutation that a line of code admits. */
function mutated(text: string): readonly string[] {
  return mutationsOf(text).map(
    ({ start, end, replacement }) => text.slice(0, start) + replacement + text.slice(end),
  );
}

test.each([
  ["a comparison", "check(a === b);", ["check(a !== b);"]],
  ["both of two", "check(a && b);", ["check(a || b);"]],
  ["a boundary", "check(a < b);", ["check(a <= b);"]],
  ["a boolean", "check(true);", ["check(false);"]],
  ["a negation", "check(!a);", ["check(a);"]],
  ["a quantifier", "check(a.some(b));", ["check(a.every(b));"]],
  ["an outcome", 'return pass("a b", c);', ['return fail("a b", c);']],
  ["a condition", "if (a) b();", ["if (!(a)) b();"]],
  [
    "an element and a word of a list",
    'const a = ["x", "y"];',
    [
      'const a = ["mutated", "y"];',
      'const a = [ "y"];',
      'const a = ["x", "mutated"];',
      'const a = ["x", ];',
    ],
  ],
])("%s is mutated", (_, text, mutants) => {
  expect(mutated(text)).toEqual(mutants);
});

test.each([
  ["an import", 'import { a } from "./a.ts";'],
  ["a type", 'type A = { readonly kind: "a" | "b"; readonly known: true };'],
  ["a generic", 'const a: Pick<A, "kind"> = b;'],
  ["a sentence", 'say("a whole sentence");'],
  ["a template", "say(`a === b`);"],
  ["a pattern", "match(/a === true/);"],
  ["a comment", "// a === true"],
  ["an access", 'say(a["b"]);'],
])("%s is left alone", (_, text) => {
  expect(mutated(text)).toEqual([]);
});

test("a name pattern is no list", () => {
  expect(mutated("const [a, b] = c;")).toEqual([]);
});
