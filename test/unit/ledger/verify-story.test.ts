import { expect, test } from "@jest/globals";
import type { Canonical } from "../../../src/crypto/canonical-json.ts";
import type { FindingCode } from "../../../src/ledger/findings.ts";
import type { Recorded } from "../../vectors/ledger/build.ts";
import {
  activated,
  change,
  classified,
  committed,
  decided,
  decision,
  delivered,
  digestOf,
  granted,
  idOf,
  issued,
  made,
  principalOf,
  record,
  tokenOf,
} from "../../vectors/ledger/story.ts";
import {
  allowed,
  budget,
  end,
  jobGrant,
  narrow,
  revoke,
  streamed,
  toJob,
  told,
  until,
  verifyStory,
  without,
} from "../../vectors/ledger/tell.ts";

const rulebook = digestOf("rulebook");

/** An allow without a license, whose covered check names these rows of license exceptions. */
const excepted = (...exceptions: readonly string[]): Recorded => {
  const { checks, ...rest } = decision("allow", "covered") as {
    readonly checks: readonly { readonly outcome: string }[];
  };
  const named = checks.map((check) =>
    check.outcome === "covered" ? { ...check, exceptions } : check,
  );
  return allowed({ licenses: [], decision: { ...rest, checks: named } as Canonical });
};

/** What a story of an honest vault may contain: no error comes of it. */
const honest: readonly (readonly [string, readonly Recorded[]])[] = [
  ["a delivery", told(allowed(), delivered("r"))],
  ["a failure", told(allowed(), end("failed"))],
  ["an abandonment", told(allowed(), end("abandoned"))],
  ["an unknown outcome", told(allowed(), end("unknown"))],
  ["a release without outcome yet", told(allowed())],
  ["a check covered by a license exception", told(excepted("exception-tsr"), delivered("r"))],
  ["a denial and a hold", told(decided("denied", "a"), decided("held", "b"))],
  [
    "two releases that overlap",
    told(allowed(), decided("allowed", "s"), end("failed", "s"), delivered("r")),
  ],
  [
    "a delivery after the license was revoked",
    told(allowed(), change("license.revoked", "license"), delivered("r")),
  ],
  [
    "a denial under a revoked license",
    told(change("license.revoked", "license"), decided("denied", "r")),
  ],
  [
    "a license suspended and reinstated",
    told(
      change("license.suspended", "license"),
      change("license.reinstated", "license"),
      allowed(),
      delivered("r"),
    ),
  ],
  [
    "a release that needs no license",
    told(allowed({ licenses: [], decision: decision("allow", "pass") }), delivered("r")),
  ],
  ["a release to a workload", told(jobGrant, toJob(), delivered("r"))],
  [
    "a second use of a license of one, after the first was given back",
    [...narrow(1), allowed(), end("abandoned"), decided("allowed", "s"), delivered("s")],
  ],
  [
    "a second use of a license of one, after the first failed with nothing out",
    [...narrow(1), allowed(), end("failed", "r", "0"), decided("allowed", "s"), delivered("s")],
  ],
  [
    "a budget spent to its last byte, and given back before it is spent again",
    [
      ...budget("8192"),
      allowed(),
      delivered("r"),
      decided("allowed", "s"),
      end("failed", "s", "0"),
      decided("allowed", "t"),
      delivered("t"),
    ],
  ],
  [
    "a stream of more bytes than its file, within the budget",
    [...budget("10000"), allowed(streamed), end("delivered", "r", "10000")],
  ],
  ["a token revoked under itself", told(revoke("trainer", "trainer"))],
  [
    "an entry under a token that expired while it waited",
    told(
      record("token.issued", {
        ...issued("brief").body,
        principal: principalOf("trainer"),
        expiresAt: "2026-01-01T00:00:01.000Z",
      }),
      allowed({ token: tokenOf("brief") }),
    ),
  ],
  [
    "a second classification with a datasheet",
    told(
      classified("proposed", "officer", { classification: idOf("c2"), datasheet: "aa" }),
      classified("approved", "second officer", { classification: idOf("c2"), datasheet: "aa" }),
      allowed(),
    ),
  ],
  [
    "a second classification beside the first",
    told(
      classified("proposed", "officer", { classification: idOf("c2"), eccn: "4D001" }),
      classified("approved", "second officer", { classification: idOf("c2"), eccn: "4D001" }),
      allowed(),
    ),
  ],
  [
    "a classification that supersedes the first and a proposal",
    told(
      classified("proposed", "officer", { classification: idOf("c2") }),
      classified("proposed", "officer", { classification: idOf("c3") }),
      classified("approved", "second officer", { classification: idOf("c2") }),
      classified("superseded", "second officer", { state: "superseded", version: 3 }),
      classified("superseded", "second officer", { classification: idOf("c3") }),
      allowed(),
    ),
  ],
  [
    "a first officer by nobody's hand, and a token of an older vault without its hash",
    told(
      record(
        "token.issued",
        without(issued("x", { principal: principalOf("trainer") }).body, "hashSha256"),
      ),
    ),
  ],
  [
    "a workload's and an auditor's tokens revoked by their holders",
    told(
      issued("a", { principal: principalOf("trainer"), roles: ["auditor"] }),
      record("token.revoked", {
        ...made("trainer"),
        token: tokenOf("trainer"),
        under: tokenOf("a"),
      }),
      revoke("training job", "training job"),
    ),
  ],
  [
    "a revision on the one before",
    told(
      record(committed.kind, {
        ...committed.body,
        revision: "next",
        parent: committed.body["revision"] ?? null,
      }),
      allowed({ revision: "next" }),
    ),
  ],
  [
    "things revoked and suspended twice",
    told(
      change("grant.revoked", "grant"),
      change("grant.revoked", "grant"),
      change("grant.suspended", "grant"),
    ),
  ],
];

