import { expect, test } from "@jest/globals";
import { verifyEvidence } from "../../../src/cli/evidence.ts";
import type { Canonical } from "../../../src/crypto/canonical-json.ts";
import { commit } from "../../../src/crypto/commitment.ts";
import { decide } from "../../../src/export-control/decide.ts";
import { checkIds } from "../../../src/export-control/decision.ts";
import type { Facts } from "../../../src/export-control/facts.ts";
import { rulebook, withLicenseExpiry } from "../../../src/export-control/rulebook.ts";
import type { Entry } from "../../../src/ledger/entry.ts";
import { bareFacts } from "../../support/bare-facts.ts";

const facts = bareFacts("2026-11-23T09:30:00.000Z");

const release = "9a0364b9-e99b-4bb5-b6cf-4e8a6b3f4d11";

function evidenceOf(given: Facts) {
  const salt = Buffer.alloc(32, 5);
  return {
    salt: salt.toString("hex"),
    facts: given,
    commitment: commit(salt, given as unknown as Canonical).toString("hex"),
    decision: decide(given, rulebook) as unknown as Shown,
  };
}

type Shown = Readonly<Record<string, unknown>>;

/** The entry that an honest vault would have made of the evidence. */
function entryOf({ commitment, decision }: { readonly commitment: string; decision: Shown }) {
  const { verdict, rulebook: digest, checks, licenses } = decision;
  const outlined = (checks as readonly Shown[]).map(({ check, outcome }) => ({ check, outcome }));
  const body = {
    release,
    evidence: commitment,
    decision: { verdict, rulebook: digest, checks: outlined },
    licenses,
  } as unknown as Entry["body"];
  return { index: 27, kind: verdict === "hold" ? "release.held" : "release.denied", body };
}

const honest = evidenceOf(facts);
const entry = entryOf(honest);
const otherRulebook = { ...honest, decision: { ...honest.decision, rulebook: "00".repeat(32) } };

const verify = (evidence: Shown, by: Pick<Entry, "index" | "kind" | "body">) =>
  verifyEvidence(evidence, { entry: by, release, kept: null });

test("honest evidence opens its entry's commitment and gives the same decision again", () => {
  expect(verify(honest, entry)).toEqual({
    isDecidedAgain: true,
    sentence: expect.stringMatching(/ledger entry 27, .*same decision again$/),
  });
});

test("evidence that another regime than the EAR was asked about gives the same decision again", () => {
  const sent = evidenceOf({ ...facts, departure: { country: "DE" } });
  expect((sent.decision["checks"] as readonly Shown[]).at(-1)).toMatchObject({
    check: "eu-end-use",
  });
  expect(verify(sent, { ...entryOf(sent), kind: "release.denied" }).isDecidedAgain).toBe(true);
  const checks = (sent.decision["checks"] as readonly Shown[]).slice(0, -1);
  const cut = { ...sent, decision: { ...sent.decision, checks } };
  expect(() => verify(cut, entryOf(cut))).toThrow("every check");
});

test("facts that were screened against another list than the entry names are refused; an entry that names none, as older ones do, tells nothing of it", () => {
  const list = { name: "a list", digest: "ab".repeat(32), asOf: null, kind: "loaded" } as const;
  const screening = {
    list,
    maxAgeDays: null,
    isTrial: false,
    parties: 1,
    screened: 1,
    matches: [],
  };
  const screened = evidenceOf({ ...facts, screening });
  const named = (screeningList: string | null) => {
    const { body, ...rest } = entryOf(screened);
    return { ...rest, body: { ...body, screeningList } };
  };
  expect(verify(screened, named(list.digest)).isDecidedAgain).toBe(true);
  expect(verify(screened, entryOf(screened)).isDecidedAgain).toBe(true);
  for (const other of ["cd".repeat(32), null])
    expect(() => verify(screened, named(other))).toThrow("another list");
});

test("changed facts do not open their commitment", () => {
  const changed = { ...facts, at: "2026-11-24T09:30:00.000Z" };
  expect(() => verify({ ...honest, facts: changed }, entry)).toThrow(
    "do not open their commitment",
  );
});

test("facts that open a commitment of their own are held to the ledger's", () => {
  const forged = evidenceOf({ ...facts, at: "2026-11-24T09:30:00.000Z" });
  expect(() => verify(forged, entry)).toThrow("another commitment");
});

test("a decision under the other reading of 750.7(g) is decided again under that reading", () => {
  const decision = decide(facts, withLicenseExpiry(rulebook, "first-business-day"));
  const evidence = { ...honest, decision: decision as unknown as Shown };
  expect(verify(evidence, entryOf(evidence))).toEqual({
    isDecidedAgain: true,
    sentence: expect.stringContaining("same decision"),
  });
});

