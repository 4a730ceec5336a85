import { expect, test } from "@jest/globals";
import { hasRun, type RetentionEvent, retentionOf } from "../../../src/export-control/retention.ts";

const of = (...at: readonly string[]): RetentionEvent[] =>
  at.map((each) => ({ what: "release", at: each }));

test.each([
  ["five years from an export", of("2026-11-23T09:00:00.000Z"), 5, "2031-11-23"],
  [
    "the latest of several events, in whatever order",
    of("2026-01-01", "2029-03-02", "2027-12-31"),
    5,
    "2034-03-02",
  ],
  ["a leap day whose anniversary has none", of("2024-02-29"), 5, "2029-03-01"],
  ["a leap day after eight years", of("2024-02-29"), 8, "2032-02-29"],
  ["a day that becomes a leap year's last of February", of("2027-02-28"), 5, "2032-02-28"],
  ["the last millisecond of a year", of("2026-12-31T23:59:59.999Z"), 5, "2031-12-31"],
  ["ten years, 31 CFR 501.601", of("2026-11-23"), 10, "2036-11-23"],
] as const)("a record is kept from %s", (_, events, years, until) => {
  expect(retentionOf(events, years)?.until).toBe(until);
});

test("every kind of event counts, and the latest is named", () => {
  const decision = { what: "decision", at: "2026-11-23T09:00:00.000Z" } as const;
  for (const what of ["release", "movement", "termination", "change"] as const) {
    const later = { what, at: "2028-05-05" };
    expect(retentionOf([later, decision])).toEqual({ latest: later, until: "2033-05-05" });
  }
});

test("the whole anniversary is kept in UTC, and no longer", () => {
  const retention = retentionOf(of("2026-11-23T09:00:00.000Z"));
  expect(hasRun(retention, "2031-11-23T09:00:00.001Z")).toBe(false);
  expect(hasRun(retention, "2031-11-23T23:59:59.999Z")).toBe(false);
  expect(hasRun(retention, "2031-11-24T00:00:00.000Z")).toBe(true);
});

test("what is not known has not run", () => {
  expect(retentionOf([])).toBeNull();
  for (const at of ["", "yesterday", "2027-02-30", "2027-13-01", "2027-01-01T00:00:00+02:00"])
    expect([at, retentionOf(of("2001-01-01", at))]).toEqual([at, null]);
  expect(hasRun(null, "2100-01-01T00:00:00.000Z")).toBe(false);
  expect(hasRun(retentionOf(of("2001-01-01")), "no instant")).toBe(false);
});

test.each([4, 0, -5, 4.9, 5.5, Number.NaN])("nothing shortens it to %s years", (years) => {
  expect(() => retentionOf(of("2026-01-01"), years)).toThrow(RangeError);
});
