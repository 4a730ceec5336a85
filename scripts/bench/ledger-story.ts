import { randomUUID } from "node:crypto";
import type { EntryBody } from "../../src/ledger/entry.ts";
import { decisions, digestOf, encodePlainly } from "./ledger-decisions.ts";

/** A record as the ledger takes it: its body is canonical JSON already. */
export type Told = { readonly kind: string; readonly body: string };

/** Between two entries: ten million are some two years. */
export const stepMs = 6_000;
const startsAt = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;

export const timeAt = (index: number): string => new Date(startsAt + index * stepMs).toISOString();

/** How many jobs fetch at a time; their releases lie between each other's. */
const jobsAtOnce = 32;
const mostReleases = 30;

/** How many repositories somebody may fetch at a time. */
const mostGrants = 3;

/** How many entries pass until there is one more of each. */
const every = {
  officerToken: 50_000,
  license: 50_000,
  repository: 20_000,
  person: 5_000,
  workload: 2_000,
  revokedGrant: 2_000,
  simulation: 500,
  revision: 100,
} as const;

type Officer = {
  readonly person: string;
  readonly principal: string;
  token: string;
};

type Reader = {
  readonly person: string;
  readonly workload: string | null;
  readonly principal: string;
  /** What it may fetch. */
  readonly grants: Grant[];
};

type Grant = { readonly id: string; readonly repository: Repository };

type Repository = { readonly id: string; license: string; revision: Revision };
type Revision = { readonly id: string; readonly bytes: number; readonly objects: string };

type Job = {
  readonly reader: Reader;
  readonly token: string;
  readonly grant: string;
  readonly repository: Repository;
  readonly recipientKey: string;
  readonly isStream: boolean;
  left: number;
  /** The release that is open, and what its keys open. */
  open: { readonly release: string; readonly bytes: number } | null;
};

/**
 * What a vault records over years, one record after the other: people and workloads come, get tokens and grants, and fetch side by side;
 * most releases are allowed and delivered, some denied, held, failed, abandoned or unknown; repositories, revisions, classifications, licenses
 * and revocations lie between. It is never inconsistent.
 */
export function story(): (index: number) => Told {
  const teller = new Teller();
  return (index) => teller.next(index);
}

class Teller {
  readonly #random = numbersFrom(20_260_101);
  readonly #waiting: Told[] = [];
  readonly #first: Officer = officerOf();
  readonly #second: Officer = officerOf();
  readonly #readers: Reader[] = [];
  readonly #repositories: Repository[] = [];
  readonly #jobs: Job[] = [];
  #license = "";

  constructor() {
    const nobody = { by: null, under: null };
    this.#tell("vault.initialized", { vault: randomUUID() });
    this.#record(this.#first, nobody);
    this.#issueTo(this.#first, startsAt, nobody);
    this.#record(this.#second, this.#by(this.#first));
    this.#issueTo(this.#second, startsAt, this.#by(this.#first));
    this.#enterLicense();
    for (let number = 0; number < 4; number += 1) {
      this.#addReader(false);
      this.#addReader(true);
      this.#addRepository();
    }
  }

