import { expect, test } from "@jest/globals";
import type { FindingCode } from "../../../src/ledger/findings.ts";
import type { Recorded } from "../../vectors/ledger/build.ts";
import { committed, digestOf, idOf, made, record } from "../../vectors/ledger/story.ts";
import { told, verifyStory, without } from "../../vectors/ledger/tell.ts";

const base = { repository: idOf("aurora/large"), revision: digestOf("revision").slice(0, 40) };
const other = record("repository.created", { repository: idOf("tuned"), ...made("training job") });
const derived = (replaced: Recorded["body"] = {}): Recorded =>
  record("revision.committed", {
    ...committed.body,
    repository: idOf("tuned"),
    revision: digestOf("derived").slice(0, 40),
    manifest: digestOf("derived"),
    lineage: digestOf("lineage"),
    bases: [base],
    ...replaced,
  });
const signature = (replaced: Recorded["body"] = {}): Recorded =>
  record("revision.signed", {
    ...base,
    bundle: digestOf("bundle"),
    key: digestOf("key"),
    trust: "key",
    verdict: "verified",
    files: { covered: 2, ignored: 0 },
    ...made("training job"),
    ...replaced,
  });

test("a revision that names what it was made from, and one that is signed, verify", async () => {
  const report = await verifyStory(told(other, derived(), signature()));
  expect(report.findings).toEqual([]);
  const counted = await verifyStory(
    told(other, derived({ bases: undefined as never })).slice(0, -1),
  );
  expect(counted.verified).toBe(true);
});

const stories: readonly (readonly [string, Recorded, FindingCode])[] = [
  [
    "a base that was never committed",
    derived({ bases: [{ ...base, revision: "0".repeat(40) }] }),
    "revision_unknown",
  ],
  [
    "a base of another repository",
    derived({ bases: [{ ...base, repository: idOf("tuned") }] }),
    "revision_unknown",
  ],
  [
    "a revision that is its own base",
    derived({ bases: [{ repository: idOf("tuned"), revision: digestOf("derived").slice(0, 40) }] }),
    "revision_unknown",
  ],
  [
    "bases without the digest of a lineage",
    record("revision.committed", without(derived().body, "lineage")),
    "body_malformed",
  ],
  ["a digest that is none", derived({ lineage: "x" }), "body_malformed"],
  ["bases that are no list", derived({ bases: "base" }), "body_malformed"],
  ["a base that is none", derived({ bases: ["base"] }), "body_malformed"],
  [
    "a signature of what was never committed",
    signature({ revision: "0".repeat(40) }),
    "revision_unknown",
  ],
  ["a signature that did not verify", signature({ verdict: "failed" }), "body_malformed"],
  ["a signature without its bundle", signature({ bundle: null }), "body_malformed"],
  ["a signature by nobody's key", signature({ key: "0" }), "body_malformed"],
  ["a signature of no known trust", signature({ trust: "faith" }), "body_malformed"],
  ["a signature by who may not upload", signature(made("officer")), "role_missing"],
];

test.each(stories)("%s is found", async (_, recorded, code) => {
  const { findings, verified } = await verifyStory(told(other, recorded));
  expect({ verified, codes: findings.map((each) => each.code) }).toEqual({
    verified: false,
    codes: [code],
  });
});
