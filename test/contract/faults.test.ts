import { expect, test } from "@jest/globals";
import { failing, withFaults } from "../support/faults.ts";

/** A small port with one method of each shape that ours have. */
function makePort() {
  const done: string[] = [];
  return {
    done,
    port: {
      check: async () => {
        done.push("check");
      },
      create: async (key: string) => ({
        complete: async () => void done.push(`complete ${key}`),
        abort: async () => void done.push(`abort ${key}`),
      }),
      async *list(prefix: string) {
        done.push("list");
        yield `${prefix}/a`;
      },
    },
  };
}

const broken = new Error("broken on purpose");

test("the nth call of a method fails before the port is asked, once", async () => {
  const { port, done } = makePort();
  const faulty = withFaults(port);
  faulty.arm({ method: "check", nth: 2, when: "before", act: failing(broken) });
  await faulty.port.check();
  await expect(faulty.port.check()).rejects.toBe(broken);
  await faulty.port.check();
  expect(done).toEqual(["check", "check"]);
  expect(faulty.calls).toEqual(["check", "check", "check"]);
});

test("a fault after the call comes when the port has done its work", async () => {
  const { port, done } = makePort();
  const faulty = withFaults(port);
  faulty.arm({ nth: 1, when: "after", act: failing(broken) });
  await expect(faulty.port.check()).rejects.toBe(broken);
  expect(done).toEqual(["check"]);
});

test("the writer that a store gives fails under its own method names", async () => {
  const { port, done } = makePort();
  const faulty = withFaults(port);
  faulty.arm({ method: "writer.complete", nth: 1, when: "before", act: failing(broken) });
  const writer = await faulty.port.create("a");
  await expect(writer.complete()).rejects.toBe(broken);
  await writer.abort();
  expect(done).toEqual(["abort a"]);
});

test("an iteration fails at its beginning or at its end", async () => {
  const { port, done } = makePort();
  const faulty = withFaults(port);
  const keys: string[] = [];
  const list = async () => {
    for await (const key of faulty.port.list("x")) keys.push(key);
  };
  faulty.arm({ method: "list", nth: 1, when: "before", act: failing(broken) });
  await expect(list()).rejects.toBe(broken);
  expect(done).toEqual([]);
  faulty.arm({ method: "list", nth: 1, when: "after", act: failing(broken) });
  await expect(list()).rejects.toBe(broken);
  expect(keys).toEqual(["x/a"]);
});

test("disarmed faults do not happen", async () => {
  const { port } = makePort();
  const faulty = withFaults(port);
  faulty.arm({ nth: 1, when: "before", act: failing(broken) });
  faulty.disarm();
  await expect(faulty.port.check()).resolves.toBeUndefined();
});
