import { expect, test } from "@jest/globals";
import type { FindingCode } from "../../../src/ledger/findings.ts";
import type { Recorded } from "../../vectors/ledger/build.ts";
import { classified, committed, idOf, made, record } from "../../vectors/ledger/story.ts";
import { told, verifyStory } from "../../vectors/ledger/tell.ts";

/** The classification that a second one takes the place of, as its approver ends it. */
const again = { classification: idOf("c2") };
const superseded = (person: string, replaced: Recorded["body"] = {}): Recorded =>
  classified("superseded", person, { state: "superseded", version: 3, ...replaced });
const approvedAgain = [
  classified("proposed", "officer", again),
  classified("approved", "second officer", again),
];

/** Stories of classifications that end otherwise than by the approval of another. */
const stories: readonly (readonly [
  string,
  readonly Recorded[],
  FindingCode | readonly FindingCode[],
])[] = [
  [
    "a classification superseded by no other",
    told(superseded("second officer")),
    "change_impossible",
  ],
  [
    "a classification superseded before the other was approved",
    told(
      classified("proposed", "officer", again),
      superseded("second officer"),
      classified("approved", "second officer", again),
    ),
    "change_impossible",
  ],
  [
    "a classification superseded by its own approval",
    told(...approvedAgain, superseded("second officer", again)),
    "change_impossible",
  ],
  [
    "a classification superseded by another officer than approved its successor",
    told(...approvedAgain, superseded("officer")),
    "change_impossible",
  ],
  [
    "a classification superseded by who may not classify",
    told(...approvedAgain, superseded("trainer")),
    ["change_impossible", "role_missing"],
  ],
  [
    "a classification superseded twice",
    told(...approvedAgain, superseded("second officer"), superseded("second officer")),
    "change_impossible",
  ],
  [
    "a classification superseded that was never proposed",
    told(...approvedAgain, superseded("second officer", { classification: idOf("x") })),
    "change_impossible",
  ],
  [
    "a classification of another repository superseded",
    told(
      record("repository.created", { repository: idOf("other"), ...made("officer") }),
      classified("proposed", "officer", { repository: idOf("other"), classification: idOf("c3") }),
      ...approvedAgain,
      superseded("second officer", { classification: idOf("c3") }),
    ),
    "change_impossible",
  ],
  [
    "a classification approved after it was superseded",
    told(
      classified("proposed", "officer", { classification: idOf("c3") }),
      ...approvedAgain,
      superseded("second officer", { classification: idOf("c3") }),
      classified("approved", "second officer", { classification: idOf("c3") }),
    ),
    "change_impossible",
  ],
];

test("a revision of one repository is none of another's, however the texts that name them are cut", async () => {
  const created = (repository: string) =>
    record("repository.created", { repository, ...made("training job") });
  const commits = (repository: string, revision: string, parent: string | null) => ({
    ...committed,
    body: { ...committed.body, repository, revision, parent },
  });
  const honest = [
    created("x"),
    created("x/y"),
    commits("x/y", "z", null),
    commits("x/y", "v", "z"),
  ];
  expect((await verifyStory(told(...honest))).findings).toEqual([]);
  const { findings } = await verifyStory(told(...honest, commits("x", "w", "y/z")));
  expect(findings.map(({ code }) => code)).toEqual(["revision_unknown"]);
});

test.each(stories)("a story with %s is found", async (_, records, code) => {
  const report = await verifyStory(records);
  const errors = report.findings.filter(({ severity }) => severity === "error");
  expect(errors.map((finding) => finding.code).toSorted()).toEqual([code].flat());
  expect(report.verified).toBe(false);
});
