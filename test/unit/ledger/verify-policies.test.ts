import { expect, test } from "@jest/globals";
import type { Canonical } from "../../../src/crypto/canonical-json.ts";
import { type FindingCode, Findings } from "../../../src/ledger/findings.ts";
import { Policies } from "../../../src/ledger/verify-policies.ts";
import { Principals } from "../../../src/ledger/verify-principals.ts";
import { Repositories } from "../../../src/ledger/verify-repositories.ts";
import type { Recorded } from "../../vectors/ledger/build.ts";
import { digestOf, idOf, made, record } from "../../vectors/ledger/story.ts";
import { allowed, instead, told, verifyStory, without } from "../../vectors/ledger/tell.ts";

type Body = { readonly [name: string]: Canonical };

const [object, upload, repository] = [idOf("object"), idOf("upload"), idOf("aurora/large")];
const sha256 = digestOf("weights");
const by = made("training job");
const file = { object, upload, repository, sha256, bytes: "17000000", key: idOf("k") };
const { revision, objects } = allowed().body;
const { sha256: list, count } = objects as { readonly sha256: string; readonly count: number };

const set = (version: number, requireProved: boolean, who = "officer", more: Body = {}): Recorded =>
  record("repository.policy-set", { repository, requireProved, version, ...made(who), ...more });
const hand = record("upload.key-released", {
  ...file,
  kem: 16,
  headerSha256: digestOf("header"),
  recipientKeySha256: digestOf("recipient"),
  ...by,
});
/** The declaration of an object, of which a release alone has that list. */
const declare = (replaced: Body = {}): Recorded =>
  record("object.declared", { ...file, list: digestOf("another list"), ...by, ...replaced });
const proved = record("object.proved", { object, repository, sha256 });
/** The revision that is released, with what was declared when it was made. */
const commit = (replaced: Body = {}): Recorded =>
  record("revision.committed", {
    repository,
    revision: revision ?? null,
    parent: null,
    manifest: digestOf("manifest"),
    files: { count, bytes: "17000000" },
    declared: [object],
    ...by,
    ...replaced,
  });

async function codesOf(records: readonly Recorded[]): Promise<readonly FindingCode[]> {
  // Where the revision is told with what was declared, it is not committed before.
  const isCommitted = records.some(({ kind }) => kind === "revision.committed");
  const before = isCommitted ? instead("revision.committed") : told();
  const { findings } = await verifyStory([...before, ...records]);
  return findings
    .filter(({ severity, code }) => severity === "error" || code === "unknown_kind")
    .map(({ code }) => code);
}

test.each<[string, readonly Recorded[]]>([
  [
    "that is set by one officer and relaxed by another",
    [set(1, true), set(2, false, "second officer")],
  ],
  ["without one, of what was declared", [hand, declare({ list }), allowed({ unproved: 1 })]],
  [
    "that demands nothing any more",
    [
      set(1, true),
      set(2, false, "second officer"),
      hand,
      declare({ list }),
      allowed({ unproved: 1 }),
    ],
  ],
  [
    "that is set after the release",
    [hand, declare({ list }), allowed({ unproved: 1 }), set(1, true)],
  ],
  ["of objects that were not declared", [set(1, true), hand, declare(), allowed()]],
  [
    "of another repository",
    [
      record("repository.created", { repository: idOf("other"), ...made("officer") }),
      set(1, true, "officer", { repository: idOf("other") }),
      hand,
      declare({ list }),
      allowed({ unproved: 1 }),
    ],
  ],
  ["once it is proved", [set(1, true), hand, declare({ list }), commit(), proved, allowed()]],
  [
    "of some other files of the revision",
    [set(1, true), hand, declare(), commit({ files: { count: count + 1, bytes: "1" } }), allowed()],
  ],
])("a release under a policy %s verifies", async (_, records) => {
  expect(await codesOf(records)).toEqual([]);
});

test.each<[string, readonly Recorded[]]>([
  ["says of itself that files are not proved", [set(1, true), allowed({ unproved: 2 })]],
  ["is of one declared object alone", [set(1, true), hand, declare({ list }), allowed()]],
  [
    "is of a whole revision that has a declared object",
    [set(1, true), hand, declare(), commit(), allowed()],
  ],
  [
    "was declared before the policy was set",
    [hand, declare({ list }), commit(), set(1, true), allowed()],
  ],
])(
  "a release that %s, which the policy forbade, is found whatever it tells",
  async (_, records) => {
    expect(await codesOf(records)).toEqual(["declared_released"]);
  },
);

test.each<[string, readonly Recorded[], FindingCode]>([
  ["relaxed by who made it strict", [set(1, true), set(2, false)], "two_person_rule"],
  ["set out of order", [set(2, true)], "change_impossible"],
  ["set to what it was", [set(1, true), set(2, true)], "change_impossible"],
  [
    "of a repository that was never created",
    [set(1, true, "officer", { repository: idOf("x") })],
    "repository_unknown",
  ],
  ["without what it demands", [set(1, true, "officer", { requireProved: 1 })], "body_malformed"],
  ["without its version", [set(1, true, "officer", { version: "1" })], "body_malformed"],
  ["set by a token without the role", [set(1, true, "training job")], "role_missing"],
  ["set by nobody", [set(1, true, "officer", { by: null })], "caller_missing"],
  ["of a release with no number of files", [allowed({ unproved: 0 })], "body_malformed"],
  [
    "of a revision with no list of what was declared",
    [commit({ declared: "x" })],
    "body_malformed",
  ],
  ["of a declaration with no list", [hand, declare({ list: "x" })], "body_malformed"],
])("a policy %s is found", async (_, records, code) => {
  expect(await codesOf(records)).toContain(code);
});

test("nothing is kept of a revision once each of its files is proved", () => {
  const findings = new Findings();
  const principals = new Principals(findings);
  const policies = new Policies(findings, principals, new Repositories(findings, principals));
  const entry = (kind: string, body: Body) => ({ index: 0, previous: "", time: "", kind, body });
  const objects = ["one", "other", "third"].map(idOf);
  for (const each of objects) policies.declare(entry("object.declared", { object: each }));
  const commit = (name: string, declared: readonly string[]) =>
    policies.commit(
      entry("revision.committed", {
        repository,
        revision: name,
        declared: [...declared],
        files: { count: 3, bytes: "3" },
      }),
    );
  const kept = [0, 1, 2, 3].map((proofs) => {
    if (proofs === 0) {
      commit("a", objects.slice(0, 1));
      commit("b", objects);
    } else policies.prove(entry("object.proved", { object: objects[proofs - 1] ?? "" }));
    return policies.unprovedRevisions;
  });
  expect(kept).toEqual([2, 1, 1, 0]);
});

test("a declaration of an older vault, without its list, is told", async () => {
  const older = declare();
  const { findings } = await verifyStory(
    told(hand, { ...older, body: without(older.body, "list") }),
  );
  expect(findings.map(({ code }) => code)).toContain("member_absent");
  const later = await verifyStory(
    told(hand, older, { ...older, body: without(older.body, "list") }),
  );
  expect(later.findings.map(({ message }) => message)).toContain(
    "object.declared lacks its list, which an entry before it has",
  );
});
