import { PassThrough } from "node:stream";
import { expect, test } from "@jest/globals";
import { columns, createOutput, details, printable, table } from "../../../src/cli/output.ts";

test("text from elsewhere cannot steer a terminal", () => {
  expect(printable("a\u001b[31mb\rc\u009bd\u202ee\nf\tg")).toBe(
    "a\ufffd[31mb\ufffdc\ufffdd\ufffde\nf\tg",
  );
});

test("the result goes to stdout and notes to stderr, as JSON or as text", () => {
  for (const isJson of [true, false]) {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const output = createOutput({ stdout, stderr }, isJson);
    output.note("a note");
    output.result({ a: 1 }, () => "a is 1");
    expect(String(stderr.read())).toBe("a note\n");
    expect(String(stdout.read())).toBe(isJson ? '{\n  "a": 1\n}\n' : "a is 1\n");
  }
});

test("a table aligns its columns and shows what is absent as a dash", () => {
  const rows = [
    { id: "1", state: "active" },
    { id: "22", state: null },
  ];
  expect(table(rows, columns("id", "state"))).toBe("id  state\n1   active\n22  -");
  expect(table([], columns("id"))).toBe("none");
});

test("details show a member a line, and nested ones as JSON", () => {
  expect(details({ id: "1", roles: ["a"], text: "x\ny" })).toBe(
    'id     1\nroles  ["a"]\ntext   x y',
  );
});
