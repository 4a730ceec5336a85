import { expect, test } from "@jest/globals";
import {
  answerOf,
  type Cryptoki,
  initialize,
  isAnswer,
  onOwnBytes,
} from "../../../src/custody/cryptoki.ts";

const answer = (code: number) => Object.assign(new Error("a call failed"), { code });

test("an answer is told by its value, and named as the standard names it", () => {
  expect(isAnswer(answer(0xb3), "CKR_SESSION_HANDLE_INVALID")).toBe(true);
  expect(isAnswer(answer(0xb3), "CKR_PIN_LOCKED", "CKR_SESSION_CLOSED")).toBe(false);
  expect(answerOf(answer(0xa4))).toBe("CKR_PIN_LOCKED");
  expect(answerOf(answer(0x80000001))).toBe("CKR 0x80000001");
});

test("what is no answer of a token's is not taken for one", () => {
  for (const other of [
    null,
    "x",
    new Error("x"),
    Object.assign(new Error("x"), { code: "EPERM" }),
  ]) {
    expect(isAnswer(other, "CKR_GENERAL_ERROR")).toBe(false);
    expect(answerOf(other)).toBe("not an answer of the token's");
  }
});

test("the library is initialised with the operating system's locks, and one that is initialised is taken as it is", () => {
  const given: unknown[] = [];
  const initialized = (code: number | null) =>
    ({
      C_Initialize: (options: unknown) => {
        given.push(options);
        if (code !== null) throw answer(code);
      },
    }) as Cryptoki;
  initialize(initialized(null));
  initialize(initialized(0x191));
  expect(() => initialize(initialized(0x5))).toThrow("a call failed");
  expect(given).toEqual([{ flags: 2 }, { flags: 2 }, { flags: 2 }]);
});

test("what a token's thread reads lives as long as the call, whatever its caller does meanwhile, and is wiped then", async () => {
  for (const name of ["C_EncryptAsync", "C_DecryptAsync", "C_SignAsync"] as const) {
    const { promise: answered, resolve: answers } = Promise.withResolvers<Buffer>();
    const read: Buffer[] = [];
    const slow: Cryptoki["C_SignAsync"] = async (_session, bytes) => {
      read.push(bytes);
      return await answered;
    };
    const calls = onOwnBytes({ C_EncryptAsync: slow, C_DecryptAsync: slow, C_SignAsync: slow });
    const bytes = Buffer.from("of the caller");
    const called = calls[name](Buffer.alloc(8), bytes, Buffer.alloc(0));
    bytes.fill(0);
    expect(read.map(String)).toEqual(["of the caller"]);
    answers(Buffer.from("done"));
    expect(String(await called)).toBe("done");
    expect(read).toEqual([Buffer.alloc(13)]);
  }
});

test("the bytes of a call that fails are wiped too", async () => {
  const read: Buffer[] = [];
  const fails: Cryptoki["C_SignAsync"] = async (_session, bytes) => {
    read.push(bytes);
    throw answer(0x5);
  };
  const calls = onOwnBytes({ C_EncryptAsync: fails, C_DecryptAsync: fails, C_SignAsync: fails });
  await expect(
    calls.C_SignAsync(Buffer.alloc(8), Buffer.from("x"), Buffer.alloc(0)),
  ).rejects.toThrow("a call failed");
  expect(read).toEqual([Buffer.alloc(1)]);
});
