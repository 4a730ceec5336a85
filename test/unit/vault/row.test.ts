import { expect, test } from "@jest/globals";
import { commitmentOf } from "../../../src/vault/row.ts";

const row = {
  id: "6f1f2f5e-7a0e-4c58-9a34-0a1f5c3f8a11",
  repository: "6f1f2f5e-7a0e-4c58-9a34-0a1f5c3f8a12",
  jurisdiction: "EAR",
  eccn: "4E091",
  paragraph: null,
  basis: "self",
  datasheet: {},
  proposed_by: "6f1f2f5e-7a0e-4c58-9a34-0a1f5c3f8a13",
  salt: Buffer.alloc(32, 7),
};
const hex = (more: Readonly<Record<string, unknown>> = {}) =>
  commitmentOf("classification", { ...row, ...more }).toString("hex");

test("a classification recorded before there were datasheets keeps its commitment", () => {
  const recorded = "37c86b6a9d17e2103e6a99ea2417b3115e75dc7dee7bc7fe03b1eefbc78136cd";
  expect(hex()).toBe(recorded);
  expect(hex({ datasheet_sha256: null, justification: null })).toBe(recorded);
});

test("a datasheet, its digest and a justification are each in the commitment, and cannot stand for each other", () => {
  const values = [
    hex(),
    hex({ datasheet: { form: "weightvault/datasheet/v1" } }),
    hex({ datasheet_sha256: "aa" }),
    hex({ justification: "aa" }),
    hex({ datasheet_sha256: "aa", justification: "aa" }),
  ];
  expect(new Set(values).size).toBe(values.length);
});

test("what is stated of other regimes is in the commitment, and attributes of before keep theirs", () => {
  const attributes = { form: "technology", determination: null };
  const recorded = "484f40d2782a5fb7d46d63935b1ade0fd2571ec6e865fbdf441490a0044abbc6";
  expect(hex({ attributes })).toBe(recorded);
  const regimes = [{ jurisdiction: "EU", list: "annex-I", code: "4E001" }];
  const other = [{ jurisdiction: "EU", list: "annex-I", code: null }];
  const values = [
    hex({ attributes }),
    hex({ attributes: { ...attributes, regimes } }),
    hex({ attributes: { ...attributes, regimes: other } }),
  ];
  expect(new Set(values).size).toBe(values.length);
});
