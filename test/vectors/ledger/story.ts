import { createHash } from "node:crypto";
import type { Canonical } from "../../../src/crypto/canonical-json.ts";
import type { Recorded } from "./build.ts";

/** A UUID that is always the same for one name. */
export function idOf(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const digestOf = (name: string): string => createHash("sha256").update(name).digest("hex");

export const record = (
  kind: string,
  body: { readonly [name: string]: Canonical } = {},
): Recorded => ({ kind, body });

export const change = (kind: string, name: string): Recorded =>
  record(kind, { [kind.split(".")[0] ?? ""]: idOf(name), commitment: digestOf(`${kind} ${name}`) });

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
    principal: idOf("trainer's principal"),
    person: idOf("trainer"),
    repository: idOf("aurora/large"),
    revision: digestOf("revision").slice(0, 40),
    way: "enclosed",
    decision: decision(verdicts[word], lastOutcome[word]),
    evidence: digestOf(`evidence of ${name}`),
    grant: idOf("grant"),
    licenses: word === "allowed" ? [idOf("license")] : [],
    objects: { count: 2, bytes: 4096, sha256: digestOf(`objects of ${name}`) },
    ...change,
  });
}

export function decision(verdict: string, outcome: string): Canonical {
  const checks = [
    { check: "classification", outcome: "pass" },
    { check: "nationality", outcome: "not-applicable" },
    { check: "export-ns", outcome },
  ];
  return { verdict, rulebook: digestOf("rulebook"), checks };
}

export const delivered = (name: string): Recorded =>
  record("release.delivered", { release: idOf(name), bytes: 4096 });

/** Everything that a release needs, on the record: persons, a workload, a license with its two officers, a grant. */
export const beginning: readonly Recorded[] = [
  record("vault.initialized", { vault: idOf("vault") }),
  change("entity.recorded", "lab"),
  change("person.recorded", "trainer"),
  change("person.recorded", "officer"),
  change("workload.recorded", "training job"),
  record("repository.created", { repository: idOf("aurora/large") }),
  record("classification.proposed", { repository: idOf("aurora/large") }),
  record("classification.approved", { repository: idOf("aurora/large") }),
  change("license.entered", "license"),
  change("license.activated", "license"),
  change("grant.made", "grant"),
];

/** Three hundred entries: a full tile and a partial one, and every ending that a release can have. */
export function story(): readonly Recorded[] {
  const entries: Recorded[] = [
    ...beginning,
    decided("denied", "denied"),
    decided("held", "held"),
    decided("allowed", "failed"),
    record("release.failed", { release: idOf("failed"), bytes: 1024, reason: "client_gone" }),
    decided("allowed", "abandoned"),
    record("release.abandoned", { release: idOf("abandoned") }),
    decided("allowed", "unknown"),
    record("release.unknown", { release: idOf("unknown") }),
    change("license.suspended", "license"),
    change("license.reinstated", "license"),
    change("person.updated", "trainer"),
  ];
  for (let number = 0; entries.length < 298; number += 1) {
    entries.push(decided("allowed", `release ${number}`), delivered(`release ${number}`));
  }
  return [...entries, decided("allowed", "open"), change("grant.revoked", "grant")];
}
