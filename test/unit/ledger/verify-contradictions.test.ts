import { expect, test } from "@jest/globals";
import { checkIds, isEveryCheck } from "../../../src/export-control/decision.ts";
import { encodeEntry } from "../../../src/ledger/entry.ts";
import type { FindingCode } from "../../../src/ledger/findings.ts";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { leafHash } from "../../../src/merkle/tree.ts";
import { filesOf, memorySource, type Recorded } from "../../vectors/ledger/build.ts";
import {
  beginning,
  change,
  classified,
  committed,
  decided,
  delivered,
  digestOf,
  entered,
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
  instead,
  jobGrant,
  narrow,
  revoke,
  signer,
  streamed,
  toJob,
  told,
  verificationKey,
  verifyStory,
  without,
} from "../../vectors/ledger/tell.ts";

const simulated = (replaced: Recorded["body"] = {}): Recorded =>
  record("decision.simulated", {
    decision: idOf("simulation"),
    ...made("officer"),
    principal: principalOf("trainer"),
    person: idOf("trainer"),
    workload: null,
    repository: idOf("aurora/large"),
    verdict: "deny",
    rulebook: "",
    ...replaced,
  });
const terms = {
  requirement: "4E091-rs-1",
  requirementSha256: "ab".repeat(32),
  action: "set-aside",
  validFrom: "2026-01-01",
  validUntil: "2026-12-31",
  commitment: "cd".repeat(32),
};
/** An entry about the override, by one of the officers. */
const override = (
  verb: string,
  officer = "officer",
  replaced: Parameters<typeof change>[2] = {},
): Recorded =>
  change(`override.${verb}`, "override", {
    ...terms,
    person: idOf(officer),
    ...made(officer),
    ...replaced,
  });
const approved = override("approved", "second officer");
const nobody = { by: null, under: null };
/** What re-decision recorded of the grant. */
const flagged = (allowing: number): Recorded =>
  record("grant.flagged", {
    grant: idOf("grant"),
    ...nobody,
    verdict: "deny",
    checks: [],
    allowing,
  });
const clear = record("grant.cleared", { grant: idOf("grant"), ...nobody, allowing: 1 });
const redecided = change("grant.suspended", "grant", { ...nobody, cause: "re-decided" });

