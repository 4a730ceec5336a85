import type { Entry } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { isStrings } from "./verify-body.ts";
import type { Principals } from "./verify-principals.ts";

type Proposal = { readonly person: string; readonly officer: string | null };
type Hold = {
  readonly officer: string | null;
  readonly isAgency: boolean;
  readonly scope: string;
  readonly target: string | null;
};

const dayPattern = /^\d{4}-\d{2}-\d{2}$/;

/** 15 CFR 762.6(a). A vault may keep longer, never shorter. */
const leastYears = 5;

/**
 * Follows what is read, held and erased: a person is erased by two officers, once, five years after the ledger's last decision about them and
 * what became known of it, while no hold on them or on everything stands; and evidence only with its person. Holds on a repository, a license or
 * an entity are the vault's to look at, since an entry does not say who figures in them.
 */
export class Retained {
  readonly #findings: Findings;
  readonly #principals: Principals;
  readonly #holds = new Map<string, Hold>();
  readonly #lifted = new Set<string>();
  readonly #proposals = new Map<string, Proposal>();
  /** The newest entry about each person, by its time; null once the person is erased. */
  readonly #latestMs = new Map<string, number | null>();
  /** Whom each open release is about, for its outcome. */
  readonly #open = new Map<string, string>();
  readonly #erasures = new Map<string, string>();

  constructor(findings: Findings, principals: Principals) {
    this.#findings = findings;
    this.#principals = principals;
  }

  follow(entry: Entry): void {
    const { kind } = entry;
    if (kind.startsWith("release.")) return this.followRelease(kind, entry, Date.parse(entry.time));
    switch (kind) {
      case "hold.placed":
        return this.#place(entry);
      case "hold.lifted":
        return this.#lift(entry);
      case "person.read":
      case "evidence.read":
        return this.#read(entry);
      case "erasure.proposed":
        return this.#propose(entry);
      case "person.erased":
        return this.#erasePerson(entry);
      case "evidence.erased":
        return this.#eraseEvidence(entry);
      case "movement.noted":
        return this.#require(entry, "movement", "release", "what", "commitment");
      case "records.searched":
        return this.#require(entry, "reading");
      case "records.exported":
        return this.#export(entry);
      default:
        if (/^person\.(?:recorded|updated|suspended|reinstated|revoked)$/.test(kind))
          this.#touch(entry.body["person"], Date.parse(entry.time));
        return;
    }
  }

  /** The holds that stand on everything or on this target. */
  holdsOn(wanted: string): readonly string[] {
    return [...this.#holds].flatMap(([hold, { scope, target }]) =>
      scope === "everything" || target === wanted ? [hold] : [],
    );
  }

  /** Takes an entry about a release, with its kind and its time in milliseconds. */
  followRelease(kind: string, { body }: Entry, atMs: number): void {
    const { release, person } = body;
    if (typeof release !== "string") return;
    if (typeof person === "string") {
      this.#touch(person, atMs);
      if (kind === "release.allowed") this.#open.set(release, person);
      return;
    }
    this.#touch(this.#open.get(release), atMs);
    this.#open.delete(release);
  }

