import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { Database } from "../../../src/database/open.ts";
import { transact } from "../../../src/database/transact.ts";
import { submit } from "../../../src/ledger/submit.ts";
import { approveClassification, proposeClassification } from "../../../src/vault/classification.ts";
import { enterLicense } from "../../../src/vault/license.ts";
import { revokeToken } from "../../../src/vault/token.ts";
import { type Cast, model, stage } from "../../support/actors.ts";
import { openMemory } from "../../support/database.ts";
import { entriesOf, verified } from "../../support/ledger.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

let database: Database;
let running: TestVault;
let cast: Cast;

beforeEach(async () => {
  database = await openMemory();
  running = await startVault({ database });
  cast = await stage(running.vault, { bytes: Buffer.from("the weights") });
});

afterEach(async () => {
  await running.stop();
  await database.close();
});

const errorsOf = async () =>
  (await verified(running)).findings
    .filter(({ severity }) => severity === "error")
    .map(({ code, index }) => ({ code, index }));

test("a vault that classifies anew and whose holders revoke their own tokens verifies", async () => {
  const { vault } = running;
  for (const eccn of ["EAR99", "4E091"]) {
    const { classification } = await proposeClassification(vault, cast.first.caller, model, {
      jurisdiction: "EAR",
      eccn,
      paragraph: null,
      basis: "self",
      datasheet: {},
    });
    await approveClassification(vault, cast.second.caller, model, classification);
  }
  await revokeToken(vault, cast.visitor.caller, cast.visitor.caller.token);
  await revokeToken(vault, cast.first.caller, cast.reader.caller.token);
  expect(await errorsOf()).toEqual([]);
  const kinds = (await entriesOf(database)).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === "classification.superseded")).toHaveLength(2);
});

test("a license that a reader activates in a published entry is found by the verifier", async () => {
  const { vault } = running;
  const { license } = await enterLicense(vault, cast.first.caller, {
    number: "D1",
    kind: "bis-license",
    conditions: "",
    validFrom: "2026-01-01",
    validUntil: "2027-01-01",
    releasesAllowed: null,
    scope: {
      eccns: ["4E091"],
      repositories: null,
      destinations: [],
      nationalities: ["IN"],
      parties: { persons: [cast.visitor.person], workloads: [], entities: [] },
      reasons: null,
    },
  });
  const { principal, token } = cast.visitor.caller;
  await transact(database.db, async (tx) => {
    const body = { license, by: principal, under: token, person: cast.visitor.person };
    const time = vault.now();
    await submit(tx, { kind: "license.activated", subject: license, time, body });
  });
  const index = (await entriesOf(database)).length - 1;
  expect(await errorsOf()).toEqual([{ code: "role_missing", index }]);
});
