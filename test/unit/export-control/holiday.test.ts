import { expect, test } from "@jest/globals";
import { decide } from "../../../src/export-control/decide.ts";
import { firstBusinessDay } from "../../../src/export-control/holiday.ts";
import { stands } from "../../../src/export-control/licenses.ts";
import { rulebook, withLicenseExpiry } from "../../../src/export-control/rulebook.ts";
import { asks, license, nationalOf } from "./builders.ts";

test.each([
  ["a Monday", "2026-11-23", "2026-11-23"],
  ["a Saturday", "2026-11-21", "2026-11-23"],
  ["a Sunday", "2026-11-22", "2026-11-23"],
  ["New Year's Day", "2026-01-01", "2026-01-02"],
  [
    "a New Year's Day on a Saturday, observed the Friday of the year before",
    "2021-12-31",
    "2022-01-03",
  ],
  ["Martin Luther King's birthday", "2026-01-19", "2026-01-20"],
  ["Washington's birthday", "2026-02-16", "2026-02-17"],
  ["Memorial Day, the last Monday of May", "2026-05-25", "2026-05-26"],
  ["a Monday of May that is not the last", "2026-05-18", "2026-05-18"],
  ["Juneteenth", "2026-06-19", "2026-06-22"],
  ["June 19 before it was a holiday", "2020-06-19", "2020-06-19"],
  ["the Friday on which a Fourth of July on a Saturday is observed", "2026-07-03", "2026-07-06"],
  ["a Fourth of July on a Sunday, observed on Monday", "2027-07-04", "2027-07-06"],
  ["Labor Day", "2026-09-07", "2026-09-08"],
  ["Columbus Day", "2026-10-12", "2026-10-13"],
  ["Veterans Day", "2026-11-11", "2026-11-12"],
  ["Thanksgiving", "2026-11-26", "2026-11-27"],
  ["Christmas on a Friday, and the weekend after it", "2026-12-25", "2026-12-28"],
])("the first business day on or after %s", (_, date, expected) => {
  expect(firstBusinessDay(date)).toBe(expected);
});

const onThanksgiving = license({ nationalities: ["DE"] }, { validUntil: "2026-11-26" });
const dayAfter = "2026-11-27T12:00:00.000Z";

test("a license printed to expire on a holiday ends there, as shipped", () => {
  expect(stands(onThanksgiving, "2026-11-26T12:00:00.000Z")).toBe(true);
  expect(stands(onThanksgiving, dayAfter)).toBe(false);
  expect(rulebook.licenseExpiry).toBe("printed-date");
});

test("a rulebook set to 750.7(g) moves the expiry to the first business day, says so in the check and changes the digest", () => {
  const extended = withLicenseExpiry(rulebook, "first-business-day");
  const facts = { ...asks(nationalOf("DE"), { licenses: [onThanksgiving] }), at: dayAfter };
  const screened = {
    ...facts,
    screening: { ...facts.screening, maxAgeDays: null } as typeof facts.screening,
  };
  expect(decide(screened, rulebook).verdict).toBe("deny");
  const decision = decide(screened, extended);
  expect(decision.verdict).toBe("allow");
  const check = decision.checks.find(({ check: id }) => id === "deemed-export-rs");
  expect(check?.reason).toContain("by 750.7(g)");
  expect(check?.reason).toContain("2026-11-27");
  expect(extended.digest).not.toBe(rulebook.digest);
  const later = { ...screened, at: "2026-11-28T00:00:00.000Z" };
  expect(decide(later, extended).verdict).toBe("deny");
});
