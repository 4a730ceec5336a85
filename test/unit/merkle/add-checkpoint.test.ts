import { expect, test } from "@jest/globals";
import { assert, property, string, uint8Array } from "fast-check";
import { encodeAddCheckpoint, parseAddCheckpoint } from "../../../src/merkle/add-checkpoint.ts";

const hash = Buffer.alloc(32, 7);
const line = `${hash.toString("base64")}\n`;

/** The example of C2SP tlog-witness. */
const example = `old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
`;

test("the specification's example comes back byte for byte", () => {
  const parsed = parseAddCheckpoint(Buffer.from(example));
  if (parsed === null) throw new Error("the example does not parse");
  expect(parsed.oldSize).toBe(20_852_014);
  expect(parsed.proof).toHaveLength(4);
  expect(parsed.checkpoint.startsWith("example.com/behind-the-sofa\n20852163\n")).toBe(true);
  expect(encodeAddCheckpoint(parsed)).toBe(example);
});

test("an empty proof and one of 63 hashes are taken", () => {
  expect(parseAddCheckpoint("old 0\n\ncheckpoint")).toEqual({
    oldSize: 0,
    proof: [],
    checkpoint: "checkpoint",
  });
  expect(parseAddCheckpoint(`old 1\n${line.repeat(63)}\n`)?.proof).toHaveLength(63);
});

test.each([
  ["nothing", ""],
  ["no empty line", `old 1\n${line}`],
  ["no old line", `\n\ncheckpoint`],
  ["another word", "Old 0\n\n"],
  ["two spaces", "old  0\n\n"],
  ["a tab", "old\t0\n\n"],
  ["a leading zero", "old 00\n\n"],
  ["a sign", "old -1\n\n"],
  ["a size past 2^53", "old 9007199254740992\n\n"],
  ["words after the size", "old 1 2\n\n"],
  ["a carriage return", "old 1\r\n\r\n"],
  ["64 hashes", `old 1\n${line.repeat(64)}\n`],
  ["a short hash", `old 1\n${Buffer.alloc(31).toString("base64")}\n\n`],
  ["a hash without padding", `old 1\n${line.slice(0, -2)}\n\n`],
  ["a hash with stray bits", `old 1\n${line.slice(0, -3)}d=\n\n`],
  ["a lone surrogate", "old 1\n\n\ud800"],
])("a request with %s is refused", (_, text) => {
  expect(parseAddCheckpoint(text)).toBeNull();
});

test("no input makes the parser throw", () => {
  assert(
    property(uint8Array(), string({ unit: "binary" }), (bytes, text) => {
      parseAddCheckpoint(bytes);
      parseAddCheckpoint(`old ${text}`);
    }),
  );
});
