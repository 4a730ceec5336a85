import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseCsv } from "../../../src/screening/csv.ts";

const fieldsOf = (text: string) => parseCsv(text).map(({ fields }) => fields);

test("quoted fields hold commas, line ends and doubled quotes", () => {
  expect(fieldsOf('a,"b,c","d""e","f\r\ng"\r\nh,,"",i\r\n')).toEqual([
    ["a", "b,c", 'd"e', "f\r\ng"],
    ["h", "", "", "i"],
  ]);
});

test("a record knows the line that it begins on, past line ends inside quotes", () => {
  const records = parseCsv('a\n"b\nb\nb",c\n\nd\n');
  expect(records.map(({ line }) => line)).toEqual([1, 2, 6]);
});

test("a byte order mark, a missing last line end and OFAC's closing 1A are passed over", () => {
  expect(fieldsOf("\ufeffa,b\nc,d")).toEqual([
    ["a", "b"],
    ["c", "d"],
  ]);
  expect(fieldsOf("a,b\r\n\u001a")).toEqual([["a", "b"]]);
  expect(fieldsOf('"a"\u001a')).toEqual([["a"]]);
  expect(fieldsOf("")).toEqual([]);
});

test.each([
  ["a quote that never closes", 'a\n"b', /line 2: a quoted field never ends/],
  ["text after a closing quote", 'a\nb\n"c"d', /line 3: text after the closing quote/],
  ["a quote inside a plain field", 'a\nb"c', /line 2: a quote inside a field/],
  ["a quote left open by the closing 1A", '"a\u001a', /line 1: a quoted field never ends/],
])("refuses %s and names the line", (_name, text, message) => {
  expect(() => parseCsv(text)).toThrow(message);
});

test("what is written as RFC 4180 has it is read back", () => {
  const cell = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r\n", " ", "é") });
  const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
  fc.assert(
    fc.property(
      fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1 }),
      (rows) => {
        const text = rows.map((row) => row.map(quote).join(",")).join("\r\n");
        expect(fieldsOf(text)).toEqual(rows);
      },
    ),
  );
});
