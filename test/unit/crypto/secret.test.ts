import { format, inspect } from "node:util";
import { expect, test } from "@jest/globals";
import { Secret } from "../../../src/crypto/secret.ts";

const make = () => new Secret(Buffer.from("correct horse battery staple"));

test.each([
  ["a template", (secret: Secret) => `${String(secret)}`],
  ["string addition", (secret: Secret) => "".concat(secret as unknown as string)],
  ["JSON", (secret: Secret) => JSON.stringify({ secret })],
  ["inspect", (secret: Secret) => inspect({ secret }, { depth: 9, showHidden: true })],
  ["a format string", (secret: Secret) => format("%s %o %j %O", secret, secret, secret, secret)],
  ["an error's message", (secret: Secret) => new Error(String(secret)).message],
])("a secret shows as [secret] in %s", (_, print) => {
  const printed = print(make());
  expect(printed).toContain("[secret]");
  expect(printed).not.toMatch(/correct|63 ?6f ?72|Y29ycmVjdC/);
});

test("a secret has no property that a copy or a walk would take along", () => {
  const secret = make();
  expect(Object.keys(secret)).toEqual([]);
  expect(Object.assign({}, secret)).toEqual({});
});

test("the end of the block wipes the bytes, and a wiped secret refuses to be read", () => {
  const bytes = Buffer.from("key");
  let kept: Secret;
  {
    using secret = new Secret(bytes);
    kept = secret;
    expect(secret.expose()).toBe(bytes);
  }
  expect(bytes).toEqual(Buffer.alloc(3));
  expect(() => kept.expose()).toThrow("wiped");
  expect(() => kept.sizeBytes).toThrow("wiped");
  expect(() => kept.equals(make())).toThrow("wiped");
  kept.wipe();
});

test("secrets are equal when their bytes are", () => {
  expect(make().equals(make())).toBe(true);
  expect(make().equals(new Secret(Buffer.from("correct horse battery stapler")))).toBe(false);
  expect(make().equals(new Secret(Buffer.from("correct horse battery stapld")))).toBe(false);
  expect(make().sizeBytes).toBe(28);
});
