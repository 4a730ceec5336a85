import { expect, test } from "@jest/globals";
import { answerOf, type Cryptoki, initialize, isAnswer } from "../../../src/custody/cryptoki.ts";

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
