import { expect, test } from "@jest/globals";
import type { FindingCode } from "../../../src/ledger/findings.ts";
import type { Recorded } from "../../vectors/ledger/build.ts";
import { change, issued, principalOf, record } from "../../vectors/ledger/story.ts";
import { revoke, told, verifyStory, without } from "../../vectors/ledger/tell.ts";

const governing = ["export-officer", "operator"];

/** The officer's second token, which is over long before the story ends. */
const expired = issued("old", {
  principal: principalOf("officer"),
  roles: governing,
  expiresAt: "2025-06-01T00:00:00.000Z",
});

const nobodyActs = { by: null, under: null };

/** A recovery, to the officer unless told otherwise. */
const recovered = (replaced: Recorded["body"] = {}): Recorded => {
  const { body } = issued("recovered", {
    principal: principalOf("officer"),
    roles: governing,
    ...nobodyActs,
    ...replaced,
  });
  return record("token.recovered", body);
};

/** Nobody is left with a live token that governs. */
const lost = [expired, revoke("second officer"), revoke("officer")];

const sound: readonly (readonly [string, readonly Recorded[]])[] = [
  ["a role given back to whom it expired on", told(...lost, recovered())],
  [
    "a role given back while who else has it is suspended",
    told(expired, change("person.suspended", "second officer"), revoke("officer"), recovered()),
  ],
  [
    "a token that a recovered one issued",
    told(
      ...lost,
      recovered(),
      issued("next", {
        by: principalOf("officer"),
        under: recovered().body["token"] ?? null,
        principal: principalOf("second officer"),
      }),
    ),
  ],
];

test.each(sound)("the verifier takes %s", async (_name, story) => {
  expect((await verifyStory(story)).findings).toEqual([]);
});

const unsound: readonly (readonly [string, readonly Recorded[], FindingCode])[] = [
  [
    "a recovery while another officer holds a live token",
    told(expired, revoke("officer"), recovered()),
    "recovery_unfounded",
  ],
  [
    "a recovery to somebody who never governed",
    told(...lost, recovered({ principal: principalOf("trainer") })),
    "recovery_unfounded",
  ],
  [
    "a recovery to somebody whose tokens were revoked",
    told(...lost, recovered({ principal: principalOf("second officer") })),
    "recovery_unfounded",
  ],
  [
    "a recovery of more than was lost",
    told(...lost, recovered({ roles: [...governing, "auditor"] })),
    "recovery_unfounded",
  ],
  ["a recovery of nothing", told(...lost, recovered({ roles: [] })), "recovery_unfounded"],
  [
    "a recovery to a suspended person",
    told(expired, revoke("second officer"), change("person.suspended", "officer"), recovered()),
    "recovery_unfounded",
  ],
  [
    "a recovery without its end",
    told(...lost, record("token.recovered", without(recovered().body, "expiresAt"))),
    "body_malformed",
  ],
];

test.each(unsound)("the verifier finds %s", async (_name, story, code) => {
  expect((await verifyStory(story)).findings.map((each) => each.code)).toContain(code);
});