  next(index: number): Told {
    if (this.#waiting.length === 0) this.#tellSeldom(index);
    while (this.#waiting.length === 0) this.#goOn(index);
    return this.#waiting.shift() ?? raise();
  }

  #tellSeldom(index: number): void {
    const isDue = (times: number): boolean => index % times < 2 && index > times;
    if (isDue(every.officerToken))
      for (const officer of [this.#first, this.#second])
        this.#issueTo(officer, startsAt + index * stepMs, this.#by(officer));
    if (isDue(every.license)) this.#enterLicense();
    if (isDue(every.repository)) this.#addRepository();
    if (isDue(every.person)) this.#addReader(false);
    if (isDue(every.workload)) this.#addReader(true);
    if (isDue(every.revokedGrant)) this.#revokeGrant();
    if (isDue(every.simulation)) this.#simulate();
    if (isDue(every.revision)) this.#commit(this.#oneOf(this.#repositories));
  }

  /** One step of one of the jobs, or a new job. */
  #goOn(index: number): void {
    const place = this.#random(jobsAtOnce);
    const job = this.#jobs[place];
    if (job?.open) this.#end(job, job.open);
    else if (job === undefined || job.left === 0) this.#startJob(place, index);
    else this.#decide(job);
  }

  #startJob(place: number, index: number): void {
    const reader = this.#oneOf(this.#readers);
    if (reader.grants.length < mostGrants) this.#grant(reader);
    const { id: grant, repository } = this.#oneOf(reader.grants);
    const token = randomUUID();
    this.#issue(token, { ...reader, roles: ["reader"] }, startsAt + index * stepMs + 12 * hourMs);
    const isStream = this.#random(10) === 0;
    const left = 1 + this.#random(mostReleases);
    const recipientKey = digestOf(token);
    const job = { reader, repository, grant, token, recipientKey, isStream, left, open: null };
    this.#jobs[place] = job;
  }

  #grant(reader: Reader): void {
    const [id, repository] = [randomUUID(), this.#oneOf(this.#repositories)];
    const { person } = this.#first;
    const { principal } = reader;
    const given = { grant: id, principal, repository: repository.id, bytesAllowed: null };
    const commitment = digestOf(id);
    this.#tell("grant.made", { ...given, person, commitment, ...this.#by(this.#first) });
    reader.grants.push({ id, repository });
  }

  /** Of a hundred releases 88 are allowed, 9 denied and 3 held. */
  #decide(job: Job): void {
    const chance = this.#random(100);
    const word = chance < 88 ? "allowed" : chance < 97 ? "denied" : "held";
    const texts = decisions[word];
    const decision = texts[this.#random(texts.length)] ?? texts[0];
    const release = randomUUID();
    const { reader, repository, grant, token, recipientKey, isStream } = job;
    const { revision } = repository;
    const licenses = decision.isCovered ? `["${repository.license}"]` : "[]";
    const workload = reader.workload === null ? "null" : `"${reader.workload}"`;
    const key = isStream ? "null" : `"${recipientKey}"`;
    // In the order of the canonical form.
    const body =
      `{"decision":${decision.text},"evidence":"${digestOf(release)}","grant":"${grant}","kem":16,"licenses":${licenses},` +
      `"objects":${revision.objects},"person":"${reader.person}","principal":"${reader.principal}","recipientKeySha256":${key},` +
      `"release":"${release}","repository":"${repository.id}","revision":"${revision.id}","token":"${token}",` +
      `"way":"${isStream ? "stream" : "enclosed"}","workload":${workload}}`;
    this.#waiting.push({ kind: `release.${word}`, body });
    job.left -= 1;
    if (word === "allowed") job.open = { release, bytes: revision.bytes };
  }

  /** Of two hundred allowed releases 193 are delivered. */
  #end(job: Job, { release, bytes }: { readonly release: string; readonly bytes: number }): void {
    const chance = this.#random(200);
    const word =
      chance < 193 ? "delivered" : chance < 196 ? "failed" : chance < 199 ? "abandoned" : "unknown";
    const gone = word === "failed" ? 0 : bytes;
    const body =
      word === "abandoned"
        ? `{"release":"${release}"}`
        : `{"bytes":"${gone}","release":"${release}"}`;
    this.#waiting.push({ kind: `release.${word}`, body });
    job.open = null;
  }

