import { expect, test } from "@jest/globals";
import type { Canonical } from "../../../src/crypto/canonical-json.ts";
import type { FindingCode } from "../../../src/ledger/findings.ts";
import type { Recorded } from "../../vectors/ledger/build.ts";
import { digestOf, idOf, made, record } from "../../vectors/ledger/story.ts";
import { allowed, told, verifyStory } from "../../vectors/ledger/tell.ts";

type Body = { readonly [name: string]: Canonical };

const [object, upload, repository] = [idOf("object"), idOf("upload"), idOf("aurora/large")];
const sha256 = digestOf("weights");
const by = made("training job");
const one = { object, upload, repository, sha256, bytes: "17000000" };

const hand = (key: string, replaced: Body = {}): Recorded =>
  record("upload.key-released", {
    ...one,
    key: idOf(key),
    kem: 16,
    headerSha256: digestOf("header"),
    recipientKeySha256: digestOf("recipient"),
    ...by,
    ...replaced,
  });
const declare = (key: string, replaced: Body = {}): Recorded =>
  record("object.declared", {
    ...one,
    key: idOf(key),
    list: digestOf("list"),
    ...by,
    ...replaced,
  });
const prove = (replaced: Body = {}): Recorded =>
  record("object.proved", { object, repository, sha256, ...replaced });
const list = (allowed().body["objects"] as Body)["sha256"] ?? null;
const refute = (replaced: Body = {}): Recorded =>
  record("object.refuted", {
    object,
    repository,
    sha256,
    found: "digest_mismatch",
    lists: [list],
    ...replaced,
  });

async function codesOf(records: readonly Recorded[]): Promise<readonly FindingCode[]> {
  const { findings } = await verifyStory(told(...records));
  return findings
    .filter(({ severity, code }) => severity === "error" || code === "unknown_kind")
    .map(({ code }) => code);
}

test("keys that are handed out, again to who goes on, and declared and proved under the last one verify", async () => {
  expect(await codesOf([hand("k")])).toEqual([]);
  expect(await codesOf([hand("k"), hand("l"), declare("l"), prove(), allowed()])).toEqual([]);
});

test("what a read refuted is told, and no error of the ledger", async () => {
  const { findings } = await verifyStory(told(hand("k"), declare("k"), refute()));
  expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
  expect(findings.map(({ code }) => code)).toContain("object_refuted");
});

test.each<[string, readonly Recorded[], FindingCode]>([
  ["handed to another principal", [hand("k"), hand("l", made("officer"))], "upload_key_released"],
  [
    "handed out with another header than its first hand-out's",
    [hand("k"), hand("l", { headerSha256: digestOf("another") })],
    "upload_key_released",
  ],
  ["handed out with no header", [hand("k", { headerSha256: "" })], "body_malformed"],
  [
    "handed out for another file",
    [hand("k"), hand("l", { sha256: digestOf("x") })],
    "upload_key_released",
  ],
  [
    "handed out after the object was declared",
    [hand("k"), declare("k"), hand("l")],
    "upload_key_released",
  ],
  [
    "handed out after the object was proved",
    [hand("k"), declare("k"), prove(), hand("l")],
    "upload_key_released",
  ],
  [
    "handed out to a recipient of no name",
    [hand("k", { recipientKeySha256: "x" })],
    "body_malformed",
  ],
  [
    "handed out in an unknown repository",
    [hand("k", { repository: idOf("x") })],
    "repository_unknown",
  ],
  ["that nobody asked for", [hand("k", { by: null })], "caller_missing"],
  ["handed out by a token without the role", [hand("k", made("trainer"))], "role_missing"],
  ["of an object that was declared and never handed out", [declare("k")], "change_impossible"],
  [
    "of an object that was declared under an earlier hand-out",
    [hand("k"), hand("l"), declare("k")],
    "change_impossible",
  ],
  [
    "of an object that was declared with another digest",
    [hand("k"), declare("k", { sha256: digestOf("x") })],
    "change_impossible",
  ],
  [
    "of an object that was declared by another principal",
    [hand("k"), declare("k", made("officer"))],
    "change_impossible",
  ],
  [
    "of an object that was declared twice",
    [hand("k"), declare("k"), declare("k")],
    "change_impossible",
  ],
  ["of an object that was proved undeclared", [hand("k"), prove()], "change_impossible"],
  [
    "of an object that was proved twice",
    [hand("k"), declare("k"), prove(), prove()],
    "change_impossible",
  ],
  [
    "of an object that was proved after it was refuted",
    [hand("k"), declare("k"), refute(), prove()],
    "change_impossible",
  ],
  [
    "of an object that was proved to be something else",
    [hand("k"), declare("k"), prove({ sha256: digestOf("x") })],
    "change_impossible",
  ],
  [
    "of an object refuted without its lists",
    [hand("k"), declare("k"), refute({ lists: 1 })],
    "body_malformed",
  ],
  [
    "of an object released after it was refuted",
    [hand("k"), declare("k"), refute(), allowed()],
    "refuted_released",
  ],
])("a key %s is found", async (_, records, code) => {
  expect(await codesOf(records)).toContain(code);
});
