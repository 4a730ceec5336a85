import type { Facts, License, Rider } from "../../../../src/export-control/facts.ts";
import { asks, license, nationalOf } from "../builders.ts";
import type { Policy } from "./policy.ts";

const rider = (more: Partial<Rider> = {}): Rider => ({
  id: "1",
  text: "The licensee keeps a technology control plan.",
  kind: "technology-control-plan",
  state: { met: true, on: "2026-11-01", by: "officer-1" },
  ...more,
});
const under = (...riders: readonly Rider[]): Facts =>
  asks(nationalOf("DE"), { licenses: [forGermans({ riders })] });
const forGermans = (more: Partial<License>): License => license({ nationalities: ["DE"] }, more);
const unmet = { met: false, on: "2026-11-01", by: "officer-1" } as const;

// biome-ignore format: a table reads by its rows
export const riders: readonly Policy[] = [
  ["a license whose technology control plan is in place", "750.7(a), (d)", under(rider()), "allow", { "deemed-export-rs": "covered" }],
  ["a license whose technology control plan is known to lack", "750.7(d)", under(rider({ state: unmet })), "deny", { "deemed-export-rs": "fail" }],
  ["a license of whose technology control plan nobody said anything", "750.7(d)", under(rider({ state: null })), "deny", { "deemed-export-rs": "fail" }],
  ["a license whose acknowledgement is in hand", "750.7(d)", under(rider({ kind: "acknowledgement" })), "allow"],
  ["a license whose acknowledgement is not in hand", "750.7(d)", under(rider({ kind: "acknowledgement", state: unmet })), "deny"],
  ["a license whose acknowledgement is in hand since today", "750.7(d)", under(rider({ kind: "acknowledgement", state: { met: true, on: "2026-11-23", by: "officer-1" } })), "allow"],
  ["a license whose acknowledgement is in hand from tomorrow", "750.7(d)", under(rider({ kind: "acknowledgement", state: { met: true, on: "2026-11-24", by: "officer-1" } })), "deny"],
  ["a license whose condition is met on a day that cannot be read", "750.7(d)", under(rider({ state: { met: true, on: "soon", by: "officer-1" } })), "deny"],
  ["a license whose report follows the release", "750.7(d)", under(rider({ kind: "report", state: null })), "allow"],
  ["a license whose bar on reexport is not acknowledged", "750.7(d)", under(rider({ kind: "no-reexport", state: null })), "deny"],
  ["a license whose bar on reexport is acknowledged", "750.7(d)", under(rider({ kind: "no-reexport" })), "allow"],
  ["a license with a condition of its own kind that nobody checked", "750.7(a)", under(rider({ kind: "manual", state: null })), "deny"],
  ["a license with two conditions of which one is met", "750.7(a)", under(rider(), rider({ id: "2", kind: "manual", state: null })), "deny"],
  ["a second license without conditions helps", "750.7(a)", asks(nationalOf("DE"), { licenses: [forGermans({ riders: [rider({ state: null })] }), forGermans({ id: "license-2" })] }), "allow"],
];
