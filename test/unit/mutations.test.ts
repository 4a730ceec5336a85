import { expect, test } from "@jest/globals";
import { mutationsOf } from "../../scripts/mutate/mutations.ts";
import { parses, runnable } from "../../scripts/mutate/room.ts";
import { shareKilled } from "../../scripts/mutate/score.ts";

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
  ["a number", "check(a, 1_000);", ["check(a, 1001);"]],
  ["a long number", "check(99n);", ["check(100n);"]],
  ["a date", 'check("2025-12-31");', ['check("2026-01-01");']],
  ["a written number", 'check("4800");', ['check("4801");']],
  ["a written fraction", 'check("5.92");', ['check("5.93");']],
  ["a written fraction before a whole", 'check("0.99");', ['check("1.00");']],
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

test("what runs of a file stands where it stood in the file", () => {
  const text =
    'const a: Pick<A, "é" | "b"> = "Côte";\ntype B = { readonly c: 1 };\nsay(a as string, 2);\n';
  const running = runnable(text);
  expect(running).toHaveLength(text.length);
  for (const left of ['"Côte"', "say(a", ", 2);"])
    expect([left, running.indexOf(left)]).toEqual([left, text.indexOf(left)]);
  expect(running).not.toContain("readonly");
});

test("a text that cannot run is no mutant", () => {
  expect([parses("say([ , 1]);"), parses("say([1, ]);"), parses("say(1 +);")]).toEqual([
    true,
    true,
    false,
  ]);
});

test("the score is the share of mutants that some test killed, nothing tried being none", () => {
  const result = (killedBy: string | null) => ({ file: "a.ts", name: "a.ts:1", killedBy });
  expect(shareKilled([result("a test"), result(null), result("the clock"), result(null)])).toBe(
    0.5,
  );
  expect(shareKilled([])).toBe(0);
});

test("a name pattern is no list", () => {
  expect(mutated("const [a, b] = c;")).toEqual([]);
});
