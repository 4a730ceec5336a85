import { describe, expect, test } from "@jest/globals";
import type { Canonical } from "../../../src/crypto/canonical-json.ts";
import type { FindingCode } from "../../../src/ledger/findings.ts";
import type { Recorded } from "../../vectors/ledger/build.ts";
import { committed, digestOf, idOf, made, record } from "../../vectors/ledger/story.ts";
import { allowed, end, told, verifyStory } from "../../vectors/ledger/tell.ts";

type Body = { readonly [name: string]: Canonical };

const repository = idOf("aurora/large");
const { revision } = committed.body as { readonly revision: string };
const shredding = idOf("shredding");
const object = idOf("object");
/** What the releases of the story are about. */
const objects = allowed().body["objects"] as { readonly count: number; readonly sha256: string };

const by = (name: string): Body => ({ person: idOf(name), ...made(name) });
const propose = (replaced: Body = {}): Recorded =>
  record("shredding.proposed", { shredding, repository, object, ...by("officer"), ...replaced });
const approve = (replaced: Body = {}): Recorded =>
  record("shredding.approved", {
    shredding,
    repository,
    object,
    scope: "object",
    count: 1,
    bytes: "1",
    sha256: digestOf("list"),
    restorableUntil: "2026-04-01",
    ...by("second officer"),
    ...replaced,
  });
const list = (replaced: Body = {}): Recorded =>
  record("repository.shredded", {
    shredding,
    repository,
    scope: "object",
    objects: [{ object, sha256: digestOf("object") }],
    revisions: [],
    lists: [],
    restorableUntil: "2026-04-01",
    ...by("second officer"),
    ...replaced,
  });
const hold = (scope: string, target: string | null): Recorded =>
  record("hold.placed", { hold: idOf("hold"), kind: "legal", scope, target, ...by("officer") });
const whole = { object: null } as const;
const ofRepository = [propose(whole), approve({ ...whole, scope: "repository" }), list()] as const;

async function findingsOf(records: readonly Recorded[]) {
  const { findings } = await verifyStory(told(...records));
  return findings;
}

async function errorsOf(records: readonly Recorded[]): Promise<readonly FindingCode[]> {
  const findings = await findingsOf(records);
  return findings.filter(({ severity }) => severity === "error").map(({ code }) => code);
}

test("a shredding by two officers verifies, and says until when a backup restores it", async () => {
  const findings = await findingsOf([propose(), approve(), list()]);
  expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
  expect(findings.filter(({ code }) => code === "weights_shredded")).toMatchObject([
    { message: expect.stringContaining("until 2026-04-01") as unknown },
  ]);
  expect(findings.filter(({ code }) => code === "unknown_kind")).toEqual([]);
});

test("releases before it, and of what is left after it, verify", async () => {
  const cut = list({ revisions: [{ revision, files: objects.count + 1 }] });
  expect(await errorsOf([allowed(), end("delivered"), propose(), approve(), list()])).toEqual([]);
  expect(await errorsOf([propose(), approve(), cut, allowed()])).toEqual([]);
});

test("one that does not list yet what it destroyed is a notice", async () => {
  const findings = await findingsOf([propose(), approve({ count: 2 }), list()]);
  expect(findings.filter(({ code }) => code === "shredding_unlisted")).toMatchObject([
    { severity: "notice", message: expect.stringContaining("lists 1 so far") as unknown },
  ]);
});

describe("a ledger with", () => {
  test.each<[string, readonly Recorded[], FindingCode]>([
    ["a release of a shredded repository", [...ofRepository, allowed()], "shredded_released"],
    [
      "a release of a whole revision that lost an object",
      [propose(), approve(), list({ revisions: [{ revision, files: objects.count }] }), allowed()],
      "shredded_released",
    ],
    [
      "a release of a shredded object alone",
      [propose(), approve(), list({ lists: [objects.sha256] }), allowed()],
      "shredded_released",
    ],
    [
      "a commit to a shredded repository",
      [...ofRepository, record(committed.kind, { ...committed.body, revision: "f".repeat(40) })],
      "change_impossible",
    ],
    ["a shredding that nobody proposed", [approve(), list()], "change_impossible"],
    [
      "a shredding of another object than was proposed",
      [propose({ object: idOf("another") }), approve(), list()],
      "change_impossible",
    ],
    [
      "a shredding of more than was proposed",
      [propose(), approve({ ...whole, scope: "repository" }), list()],
      "change_impossible",
    ],
    [
      "a shredding that its proposer approved",
      [propose(by("second officer")), approve(), list()],
      "two_person_rule",
    ],
    [
      "a shredding under a hold on everything",
      [hold("everything", null), propose(), approve(), list()],
      "shredded_held",
    ],
    [
      "a shredding under a hold on the repository",
      [hold("repository", repository), propose(), approve(), list()],
      "shredded_held",
    ],
    ["a list without its approval", [propose(), list()], "change_impossible"],
    [
      "a list that names more than was destroyed",
      [propose(), approve(), list(), list()],
      "change_impossible",
    ],
    [
      "a shredding that does not say until when a backup restores it",
      [propose(), approve({ restorableUntil: null })],
      "body_malformed",
    ],
    ["a list of no objects", [propose(), approve(), list({ objects: "x" })], "body_malformed"],
    [
      "a list of a revision without its number of files",
      [propose(), approve(), list({ revisions: [{ revision }] })],
      "body_malformed",
    ],
    [
      "a shredding of an unknown repository",
      [propose({ repository: idOf("nowhere") })],
      "repository_unknown",
    ],
    ["a proposal of no id", [propose({ shredding: 7 })], "body_malformed"],
  ])("%s is found", async (_, records, code) => {
    expect(new Set(await errorsOf(records))).toEqual(new Set([code]));
  });
});
