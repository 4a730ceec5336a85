import { expect, test } from "@jest/globals";
import { type Selection, Story, type StoryNoun } from "../../../src/cli/ledger-story.ts";
import type { Recorded } from "../../vectors/ledger/build.ts";
import {
  beginning,
  change,
  decided,
  delivered,
  granted,
  idOf,
  issued,
  made,
  principalOf,
  record,
  tokenOf,
} from "../../vectors/ledger/story.ts";

const nobody = { by: null, under: null };
const ofOther = { principal: principalOf("visitor"), repository: idOf("aurora/small") };

/** Each names the thing that it goes on about, and neither the person nor the repository. */
const later = {
  flagged: record("grant.flagged", { grant: idOf("grant"), verdict: "deny", ...nobody }),
  suspended: change("grant.suspended", "grant", { cause: "re-decided", ...nobody }),
  revoked: record("token.revoked", { token: tokenOf("trainer"), ...made("officer") }),
  job: change("workload.suspended", "training job"),
  moved: record("movement.noted", {
    movement: idOf("movement"),
    release: idOf("release"),
    what: "reexport",
    ...made("officer"),
  }),
  lifted: change("hold.lifted", "hold"),
};
const held = (scope: string, name: string): Recorded =>
  change("hold.placed", "hold", { scope, target: idOf(name), kind: "litigation" });
const erased = record("evidence.erased", {
  person: idOf("trainer"),
  releases: [idOf("release")],
  ...made("officer"),
});
const exported = record("records.exported", {
  persons: [idOf("second officer"), idOf("trainer")],
  ...made("officer"),
});

const records: readonly Recorded[] = [
  ...beginning,
  issued("visitor"),
  granted("other grant", ofOther),
  decided("allowed", "release"),
  delivered("release"),
  decided("allowed", "other release", {
    ...ofOther,
    person: idOf("visitor"),
    token: tokenOf("visitor"),
    grant: idOf("other grant"),
    licenses: [],
  }),
  delivered("other release"),
  ...Object.values(later),
  change("grant.revoked", "other grant"),
  record("token.revoked", { token: tokenOf("visitor"), ...made("officer") }),
  record("movement.noted", { ...later.moved.body, release: idOf("other release") }),
  erased,
  exported,
];

/** What of these the story has, in its order. */
function toldOf(
  noun: StoryNoun,
  name: string,
  {
    among = Object.values(later),
    of = records,
  }: { among?: readonly Recorded[]; of?: readonly Recorded[] } = {},
): readonly Recorded[] {
  const selection: Selection = { thing: { noun, id: idOf(name) }, from: null, until: null };
  const story = new Story(selection);
  const told = of.filter(({ kind, body }, index) =>
    story.takes({ index, previous: "", time: "2026-01-01T00:00:00.000Z", kind, body }),
  );
  const [first = -1] = of.flatMap((each, at) => (among.includes(each) ? [at] : []));
  return told.filter((each) => among.includes(each) || of.indexOf(each) > first);
}

test("a person's story tells what became of their grants, tokens and jobs, and where what they were given went, by whomever", () => {
  const { flagged, suspended, revoked, moved, job } = later;
  expect(toldOf("person", "trainer")).toEqual([
    flagged,
    suspended,
    revoked,
    moved,
    erased,
    exported,
  ]);
  expect(toldOf("person", "second officer")).toEqual([job, exported]);
});

test("a repository's story tells what became of its grants, and where what was released of it went", () => {
  const { flagged, suspended, moved } = later;
  expect(toldOf("repository", "aurora/large")).toEqual([flagged, suspended, moved]);
});

test("a license's story, and a release's, tell where what was released went", () => {
  expect(toldOf("license", "license")).toEqual([later.moved]);
  expect(toldOf("release", "release")).toEqual([later.moved, erased]);
});

test("a hold on a person or a repository is in its story until it is lifted, one on another thing is not", () => {
  for (const [noun, name] of [
    ["person", "trainer"],
    ["repository", "aurora/large"],
  ] as const) {
    const placed = held(noun, name);
    const of = [...beginning, placed, later.lifted];
    expect(toldOf(noun, name, { of, among: [placed, later.lifted] })).toEqual([
      placed,
      later.lifted,
    ]);
    const elsewhere = [...beginning, held(noun, "other"), later.lifted];
    expect(toldOf(noun, name, { of: elsewhere, among: [later.lifted] })).toEqual([]);
  }
});