test.each<readonly [string, Shown]>([
  ["verdict", { verdict: "allow" }],
  ["rulebook", { rulebook: "00".repeat(32) }],
  ["outcome", { checks: [{ check: "classification", outcome: "pass" }] }],
  ["list of checks", { checks: [] }],
  ["list of licenses", { licenses: ["3f0d7f4e-2a53-4ce0-9f0f-6ef3b0e7f2aa"] }],
])("a decision of another %s than the entry's is found", (_, replaced) => {
  const decision = { ...honest.decision, ...replaced };
  expect(() => verify({ ...honest, decision }, entry)).toThrow("another than");
});

test.each<readonly [string, Partial<Pick<Entry, "kind" | "body">>, string]>([
  ["of another release", { body: { ...entry.body, release: "x" } }, "another entry"],
  ["of an outcome", { kind: "release.delivered" }, "another entry"],
  ["of another verdict", { kind: "release.allowed" }, "another than"],
  ["without a decision", { body: { release, evidence: honest.commitment } }, "another than"],
])("a receipt %s proves nothing", (_, replaced, message) => {
  const act = () => verify(honest, { ...entry, ...replaced });
  expect(act).toThrow(expect.objectContaining({ exit: "integrity" }));
  expect(act).toThrow(message);
});

test.each<readonly [string, Shown]>([
  ["verdict", { verdict: "hold", checks: passing() }],
  ["licenses", { licenses: ["3f0d7f4e-2a53-4ce0-9f0f-6ef3b0e7f2aa"] }],
])("recorded %s that the facts do not give are found", (_, replaced) => {
  const evidence = { ...honest, decision: { ...honest.decision, ...replaced } };
  expect(() => verify(evidence, entryOf(evidence))).toThrow("another decision");
});

test("license exceptions that cover a check are held to those in the entry", () => {
  const [first, ...rest] = passing();
  const covered = { ...first, outcome: "covered" };
  const read = (exception: string, covers: boolean) => ({ exception, covers, conditions: [] });
  const exceptions = [read("exception-tsr", true), read("exception-gov-c", false)];
  const checks = [{ ...covered, exceptions }, ...rest];
  const { decision } = otherRulebook;
  const evidence = { ...otherRulebook, decision: { ...decision, verdict: "allow", checks } };
  const entryNaming = (...names: readonly string[]) => {
    const { index, body } = entryOf(evidence);
    const outlined = [{ ...covered, exceptions: names }, ...rest];
    const recorded = { ...(body["decision"] as Shown), checks: outlined };
    return { index, kind: "release.allowed", body: { ...body, decision: recorded } as typeof body };
  };
  const act = (...names: readonly string[]) => verify(evidence, entryNaming(...names));
  expect(act("exception-tsr").sentence).toContain("whose decision this is");
  expect(() => act()).toThrow("another than");
  expect(() => act("exception-gov-c")).toThrow("another than");
  expect(() => act("exception-tsr", "exception-gov-c")).toThrow("another than");
});

test("an entry names an exception by its symbol, and an older one by its row; either is held to the evidence", () => {
  const [first, ...rest] = passing();
  const row = (exception: string, symbol: string) => ({ exception, symbol, covers: true });
  const exceptions = [row("exception-sta-c-1", "STA"), row("exception-sta-c-2", "STA")];
  const covered = { ...first, outcome: "covered" };
  const checks = [{ ...covered, exceptions }, ...rest];
  const { decision } = otherRulebook;
  const evidence = { ...otherRulebook, decision: { ...decision, verdict: "allow", checks } };
  const act = (...names: readonly string[]) => {
    const { index, body } = entryOf(evidence);
    const outlined = [{ ...covered, exceptions: names }, ...rest];
    const recorded = { ...(body["decision"] as Shown), checks: outlined };
    const named = { ...body, decision: recorded } as typeof body;
    return verify(evidence, { index, kind: "release.allowed", body: named });
  };
  expect(act("exception-sta").sentence).toContain("whose decision this is");
  expect(act("exception-sta-c-1", "exception-sta-c-2").sentence).toContain("decision this is");
  expect(() => act("exception-gov")).toThrow("another than");
  expect(() => act("exception-sta", "exception-gov")).toThrow("another than");
  expect(() => act("exception-sta-c-1")).toThrow("another than");
});

test("a decision of another rulebook is said not to be decided again", () => {
  expect(verify(otherRulebook, entryOf(otherRulebook))).toEqual({
    isDecidedAgain: false,
    sentence: expect.stringContaining("NOT decided again"),
  });
});

test.each([
  ["empty", []],
  ["incomplete", passing().slice(1)],
  ["repeated", [...passing(), ...passing()]],
])("an %s list of checks is refused, whatever the rulebook", (_, checks) => {
  for (const { decision, ...rest } of [honest, otherRulebook]) {
    const evidence = { ...rest, decision: { ...decision, checks } };
    expect(() => verify(evidence, entryOf(evidence))).toThrow("every check");
  }
});

test("evidence of no form is refused as an integrity failure", () => {
  for (const member of ["salt", "facts", "commitment", "decision"])
    expect(() => verify({ ...honest, [member]: undefined }, entry)).toThrow(
      expect.objectContaining({ exit: "integrity" }),
    );
});

function passing(): Shown[] {
  return checkIds.map((check) => ({ check, outcome: "pass" }));
}
