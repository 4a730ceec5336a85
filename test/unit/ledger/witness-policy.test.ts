import { expect, test } from "@jest/globals";
import { assertKeepable } from "../../../src/ledger/witness-policy.ts";
import { encodeCosignerKey } from "../../../src/merkle/cosignature.ts";
import { encodeVerificationKey } from "../../../src/merkle/note.ts";
import { parsePolicy } from "../../../src/merkle/policy.ts";
import { freshCosigner, freshP256Signer, freshSigner } from "../merkle/signed-texts.ts";

const own = freshSigner("vault.example/ledger").key;
const other = freshSigner("other.example/ledger").key;
const [w1, w2] = [1, 2].map((at) => encodeCosignerKey(freshCosigner(`w.example/${at}`).key));

function keep(text: string): void {
  const parsed = parsePolicy(Buffer.from(text));
  if ("problem" in parsed) throw new Error(parsed.problem);
  assertKeepable(parsed.policy, "witnesses.policy", own.publicKey);
}

const log = ({ name, publicKey }: typeof own) => `log ${encodeVerificationKey(name, publicKey)}\n`;

test("a vault takes a policy that names it or no log, and whose witnesses with addresses are a quorum", () => {
  keep(`witness a ${w1} https://w.example\nquorum a\n`);
  keep(
    `${log(other)}${log(own)}witness a ${w1} http://127.0.0.1:1\nwitness b ${w2}\ngroup g any a b\nquorum g\n`,
  );
});

test.each([
  ["no quorum", "quorum none\n", "no witness"],
  ["other logs alone", `${log(other)}witness a ${w1} https://w.example\nquorum a\n`, "other logs"],
  ["an address that is none", `witness a ${w1} w.example\nquorum a\n`, "address"],
  ["an address of another kind", `witness a ${w1} file:///w\nquorum a\n`, "address"],
  ["no address", `witness a ${w1}\nquorum a\n`, "too few"],
  [
    "too few addresses",
    `witness a ${w1} https://w.example\nwitness b ${w2}\ngroup g all a b\nquorum g\n`,
    "too few",
  ],
])("a vault refuses to start on a policy with %s", (_, text, why) => {
  expect(() => keep(text)).toThrow(why);
});

test("a vault whose ledger a P-256 key signs keeps to no policy, since no witness cosigns it", () => {
  const parsed = parsePolicy(Buffer.from(`witness a ${w1} https://w.example\nquorum a\n`));
  if ("problem" in parsed) throw new Error(parsed.problem);
  const { publicKey } = freshP256Signer(own.name).key;
  expect(() => assertKeepable(parsed.policy, "witnesses.policy", publicKey)).toThrow(
    /ECDSA key signs/,
  );
});
