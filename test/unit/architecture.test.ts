import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";

const src = fileURLToPath(new URL("../../src", import.meta.url));

const ports = ["custody/custodian.ts", "custody/signer.ts", "storage/blob-store.ts"];

/** DESIGN's import table: what each room may import besides itself. `null` is everything. */
const table: Readonly<Record<string, readonly string[] | null>> = {
  "main.ts": null,
  "open-store.ts": null,
  "maintain.ts": null,
  "custodians.ts": null,
  "setting-files.ts": null,
  "witness.ts": null,
  "cli/main.ts": null,
  http: [
    "vault",
    "identity",
    "ledger",
    "merkle",
    "export-control/datasheet/form.ts",
    "lineage/form.ts",
    "lineage/model-signature.ts",
    "errors.ts",
  ],
  cli: [
    "ledger/verify.ts",
    "ledger/verify-excerpt.ts",
    "ledger/findings.ts",
    "ledger/entry.ts",
    "ledger/source",
    "ledger/verify-timestamps.ts",
    "ledger/verify-ids.ts",
    "ledger/verify-series.ts",
    "ledger/verify-watch.ts",
    "ledger/batch-limit.ts",
    "ledger/witness-policy.ts",
    "export-control",
    "weights",
    "screening",
    "floe",
    "crypto",
    "merkle",
    "lineage",
    "errors.ts",
  ],
  vault: [
    "export-control",
    "screening",
    "identity",
    "ledger",
    "lineage",
    "floe",
    "crypto",
    "database",
    ...ports,
    "errors.ts",
  ],
  ledger: [
    "merkle",
    "crypto",
    "database",
    "storage/blob-store.ts",
    "custody/signer.ts",
    "errors.ts",
  ],
  custody: ["crypto", "errors.ts"],
  floe: ["crypto/secret.ts", "errors.ts"],
  crypto: ["errors.ts"],
  storage: ["crypto/secret.ts", "errors.ts"],
  witness: ["merkle", "errors.ts"],
  identity: ["database", "crypto", "errors.ts"],
  "export-control": [],
  weights: [],
  screening: [],
  merkle: [],
  lineage: ["crypto/canonical-json.ts", "merkle"],
  database: [],
  "config.ts": [],
  "errors.ts": [],
};

/** Rooms that may not even borrow a type. */
const pure = [
  "export-control",
  "weights",
  "screening",
  "merkle",
  "database",
  "config.ts",
  "errors.ts",
];

const banned = ["utils", "helpers", "common", "types", "services"];

type Import = { readonly from: string; readonly to: string; readonly isType: boolean };

function files(): readonly string[] {
  return readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
}

function importsOf(file: string): readonly Import[] {
  const text = readFileSync(join(src, file), "utf8");
  const statements = text.matchAll(
    /(?:^|\n)(?:import|export)\s+(type\s+)?[^;"']*?from\s+"(\.[^"]+)"|import\("(\.[^"]+)"\)/g,
  );
  return [...statements].map(([, type, fixed, lazy]) => ({
    from: file,
    to: relative(src, join(src, dirname(file), fixed ?? lazy ?? "")),
    isType: type !== undefined,
  }));
}

function roomOf(file: string): string {
  return file in table ? file : (file.split("/")[0] ?? file);
}

function breaks({ from, to, isType }: Import): boolean {
  const room = roomOf(from);
  const allowed = table[room];
  if (allowed === null || (roomOf(to) === room && to !== "cli/main.ts")) return false;
  if (isType && !pure.includes(room)) return false;
  return !(allowed ?? []).some(
    (each) =>
      to === each ||
      to.startsWith(each.endsWith(".ts") ? `${each}/` : each.includes("/") ? each : `${each}/`),
  );
}

test("every file lies in a room of the table", () => {
  expect(
    files()
      .map(roomOf)
      .filter((room) => !(room in table)),
  ).toEqual([]);
});

test("every import keeps to the table", () => {
  const all = files().flatMap(importsOf);
  expect(all.length).toBeGreaterThan(200);
  expect(all.filter(breaks).map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
});

test("the table is held against what it forbids", () => {
  const forbidden: readonly Import[] = [
    { from: "vault/release.ts", to: "custody/soft-custodian.ts", isType: false },
    { from: "http/app.ts", to: "database/open.ts", isType: false },
    { from: "http/classifications.ts", to: "export-control/decide.ts", isType: false },
    { from: "weights/gguf.ts", to: "export-control/facts.ts", isType: true },
    { from: "merkle/tree.ts", to: "crypto/secret.ts", isType: true },
    { from: "cli/download.ts", to: "vault/release.ts", isType: false },
    { from: "cli/download.ts", to: "cli/main.ts", isType: false },
    { from: "floe/seal.ts", to: "crypto/aead.ts", isType: false },
  ];
  expect(forbidden.filter((each) => !breaks(each))).toEqual([]);
});

test("only the composition roots import adapters", () => {
  const adapters = files().filter(
    (file) => /^(custody|storage)\//.test(file) && !ports.includes(file),
  );
  const outside = files()
    .flatMap(importsOf)
    .filter(
      ({ from, to, isType }) => adapters.includes(to) && !isType && roomOf(from) !== roomOf(to),
    );
  expect(adapters.length).toBeGreaterThan(3);
  expect([...new Set(outside.map(({ from }) => from))].toSorted()).toEqual([
    "custodians.ts",
    "open-store.ts",
    "witness.ts",
  ]);
});

test("no room or file is a catch-all", () => {
  const names = files().flatMap((file) => file.replace(/\.ts$/, "").split("/"));
  expect(names.filter((name) => banned.includes(name))).toEqual([]);
});
