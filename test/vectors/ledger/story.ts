import { createHash } from "node:crypto";
import type { Canonical } from "../../../src/crypto/canonical-json.ts";
import { checkIds } from "../../../src/export-control/decision.ts";
import type { Recorded } from "./build.ts";

/** A UUID that is always the same for one name. */
export function idOf(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export const digestOf = (name: string): string => createHash("sha256").update(name).digest("hex");

export const record = (
  kind: string,
  body: { readonly [name: string]: Canonical } = {},
): Recorded => ({ kind, body });

/** A change to a thing, by the officer; `replaced` replaces and adds members of its body. */
export const change = (
  kind: string,
  name: string,
  replaced: { readonly [name: string]: Canonical } = {},
): Recorded =>
  record(kind, {
    [kind.split(".")[0] ?? ""]: idOf(name),
    ...made("officer"),
    commitment: digestOf(`${kind} ${name}`),
    ...replaced,
  });

/** The members that say who made an entry. */
export const made = (name: string): { readonly by: string; readonly under: string } => ({
  by: principalOf(name),
  under: tokenOf(name),
});

export const principalOf = (name: string): string => idOf(`${name}'s principal`);
export const tokenOf = (name: string): string => idOf(`${name}'s token`);

/** What the people of the story do, and may do; everybody else reads. */
const rolesOfCast: Readonly<Record<string, readonly string[]>> = {
  officer: ["export-officer", "operator"],
  "second officer": ["export-officer", "operator"],
  "training job": ["reader", "uploader"],
};

/** A token for somebody, issued by the officer. */
export const issued = (
  name: string,
  replaced: { readonly [name: string]: Canonical } = {},
): Recorded =>
  record("token.issued", {
    token: tokenOf(name),
    principal: principalOf(name),
    roles: rolesOfCast[name] ?? ["reader"],
    hashSha256: digestOf(`${name}'s token`),
    expiresAt: "2026-04-01T00:00:00.000Z",
    ...made("officer"),
    ...replaced,
  });

/** One of the entries of a classification of the repository. */
export const classified = (
  verb: "proposed" | "approved" | "superseded",
  person: string,
  replaced: { readonly [name: string]: Canonical } = {},
): Recorded =>
  record(`classification.${verb}`, {
    classification: idOf("classification"),
    repository: idOf("aurora/large"),
    eccn: "4E091",
    person: idOf(person),
    ...made(person),
    ...replaced,
  });

/** The revision that releases are of. */
export const committed = record("revision.committed", {
  repository: idOf("aurora/large"),
  revision: digestOf("revision").slice(0, 40),
  parent: null,
  manifest: digestOf("revision"),
  files: { count: 2, bytes: "4096" },
  ...made("training job"),
});

const verdicts = { allowed: "allow", denied: "deny", held: "hold" } as const;
const lastOutcome = { allowed: "covered", denied: "fail", held: "unknown" } as const;

/** A decided release; `change` replaces members of its body. */
export function decided(
  word: keyof typeof verdicts,
  name: string,
  change: { readonly [name: string]: Canonical } = {},
): Recorded {
  return record(`release.${word}`, {
    release: idOf(name),
    principal: principalOf("trainer"),
    person: idOf("trainer"),
    workload: null,
    token: tokenOf("trainer"),
    repository: idOf("aurora/large"),
    revision: digestOf("revision").slice(0, 40),
    way: "enclosed",
    decision: decision(verdicts[word], lastOutcome[word]),
    evidence: digestOf(`evidence of ${name}`),
    grant: idOf("grant"),
    licenses: word === "allowed" ? [idOf("license")] : [],
    objects: { count: 2, bytes: "4096", sha256: digestOf(`objects of ${name}`) },
    ...change,
  });
}

/** A decision on every check, one of which has the outcome. */
export function decision(verdict: string, outcome: string): Canonical {
  const special: Readonly<Record<string, string>> = {
    nationality: "not-applicable",
    "export-ns": outcome,
  };
  const checks = checkIds.map((check) => ({ check, outcome: special[check] ?? "pass" }));
  return { verdict, rulebook: digestOf("rulebook"), checks };
}

export const delivered = (name: string): Recorded =>
  record("release.delivered", { release: idOf(name), bytes: "4096" });

/** A license entered by the officer and activated by the second one. */
export const entered = (name: string, releasesAllowed: number | null = null): Recorded =>
  change("license.entered", name, { person: idOf("officer"), releasesAllowed });
export const activated = (name: string): Recorded =>
  change("license.activated", name, { person: idOf("second officer"), ...made("second officer") });

/** A grant on the repository, by the officer for the trainer. */
export const granted = (
  name: string,
  replaced: { readonly [name: string]: Canonical } = {},
): Recorded =>
  change("grant.made", name, {
    principal: principalOf("trainer"),
    repository: idOf("aurora/large"),
    person: idOf("officer"),
    bytesAllowed: null,
    ...replaced,
  });

const person = (name: string): Recorded =>
  change("person.recorded", name, { principal: principalOf(name) });
const nobody = { by: null, under: null };

/**
 * Everything that a release needs, on the record: the first officer by nobody's hand, persons, a workload and their tokens, a revision with
 * its classification, a license with its two officers, a grant.
 */
export const beginning: readonly Recorded[] = [
  record("vault.initialized", { vault: idOf("vault") }),
  change("person.recorded", "officer", { principal: principalOf("officer"), ...nobody }),
  issued("officer", nobody),
  person("second officer"),
  issued("second officer"),
  change("entity.recorded", "lab"),
  person("trainer"),
  issued("trainer"),
  change("workload.recorded", "training job", {
    principal: principalOf("training job"),
    accountable: idOf("second officer"),
  }),
  issued("training job"),
  record("repository.created", { repository: idOf("aurora/large"), ...made("training job") }),
  committed,
  classified("proposed", "officer"),
  classified("approved", "second officer"),
  entered("license"),
  activated("license"),
  granted("grant"),
];

/** Three hundred entries: a full tile and a partial one, and every ending that a release can have. */
export function story(): readonly Recorded[] {
  const entries: Recorded[] = [
    ...beginning,
    decided("denied", "denied"),
    decided("held", "held"),
    decided("allowed", "failed"),
    record("release.failed", { release: idOf("failed"), bytes: "1024", reason: "client_gone" }),
    decided("allowed", "abandoned"),
    record("release.abandoned", { release: idOf("abandoned") }),
    decided("allowed", "unknown"),
    record("release.unknown", { release: idOf("unknown"), bytes: "4096" }),
    change("license.suspended", "license"),
    change("license.reinstated", "license"),
    change("person.updated", "trainer"),
  ];
  for (let number = 0; entries.length < 298; number += 1) {
    entries.push(decided("allowed", `release ${number}`), delivered(`release ${number}`));
  }
  return [...entries, decided("allowed", "open"), change("grant.revoked", "grant")];
}
