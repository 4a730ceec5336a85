import { expect, test } from "@jest/globals";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { country } from "../../../src/http/schema.ts";

const isCountry = (code: string) => country.safeParse(code).success;

test("every country of the rulebook can be recorded, and territories that have no row there", () => {
  expect(rulebook.countries.map(({ code }) => code).filter((code) => !isCountry(code))).toEqual([]);
  for (const territory of ["PR", "GL", "AX", "BQ", "XK"]) expect(isCountry(territory)).toBe(true);
});

test("there are 249 countries of ISO 3166-1, and Kosovo", () => {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".split("");
  const codes = letters.flatMap((first) => letters.map((second) => first + second));
  expect(codes.filter(isCountry)).toHaveLength(250);
});

test.each(["ZZ", "QQ", "EU", "UN", "UK", "SU", "YU", "DD", "TP", "XA", "us", "USA", ""])(
  "%j is no country, and is refused where it is entered",
  (code) => {
    expect(isCountry(code)).toBe(false);
  },
);
