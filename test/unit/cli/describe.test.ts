import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { describe as describeFailure, withCause } from "../../../src/cli/describe.ts";
import { Failure, Problem } from "../../../src/cli/failure.ts";
import { Refusal } from "../../../src/errors.ts";

test("a denial names each check that stands in the way, its citation and what would change it, and no other", () => {
  const decision = {
    verdict: "deny",
    checks: [
      {
        check: "grant",
        outcome: "pass",
        citation: "need to know",
        reason: "There is one.",
        remedy: null,
      },
      {
        check: "nationality",
        outcome: "unknown",
        citation: "15 CFR 734.13(b)",
        reason: "Nobody stated a citizenship.",
        remedy: "State the citizenships.",
      },
      { check: "export-ns", outcome: "fail", citation: "15 CFR 742.4", reason: null, remedy: null },
    ],
  };
  const problem = new Problem(403, {
    code: "release_denied",
    title: "Denied",
    detail: "by ns",
    decision,
  });
  expect(describeFailure(problem)).toBe(
    [
      "Denied: by ns",
      "  nationality: unknown [15 CFR 734.13(b)]. Nobody stated a citizenship.",
      "    what would change it: State the citizenships.",
      "  export-ns: fail [15 CFR 742.4]",
    ].join("\n"),
  );
});

test("a problem says title, detail, remedy, the wrong fields and the request", () => {
  const problem = new Problem(400, {
    code: "invalid_request",
    title: "Bad",
    detail: "the body",
    remedy: "Correct it.",
    errors: [{ path: "scope.eccns", message: "too short" }],
    requestId: "r-1",
  });
  expect(describeFailure(problem)).toBe(
    "Bad: the body\n  scope.eccns: too short\nwhat to do: Correct it.\nrequest r-1",
  );
});

test("a code that we know has its remedy, even where the answer lacks one", () => {
  const problem = new Problem(409, { code: "parent_moved", title: "Moved" });
  expect(describeFailure(problem)).toContain("Read the head revision");
});

test("failures and refusals of our own say their message", () => {
  expect(describeFailure(new Failure("failed", "no such file"))).toBe("no such file");
  expect(describeFailure(new Refusal("object_corrupt", "The tag fails."))).toContain(
    "The tag fails.",
  );
});

test("a conflict that this process met says what stands in the way, and nothing of reading it", () => {
  expect(describeFailure(new Refusal("conflict", "name the person: one of a, b"))).toBe(
    "name the person: one of a, b",
  );
});

test("whoever runs the process that asks the store is told what the store answered, and not to look into a server's log", () => {
  const missing = Object.assign(new Error("The specified bucket does not exist"), {
    name: "NoSuchBucket",
  });
  const refused = new Refusal("store_unavailable", "the object store does not serve", {
    cause: missing,
  });
  expect(describeFailure(refused)).toBe(
    "the object store does not serve: NoSuchBucket: The specified bucket does not exist\nwhat to do: Correct that, and run the command again.",
  );
  expect(
    withCause(new Refusal("custodian_unavailable", "it does not serve", { cause: missing })),
  ).toBe("it does not serve");
});

test("what the system answers about a file is a sentence that names the file, and its code", async () => {
  const refused = async (act: () => Promise<unknown>) =>
    describeFailure(await act().catch((error: unknown) => error));
  const absent = join(import.meta.dirname, "absent", "folder");
  expect(await refused(async () => await mkdir(absent))).toBe(
    `${absent} cannot be made: the system knows no such place (ENOENT)`,
  );
  expect(await refused(async () => await readFile(absent))).toBe(
    `${absent} cannot be opened: the system knows no such place (ENOENT)`,
  );
  const file = Object.assign(new Error("EROFS: read-only file system, utime '/a'"), {
    code: "EROFS",
    syscall: "utime",
    path: "/a",
  });
  expect(describeFailure(file)).toBe(
    "/a cannot be used: its file system cannot be written (EROFS)",
  );
  const socket = Object.assign(new Error("reset"), { code: "ECONNRESET", syscall: "read" });
  expect(describeFailure(socket)).toBe("reset");
});

test("an interruption is told as one, and not as a fault", () => {
  expect(describeFailure(AbortSignal.abort().reason)).toBe("interrupted");
});

test("a file of a copy of the ledger that cannot be read is told with the system's reason, and no server's log is pointed to", () => {
  const cause = Object.assign(new Error("EACCES"), {
    code: "EACCES",
    syscall: "open",
    path: "copy/checkpoint",
  });
  const refusal = new Refusal("ledger_unavailable", "The ledger's file cannot be read.", { cause });
  expect(describeFailure(refusal)).toBe(
    "copy/checkpoint cannot be opened: the system does not allow it (EACCES)",
  );
});

test("a file that finds no room is told as a sentence, also where the system does not name it", () => {
  const error = Object.assign(new Error("ENOSPC"), { code: "ENOSPC", syscall: "write" });
  expect(describeFailure(error)).toBe("a file cannot be written: no room is left (ENOSPC)");
});