/** Stories whose entries are each in order and contradict one another, with the codes that they come to. */
const contradictions: readonly (readonly [
  string,
  readonly Recorded[],
  FindingCode | readonly FindingCode[],
])[] = [
  [
    "an override approved by its proposer",
    told(override("proposed"), override("approved")),
    "two_person_rule",
  ],
  [
    "an override approved by its proposer under another's name",
    told(override("proposed"), override("approved", "officer", { person: idOf("second officer") })),
    ["principal_mismatch", "two_person_rule"],
  ],
  ["an override approved and never proposed", told(approved), "change_impossible"],
  [
    "an override approved twice",
    told(override("proposed"), approved, approved),
    "change_impossible",
  ],
  [
    "an override approved after it was withdrawn",
    told(override("proposed"), override("withdrawn"), approved),
    "change_impossible",
  ],
  [
    "an override proposed twice",
    told(override("proposed"), override("proposed")),
    "change_impossible",
  ],
  ["an override withdrawn and never proposed", told(override("withdrawn")), "change_impossible"],
  ...Object.keys(terms).map(
    (name) =>
      [
        `an override approved with another ${name} than was proposed`,
        told(override("proposed"), override("approved", "second officer", { [name]: "other" })),
        "change_impossible",
      ] as const,
  ),
  [
    "an override without its days",
    told({ kind: "override.proposed", body: without(override("proposed").body, "validUntil") }),
    "body_malformed",
  ],
  [
    "an override by nobody",
    told(override("proposed", "officer", nobody), approved),
    "caller_missing",
  ],
  ["a grant cleared and never flagged", told(clear), "change_impossible"],
  ["a grant suspended by the vault and never flagged", told(redecided), "change_impossible"],
  [
    "a grant suspended by the vault while a site allows it",
    told(flagged(1), redecided),
    "change_impossible",
  ],
  [
    "a grant suspended by the vault after it was cleared",
    told(flagged(0), clear, redecided),
    "change_impossible",
  ],
  [
    "a grant suspended by the vault in somebody's name",
    told(flagged(0), change("grant.suspended", "grant", { cause: "re-decided" })),
    "change_impossible",
  ],
  [
    "a release under a grant that the vault suspended",
    told(flagged(0), redecided, allowed(), end("delivered")),
    "grant_not_active",
  ],
  [
    "a grant flagged on an allowance",
    told({ ...flagged(0), body: { ...flagged(0).body, verdict: "allow" } }),
    "body_malformed",
  ],
  [
    "an entry under a token never issued",
    told(change("grant.revoked", "grant", { under: idOf("x") })),
    "token_unknown",
  ],
  [
    "an entry under a revoked token",
    told(revoke("officer", "second officer"), change("grant.revoked", "grant")),
    "token_revoked",
  ],
  [
    "an entry under another's token",
    told(change("grant.revoked", "grant", { under: tokenOf("trainer") })),
    "token_mismatch",
  ],
  [
    "an entry by nobody after the first officer",
    told(change("grant.revoked", "grant", { by: null, under: null })),
    "caller_missing",
  ],
  [
    "a second first officer, with a token by nobody's hand",
    told(
      change("person.recorded", "x", { principal: principalOf("x"), by: null, under: null }),
      issued("x", { by: null, under: null }),
    ),
    ["caller_missing", "caller_missing"],
  ],
  [
    "an entity by nobody before the first officer",
    [change("entity.recorded", "lab", { by: null, under: null }), ...told().slice(1, 3)],
    "caller_missing",
  ],
  [
    "an entry that does not say by whom",
    told(record("grant.revoked", { grant: idOf("grant") })),
    "caller_missing",
  ],
  [
    "an entry under no token",
    told(change("grant.revoked", "grant", { under: null })),
    "caller_missing",
  ],
  [
    "an entry of a kind to come under a token never issued",
    told(record("moon.landed", { ...made("officer"), under: idOf("x") })),
    "token_unknown",
  ],
  ["a simulation without a verdict", told(simulated({ verdict: "perhaps" })), "body_malformed"],
  ["a simulation that names no decision", told(simulated({ decision: 7 })), "body_malformed"],
  [
    "a simulation for a principal never recorded",
    told(simulated({ principal: idOf("x") })),
    "principal_unknown",
  ],
  [
    "a simulation for a principal under another's name",
    told(simulated({ person: idOf("x") })),
    "principal_mismatch",
  ],
  [
    "a simulation of a repository never created",
    told(simulated({ repository: idOf("x") })),
    "repository_unknown",
  ],
  [
    "a simulation under a token never issued",
    told(simulated({ under: idOf("x") })),
    "token_unknown",
  ],
  ["an allow under a token never issued", told(allowed({ token: idOf("x") })), "token_unknown"],
  [
    "a denial under a token never issued",
    told(decided("denied", "r", { token: idOf("x") })),
    "token_unknown",
  ],
  [
    "a hold under a token never issued",
    told(decided("held", "r", { token: idOf("x") })),
    "token_unknown",
  ],
  ["an allow under a revoked token", told(revoke("trainer"), allowed()), "token_revoked"],
  [
    "an allow under another's token",
    told(allowed({ token: tokenOf("officer") })),
    "token_mismatch",
  ],
  [
    "an allow under no token",
    told(record("release.allowed", without(allowed().body, "token"))),
    "caller_missing",
  ],
  [
    "an allow under a token that expired long ago",
    told(
      record("token.issued", {
        ...issued("old").body,
        principal: principalOf("trainer"),
        expiresAt: "2025-06-01T00:00:00.000Z",
      }),
      allowed({ token: tokenOf("old") }),
    ),
    "token_expired",
  ],
  ["a token issued again", told(issued("trainer")), "change_impossible"],
  [
    "a token issued again after it was revoked",
    told(revoke("trainer"), issued("trainer")),
    "change_impossible",
  ],
  [
    "a token without its end",
    told(record("token.issued", without(issued("trainer").body, "expiresAt"))),
    "body_malformed",
  ],
  ["a revoked token of no name", told(record("token.revoked", made("officer"))), "body_malformed"],

  ["a token for a principal of nobody", told(issued("x")), "principal_unknown"],
  [
    "a grant for a principal of nobody",
    told(granted("g", { principal: idOf("x") })),
    "principal_unknown",
  ],
  [
    "an allow for a principal of nobody",
    told(allowed({ principal: idOf("x") })),
    ["grant_mismatch", "principal_unknown", "token_mismatch"],
  ],
  [
    "an entry by a principal of nobody",
    told(change("grant.revoked", "grant", { by: idOf("x") })),
    ["principal_unknown", "token_mismatch"],
  ],
  [
    "an allow in another person's name",
    told(allowed({ person: idOf("officer") })),
    "principal_mismatch",
  ],
  [
    "a denial in another person's name",
    told(decided("denied", "r", { person: idOf("officer") })),
    "principal_mismatch",
  ],
  [
    "an allow for a person in a workload's name",
    told(allowed({ workload: idOf("training job") })),
    "principal_mismatch",
  ],
  [
    "an allow for a workload in its person's name alone",
    told(jobGrant, toJob({ workload: null })),
    "principal_mismatch",
  ],
  [
    "an allow for a workload under another person",
    told(jobGrant, toJob({ person: idOf("trainer") })),
    "principal_mismatch",
  ],
  [
    "a principal recorded as another's",
    told(change("person.recorded", "thief", { principal: principalOf("officer") })),
    "principal_mismatch",
  ],
  ["a person recorded without a principal", told(change("person.recorded", "x")), "body_malformed"],

  [
    "a classification approved by its proposer",
    instead("classification.approved", classified("approved", "officer")),
    "two_person_rule",
  ],
  [
    "a classification approved by its proposer in another person's name",
    instead("classification.approved", classified("approved", "second officer", made("officer"))),
    ["principal_mismatch", "two_person_rule"],
  ],
  [
    "a license activated by the person who entered it",
    instead(
      "license.activated",
      change("license.activated", "license", { person: idOf("officer") }),
    ),
    "two_person_rule",
  ],
  [
    "a license activated by the person who entered it, whom the entry does not name",
    instead("license.activated", change("license.activated", "license")),
    "two_person_rule",
  ],
  [
    "a license activated by a workload of the person who entered it",
    [
      ...beginning,
      change("license.entered", "l", { ...made("second officer"), releasesAllowed: null }),
      change("license.activated", "l", made("training job")),
    ],
    ["role_missing", "two_person_rule"],
  ],
  [
    "a grant made by whom it is for",
    told(granted("g", { principal: principalOf("officer") })),
    "two_person_rule",
  ],

  [
    "a release before the classification was proposed",
    [
      ...instead("classification.proposed").filter(
        ({ kind }) => kind !== "classification.approved",
      ),
      allowed(),
    ],
    "classification_not_approved",
  ],
  [
    "a release before the classification was approved",
    [...instead("classification.approved"), allowed()],
    "classification_not_approved",
  ],
  [
    "a classification approved that was never proposed",
    told(classified("approved", "officer", { classification: idOf("x") })),
    "change_impossible",
  ],
  [
    "a classification approved twice",
    told(classified("approved", "second officer")),
    "change_impossible",
  ],
  [
    "a classification proposed again",
    told(classified("proposed", "second officer")),
    "change_impossible",
  ],
  [
    "a classification approved for another repository than was proposed",
    told(
      record("repository.created", { repository: idOf("other"), ...made("officer") }),
      classified("proposed", "officer", { classification: idOf("c2") }),
      classified("approved", "second officer", {
        classification: idOf("c2"),
        repository: idOf("other"),
      }),
    ),
    "change_impossible",
  ],
  [
    "a classification approved as another than was proposed",
    told(
      classified("proposed", "officer", { classification: idOf("c2") }),
      classified("approved", "second officer", { classification: idOf("c2"), eccn: "EAR99" }),
    ),
    "change_impossible",
  ],
  [
    "a classification approved with another datasheet than was proposed",
    told(
      classified("proposed", "officer", { classification: idOf("c2"), datasheet: "aa" }),
      classified("approved", "second officer", { classification: idOf("c2"), datasheet: "bb" }),
    ),
    "change_impossible",
  ],
  [
    "a classification approved without the datasheet that was proposed",
    told(
      classified("proposed", "officer", { classification: idOf("c2"), datasheet: "aa" }),
      classified("approved", "second officer", { classification: idOf("c2") }),
    ),
    "change_impossible",
  ],
  [
    "a classification of no name",
    told(
      record(
        "classification.proposed",
        without(classified("proposed", "officer").body, "classification"),
      ),
    ),
    "body_malformed",
  ],
  [
    "a classification of a repository never created",
    told(classified("proposed", "officer", { repository: idOf("x") })),
    "repository_unknown",
  ],
  [
    "a revision of a repository never created",
    told(record(committed.kind, { ...committed.body, repository: idOf("x") })),
    "repository_unknown",
  ],
  [
    "a revision of no name",
    told(record(committed.kind, without(committed.body, "revision"))),
    "body_malformed",
  ],
  [
    "a revision on one never committed",
    told(record(committed.kind, { ...committed.body, revision: "y", parent: "x" })),
    "revision_unknown",
  ],
  ["a revision committed twice", told(committed), "change_impossible"],
  [
    "a grant on a repository never created",
    told(granted("g", { repository: idOf("x") })),
    "repository_unknown",
  ],
  [
    "a repository created twice",
    told(record("repository.created", { repository: idOf("aurora/large"), ...made("officer") })),
    "change_impossible",
  ],
  [
    "a repository of no name",
    told(record("repository.created", made("officer"))),
    "body_malformed",
  ],
  [
    "a release of a repository never created",
    told(allowed({ repository: idOf("x") })),
    ["grant_mismatch", "repository_unknown"],
  ],
  ["a release of a revision never committed", told(allowed({ revision: "x" })), "revision_unknown"],
  [
    "a release of another repository's revision",
    told(
      record("repository.created", { repository: idOf("other"), ...made("officer") }),
      record(committed.kind, { ...committed.body, repository: idOf("other"), revision: "theirs" }),
      allowed({ revision: "theirs" }),
    ),
    "revision_unknown",
  ],

  [
    "an allow under another principal's grant",
    told(jobGrant, allowed({ grant: idOf("job's grant") })),
    "grant_mismatch",
  ],
  [
    "an allow under another repository's grant",
    told(
      record("repository.created", { repository: idOf("other"), ...made("officer") }),
      granted("g", { repository: idOf("other") }),
      allowed({ grant: idOf("g") }),
    ),
    "grant_mismatch",
  ],
  [
    "a grant without its principal",
    told(record("grant.made", without(granted("g").body, "principal"))),
    "body_malformed",
  ],
  ["a grant of bytes of no number", told(granted("g", { bytesAllowed: 4096 })), "body_malformed"],
  [
    "a license of releases of no number",
    told(change("license.entered", "l", { releasesAllowed: "1" })),
    "body_malformed",
  ],

  [
    "a second use of a license of one",
    [...narrow(1), allowed(), delivered("r"), decided("allowed", "s")],
    "license_overused",
  ],
  [
    "a second use of a license of one while the first is open",
    [...narrow(1), allowed(), decided("allowed", "s")],
    "license_overused",
  ],
  ["a use of a license of none", [...narrow(0), allowed()], "license_overused"],
  [
    "a second use after the first failed with bytes out",
    [...narrow(1), allowed(), end("failed"), decided("allowed", "s")],
    "license_overused",
  ],
  [
    "a second use after the first came to an unknown end",
    [...narrow(1), allowed(), end("unknown", "r", "0"), decided("allowed", "s")],
    "license_overused",
  ],
  [
    "a second use after the first was delivered with no bytes",
    [...narrow(1), allowed(), end("delivered", "r", "0"), decided("allowed", "s")],
    "license_overused",
  ],
  [
    "a license entered again to allow more",
    [...narrow(1), entered("license", 9), allowed(), decided("allowed", "s")],
    ["change_impossible", "license_overused"],
  ],
  [
    "a grant made again to allow more",
    [...budget("4095"), granted("grant"), allowed()],
    ["change_impossible", "grant_overused"],
  ],
  ["keys of more bytes than the budget", [...budget("4095"), allowed()], "grant_overused"],
  [
    "a budget spent twice",
    [...budget("8191"), allowed(), delivered("r"), decided("allowed", "s")],
    "grant_overused",
  ],
  [
    "a stream of more bytes than the budget",
    [...budget("5000"), allowed(streamed), end("delivered", "r", "5001")],
    "grant_overused",
  ],
  [
    "keys delivered of more bytes than were allowed",
    told(allowed(), end("delivered", "r", "4097")),
    "bytes_exceeded",
  ],
  [
    "a delivery of bytes of no number",
    told(allowed(), end("delivered", "r", 4096)),
    "body_malformed",
  ],
  [
    "an allow of bytes of no number",
    told(allowed({ objects: { count: 1, bytes: 1, sha256: "x" } })),
    "body_malformed",
  ],
  ["an allow in no way", told(allowed({ way: "Enclosed" })), "body_malformed"],

  [
    "a check listed twice",
    told(
      allowed({
        decision: {
          verdict: "allow",
          rulebook: digestOf("rulebook"),
          checks: [
            { check: "eccn", outcome: "pass" },
            { check: "eccn", outcome: "pass" },
          ],
        },
      }),
    ),
    "check_repeated",
  ],
];

