import type { Canonical } from "../crypto/canonical-json.ts";
import type { Entry } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { bytesOf } from "./verify-body.ts";
import type { Principals } from "./verify-principals.ts";

type License = {
  readonly enteredBy: string | null;
  readonly releasesAllowed: number | null;
  used: number;
};

type Grant = {
  readonly principal: string;
  readonly repository: string;
  readonly bytesAllowed: bigint | null;
  bytesUsed: bigint;
};

/** What an allowed release takes from its licenses and its grant, and what its end may give back. */
export type Charge = {
  readonly licenses: readonly string[];
  readonly grant: string;
  /** What the keys open, if they were enclosed: charged at once. Null for a stream, which is charged as it flows. */
  readonly enclosedBytes: bigint | null;
};

/** Counts what licenses and grants carry, in the order in which the vault's locks make the entries. Whether they stand is for `Standings`. */
export class Uses {
  readonly #findings: Findings;
  readonly #principals: Principals;
  readonly #licenses = new Map<string, License>();
  readonly #grants = new Map<string, Grant>();
  /** The principals and repositories of grants, of which there are fewer: each once in memory. */
  readonly #names = new Map<string, string>();

  constructor(findings: Findings, principals: Principals) {
    this.#findings = findings;
    this.#principals = principals;
  }

  /** Takes every entry about a license; all but two kinds change nothing here. */
  followLicense(entry: Entry): void {
    const { index, kind, body } = entry;
    const { license: id } = body;
    if (typeof id !== "string") return;
    if (kind === "license.entered" && !this.#licenses.has(id)) {
      const enteredBy = this.#principals.officerOf(entry);
      this.#licenses.set(id, { enteredBy, releasesAllowed: this.#releasesOf(entry), used: 0 });
    }
    if (kind !== "license.activated") return;
    const officer = this.#principals.officerOf(entry);
    if (officer === null || this.#licenses.get(id)?.enteredBy !== officer) return;
    const message = `license ${id} was activated by the person who entered it`;
    this.#findings.add("two_person_rule", message, index);
  }

  /** Takes `grant.made`. */
  makeGrant(entry: Entry): void {
    const { index, body } = entry;
    const { grant: id, principal, repository } = body;
    if (typeof id !== "string" || this.#grants.has(id)) return;
    if (typeof principal !== "string" || typeof repository !== "string") {
      const message = `grant ${id} was made without its principal or repository`;
      this.#findings.add("body_malformed", message, index);
      return;
    }
    this.#principals.requireKnown(principal, entry);
    const officer = this.#principals.officerOf(entry);
    if (officer !== null && officer === this.#principals.personOf(principal)) {
      const message = `grant ${id} was made by the person whom it is for`;
      this.#findings.add("two_person_rule", message, index);
    }
    const bytesAllowed = this.#budgetOf(entry);
    const [whose, of] = [this.#shared(principal), this.#shared(repository)];
    this.#grants.set(id, { principal: whose, repository: of, bytesAllowed, bytesUsed: 0n });
  }

  /** Takes an allowed release: its grant must be for its principal and repository, and nothing may be used up. */
  take({ licenses, grant, enclosedBytes }: Charge, { index, body }: Entry): void {
    for (const id of distinct(licenses)) this.#takeUse(id, index);
    const made = this.#grants.get(grant);
    if (made === undefined) return;
    if (made.principal !== body["principal"] || made.repository !== body["repository"]) {
      const message = `grant ${grant} was made for another principal or repository than a release under it`;
      this.#findings.add("grant_mismatch", message, index);
    }
    this.#takeBytes(grant, enclosedBytes ?? 0n, index);
  }

  /** Takes the end of a release under the charge. `bytes` is what left; nothing that left is given back. */
  end({ licenses, grant, enclosedBytes }: Charge, bytes: bigint, index: number): void {
    if (bytes > 0n) {
      if (enclosedBytes === null) this.#takeBytes(grant, bytes, index);
      return;
    }
    for (const id of distinct(licenses)) {
      const license = this.#licenses.get(id);
      if (license !== undefined) license.used -= 1;
    }
    const made = this.#grants.get(grant);
    if (made !== undefined) made.bytesUsed -= enclosedBytes ?? 0n;
  }

  #shared(name: string): string {
    const known = this.#names.get(name);
    if (known === undefined) this.#names.set(name, name);
    return known ?? name;
  }

  #takeUse(id: string, index: number): void {
    const license = this.#licenses.get(id);
    if (license === undefined) return;
    license.used += 1;
    const { used, releasesAllowed } = license;
    if (releasesAllowed === null || used <= releasesAllowed) return;
    const message = `license ${id} allows ${releasesAllowed} releases; this is its use ${used}`;
    this.#findings.add("license_overused", message, index);
  }

  #takeBytes(id: string, bytes: bigint, index: number): void {
    const grant = this.#grants.get(id);
    if (grant === undefined || bytes === 0n) return;
    grant.bytesUsed += bytes;
    const { bytesUsed, bytesAllowed } = grant;
    if (bytesAllowed === null || bytesUsed <= bytesAllowed) return;
    const message = `grant ${id} allows ${bytesAllowed} bytes; ${bytesUsed} were released under it`;
    this.#findings.add("grant_overused", message, index);
  }

  #releasesOf(entry: Entry): number | null {
    const { index, kind } = entry;
    const releasesAllowed = this.#memberOf(entry, "releasesAllowed");
    if (releasesAllowed === null) return null;
    if (typeof releasesAllowed === "number" && releasesAllowed >= 0) return releasesAllowed;
    this.#findings.add("body_malformed", `${kind} allows releases of no number`, index);
    return 0;
  }

  #budgetOf(entry: Entry): bigint | null {
    const { index, kind } = entry;
    const bytesAllowed = this.#memberOf(entry, "bytesAllowed");
    if (bytesAllowed === null) return null;
    const bytes = bytesOf(bytesAllowed);
    if (bytes === null)
      this.#findings.add("body_malformed", `${kind} allows bytes of no number`, index);
    return bytes ?? 0n;
  }

  /** The member; null where there is none, which is the same as one that allows anything. */
  #memberOf(entry: Entry, member: "releasesAllowed" | "bytesAllowed"): Canonical {
    const value = entry.body[member];
    if (value === undefined) this.#findings.lack(member, entry);
    else this.#findings.carry(member);
    return value ?? null;
  }
}

/** Most releases rest on one license or on none. */
function distinct(ids: readonly string[]): Iterable<string> {
  return ids.length < 2 ? ids : new Set(ids);
}
