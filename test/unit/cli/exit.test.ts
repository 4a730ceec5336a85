import { expect, test } from "@jest/globals";
import { CommanderError } from "commander";
import { exitOf, exits } from "../../../src/cli/exit.ts";
import { Failure, Problem } from "../../../src/cli/failure.ts";
import { Refusal } from "../../../src/errors.ts";

test("the exit codes are those that scripts know", () => {
  expect(Object.fromEntries(Object.entries(exits).map(([name, [code]]) => [name, code]))).toEqual({
    ok: 0,
    failed: 1,
    usage: 2,
    notAuthenticated: 3,
    refused: 4,
    notFound: 5,
    integrity: 6,
    unavailable: 7,
  });
});

test.each([
  [400, "invalid_request", "failed"],
  [400, "digest_mismatch", "integrity"],
  [401, "not_authenticated", "notAuthenticated"],
  [401, "token_expired", "notAuthenticated"],
  [403, "release_denied", "refused"],
  [403, "release_held", "refused"],
  [403, "release_stopped", "refused"],
  [403, "role_missing", "failed"],
  [404, "not_found", "notFound"],
  [409, "parent_moved", "failed"],
  [429, "byte_budget_spent", "failed"],
  [500, "internal", "failed"],
  [500, "object_corrupt", "integrity"],
  [500, "record_tampered", "integrity"],
  [502, "", "unavailable"],
  [503, "ledger_unavailable", "unavailable"],
  [503, "shutting_down", "unavailable"],
  [504, "", "unavailable"],
  [507, "store_full", "failed"],
] as const)("an answer %i %s ends as %s", (status, code, exit) => {
  expect(exitOf(new Problem(status, { code }))).toBe(exit);
});

test.each([
  ["object_corrupt", "integrity"],
  ["ledger_unavailable", "unavailable"],
  ["not_authenticated", "notAuthenticated"],
  ["role_missing", "failed"],
] as const)("a refusal of our own, %s, ends as %s", (code, exit) => {
  expect(exitOf(new Refusal(code, "why"))).toBe(exit);
});

test("a failure says itself how it ends", () => {
  expect(exitOf(new Failure("integrity", "why"))).toBe("integrity");
});

test("a wrong command line is usage, help that was asked for is not", () => {
  expect(exitOf(new CommanderError(1, "commander.missingArgument", ""))).toBe("usage");
  expect(exitOf(new CommanderError(1, "commander.help", ""))).toBe("usage");
  expect(exitOf(new CommanderError(0, "commander.helpDisplayed", ""))).toBe("ok");
});

test("anything else that is thrown is a failure", () => {
  expect(exitOf(new Error("disk full"))).toBe("failed");
  expect(exitOf("text")).toBe("failed");
});