test.each(contradictions)("a story with %s is found", async (_, records, code) => {
  const report = await verifyStory(records);
  const errors = report.findings.filter(({ severity }) => severity === "error");
  const codes = errors.map((finding) => finding.code).toSorted();
  expect(codes).toEqual(typeof code === "string" ? [code] : code);
  expect(errors[0]?.index).toBeGreaterThanOrEqual(0);
});

test.each([
  ["the checks of the vault", checkIds, true],
  ["a check too few", [...checkIds, "moon"], false],
  ["a check too many", checkIds.slice(1), false],
  ["the checks in another order", checkIds.toReversed(), false],
])("decisions on %s", async (_, expected, isMatch) => {
  const records = told(allowed(), decided("denied", "a"), decided("held", "b"));
  const report = await verifyStory(records, { checkIds: expected });
  const codes = report.findings.flatMap(({ severity, code }) => (severity === "error" ? code : []));
  expect(codes).toEqual(isMatch ? [] : Array(3).fill("checks_mismatch"));
});

test.each([
  [
    "those of the vault and of the Union",
    ["eu-nexus", "eu-item", "eu-transfer", "eu-end-use"],
    true,
  ],
  ["some of the Union's", ["eu-nexus", "eu-item"], false],
  ["one that nobody knows", ["moon"], false],
])("decisions on the checks of more regimes than the EAR: %s", async (_, more, isMatch) => {
  const checks = [...checkIds, ...more].map((check) => ({ check, outcome: "pass" }));
  const decision = { verdict: "hold", rulebook: "00".repeat(32), checks };
  const records = told(allowed(), decided("held", "b", { decision }));
  const report = await verifyStory(records, { checkIds: isEveryCheck });
  const codes = report.findings.flatMap(({ severity, code }) => (severity === "error" ? code : []));
  expect(codes).toEqual(isMatch ? [] : ["checks_mismatch"]);
});

