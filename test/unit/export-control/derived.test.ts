import { expect, test } from "@jest/globals";
import { type Classified, lessStrictThan } from "../../../src/export-control/derived.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";

const as = (eccn: string, more: Partial<Classified> = {}): Classified => ({
  jurisdiction: "EAR",
  eccn,
  paragraph: null,
  ...more,
});

const said = (base: Classified | null, derived: Classified) =>
  lessStrictThan(base, derived, rulebook);

test("what is classified as its base, or under more controls, is not less strict", () => {
  expect(said(as("4E091"), as("4E091"))).toBeNull();
  expect(said(as("EAR99"), as("EAR99"))).toBeNull();
  expect(said(as("EAR99"), as("4E091"))).toBeNull();
  expect(said(as("4E091"), as("0", { jurisdiction: "ITAR" }))).toBeNull();
  for (const { eccn } of rulebook.entries)
    expect([eccn, said(as(eccn), as(eccn))]).toEqual([eccn, null]);
});

test("EAR99 from a controlled base is less strict, and says which controls it lacks", () => {
  expect(said(as("4E091"), as("EAR99"))).toMatch(/^it is classified as 4E091, whose controls for /);
});

test.each([
  ["4E091", "4E001", "RS"],
  ["4E001", "4E091", "NS, MT, RS, CC"],
  ["4E091", "4E992", "RS"],
  ["3E001", "4E091", "NS, MT, NP, RS"],
  ["4E992", "4E091", null],
  ["4E993", "4E992", null],
  ["5D992", "4D001", null],
])("of a base under %s, %s lacks the controls for %s", (base, derived, lacking) => {
  expect(said(as(base), as(derived))).toBe(
    lacking === null
      ? null
      : `it is classified as ${base}, whose controls for ${lacking} the proposed entry lacks`,
  );
});

test("a paragraph counts: one that meets fewer requirements is less strict than one that meets more", () => {
  const narrow = as("4E001", { paragraph: "4A101" });
  expect(said(as("4E001"), narrow)).toContain("whose controls for RS, CC");
  expect(said(narrow, as("4E001"))).toBeNull();
});

test("what nobody classified, what the rulebook does not know and another jurisdiction count as less strict", () => {
  expect(said(null, as("4E091"))).toBe("it is not classified");
  expect(said(as("9Z999"), as("EAR99"))).not.toBeNull();
  expect(said(as("4E091"), as("9Z999"))).not.toBeNull();
  expect(said(as("0", { jurisdiction: "ITAR" }), as("4E091"))).toBe("it is under ITAR");
  expect(said(as("4E091"), as("0", { jurisdiction: "other" }))).not.toBeNull();
  const ours = as("XI(b)", { jurisdiction: "ITAR" });
  expect(said(ours, ours)).toBeNull();
  expect(said(ours, as("XII(c)", { jurisdiction: "ITAR" }))).not.toBeNull();
});
