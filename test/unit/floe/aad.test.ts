import { expect, test } from "@jest/globals";
import { objectAad } from "../../../src/floe/aad.ts";

test("an object's associated bytes are the label, a zero byte and the 16 bytes of its id", () => {
  const id = Buffer.from("00112233445566778899aabbccddeeff", "hex");
  expect(objectAad(id).toString("hex")).toBe(
    `${Buffer.from("weightvault/object/v1").toString("hex")}00${id.toString("hex")}`,
  );
});

test.each([0, 15, 17])("an id of %d bytes is refused", (sizeBytes) => {
  expect(() => objectAad(Buffer.alloc(sizeBytes))).toThrow(RangeError);
});
