import { expect, test } from "@jest/globals";
import type { Canonical } from "../../../src/crypto/canonical-json.ts";
import type { FindingCode } from "../../../src/ledger/findings.ts";
import type { Recorded } from "../../vectors/ledger/build.ts";
import {
  change,
  decided,
  digestOf,
  idOf,
  issued,
  made,
  principalOf,
  record,
  tokenOf,
} from "../../vectors/ledger/story.ts";
import { told, verifyStory } from "../../vectors/ledger/tell.ts";

type Body = { readonly [name: string]: Canonical };

const at = (time: string, recorded: Recorded): Recorded => ({ ...recorded, time });
const later = "2031-09-01T00:00:00.000Z";

/** Tokens of the story end in its own year; officers of five years on have others. */
const renewed = ["officer", "second officer"].map((name) =>
  issued(name, {
    token: idOf(`${name}'s late token`),
    roles: ["export-officer", "operator", "personal-data-reader"],
    hashSha256: digestOf(`${name}'s late token`),
    expiresAt: "2040-01-01T00:00:00.000Z",
  }),
);
const by = (name: string): Body => ({
  by: principalOf(name),
  under: idOf(`${name}'s late token`),
});

const place = (replaced: Body = {}): Recorded =>
  record("hold.placed", {
    hold: idOf("hold"),
    kind: "agency-request",
    scope: "person",
    target: idOf("trainer"),
    person: idOf("officer"),
    ...by("officer"),
    ...replaced,
  });
const lift = (replaced: Body = {}): Recorded =>
  record("hold.lifted", {
    hold: idOf("hold"),
    authorized: true,
    person: idOf("second officer"),
    ...by("second officer"),
    ...replaced,
  });
const propose = (replaced: Body = {}): Recorded =>
  record("erasure.proposed", {
    erasure: idOf("erasure"),
    person: idOf("trainer"),
    ...by("officer"),
    ...replaced,
  });
const erase = (replaced: Body = {}): Recorded =>
  change("person.erased", "trainer", {
    erasure: idOf("erasure"),
    retainedUntil: "2031-08-31",
    ...by("second officer"),
    ...replaced,
  });
const shred = (replaced: Body = {}): Recorded =>
  record("evidence.erased", {
    erasure: idOf("erasure"),
    person: idOf("trainer"),
    retainedUntil: "2031-08-31",
    releases: [idOf("r")],
    ...by("second officer"),
    ...replaced,
  });
const read = (kind: "person.read" | "evidence.read"): Recorded =>
  record(kind, { reading: idOf("reading"), person: idOf("trainer"), ...by("officer") });

const story = (...records: readonly Recorded[]): readonly Recorded[] =>
  told(...renewed, decided("denied", "r"), ...records.map((each) => at(each.time ?? later, each)));

async function errorsOf(records: readonly Recorded[]): Promise<readonly FindingCode[]> {
  const { findings } = await verifyStory(records);
  return findings.filter(({ severity }) => severity === "error").map(({ code }) => code);
}

test("an erasure by two officers after five years verifies, and its decisions are said to be past replay", async () => {
  const report = await verifyStory(
    story(read("person.read"), place(), lift(), propose(), erase(), shred()),
  );
  expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  expect(report.findings.filter(({ code }) => code === "evidence_erased")).toMatchObject([
    { message: expect.stringContaining("cannot be made again") },
  ]);
  expect(report.findings.filter(({ code }) => code === "unknown_kind")).toEqual([]);
});

const stories: readonly (readonly [string, readonly Recorded[], FindingCode])[] = [
  ["no proposal", story(erase()), "change_impossible"],
  [
    "a proposal of another person",
    story(propose({ person: idOf("x") }), erase()),
    "change_impossible",
  ],
  ["its proposer's approval", story(propose(by("second officer")), erase()), "two_person_rule"],
  [
    "an end of retention that is to come",
    story(propose(), erase({ retainedUntil: "2031-09-01" })),
    "erased_early",
  ],
  ["no word of its retention", story(propose(), erase({ retainedUntil: "never" })), "erased_early"],
  ["a hold on the person", story(place(), propose(), erase()), "erased_early"],
  [
    "a hold on everything",
    story(place({ scope: "everything", target: null }), propose(), erase()),
    "erased_early",
  ],
];

test.each(stories)("an erasure with %s is found", async (_, records, code) => {
  expect(await errorsOf(records)).toEqual([code]);
});

test("an erasure within five years of a decision that the ledger has is found, whatever it says", async () => {
  const early = "2030-06-01T00:00:00.000Z";
  const records = told(
    ...renewed,
    at("2027-01-01T00:00:00.000Z", decided("denied", "r", { token: tokenOf("trainer") })),
    at(early, propose()),
    at(early, erase({ retainedUntil: "2030-05-31" })),
  );
  expect(await errorsOf(records)).toContain("erased_early");
});

test.each([
  ["evidence erased without its person", story(shred()), "change_impossible"],
  [
    "a reading of who was erased",
    story(propose(), erase(), read("evidence.read")),
    "change_impossible",
  ],
  [
    "an export of the facts of who was erased",
    story(
      propose(),
      erase(),
      record("records.exported", {
        reading: idOf("reading"),
        persons: [idOf("trainer")],
        ...by("officer"),
      }),
    ),
    "change_impossible",
  ],
  ["a second erasure", story(propose(), erase(), erase()), "change_impossible"],
  [
    "a hold lifted by who placed it",
    story(place(), lift({ person: idOf("officer"), ...by("officer") })),
    "two_person_rule",
  ],
  [
    "an agency's hold lifted without authorization",
    story(place(), lift({ authorized: false })),
    "change_impossible",
  ],
  ["a hold lifted that nobody placed", story(lift()), "change_impossible"],
  ["a hold placed again", story(place(), place()), "change_impossible"],
] as const)("%s is found", async (_, records, code) => {
  expect(await errorsOf(records)).toEqual([code]);
});

test("an allow to who was erased is found", async () => {
  const records = story(propose(), erase(), decided("allowed", "late", made("trainer")));
  expect(await errorsOf(records)).toContain("person_not_active");
});
