import { expect, test } from "@jest/globals";
import { z } from "zod";
import { Refusal, refusals } from "../../../src/errors.ts";
import { problemOf, repeatedRefusal, schemaRefusal } from "../../../src/http/problem.ts";

test("a problem has the members of RFC 9457, the stable code and the remedy", () => {
  const problem = problemOf(new Refusal("not_found", "there is no such repository"), "request-1");
  expect(problem).toEqual({
    type: "urn:weightvault:problem:not_found",
    title: refusals.not_found[1],
    status: 404,
    detail: "there is no such repository",
    code: "not_found",
    remedy: refusals.not_found[2],
    instance: "urn:weightvault:request:request-1",
    requestId: "request-1",
  });
});

test("a refusal's own members come along and replace nothing", () => {
  const refusal = new Refusal("parent_moved", "the head moved", {
    members: { head: "abc", status: 200, code: "fine", remedy: "none" },
  });
  expect(problemOf(refusal, "1")).toMatchObject({
    head: "abc",
    status: 409,
    code: "parent_moved",
    remedy: refusals.parent_moved[2],
  });
});

test("a cause stays here", () => {
  const refusal = new Refusal("internal", "the request could not be finished", {
    cause: new Error("password=hunter2"),
  });
  expect(JSON.stringify(problemOf(refusal, "1"))).not.toContain("hunter2");
});

test("a schema's refusal names every field and repeats no value", () => {
  const schema = z.strictObject({ name: z.string().max(3), list: z.array(z.int()) });
  const parsed = schema.safeParse({ name: "secret-name", list: [1, "secret-item"], more: 1 });
  if (parsed.error === undefined) throw new Error("the schema let it through");
  const refusal = schemaRefusal(parsed.error.issues, "body");
  const errors = refusal.members["errors"] as { path: string; message: string }[];
  expect(errors.map(({ path }) => path).sort()).toEqual(["", "list.1", "name"]);
  expect(JSON.stringify(problemOf(refusal, "1"))).not.toContain("secret");
});

test("a refusal's sentence names a member once, whatever is wrong with it, and says which were given more than once", () => {
  const schema = z.strictObject({ limit: z.string().min(3).regex(/^x/) });
  const twice = schema.safeParse({ limit: "a" });
  const issues = twice.error?.issues ?? [];
  expect(issues).toHaveLength(2);
  const refusal = schemaRefusal(issues, "query");
  expect(refusal.message).toBe("the query does not fit: limit");
  expect(refusal.members["errors"]).toHaveLength(2);
  const repeated = repeatedRefusal(["limit", "after"]);
  expect(repeated.message).toBe("the query gives more than once: limit, after");
  expect(repeated.members["errors"]).toEqual([
    { path: "limit", message: "is given more than once" },
    { path: "after", message: "is given more than once" },
  ]);
});

test("a schema's refusal names fifty fields, counts the rest and stays small", () => {
  const list = Array.from({ length: 5_000 }, (_, index) => ({
    path: ["list", index, "x".repeat(10_000)],
    message: "m".repeat(10_000),
  }));
  const refusal = schemaRefusal(list, "body");
  expect(refusal.members["errors"]).toHaveLength(50);
  expect(refusal.members["errorsOmitted"]).toBe(4_950);
  expect(JSON.stringify(problemOf(refusal, "1")).length).toBeLessThan(40_000);
  expect(schemaRefusal(list.slice(0, 50), "body").members).not.toHaveProperty("errorsOmitted");
});