test("a denial without checks is not on the vault's", async () => {
  const records = told(
    decided("denied", "r", { decision: { verdict: "deny", rulebook: digestOf("rulebook") } }),
  );
  expect((await verifyStory(records, { checkIds })).findings.map(({ code }) => code)).toEqual([
    "checks_mismatch",
  ]);
});

test("an older vault's ledger verifies, and what could not be checked is noted once a member", async () => {
  const absent = ["under", "accountable", "releasesAllowed", "bytesAllowed"];
  const older = told(allowed()).map(({ kind, body }) => record(kind, without(body, ...absent)));
  const report = await verifyStory(older);
  expect(report.verified).toBe(true);
  expect(
    report.findings.flatMap(({ code, message }) => (code === "member_absent" ? message : [])),
  ).toEqual([
    expect.stringMatching(/^14 entries lack under,/),
    expect.stringMatching(/^1 entry lacks accountable,/),
    expect.stringMatching(/^1 entry lacks releasesAllowed,/),
    expect.stringMatching(/^1 entry lacks bytesAllowed,/),
  ]);
});

const anotherJob = change("workload.recorded", "another job", {
  principal: principalOf("another job"),
  accountable: idOf("second officer"),
});

test.each([
  ["under", revoke("trainer")],
  ["accountable", anotherJob],
  ["releasesAllowed", entered("another license")],
  ["bytesAllowed", granted("another grant")],
] as const)(
  "an entry without %s is an error where one before it had it: no vault unlearns it",
  async (member, { kind, body }) => {
    const { findings } = await verifyStory(told(record(kind, without(body, member))));
    expect(findings.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      `body_malformed: ${kind} lacks its ${member}, which an entry before it has`,
    ]);
    expect((await verifyStory(told(record(kind, body)))).findings).toEqual([]);
  },
);

