import { expect, test } from "@jest/globals";
import { formatOf } from "../../../src/weights/format.ts";
import { gguf, safetensors, tensor } from "./files.ts";

const pickle = Buffer.from([0x80, 2, 0x63, 0x6f, 0x73, 0x0a]);
const zip = (name: string) =>
  Buffer.concat([Buffer.from("PK\u0003\u0004"), Buffer.alloc(26), Buffer.from(name)]);
const small = safetensors({ a: tensor("U8", [1], 0, 1) }, 1);
/** A header of 0x010280 bytes, whose length begins as a pickle of protocol 2 does. */
const unlucky = safetensors(`{${" ".repeat(0x010280 - 2)}}`, 0);

test.each([
  ["model.safetensors", small, "safetensors"],
  ["weights", small, "safetensors"],
  ["model.safetensors", unlucky, "safetensors"],
  ["model.gguf", gguf(), "gguf"],
  ["model.safetensors", gguf(), "gguf"],
  ["model.safetensors.index.json", Buffer.from("{}"), "safetensors-index"],
  ["pytorch_model.bin", pickle, "pickle"],
  ["model.safetensors", pickle, "pickle"],
  ["model.safetensors.index.json", pickle, "pickle"],
  ["model.gguf", pickle, "pickle"],
  ["model.pt", zip("archive/data.pkl"), "pickle"],
  ["model.safetensors", zip("archive/data.pkl"), "pickle"],
  ["model.ckpt", zip("archive/x"), "pickle"],
  ["model.zip", zip("readme"), "archive"],
  ["model.bin", Buffer.from("(lp0\n."), "pickle"],
  ["model.ckpt", Buffer.alloc(0), "pickle"],
  ["model.txt", Buffer.from("hello"), "other"],
  ["model", Buffer.alloc(0), "other"],
] as const)("%s is told by its bytes before its name", (name, bytes, format) => {
  expect(formatOf(name, bytes)).toBe(format);
});
