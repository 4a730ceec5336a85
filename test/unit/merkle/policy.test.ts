import { expect, test } from "@jest/globals";
import { assert, property, uint8Array } from "fast-check";
import { encodeCheckpoint } from "../../../src/merkle/checkpoint.ts";
import { cosign, encodeCosignerKey } from "../../../src/merkle/cosignature.ts";
import { encodeVerificationKey, type Note, parseNote, signNote } from "../../../src/merkle/note.ts";
import {
  isQuorum,
  type Policy,
  parsePolicy,
  shownName,
  signedWitnesses,
} from "../../../src/merkle/policy.ts";
import { freshCosigner, freshSigner } from "./signed-texts.ts";

const log = freshSigner("vault.example/ledger");
const logKey = encodeVerificationKey(log.signer.name, Buffer.from(log.signer.publicKey));
const names = ["X1", "X2", "X3", "Y1", "Y2", "Y3"];
const cosigners = names.map((name) => freshCosigner(`w.example/${name}`));
const vkeys = cosigners.map(({ key }) => encodeCosignerKey(key));
const witnessLines = names.map((name, at) => `witness ${name} ${vkeys[at]}\n`).join("");
const firstWitness = `witness X1 ${vkeys[0]}\n`;

/** The example of the specification, with keys. */
const example = `# two levels
log ${logKey}

${witnessLines}
group X-witnesses 2 X1 X2 X3
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`;

function parsed(text: string | Buffer): Policy {
  const result = parsePolicy(Buffer.from(text));
  if ("problem" in result) throw new Error(result.problem);
  return result.policy;
}

function problemOf(text: string | Buffer): string | null {
  const result = parsePolicy(Buffer.from(text));
  return "problem" in result ? result.problem : null;
}

test("the specification's example is parsed, and its quorum is two of X and one of Y", () => {
  const policy = parsed(example);
  expect(policy.logs.map(({ origin }) => origin)).toEqual([log.signer.name]);
  expect(policy.witnesses.map(({ name }) => name)).toEqual(names);
  for (let bits = 0; bits < 64; bits += 1) {
    const signed = new Set(names.filter((_, at) => (bits >> at) % 2 === 1));
    const ofX = [...signed].filter((name) => name.startsWith("X")).length;
    expect(isQuorum(policy, signed)).toBe(ofX >= 2 && signed.size > ofX);
  }
});

test("a quorum of one witness, of a threshold and of none mean what they say", () => {
  const one = parsed(`${firstWitness}quorum X1\n`);
  expect([isQuorum(one, new Set()), isQuorum(one, new Set(["X1"]))]).toEqual([false, true]);
  const two = parsed(`${witnessLines}group g 2 X1 Y1 Y2\nquorum g\n`);
  expect(isQuorum(two, new Set(["X1"]))).toBe(false);
  expect(isQuorum(two, new Set(["X1", "X2", "X3"]))).toBe(false);
  expect(isQuorum(two, new Set(["X1", "Y2"]))).toBe(true);
  expect(isQuorum(parsed("quorum none\n"), new Set())).toBe(true);
});

test("white space, comments, addresses and the order of lines are free where the specification says so", () => {
  const text = ` \t# a comment\n\t\n\twitness  X1\t${vkeys[0]} https://w.example/prefix \n quorum X1\nlog ${logKey} https://vault.example/\n  #quorum none\n`;
  const { logs, witnesses } = parsed(text);
  expect(witnesses[0]?.url).toBe("https://w.example/prefix");
  expect(logs[0]?.url).toBe("https://vault.example/");
});

test("names are octets: one that only looks the same is another", () => {
  const kelvin = "\u212a";
  const policy = parsed(
    `witness K ${vkeys[0]}\nwitness ${kelvin} ${vkeys[1]}\ngroup g all K ${kelvin}\nquorum g\n`,
  );
  expect(policy.witnesses.map(({ name }) => shownName(name))).toEqual(["K", kelvin]);
  expect(isQuorum(policy, new Set(["K"]))).toBe(false);
  const bare = Buffer.concat([
    Buffer.from("witness "),
    Buffer.of(0xff),
    Buffer.from(` ${vkeys[0]}\nquorum `),
    Buffer.of(0xff, 0x0a),
  ]);
  expect(isQuorum(parsed(bare), new Set(["\u00ff"]))).toBe(true);
});