  #addReader(isWorkload: boolean): void {
    const [id, principal, commitment] = [randomUUID(), randomUUID(), digestOf("facts")];
    const made = this.#by(this.#second);
    const accountable = isWorkload ? this.#oneOf(this.#readers).person : id;
    if (isWorkload)
      this.#tell("workload.recorded", {
        workload: id,
        principal,
        accountable,
        commitment,
        ...made,
      });
    else this.#tell("person.recorded", { person: id, principal, commitment, ...made });
    this.#readers.push({
      person: accountable,
      workload: isWorkload ? id : null,
      principal,
      grants: [],
    });
  }

  #addRepository(): void {
    const [id, classification] = [randomUUID(), randomUUID()];
    const [first, second] = [this.#by(this.#first), this.#by(this.#second)];
    const classified = { classification, repository: id, eccn: "4E091" };
    this.#tell("repository.created", { repository: id, ...first });
    const license = this.#license;
    const repository = { id, license, revision: { id: "", bytes: 0, objects: "" } };
    this.#commit(repository);
    this.#tell("classification.proposed", { ...classified, person: this.#first.person, ...first });
    this.#tell("classification.approved", {
      ...classified,
      person: this.#second.person,
      ...second,
    });
    this.#repositories.push(repository);
  }

  #commit(repository: Repository): void {
    const manifest = digestOf(randomUUID());
    const bytes = 4_096 * (1 + this.#random(1_000_000));
    const count = 2 + this.#random(60);
    const parent = repository.revision.id === "" ? null : repository.revision.id;
    const id = manifest.slice(0, 40);
    const files = { count, bytes: String(bytes) };
    const made = this.#by(this.#first);
    this.#tell("revision.committed", {
      repository: repository.id,
      revision: id,
      parent,
      manifest,
      files,
      ...made,
    });
    const objects = `{"bytes":"${bytes}","count":${count},"sha256":"${digestOf(manifest)}"}`;
    repository.revision = { id, bytes, objects };
  }

  #enterLicense(): void {
    const license = randomUUID();
    const { person } = this.#first;
    const entered = { license, releasesAllowed: null, commitment: digestOf(license) };
    this.#tell("license.entered", { ...entered, person, ...this.#by(this.#first) });
    const second = { person: this.#second.person, ...this.#by(this.#second) };
    this.#tell("license.activated", { license, ...second });
    this.#license = license;
  }

  /** Somebody's oldest grant, unless a job fetches under it. */
  #revokeGrant(): void {
    const { grants } = this.#oneOf(this.#readers);
    const [oldest] = grants;
    if (oldest === undefined || this.#jobs.some(({ grant }) => grant === oldest.id)) return;
    grants.shift();
    this.#tell("grant.revoked", { grant: oldest.id, ...this.#by(this.#second) });
  }

  #simulate(): void {
    const { person, workload, principal } = this.#oneOf(this.#readers);
    const repository = this.#oneOf(this.#repositories).id;
    const asked = { decision: randomUUID(), verdict: "allow", repository };
    const made = this.#by(this.#first);
    this.#tell("decision.simulated", { ...asked, principal, person, workload, ...made });
  }

  #record({ person, principal }: Officer, made: EntryBody): void {
    this.#tell("person.recorded", { person, principal, commitment: digestOf(person), ...made });
  }

  #issueTo(officer: Officer, atMs: number, made: EntryBody): void {
    officer.token = randomUUID();
    const roles = ["export-officer", "operator", "uploader"];
    this.#issue(officer.token, { ...officer, roles }, atMs + 30 * 24 * hourMs, made);
  }

  #issue(
    token: string,
    { principal, roles }: { readonly principal: string; readonly roles: readonly string[] },
    expiresAtMs: number,
    made: EntryBody = this.#by(this.#first),
  ): void {
    const expiresAt = new Date(expiresAtMs).toISOString();
    this.#tell("token.issued", {
      token,
      principal,
      roles,
      hashSha256: digestOf(token),
      expiresAt,
      ...made,
    });
  }

  #by({ principal, token }: Officer): EntryBody {
    return { by: principal, under: token };
  }

  #tell(kind: string, body: EntryBody): void {
    this.#waiting.push({ kind, body: encodePlainly(body) });
  }

  #oneOf<Item>(items: readonly Item[]): Item {
    return items[this.#random(items.length)] ?? raise();
  }
}

function officerOf(): Officer {
  return { person: randomUUID(), principal: randomUUID(), token: "" };
}

function raise(): never {
  throw new Error("the measured log has nothing to go on with");
}

/** Whole numbers from 0 up to below what is asked, the same in every run: Marsaglia's xorshift of 32 bits. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
