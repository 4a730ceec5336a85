import { expect, test } from "@jest/globals";
import { lineageDigest } from "../../../src/lineage/digest.ts";
import { keptLineageForm, lineageForm } from "../../../src/lineage/form.ts";

const revision = "0123456789abcdef0123456789abcdef01234567";
const sha256 = "ab".repeat(32);
const whole = {
  bases: [{ repository: "lab/base", revision }],
  run: { id: "run-17", system: "slurm", url: "https://runs.example/17" },
  code: { commit: revision, repository: "ssh://git@code.example/lab/train.git" },
  datasets: [{ name: "corpus 4", sha256 }],
};

test("a lineage is taken as stated, whole or in part, and none of it is made up", () => {
  expect(lineageForm.parse(whole)).toEqual(whole);
  for (const part of Object.entries(whole)) {
    const alone = Object.fromEntries([part]);
    expect(lineageForm.parse(alone)).toEqual(alone);
  }
  expect(lineageForm.parse({ code: { ...whole.code, commit: sha256 } })).toBeTruthy();
});

test("what is no lineage is refused: nothing, too much, twice the same, a secret in an address", () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ name: `corpus ${at}`, sha256 }));
  const refused: readonly unknown[] = [
    {},
    { bases: [] },
    { note: "x" },
    { run: { id: "" } },
    { run: { id: "x".repeat(201) } },
    { run: { id: "\ud800" } },
    { run: { id: "r", url: "javascript:alert(1)" } },
    { run: { id: "r", url: "https://user:secret@runs.example/17" } },
    { run: { id: "r", url: "https://token@runs.example/17" } },
    { run: { id: "r", owner: "Somebody" } },
    { code: { commit: "main", repository: "https://code.example/x" } },
    { code: { commit: revision.toUpperCase(), repository: "https://code.example/x" } },
    { code: { commit: revision, repository: "ssh://git:secret@code.example/x" } },
    { code: { commit: revision, repository: "git@code.example:lab/train.git" } },
    { bases: [...whole.bases, ...whole.bases] },
    { bases: [{ repository: "lab/base", revision: "main" }] },
    { datasets: [...whole.datasets, { ...whole.datasets[0], sha256: "cd".repeat(32) }] },
    { datasets: many(257) },
    { datasets: [{ name: "corpus", sha256: sha256.toUpperCase() }] },
  ];
  const taken = refused.filter((each) => lineageForm.safeParse(each).success);
  expect(taken).toEqual([]);
  expect(lineageForm.safeParse({ datasets: many(256) }).success).toBe(true);
});

test("the ledger's digest is that of the canonical form, whatever the order of the members", () => {
  const kept = keptLineageForm.parse({
    ...whole,
    bases: [{ repository: "7b1e9c52-3f57-4d12-8f86-0c1f8c7f4b11", revision }],
  });
  const turned = Object.fromEntries(Object.entries(kept).toReversed());
  expect(lineageDigest(keptLineageForm.parse(turned))).toBe(lineageDigest(kept));
  const { run: _, ...without } = kept;
  expect(lineageDigest(without)).not.toBe(lineageDigest(kept));
});
