import { expect, test } from "@jest/globals";
import { routes } from "../../../src/http/routes.ts";
import type { FindingCode } from "../../../src/ledger/findings.ts";
import { rolesOf, rolesOfKinds } from "../../../src/ledger/verify-roles.ts";
import type { Recorded } from "../../vectors/ledger/build.ts";
import {
  change,
  classified,
  committed,
  decided,
  granted,
  idOf,
  issued,
  made,
  principalOf,
  record,
  tokenOf,
} from "../../vectors/ledger/story.ts";
import { allowed, instead, revoke, told, verifyStory, without } from "../../vectors/ledger/tell.ts";

const nouns = {
  persons: "person",
  entities: "entity",
  workloads: "workload",
  licenses: "license",
  grants: "grant",
} as const;

const upload = "/v1/repositories/{namespace}/{name}/uploads";
const classification = "/v1/repositories/{namespace}/{name}/classifications";
const decisions = ["release.allowed", "release.denied", "release.held"];

/** The kinds of entry that each route brings about, whoever calls it. */
const madeBy: Readonly<Record<string, readonly string[]>> = {
  "post /v1/tokens": ["token.issued"],
  "delete /v1/tokens/{id}": ["token.revoked"],
  "post /v1/persons": ["person.recorded"],
  "put /v1/persons/{id}": ["person.updated"],
  "post /v1/entities": ["entity.recorded"],
  "post /v1/workloads": ["workload.recorded"],
  "post /v1/repositories": ["repository.created"],
  "put /v1/repositories/{namespace}/{name}/policy": ["repository.policy-set"],
  [`post ${classification}`]: ["classification.proposed"],
  [`post ${classification}/{id}/approve`]: ["classification.approved", "classification.superseded"],
  "post /v1/licenses": ["license.entered"],
  "post /v1/licenses/{id}/activate": ["license.activated"],
  "put /v1/licenses/{id}/riders/{rider}": ["license.updated"],
  "post /v1/grants": ["grant.made"],
  ...Object.fromEntries(
    Object.entries(nouns).flatMap(([collection, noun]) => [
      [`post /v1/${collection}/{id}/suspend`, [`${noun}.suspended`]],
      [`post /v1/${collection}/{id}/reinstate`, [`${noun}.reinstated`]],
      [`post /v1/${collection}/{id}/revoke`, [`${noun}.revoked`]],
    ]),
  ),
  [`post ${upload}/{upload}/objects/{object}/key`]: ["upload.key-released"],
  [`post ${upload}/{upload}/objects/{object}/complete`]: ["object.declared"],
  [`post ${upload}/{upload}/commit`]: ["revision.committed", "revision.signed"],
  "post /v1/repositories/{namespace}/{name}/revisions/{revision}/signatures": ["revision.signed"],
  "post /v1/repositories/{namespace}/{name}/shreddings": ["shredding.proposed"],
  "post /v1/repositories/{namespace}/{name}/shreddings/{id}/approve": [
    "shredding.approved",
    "repository.shredded",
  ],
  "post /v1/custody/rotations": ["rotation.begun", "rotation.superseded"],
  "post /v1/releases": decisions,
  "post /v1/overrides": ["override.proposed"],
  "post /v1/overrides/{id}/approve": ["override.approved"],
  "post /v1/overrides/{id}/withdraw": ["override.withdrawn"],
  "post /v1/decisions/simulate": ["decision.simulated"],
  "get /v1/persons/{id}": ["person.read"],
  "get /v1/releases/{id}/evidence": ["evidence.read"],
  "post /v1/holds": ["hold.placed"],
  "post /v1/holds/{id}/lift": ["hold.lifted"],
  "post /v1/releases/{id}/movements": ["movement.noted"],
  "post /v1/persons/{id}/erasures": ["erasure.proposed"],
  "post /v1/persons/{id}/erasures/{erasure}/approve": ["person.erased", "evidence.erased"],
  "post /v1/records/search": ["records.searched"],
  "post /v1/records/exports": ["records.exported"],
  "get /v1/repositories/{namespace}/{name}/revisions/{revision}/files/{path...}": decisions,
};

/** What changes something and leaves no entry: an upload before it is committed. */
const unrecorded = [
  `post ${upload}`,
  `put ${upload}/{upload}/files/{path...}`,
  `delete ${upload}/{upload}`,
  `post ${upload}/{upload}/objects`,
  `put ${upload}/{upload}/objects/{object}/parts/{part}`,
  `post ${upload}/{upload}/objects/{object}/parts/{part}/location`,
  `delete ${upload}/{upload}/objects/{object}`,
];

/** Named in the ledger's language, and made by no route. */
const unmade = ["entity.updated", "workload.updated"];

const asked = routes.filter(({ roles }) => roles !== "public");