test.each(honest)("a story with %s verifies", async (_, records) => {
  const report = await verifyStory(records);
  expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  expect(report.verified).toBe(true);
});

/** Stories that an honest vault never writes, each with the codes that it comes to, mostly one. */
const dishonest: readonly (readonly [
  string,
  readonly Recorded[],
  FindingCode | readonly FindingCode[],
])[] = [
  ["a delivery that nothing allowed", told(delivered("r")), "outcome_without_allowed"],
  ["a failure that nothing allowed", told(end("failed")), "outcome_without_allowed"],
  ["a delivery before it was allowed", told(delivered("r"), allowed()), "outcome_without_allowed"],
  [
    "a delivery after a denial",
    told(decided("denied", "r"), delivered("r")),
    "outcome_without_allowed",
  ],
  [
    "a delivery after a hold",
    told(decided("held", "r"), delivered("r")),
    "outcome_without_allowed",
  ],
  ["a second delivery", told(allowed(), delivered("r"), delivered("r")), "second_outcome"],
  [
    "a delivery of what was abandoned",
    told(allowed(), end("abandoned"), delivered("r")),
    "second_outcome",
  ],
  ["a release allowed twice", told(allowed(), allowed()), "release_decided_twice"],
  [
    "a release allowed again after its end",
    told(allowed(), delivered("r"), allowed()),
    "release_decided_twice",
  ],
  [
    "a release allowed after its denial",
    told(decided("denied", "r"), allowed()),
    "release_decided_twice",
  ],
  [
    "an allow on the verdict deny",
    told(allowed({ decision: decision("deny", "pass") })),
    "verdict_mismatch",
  ],
  [
    "an allow without a verdict",
    told(allowed({ decision: { rulebook, checks: [{ check: "eccn", outcome: "pass" }] } })),
    "verdict_mismatch",
  ],
  [
    "a denial on the verdict allow",
    told(decided("denied", "r", { decision: decision("allow", "pass") })),
    "verdict_mismatch",
  ],
  [
    "a hold on the verdict deny",
    told(decided("held", "r", { decision: decision("deny", "fail") })),
    "verdict_mismatch",
  ],
  [
    "an allow with a failed check",
    told(allowed({ decision: decision("allow", "fail") })),
    "check_failed",
  ],
  [
    "an allow with an unknown check",
    told(allowed({ decision: decision("allow", "unknown") })),
    "check_failed",
  ],
  [
    "an allow with an outcome of its own making",
    told(allowed({ decision: decision("allow", "fine") })),
    "check_failed",
  ],
  [
    "an allow on no check",
    told(allowed({ decision: { verdict: "allow", rulebook, checks: [] } })),
    "check_failed",
  ],
  [
    "an allow whose checks are absent",
    told(allowed({ decision: { verdict: "allow", rulebook } })),
    "body_malformed",
  ],
  [
    "an allow that names no rulebook to be decided again under",
    told(allowed({ decision: { ...(decision("allow", "pass") as object), rulebook: "x" } })),
    "body_malformed",
  ],
  [
    "an allow without the commitment to its evidence",
    told(allowed({ evidence: null })),
    "body_malformed",
  ],
  ["an allow without a grant", told(allowed({ grant: null })), "body_malformed"],
  ["an allow whose licenses are no list", told(allowed({ licenses: "x" })), "body_malformed"],
  ["an allow without its id", told(allowed({ release: null })), "body_malformed"],
  ["a check covered by no license", told(allowed({ licenses: [] })), "license_missing"],
  ["a check covered by an empty list of exceptions", told(excepted()), "license_missing"],
  ["a check covered by no row of exceptions", told(excepted("x")), "license_missing"],
  ["a license of no name", told(record("license.revoked", made("officer"))), "body_malformed"],
  [
    "an allow before its license was activated",
    [...until("license.activated"), granted("grant"), allowed()],
    "license_not_active",
  ],
  [
    "an allow under a suspended license",
    told(change("license.suspended", "license"), allowed()),
    "license_not_active",
  ],
  [
    "an allow under a revoked license",
    told(change("license.revoked", "license"), allowed()),
    "license_not_active",
  ],
  [
    "an allow under a license never entered",
    told(allowed({ licenses: [idOf("license"), idOf("x")] })),
    "license_not_active",
  ],
  [
    "an allow under a suspended grant",
    told(change("grant.suspended", "grant"), allowed()),
    "grant_not_active",
  ],
  [
    "an allow under a revoked grant",
    told(change("grant.revoked", "grant"), allowed()),
    "grant_not_active",
  ],
  ["an allow before its grant was made", [...until("grant.made"), allowed()], "grant_not_active"],
  [
    "an allow for a suspended person",
    told(change("person.suspended", "trainer"), allowed()),
    "person_not_active",
  ],
  [
    "an allow for a revoked person",
    told(change("person.revoked", "trainer"), allowed()),
    "person_not_active",
  ],
  [
    "an allow for a person never recorded",
    told(allowed({ person: idOf("nobody") })),
    ["person_not_active", "principal_mismatch"],
  ],
  [
    "an allow for a revoked workload",
    told(jobGrant, change("workload.revoked", "training job"), toJob()),
    "workload_not_active",
  ],
  [
    "an allow for a workload whose accountable person is suspended",
    told(jobGrant, change("person.suspended", "second officer"), toJob()),
    "person_not_active",
  ],
  [
    "an allow for a revoked entity",
    told(change("entity.revoked", "lab"), allowed({ entity: idOf("lab") })),
    "entity_not_active",
  ],
  [
    "a license reinstated after it was revoked",
    told(change("license.revoked", "license"), change("license.reinstated", "license")),
    "revoked_revived",
  ],
  [
    "a license entered anew after it was revoked",
    told(change("license.revoked", "license"), change("license.entered", "license")),
    "revoked_revived",
  ],
  [
    "a license activated after it was revoked",
    told(change("license.revoked", "license"), activated("license")),
    "revoked_revived",
  ],
  [
    "a person reinstated after a suspension and a revocation",
    told(
      change("person.suspended", "trainer"),
      change("person.revoked", "trainer"),
      change("person.reinstated", "trainer"),
    ),
    "revoked_revived",
  ],
  [
    "a grant suspended and reinstated after it was revoked",
    told(
      change("grant.revoked", "grant"),
      change("grant.suspended", "grant"),
      change("grant.reinstated", "grant"),
    ),
    "revoked_revived",
  ],
  [
    "a license activated that was never entered",
    told(change("license.activated", "x")),
    "change_impossible",
  ],
  ["a license activated twice", told(activated("license")), "change_impossible"],
  ["a license entered twice", told(change("license.entered", "license")), "change_impossible"],
  [
    "a grant reinstated that was not suspended",
    told(change("grant.reinstated", "grant")),
    "change_impossible",
  ],
  [
    "a person revoked who was never recorded",
    told(change("person.revoked", "nobody")),
    "change_impossible",
  ],
];