test.each([
  ["no quorum", firstWitness, "no quorum line"],
  ["nothing", "", "no quorum line"],
  ["two quorums", "quorum none\nquorum none\n", "second quorum"],
  ["a quorum of two names", `${firstWitness}quorum X1 X1\n`, "a quorum is"],
  ["a quorum defined later", `quorum X1\n${firstWitness}`, "not defined"],
  ["a quorum of nobody", "quorum X9\n", "not defined"],
  ["no newline at its end", "quorum none", "newline"],
  ["a carriage return", "quorum none\r\n", "carriage return"],
  ["a form feed", "quorum\fnone\n", "control character"],
  ["a delete", "quorum none\n#\u007f\n", "control character"],
  ["a keyword in capitals", "Quorum none\n", "is not log"],
  ["an unknown keyword", "quorum none\nmonitor x\n", "is not log"],
  ["a no-break space", "quorum\u00a0none\n", "is not log"],
  ["a witness without a key", "witness X1\nquorum X1\n", "a witness is"],
  ["a witness with a log's key", `witness X1 ${logKey}\nquorum X1\n`, "cosigner's vkey"],
  ["a witness with too much", `witness X1 ${vkeys[0]} https://a b\nquorum X1\n`, "a witness is"],
  ["a log with a witness's key", `log ${vkeys[0]}\nquorum none\n`, "log's key"],
  ["a log with too much", `log ${logKey} https://a b\nquorum none\n`, "a log is"],
  ["a log twice", `log ${logKey}\nlog ${logKey} https://a\nquorum none\n`, "twice"],
  [
    "a witness twice under two names",
    `${firstWitness}witness Z ${vkeys[0]}\nquorum none\n`,
    "twice",
  ],
  ["a name twice", `${firstWitness}witness X1 ${vkeys[1]}\nquorum none\n`, "is taken"],
  ["a witness named none", `witness none ${vkeys[0]}\nquorum none\n`, "is taken"],
  ["a group named none", `${firstWitness}group none any X1\nquorum none\n`, "is taken"],
  ["a group named as a witness", `${firstWitness}group X1 any X1\nquorum X1\n`, "is taken"],
  ["a group of itself", `${firstWitness}group g any g\nquorum g\n`, "not defined"],
  ["a group of none", `group g any none\nquorum g\n`, "not defined"],
  ["an empty group", `group g any\nquorum g\n`, "a group is"],
  ["a member twice", `${firstWitness}group g any X1 X1\nquorum g\n`, "member of a group already"],
  [
    "a member of two groups",
    `${firstWitness}group g any X1\ngroup h any X1\nquorum h\n`,
    "already",
  ],
  ["a threshold of 0", `${firstWitness}group g 0 X1\nquorum g\n`, "threshold"],
  ["a threshold over its members", `${firstWitness}group g 2 X1\nquorum g\n`, "threshold"],
  ["a threshold with a leading zero", `${firstWitness}group g 01 X1\nquorum g\n`, "threshold"],
  ["a threshold with a sign", `${firstWitness}group g +1 X1\nquorum g\n`, "threshold"],
  ["a threshold that is a word", `${firstWitness}group g constructor X1\nquorum g\n`, "threshold"],
  [
    "over 64 groups",
    `${Array.from({ length: 65 }, (_, at) => `witness n${at} ${encodeCosignerKey(freshCosigner("w").key)}\ngroup g${at} any n${at}\n`).join("")}quorum none\n`,
    "more than 64",
  ],
  ["over a megabyte", `quorum none\n#${"x".repeat(1_000_000)}\n`, "megabyte"],
])("a policy with %s is refused", (_, text, problem) => {
  expect(problemOf(text)).toContain(problem);
});

test("a witness counts only with a true cosignature, and a log only with its own signature", async () => {
  const policy = parsed(example);
  const text = encodeCheckpoint({ origin: log.signer.name, size: 1, root: Buffer.alloc(32) });
  const signed = parseNote(await signNote(text, log.signer));
  const [first, second] = cosigners;
  if (signed === null || first === undefined || second === undefined) throw new Error("no note");
  const true1 = await cosign(text, first, 5);
  const forged = { ...(await cosign(text, second, 5)), signature: Buffer.alloc(72) };
  const note: Note = { text, signatures: [...signed.signatures, true1, forged] };
  expect(signedWitnesses(policy, note)).toEqual(new Set(["X1"]));
  expect(policy.logs.map((each) => each.hasSigned(note))).toEqual([true]);
  expect(policy.logs.map((each) => each.hasSigned({ text, signatures: [true1] }))).toEqual([false]);
});

test("no input makes the parser throw", () => {
  assert(
    property(uint8Array(), (bytes) => {
      parsePolicy(bytes);
      parsePolicy(Buffer.concat([Buffer.from("witness "), bytes, Buffer.from("\n")]));
    }),
  );
});
