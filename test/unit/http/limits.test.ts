import { expect, test } from "@jest/globals";
import { z } from "zod";
import { elementLimit } from "../../../src/http/json-shape.ts";
import { routes } from "../../../src/http/routes.ts";

type Described = { readonly [member: string]: unknown };

/** Every schema of an array in a described body, with where it is. */
function arraysIn(described: unknown, place: string): (readonly [string, Described])[] {
  if (typeof described !== "object" || described === null) return [];
  const members = Object.entries(described);
  const own = "type" in described && described.type === "array";
  return [
    ...(own ? [[place, described as Described] as const] : []),
    ...members.flatMap(([name, member]) => arraysIn(member, `${place}.${name}`)),
  ];
}

test("every array in the body of every route has a limit", () => {
  const arrays = routes.flatMap(({ body, method, path }) =>
    body === null ? [] : arraysIn(z.toJSONSchema(body, { io: "input" }), `${method} ${path}`),
  );
  expect(arrays.length).toBeGreaterThan(10);
  for (const [place, { maxItems = Number.POSITIVE_INFINITY }] of arrays)
    expect([place, Number(maxItems) <= elementLimit]).toEqual([place, true]);
});