test.each(dishonest)("a story with %s is found", async (_, records, code) => {
  const report = await verifyStory(records);
  const errors = report.findings.filter(({ severity }) => severity === "error");
  const codes = errors.map((finding) => finding.code).toSorted();
  expect(codes).toEqual(typeof code === "string" ? [code] : code);
  expect(errors[0]?.index).toBeGreaterThanOrEqual(0);
  expect(report.verified).toBe(false);
});

test.each([
  ["activated", "entered"],
  ["reinstated", "made"],
])("what was only ever %s stays inactive: a release under it is an error too", async (verb) => {
  const noun = verb === "activated" ? "license" : "grant";
  const ids = noun === "license" ? { licenses: [idOf("x")] } : { grant: idOf("x") };
  const report = await verifyStory(told(change(`${noun}.${verb}`, "x"), allowed(ids)));
  const codes = report.findings.map(({ code }) => code);
  expect(codes).toContain("change_impossible");
  expect(codes).toContain(`${noun}_not_active`);
});

test("a license suspended before its activation is not active when it is reinstated", async () => {
  const report = await verifyStory([
    ...until("license.activated"),
    granted("grant"),
    change("license.suspended", "license"),
    change("license.reinstated", "license"),
    allowed(),
  ]);
  expect(report.findings.map(({ code }) => code)).toContain("license_not_active");
});

test("a revived license does not carry a release again", async () => {
  const report = await verifyStory(
    told(change("license.revoked", "license"), change("license.reinstated", "license"), allowed()),
  );
  expect(report.findings.map(({ code }) => code)).toContain("license_not_active");
});

test("abandoned, unknown and open releases are named and are no errors", async () => {
  const report = await verifyStory(
    told(
      decided("allowed", "a"),
      end("abandoned", "a"),
      decided("allowed", "b"),
      end("unknown", "b"),
      decided("allowed", "c"),
    ),
  );
  expect(report.findings.map(({ severity, code, index }) => [severity, code, index])).toEqual([
    ["notice", "release_abandoned", 18],
    ["notice", "release_unknown", 20],
    ["notice", "release_open", 21],
  ]);
  expect(report.releases).toEqual({
    allowed: 3,
    denied: 0,
    held: 0,
    delivered: 0,
    failed: 0,
    abandoned: 1,
    unknown: 1,
    open: 1,
  });
});