test("a clock that goes back by more than a day is noted, by less is not", async () => {
  let previous = "";
  const at = (hours: number): string => new Date(Date.UTC(2026, 0, 10, hours)).toISOString();
  const entries = [48, 24, 23, 50].map((hours, index) => {
    const body = { vault: "v" };
    const time = at(hours);
    const bytes = encodeEntry({ index, previous, time, kind: "vault.initialized", body });
    previous = leafHash(bytes).toString("hex");
    return bytes;
  });
  const report = await verifyLedger(memorySource(await filesOf(entries, signer)), {
    verificationKey,
  });
  expect(report.findings.map(({ severity, code, index }) => [severity, code, index])).toEqual([
    ["notice", "time_backwards", 2],
  ]);
});

test("a simulation tells no tale: the verifier knows it and finds nothing", async () => {
  const report = await verifyStory(told(simulated()));
  expect(report.findings).toEqual([]);
  expect(report.counts).toMatchObject({ "decision.simulated": 1 });
});

test("overrides by two officers, and what re-decision records, are in order", async () => {
  const report = await verifyStory(
    told(
      override("proposed"),
      approved,
      flagged(1),
      flagged(0),
      redecided,
      clear,
      change("grant.reinstated", "grant"),
      override("withdrawn", "second officer"),
      flagged(1),
    ),
  );
  expect(report).toMatchObject({ verified: true, findings: [] });
});