  #touch(person: unknown, atMs: number): void {
    if (typeof person !== "string") return;
    const latestMs = this.#latestMs.get(person);
    if (latestMs === null || (latestMs !== undefined && latestMs >= atMs)) return;
    this.#latestMs.set(person, atMs);
  }

  #place(entry: Entry): void {
    const { index, body } = entry;
    this.#require(entry, "hold", "kind", "scope");
    const { hold, kind, scope, target } = body;
    const officer = this.#principals.officerOf(entry);
    if (typeof hold !== "string" || typeof scope !== "string") return;
    if (this.#holds.has(hold) || this.#lifted.has(hold))
      return this.#impossible(`hold ${hold} was placed again`, index);
    const isAgency = kind === "agency-request";
    this.#holds.set(hold, {
      officer,
      isAgency,
      scope,
      target: typeof target === "string" ? target : null,
    });
  }

  #lift(entry: Entry): void {
    const { index, body } = entry;
    const { hold: id, authorized } = body;
    const officer = this.#principals.officerOf(entry);
    const hold = typeof id === "string" ? this.#holds.get(id) : undefined;
    if (typeof id !== "string" || hold === undefined)
      return this.#impossible("a hold was lifted that does not stand", index);
    this.#holds.delete(id);
    this.#lifted.add(id);
    if (officer !== null && officer === hold.officer)
      this.#findings.add("two_person_rule", `hold ${id} was lifted by who placed it`, index);
    if (hold.isAgency && authorized !== true)
      this.#impossible(`hold ${id} of an agency was lifted without its authorization`, index);
  }

  #read(entry: Entry): void {
    this.#require(entry, "reading", "person");
    this.#tell(entry, entry.body["person"]);
  }

  #export(entry: Entry): void {
    this.#require(entry, "reading");
    const { persons } = entry.body;
    if (isStrings(persons)) for (const person of persons) this.#tell(entry, person);
  }

  /** Nobody reads facts that are gone. */
  #tell({ index, kind }: Entry, person: unknown): void {
    if (typeof person === "string" && this.#latestMs.get(person) === null)
      this.#impossible(`${kind} tells of person ${person}, who was erased`, index);
  }

  #propose(entry: Entry): void {
    const { index, kind, body } = entry;
    this.#require(entry, "erasure", "person");
    const { erasure, person } = body;
    const officer = this.#principals.officerOf({ index, kind, body: { ...body, person: null } });
    if (typeof erasure === "string" && typeof person === "string")
      this.#proposals.set(erasure, { person, officer });
  }

  #erasePerson(entry: Entry): void {
    const { index, body } = entry;
    this.#require(entry, "erasure", "person", "retainedUntil");
    const { erasure, person } = body;
    if (typeof erasure !== "string" || typeof person !== "string") return;
    const proposal = this.#proposals.get(erasure);
    if (proposal?.person !== person)
      this.#impossible(`person ${person} was erased and nobody proposed it so`, index);
    else if (
      proposal.officer !== null &&
      proposal.officer === this.#principals.personOf(body["by"])
    )
      this.#findings.add("two_person_rule", `one person erased person ${person}`, index);
    this.#requireOver(entry, person);
    for (const hold of this.holdsOn(person)) {
      const message = `person ${person} was erased while hold ${hold} stood`;
      this.#findings.add("erased_early", message, index);
    }
    this.#latestMs.set(person, null);
    this.#erasures.set(erasure, person);
  }

  #eraseEvidence(entry: Entry): void {
    const { index, body } = entry;
    this.#require(entry, "erasure", "person", "retainedUntil");
    const { erasure, person, releases } = body;
    if (typeof erasure !== "string" || this.#erasures.get(erasure) !== person)
      return this.#impossible("evidence was erased without its person", index);
    if (!isStrings(releases)) {
      this.#findings.add("body_malformed", "evidence.erased does not name its releases", index);
      return;
    }
    const message = `the evidence of ${releases.length} decisions about person ${person} was erased after its retention: they cannot be made again`;
    this.#findings.add("evidence_erased", message, index);
  }

  /** The entry must say that retention had run, and what the ledger tells of the person must agree. */
  #requireOver({ index, time, body }: Entry, person: string): void {
    const until = body["retainedUntil"];
    const isSaid = typeof until === "string" && dayPattern.test(until) && until < time.slice(0, 10);
    const latestMs = this.#latestMs.get(person) ?? null;
    const from = new Date(latestMs ?? 0);
    const due = Date.UTC(from.getUTCFullYear() + leastYears, from.getUTCMonth(), from.getUTCDate());
    const isTold =
      latestMs === null || new Date(due).toISOString().slice(0, 10) < time.slice(0, 10);
    if (isSaid && isTold) return;
    const message = `person ${person} was erased before the retention of what the ledger tells of them had run`;
    this.#findings.add("erased_early", message, index);
  }

  #require({ index, kind, body }: Entry, ...members: readonly string[]): void {
    const lacking = members.filter((name) => typeof body[name] !== "string");
    if (lacking.length === 0) return;
    this.#findings.add("body_malformed", `${kind} lacks its ${lacking.join(", ")}`, index);
  }

  #impossible(message: string, index: number): void {
    this.#findings.add("change_impossible", message, index);
  }
}
