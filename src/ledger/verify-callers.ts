import type { Canonical } from "../crypto/canonical-json.ts";
import type { Entry } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { isDigest, isStrings } from "./verify-body.ts";
import { isOfRedecision } from "./verify-flags.ts";
import { SeenIds } from "./verify-ids.ts";
import type { KindFacts } from "./verify-kinds.ts";
import type { Principals } from "./verify-principals.ts";

type Token = {
  readonly principal: string;
  readonly roles: readonly string[];
  readonly expiresAt: number;
};

const revoked = 1;
const expired = 2;

/** Tokens are swept out of the memory this long after their end, which no stepping clock explains. */
const sweptAfterMs = 30 * 86_400_000;
const fewestSwept = 4_096;
const mostRoles = 1_000;

/** Clocks may step, and a transaction looks at the clock before it waits for locks: only what is a day off is a contradiction. */
export const toleranceMs = 86_400_000;

/**
 * Holds every entry to the token that it was made under: issued before, to the principal that acts, with a role for such an entry, and
 * neither revoked nor long expired.
 * The vault's own entries, which nobody asked for, have no caller.
 */
export class Callers {
  readonly #findings: Findings;
  readonly #principals: Principals;
  readonly #live = new Map<string, Token>();
  readonly #ended = new SeenIds();
  /** The roles of tokens by their names, of which there are few: each list once in memory. */
  readonly #roles = new Map<string, readonly string[]>();
  #isBootstrapped = false;
  #sweptFrom = fewestSwept;

  constructor(findings: Findings, principals: Principals) {
    this.#findings = findings;
    this.#principals = principals;
  }

  /** Looks at who made the entry, before the entry itself takes effect. */
  check(entry: Entry, kind: KindFacts, atMs: number): void {
    if (isOwn(entry, kind)) return;
    const { by, under, principal, token } = entry.body;
    const subject = { entry, kind, atMs };
    if (kind.release !== null) {
      this.#require(principal, token ?? null, subject);
      this.#principals.requireOwner(entry);
    } else if (kind.isKnown || by !== undefined) this.#require(by, under, subject);
  }

  /** Takes `token.issued`. */
  issue(entry: Entry): void {
    const { index, body } = entry;
    const { token, principal, roles, expiresAt, hashSha256 } = body;
    const isNamed = typeof token === "string" && typeof principal === "string";
    if (!isNamed || !isStrings(roles) || !isInstant(expiresAt) || !isDigestOrNone(hashSha256)) {
      const message = `${entry.kind} lacks its token, principal, roles, hash or end`;
      this.#findings.add("body_malformed", message, index);
      return;
    }
    this.#principals.requireKnown(principal, entry);
    if (this.#live.has(token) || this.#ended.get(token) !== 0) {
      this.#findings.add("change_impossible", `token ${token} was issued again`, index);
      return;
    }
    this.#isBootstrapped = true;
    const expiresAtMs = Date.parse(expiresAt);
    this.#live.set(token, { principal, roles: this.#shared(roles), expiresAt: expiresAtMs });
    if (this.#live.size >= this.#sweptFrom) this.#sweep(Date.parse(entry.time));
  }

  #shared(roles: readonly string[]): readonly string[] {
    const names = JSON.stringify(roles);
    const known = this.#roles.get(names) ?? roles;
    if (known === roles && this.#roles.size < mostRoles) this.#roles.set(names, roles);
    return known;
  }

  /** A vault whose jobs take a token an hour issues millions: of those that ended long ago only the ids are kept. */
  #sweep(atMs: number): void {
    for (const [id, { expiresAt, roles }] of this.#live) {
      // A recovery looks back at these; they are people's, and few.
      if (atMs - expiresAt <= sweptAfterMs || roles.some(isIndispensable)) continue;
      this.#live.delete(id);
      this.#ended.set(id, expired);
    }
    this.#sweptFrom = Math.max(fewestSwept, this.#live.size * 2);
  }

  /**
   * Takes `token.recovered`, which nobody asked for: only a role that no live token of a person who stands has, and only to a person who
   * stands and once held it.
   */
  recover(entry: Entry, isStanding: (person: string) => boolean): void {
    const { index, time, body } = entry;
    const { principal, roles } = body;
    const person = this.#principals.personOf(principal);
    const wanted = isStrings(roles) ? roles : [];
    const held = wanted.filter((role) => this.#isHeld(role, { after: time, isStanding }));
    if (held.length > 0) {
      const message = `a token was recovered for the role ${held.join(" and ")}, which somebody still held`;
      this.#findings.add("recovery_unfounded", message, index);
    }
    const had = [...this.#live.values()].filter((token) => token.principal === principal);
    const isTheirs = wanted.every((role) => had.some((token) => token.roles.includes(role)));
    if (person === null || !isStanding(person) || !isTheirs || wanted.length === 0) {
      const message = `a token was recovered for principal ${JSON.stringify(principal)}, who did not hold its roles before or does not stand`;
      this.#findings.add("recovery_unfounded", message, index);
    }
    this.issue(entry);
  }

  /** Whether a person who stands holds a token with the role that is good for a while yet; clocks may be off by the tolerance. */
  #isHeld(
    role: string,
    {
      after,
      isStanding,
    }: { readonly after: string; readonly isStanding: (person: string) => boolean },
  ): boolean {
    return [...this.#live.values()].some(({ principal, roles, expiresAt }) => {
      if (!roles.includes(role) || expiresAt - Date.parse(after) <= toleranceMs) return false;
      const person = this.#principals.personOf(principal);
      return person !== null && isStanding(person);
    });
  }

