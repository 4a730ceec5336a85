import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import type { z } from "zod";
import type { Facts, License } from "../../../src/export-control/facts.ts";
import {
  factsJsonSchema,
  license,
  facts as schema,
} from "../../../src/export-control/facts-schema.ts";
import { license as aLicense, asks, base, nationalOf, runs, workload } from "./builders.ts";
import { policies as regimePolicies, unlisted } from "./policies/european-union.ts";
import { stating } from "./policies/policy.ts";

type ReadonlyThroughout<Value> = Value extends readonly (infer Item)[]
  ? readonly ReadonlyThroughout<Item>[]
  : Value extends object
    ? { readonly [Name in keyof Value]: ReadonlyThroughout<Value[Name]> }
    : Value;
type Same<One, Other> =
  (<Value>() => Value extends One ? 1 : 2) extends <Value>() => Value extends Other ? 1 : 2
    ? true
    : false;

/** These two lines do not compile where the schema and the type differ. */
const factsAgree: Same<
  ReadonlyThroughout<z.output<typeof schema>>,
  ReadonlyThroughout<Facts>
> = true;
const licenseAgrees: Same<
  ReadonlyThroughout<z.output<typeof license>>,
  ReadonlyThroughout<License>
> = true;

test("the schema's type is that of the facts", () => {
  expect([factsAgree, licenseAgrees]).toEqual([true, true]);
});

test("the committed JSON Schema is the one that the schema generates: npm run schema", () => {
  const file = new URL("../../../docs/decision-facts.schema.json", import.meta.url);
  const committed = JSON.parse(readFileSync(file, "utf8")) as unknown;
  expect(committed).toEqual(JSON.parse(JSON.stringify(factsJsonSchema())));
  expect(committed).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema" });
});

test("the schema takes facts as decisions take them, and gives them back as they were", () => {
  const some = [
    base,
    { ...base, grant: null, screening: null, item: { ...base.item, classification: null } },
    asks(nationalOf("IN"), { licenses: [aLicense({ nationalities: ["IN"] })] }),
    runs(workload({ country: null })),
    { ...base, departure: { country: null } },
    ...regimePolicies.map(([, , given]) => given),
  ];
  for (const each of some) expect(schema.parse(each)).toEqual(each);
});

test.each([
  ["an unknown member", { ...base, nickname: "x" }, []],
  ["a member left out", { ...base, licenses: undefined }, ["licenses"]],
  ["a day that no month has", { ...base, at: "2026-02-30T00:00:00Z" }, ["at"]],
  ["an hour that no day has", { ...base, at: "2026-02-20T24:00:00Z" }, ["at"]],
  ["a date for an instant", { ...base, at: "2026-11-23" }, ["at"]],
  [
    "a country in small letters",
    { ...base, destination: { ...base.destination, country: "us" } },
    ["destination", "country"],
  ],
  ["a subject of another kind", { ...base, subject: { kind: "robot" } }, ["subject", "kind"]],
  [
    "a regime that nobody knows",
    stating(base, { regimes: [{ ...unlisted, jurisdiction: "XX" as "EU" }] }),
    ["item", "classification", "regimes", 0, "jurisdiction"],
  ],
  [
    "a place of departure left open by null for its country's object",
    { ...base, departure: null },
    ["departure"],
  ],
])("the schema refuses %s and says where", (_, given, path) => {
  const parsed = schema.safeParse(given);
  expect(parsed.success).toBe(false);
  expect(parsed.error?.issues[0]?.path).toEqual(path);
});
