import { describe, expect, test } from "@jest/globals";
import {
  isContention,
  isDiskFull,
  isOutage,
  isUniqueViolation,
} from "../../../src/database/failure.ts";

const failure = (code: string, more: object = {}) =>
  Object.assign(new Error("it failed"), { code, ...more });

describe("an outage", () => {
  test.each([
    ["a refused connection", failure("ECONNREFUSED")],
    ["a socket file that is not there", failure("ENOENT", { syscall: "connect" })],
    ["a connection reset by the other side", failure("ECONNRESET")],
    ["a host that does not resolve", failure("ENOTFOUND")],
    ["every address of a host refusing", new AggregateError([failure("ECONNREFUSED")])],
    ["a server that shuts down", failure("57P01")],
    ["a server that crashed", failure("57P02")],
    ["a server that starts up", failure("57P03")],
    ["too many connections", failure("53300")],
    ["a full disk", failure("53100")],
    ["a lost connection", failure("08006")],
    ["a replica after a failover", failure("25006")],
    ["a statement timeout", failure("57014")],
    ["a lock timeout", failure("55P03")],
    ["a deadlock on every attempt", failure("40P01")],
    ["a broken client", new Error("Connection terminated unexpectedly")],
    ["an exhausted pool", new Error("timeout exceeded when trying to connect")],
    ["a server that does not answer", new Error("Query read timeout")],
    ["a closed PGlite", new Error("PGlite is closed")],
    ["an outage that was wrapped", new Error("it broke", { cause: failure("57P01") })],
  ])("is %s", (_, error) => {
    expect(isOutage(error)).toBe(true);
  });

  test.each([
    ["a syntax error", failure("42601")],
    ["a missing table", failure("42P01")],
    ["a missing privilege", failure("42501")],
    ["a violated unique key", failure("23505")],
    ["a refused change of an append-only table", failure("23000")],
    ["a bug of ours", new TypeError("undefined is not a function")],
    ["an error that only speaks of a connection", new Error("the Connection terminated")],
    ["a file that is not there", failure("ENOENT", { syscall: "open" })],
    ["an address that is not ours to listen on", failure("EADDRNOTAVAIL", { syscall: "listen" })],
    ["nothing", undefined],
    ["a string", "ECONNREFUSED"],
  ])("is not %s", (_, error) => {
    expect(isOutage(error)).toBe(false);
  });

  test("is told even of causes that go in a circle", () => {
    const error = new Error("round");
    error.cause = error;
    expect(isOutage(error)).toBe(false);
  });
});

test("contention is a deadlock or a serialization failure and nothing else", () => {
  expect(isContention(failure("40P01"))).toBe(true);
  expect(isContention(failure("40001"))).toBe(true);
  expect(isContention(failure("57P01"))).toBe(false);
});

test("a unique violation is told by its constraint", () => {
  const error = failure("23505", { constraint: "revision_pkey" });
  expect(isUniqueViolation(error)).toBe(true);
  expect(isUniqueViolation(error, "revision_pkey")).toBe(true);
  expect(isUniqueViolation(error, "upload_pkey")).toBe(false);
  expect(isUniqueViolation(failure("23503"))).toBe(false);
});

test("a full disk of the database is told apart, since trying again does not cure it", () => {
  expect(isDiskFull(new Error("it broke", { cause: failure("53100") }))).toBe(true);
  expect([failure("53200"), failure("ENOSPC"), undefined].some(isDiskFull)).toBe(false);
});
