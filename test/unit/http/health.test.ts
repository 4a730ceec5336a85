import { expect, jest, test } from "@jest/globals";
import { Refusal } from "../../../src/errors.ts";
import { remembered, runChecks } from "../../../src/http/health.ts";

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

test("a check is made once at a time and once a second, however many ask, and each gets its outcome", async () => {
  jest.useFakeTimers();
  try {
    let made = 0;
    const ended: PromiseWithResolvers<void>[] = [];
    const { store } = remembered({
      store: async () => {
        made += 1;
        const end = Promise.withResolvers<void>();
        ended.push(end);
        await end.promise;
      },
    });
    if (store === undefined) throw new Error("the check is lost");
    const ask = async () => await runChecks({ ...services, checks: { store } });
    const first = [ask(), ask(), ask()];
    await jest.advanceTimersByTimeAsync(1_500);
    first.push(ask());
    ended[0]?.reject(new Refusal("store_full", "no room"));
    for (const outcome of await Promise.all(first))
      expect(outcome).toEqual({ store: "store_full" });
    await jest.advanceTimersByTimeAsync(999);
    expect(await ask()).toEqual({ store: "store_full" });
    expect(made).toBe(1);
    await jest.advanceTimersByTimeAsync(1);
    const second = ask();
    ended[1]?.resolve();
    expect(await second).toEqual({ store: "ok" });
    expect(made).toBe(2);
  } finally {
    jest.useRealTimers();
  }
});

test("a check that hangs is made anew after five seconds, so that it cannot hide a recovery", async () => {
  jest.useFakeTimers();
  try {
    let made = 0;
    const { store } = remembered({
      store: async () => {
        made += 1;
        if (made === 1) await new Promise<void>(() => {});
      },
    });
    if (store === undefined) throw new Error("the check is lost");
    const ask = async () => await runChecks({ ...services, checks: { store } });
    const hanging = ask();
    await jest.advanceTimersByTimeAsync(5_000);
    expect(await hanging).toEqual({ store: "store_unavailable" });
    expect(await ask()).toEqual({ store: "ok" });
    expect(made).toBe(2);
  } finally {
    jest.useRealTimers();
  }
});
