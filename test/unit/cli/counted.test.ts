import { expect, test } from "@jest/globals";
import { counted, entriesOf } from "../../../src/cli/counted.ts";
import { timestampLines } from "../../../src/cli/ledger-rebuild.ts";
import { verifiedText } from "../../../src/cli/records.ts";

test("one is told in the singular, and every other number in the plural", () => {
  expect([0, 1, 2, "1", "10"].map((count) => counted(count, "file"))).toEqual([
    "0 files",
    "1 file",
    "2 files",
    "1 file",
    "10 files",
  ]);
  expect([entriesOf(1), entriesOf(21)]).toEqual(["1 entry", "21 entries"]);
});

test("one record and one ledger entry are verified in the singular", () => {
  const verified = { records: 1, entries: 1, evidence: 0, decidedAgain: 0, erased: 0 };
  const [one] = verifiedText(verified, "vault.example").split("\n");
  expect(one).toBe("verified: 1 record, 1 ledger entry of vault.example");
  const [many] = verifiedText({ ...verified, records: 2, entries: 3 }, "vault.example").split("\n");
  expect(many).toBe("verified: 2 records, 3 ledger entries of vault.example");
});

test("a rebuild tells of one timestamp in the singular, of several in the plural, of none nothing, and of those that nobody told that they are lacking", () => {
  const none = { kept: 0, refused: 0, unvouched: 0, unread: 0, isCut: false, isUntold: false };
  expect(timestampLines(none)).toEqual([]);
  const untold = expect.stringContaining("does not tell which timestamps there are");
  expect(timestampLines({ ...none, isUntold: true })).toEqual([untold]);
  expect(timestampLines({ ...none, kept: 1, refused: 1, unvouched: 1, unread: 1 })).toEqual([
    "1 timestamp is kept; 1 more is not of this ledger and was left out; 1 more is not vouched for by the certificate and was left out; 1 more could not be read and was left out",
  ]);
  expect(timestampLines({ ...none, kept: 2, refused: 2, unvouched: 3, unread: 4 })).toEqual([
    "2 timestamps are kept; 2 more are not of this ledger and were left out; 3 more are not vouched for by the certificate and were left out; 4 more could not be read and were left out",
  ]);
});
