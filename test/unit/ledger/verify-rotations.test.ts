import { expect, test } from "@jest/globals";
import type { Canonical } from "../../../src/crypto/canonical-json.ts";
import type { FindingCode } from "../../../src/ledger/findings.ts";
import type { Recorded } from "../../vectors/ledger/build.ts";
import { digestOf, idOf, made, record } from "../../vectors/ledger/story.ts";
import { told, verifyStory } from "../../vectors/ledger/tell.ts";

type Body = { readonly [name: string]: Canonical };

const rotation = idOf("rotation");
const kek = digestOf("kek");

const begin = (replaced: Body = {}): Recorded =>
  record("rotation.begun", { rotation, kek, keys: {}, ...made("officer"), ...replaced });
const finish = (replaced: Body = {}): Recorded =>
  record("rotation.finished", {
    rotation,
    kek,
    rewrapped: 3,
    rejected: 0,
    digest: digestOf("replaced"),
    restorableUntil: null,
    ...replaced,
  });
const supersede = (replaced: Body = {}): Recorded =>
  record("rotation.superseded", {
    rotation,
    rewrapped: 1,
    digest: digestOf("replaced"),
    ...made("officer"),
    ...replaced,
  });
const another = { rotation: idOf("another") };

async function codesOf(records: readonly Recorded[]): Promise<readonly FindingCode[]> {
  const { findings } = await verifyStory(told(...records));
  return findings
    .filter(({ severity, code }) => severity === "error" || code === "unknown_kind")
    .map(({ code }) => code);
}

test("rotations that end before the next begins verify, also one that another superseded", async () => {
  expect(await codesOf([begin(), finish(), begin(another), finish(another)])).toEqual([]);
  expect(await codesOf([begin(), supersede(), begin(another), finish(another)])).toEqual([]);
  expect(await codesOf([begin()])).toEqual([]);
});

test.each<[string, readonly Recorded[], FindingCode]>([
  ["that begins while another runs", [begin(), begin(another)], "change_impossible"],
  ["that begins again", [begin(), finish(), begin()], "change_impossible"],
  ["that ends and never began", [finish()], "change_impossible"],
  ["that ends twice", [begin(), finish(), finish()], "change_impossible"],
  ["that ends as another", [begin(), finish(another)], "change_impossible"],
  ["that ends on another key", [begin(), finish({ kek: digestOf("x") })], "change_impossible"],
  ["without its count", [begin(), finish({ rewrapped: "3" })], "body_malformed"],
  ["without its digest", [begin(), supersede({ digest: "x" })], "body_malformed"],
  ["onto a key in clear", [begin({ kek: "arn:aws:kms:x" })], "body_malformed"],
  ["that nobody asked for", [begin({ by: null }), finish()], "caller_missing"],
])("a rotation %s is found", async (_, records, code) => {
  expect(await codesOf(records)).toEqual([code]);
});
