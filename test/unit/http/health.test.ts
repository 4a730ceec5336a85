import { expect, jest, test } from "@jest/globals";
import { Refusal } from "../../../src/errors.ts";
import { runChecks } from "../../../src/http/health.ts";

const services = {
  isDraining: () => false,
  explain: (thrown: unknown) => new Refusal("database_unavailable", "down", { cause: thrown }),
};

test("each check says ok or its code, and a foreign error is explained", async () => {
  const checks = {
    store: async () => {},
    signer: async () => {
      throw new Refusal("signer_unavailable", "no");
    },
    database: async () => {
      throw new Error("ECONNREFUSED");
    },
  };
  expect(await runChecks({ ...services, checks })).toEqual({
    store: "ok",
    signer: "signer_unavailable",
    database: "database_unavailable",
  });
});

test("a check that hangs is given up after five seconds, beside the others and not after them", async () => {
  jest.useFakeTimers();
  try {
    const hang = () => new Promise<void>(() => {});
    const checks = { sequencer: hang, store: hang, custodian: hang, store2: async () => {} };
    const outcome = runChecks({ ...services, checks });
    await jest.advanceTimersByTimeAsync(5_000);
    expect(await outcome).toEqual({
      sequencer: "ledger_unavailable",
      store: "store_unavailable",
      custodian: "custodian_unavailable",
      store2: "ok",
    });
  } finally {
    jest.useRealTimers();
  }
});

test("a server that drains is not ready, whatever the checks say", async () => {
  const outcome = await runChecks({
    ...services,
    isDraining: () => true,
    checks: { store: async () => {} },
  });
  expect(outcome).toEqual({ store: "ok", server: "shutting_down" });
});