  /** Takes `token.revoked`. */
  revoke({ index, body: { token } }: Entry): void {
    if (typeof token !== "string") {
      this.#findings.add("body_malformed", "token.revoked does not name its token", index);
      return;
    }
    this.#live.delete(token);
    this.#ended.set(token, revoked);
  }

  #require(by: Canonical | undefined, under: Canonical | undefined, subject: Subject): void {
    const { entry } = subject;
    const { index, kind } = entry;
    if (typeof by !== "string") {
      // The first officer is recorded and gets the first token by nobody's hand; from then on somebody acts.
      if (by === null && !this.#isBootstrapped && /^(?:person|token)\./.test(kind)) return;
      this.#findings.add("caller_missing", `${kind} does not say who made it`, index);
      return;
    }
    this.#principals.requireKnown(by, entry);
    if (under === undefined) return this.#findings.lack("under", entry);
    this.#findings.carry("under");
    if (typeof under === "string") this.#requireToken(under, by, subject);
    else this.#findings.add("caller_missing", `${kind} names no token`, index);
  }

  #requireToken(token: string, by: string, subject: Subject): void {
    const { entry, atMs } = subject;
    const { index, kind } = entry;
    const issued = this.#live.get(token);
    if (issued === undefined) {
      const ended = this.#ended.get(token);
      if (ended === expired) return this.#tellExpired(entry);
      const isRevoked = ended === revoked;
      const message = `${kind} was made under token ${token}, which was ${isRevoked ? "revoked" : "never issued"}`;
      this.#findings.add(isRevoked ? "token_revoked" : "token_unknown", message, index);
      return;
    }
    if (issued.principal !== by) {
      const message = `${kind} was made by ${by} under a token that was issued to ${issued.principal}`;
      this.#findings.add("token_mismatch", message, index);
    } else this.#requireRole(issued, subject);
    if (atMs - issued.expiresAt > toleranceMs) this.#tellExpired(entry);
  }

  #tellExpired({ index, kind }: Entry): void {
    this.#findings.add("token_expired", `${kind} was made under an expired token`, index);
  }

  #requireRole({ principal, roles }: Token, { entry, kind: { roles: admitted } }: Subject): void {
    if (admitted === null || admitted.some((role) => roles.includes(role))) return;
    const {
      index,
      kind,
      body: { token },
    } = entry;
    // Whose a token was that ended long ago is not kept, and revoking it changes nothing.
    const isOwn =
      typeof token === "string" &&
      (this.#live.get(token)?.principal === principal || this.#ended.get(token) === expired);
    if (isOwn && kind === "token.revoked") return;
    const message = `${kind} takes the role ${admitted.join(" or ")}, which the token of ${principal} lacks`;
    this.#findings.add("role_missing", message, index);
  }
}

/** An entry with what its caller is held against. */
type Subject = { readonly entry: Entry; readonly kind: KindFacts; readonly atMs: number };

const decisions: ReadonlySet<string> = new Set([
  "release.allowed",
  "release.denied",
  "release.held",
]);

/** A role that `recover` can give back. */
function isIndispensable(role: string): boolean {
  return role === "export-officer" || role === "operator";
}

/** The vault's beginning, a new signing key and its first act, the end of a rotation, what a verifying read found, the outcomes of releases and what re-decision does are nobody's requests. */
function isOwn(entry: Entry, { release }: KindFacts): boolean {
  if (release !== null) return !decisions.has(release);
  const { kind } = entry;
  if (isOfRedecision(entry)) return true;
  const isOfLedger = ["vault.initialized", "ledger.key-rotated", "ledger.key-taken-up"].includes(
    kind,
  );
  const isOfVault = kind === "token.recovered" || kind === "rotation.finished";
  const isFinding = kind === "object.proved" || kind === "object.refuted";
  return isOfLedger || isOfVault || isFinding || kind.startsWith("release.");
}

/** Older vaults did not write it. */
function isDigestOrNone(value: Canonical | undefined): boolean {
  return value === undefined || isDigest(value);
}

function isInstant(value: Canonical | undefined): value is string {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}
