import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { entityOf } from "../../src/cli/entity.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weightvault-entity-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const acknowledgements = [
  { kind: "supplement-eight-entity", signedOn: "2026-08-01", name: "Core42" },
];

test("an entity's papers come from a file, and flags stand above it", async () => {
  const file = join(folder, "entity.json");
  await writeFile(file, JSON.stringify({ country: "US", headquarters: "AE", acknowledgements }));
  expect(await entityOf({ name: "Core42", country: "AE", file })).toEqual({
    name: "Core42",
    country: "AE",
    headquarters: "AE",
    acknowledgements,
  });
});

test("without a file an entity is what the flags say", async () => {
  expect(await entityOf({ name: "Lab Inc.", parentHeadquarters: "US" })).toEqual({
    name: "Lab Inc.",
    ultimateParentHeadquarters: "US",
  });
});

test("a file that is no JSON object is refused", async () => {
  const file = join(folder, "list.json");
  await writeFile(file, "[]");
  await expect(entityOf({ name: "Lab Inc.", file })).rejects.toMatchObject({ exit: "usage" });
});