test("each kind of entry takes the roles of the routes that make it", () => {
  for (const { method, path, roles } of asked) {
    const kinds = madeBy[`${method} ${path}`] ?? [];
    // Any holder revokes their own token; the vault itself holds who revokes another's to the role.
    const admitted = roles === "any" ? ["operator"] : roles;
    if (roles === "any" && kinds.length > 0) expect(kinds).toEqual(["token.revoked"]);
    expect([path, kinds.map(rolesOf)]).toEqual([path, kinds.map(() => admitted)]);
  }
});

test("every kind has its route, and every route that changes something has its kinds", () => {
  const names = asked.map(({ method, path }) => `${method} ${path}`);
  expect(Object.keys(madeBy).filter((name) => !names.includes(name))).toEqual([]);
  const changing = names.filter((name) => !/^(?:get|head) /.test(name) || name in madeBy);
  expect(changing.toSorted()).toEqual([...Object.keys(madeBy), ...unrecorded].toSorted());
  const kinds = Object.entries(rolesOfKinds).flatMap(([kind, roles]) =>
    roles === null ? [] : kind,
  );
  const made = new Set(Object.values(madeBy).flat());
  expect([...made, ...unmade].toSorted()).toEqual(kinds.toSorted());
});

test("the vault's own entries and kinds to come take no role", () => {
  const own = Object.entries(rolesOfKinds).flatMap(([kind, roles]) => (roles === null ? kind : []));
  expect(own).toEqual([
    "vault.initialized",
    "ledger.key-rotated",
    "ledger.key-taken-up",
    "token.recovered",
    "grant.flagged",
    "grant.cleared",
    "object.proved",
    "object.refuted",
    "rotation.finished",
    "release.delivered",
    "release.failed",
    "release.abandoned",
    "release.unknown",
  ]);
  expect(rolesOf("moon.landed")).toBeNull();
  expect(rolesOf("toString")).toBeNull();
});

/** A token beside the trainer's own. */
const other = { token: tokenOf("other"), principal: principalOf("trainer") };

/** Stories of tokens that do not say what they are for, or are used for something else. */
const stories: readonly (readonly [
  string,
  readonly Recorded[],
  FindingCode | readonly FindingCode[],
])[] = [
  [
    "a token without its roles",
    told(record("token.issued", without(issued("trainer", other).body, "roles"))),
    "body_malformed",
  ],
  [
    "a token of roles that are no list",
    told(issued("x", { ...other, roles: "reader" })),
    "body_malformed",
  ],
  [
    "a token of a hash that is none",
    told(issued("x", { ...other, hashSha256: "AB" })),
    "body_malformed",
  ],
  [
    "a reader who activates the license that names them",
    instead("license.activated", change("license.activated", "license", made("trainer"))),
    "role_missing",
  ],
  [
    "a reader who makes a grant",
    told(
      granted("g", {
        ...made("trainer"),
        person: idOf("trainer"),
        principal: principalOf("officer"),
      }),
    ),
    "role_missing",
  ],
  [
    "a reader who issues a token",
    told(issued("x", { ...other, ...made("trainer") })),
    "role_missing",
  ],
  ["a reader who revokes another's token", told(revoke("officer", "trainer")), "role_missing"],
  [
    "a reader who reinstates a person",
    told(
      change("person.suspended", "trainer"),
      change("person.reinstated", "trainer", made("trainer")),
    ),
    "role_missing",
  ],
  [
    "a reader who records an entity",
    told(change("entity.recorded", "x", made("trainer"))),
    "role_missing",
  ],
  [
    "a reader who creates a repository",
    told(record("repository.created", { repository: idOf("x"), ...made("trainer") })),
    "role_missing",
  ],
  [
    "a reader who commits a revision",
    told(record(committed.kind, { ...committed.body, revision: "x", ...made("trainer") })),
    "role_missing",
  ],
  [
    "a reader who classifies",
    told(classified("proposed", "trainer", { classification: idOf("c2") })),
    "role_missing",
  ],
  [
    "an allow under a token that may not read",
    told(
      issued("x", { principal: principalOf("trainer"), roles: ["auditor", "uploader"] }),
      allowed({ token: tokenOf("x") }),
    ),
    "role_missing",
  ],
  [
    "a denial under a token of no role",
    told(
      issued("x", { principal: principalOf("trainer"), roles: [] }),
      decided("denied", "r", { token: tokenOf("x") }),
    ),
    "role_missing",
  ],
];

test.each(stories)("a story with %s is found", async (_, records, code) => {
  const report = await verifyStory(records);
  const errors = report.findings.filter(({ severity }) => severity === "error");
  expect(errors.map((finding) => finding.code).toSorted()).toEqual([code].flat());
  expect(report.verified).toBe(false);
});
