import type { Canonical } from "../crypto/canonical-json.ts";
import type { Entry, EntryBody } from "../ledger/entry.ts";
import { counted } from "./counted.ts";
import { Failure } from "./failure.ts";
import { FollowUps } from "./ledger-follow-ups.ts";
import { manifestDigest } from "./manifest-digest.ts";
import { isRecord } from "./record.ts";

/** What a story can be told of. */
export const storyNouns = [
  "object",
  "revision",
  "person",
  "license",
  "repository",
  "release",
] as const;

export type StoryNoun = (typeof storyNouns)[number];

/** Which entries are wanted: those about a thing, those of a period, or both. Times are UTC with milliseconds; `until` is not in it. */
export type Selection = {
  readonly thing: { readonly noun: StoryNoun; readonly id: string } | null;
  readonly from: string | null;
  readonly until: string | null;
  /** An object's revisions; releases and commits name revisions, not their objects. */
  readonly manifests?: readonly NamedManifest[];
  /** Revisions whose entries belong to it too, as `revisionKey` names them: what an object's revision was made from. */
  readonly also?: ReadonlySet<string>;
};

/** A revision as the server answers it or as it was committed, under the name by which it was asked for. */
export type NamedManifest = { readonly name: string; readonly manifest: unknown };

/** Where in its story an entry belongs: under a revision, as `revisionKey` names it, or under none. */
export type Place = { readonly revision: string | null };

const nowhere: Place = { revision: null };

/** The member by which entries name many of them: the licenses of a release, whose evidence was erased, whose records were handed out. */
const listedAs: { readonly [noun in StoryNoun]?: string } = {
  license: "licenses",
  release: "releases",
  person: "persons",
};

/** How the entries of a revision name it. */
export function revisionKey(repository: string, revision: string): string {
  return `${repository}@${revision}`;
}

/**
 * Chooses entries as they come, in the order of the ledger: those about a thing, and what came of the releases, grants, tokens, holds and workloads
 * among them. It holds the releases that are open, what `FollowUps` does, and the principals and revisions of the thing alone.
 */
export class Story {
  readonly #selection: Selection;
  readonly #principals = new Set<string>();
  readonly #revisions = new Set<string>();
  readonly #followUps = new FollowUps();
  /** The releases that are open, and under which revision each was told. */
  readonly #open = new Map<string, Place>();
  /** The manifests by the parents that they name: of a repository's commits few can be theirs, and only those are worth a digest. */
  readonly #byParent: ReadonlyMap<unknown, readonly NamedManifest[]>;
  /** The digests of manifests that were made so far, in each repository. */
  readonly #digests = new Map<string, Map<NamedManifest, string | null>>();
  readonly #committed = new Set<string>();

  /** The revisions that the story is of, without those that were named to it; each with its manifest, where one was given. */
  readonly roots = new Map<string, NamedManifest | null>();

  constructor(selection: Selection) {
    this.#selection = selection;
    for (const key of selection.also ?? []) this.#revisions.add(key);
    const { thing, manifests = [] } = selection;
    this.#byParent = Map.groupBy(manifests, ({ manifest }) =>
      isRecord(manifest) ? (manifest["parent"] ?? null) : null,
    );
    if (thing?.noun !== "object") return;
    const [wrong] = manifests.filter(({ manifest }) => !holds(manifest, thing.id));
    if (wrong !== undefined)
      throw new Failure("usage", `the revision ${wrong.name} does not hold the object`);
  }

  /** Whether the entry belongs to the story. Call it once for each entry, in order. */
  takes(entry: Entry): boolean {
    return this.placeOf(entry) !== null;
  }

  /** `takes`, and where it belongs; null where it does not belong to the story. */
  placeOf(entry: Entry): Place | null {
    const place = this.#follows(entry);
    const { from, until } = this.#selection;
    if (from !== null && entry.time < from) return null;
    return until === null || entry.time < until ? place : null;
  }

  /** The manifests that no entry committed, by their names; whole after the last entry. */
  get uncommitted(): readonly string[] {
    const { manifests = [] } = this.#selection;
    return manifests.flatMap(({ name }) => (this.#committed.has(name) ? [] : [name]));
  }

  #follows(entry: Entry): Place | null {
    const { thing } = this.#selection;
    if (thing === null) return nowhere;
    const { kind, body } = entry;
    const { release } = body;
    const opened =
      kind.startsWith("release.") && typeof release === "string" ? this.#open.get(release) : null;
    if (typeof release === "string" && opened) {
      this.#open.delete(release);
      return opened;
    }
    const place = this.#about(entry, thing);
    if (place === null) return this.#followUps.has(entry) ? nowhere : null;
    this.#followUps.open(entry);
    if (kind === "release.allowed" && typeof release === "string") this.#open.set(release, place);
    return place;
  }

  #about(entry: Entry, { noun, id }: NonNullable<Selection["thing"]>): Place | null {
    if (noun !== "object" && noun !== "revision") return this.#isAbout(entry) ? nowhere : null;
    const place = this.#ofRevision(entry);
    if (place !== null || noun === "revision") return place;
    return isOfSealing(entry, id) || this.#isOfShredding(entry, id) ? nowhere : null;
  }

  #isAbout({ kind, body }: Entry): boolean {
    const { thing } = this.#selection;
    if (thing === null) return true;
    const { noun, id } = thing;
    const listed = listedAs[noun] === undefined ? null : body[listedAs[noun]];
    if (Array.isArray(listed) && listed.includes(id)) return true;
    if (kind === "hold.placed" && body["scope"] === noun && body["target"] === id) return true;
    if (noun !== "person") return body[noun] === id;
    const { person, accountable, principal, by } = body;
    const isIts = person === id || accountable === id;
    // A grant names its officer as person, and another's principal.
    const isRecorded = kind === "person.recorded" || kind === "workload.recorded";
    if (isIts && isRecorded && typeof principal === "string") this.#principals.add(principal);
    return (
      isIts ||
      [principal, by].some((each) => typeof each === "string" && this.#principals.has(each))
    );
  }

  /** What was proposed, approved and listed of the object, or of the repository that it was committed to. */
  #isOfShredding({ kind, body }: Entry, id: string): boolean {
    if (kind !== "repository.shredded" && !kind.startsWith("shredding.")) return false;
    const { object, objects, repository } = body;
    if (object === id) return true;
    if (Array.isArray(objects))
      return objects.some((each: unknown) => isRecord(each) && each["object"] === id);
    if (object !== null || typeof repository !== "string") return false;
    return [...this.#revisions].some((key) => key.includes(repository));
  }

  #ofRevision({ kind, body }: Entry): Place | null {
    const { repository, revision } = body;
    if (typeof repository !== "string" || typeof revision !== "string") return null;
    const key = revisionKey(repository, revision);
    const root = kind === "revision.committed" ? this.#rootOf(body, repository) : undefined;
    if (root !== undefined) {
      this.roots.set(key, root);
      this.#revisions.add(key);
    }
    return this.#revisions.has(key) ? { revision: key } : null;
  }

  /** The manifest of a revision that was asked for and that the entry commits: by its id, or by the digest of a manifest that was given, whoever named it. */
  #rootOf(
    { revision, manifest: digest, parent = null }: EntryBody,
    repository: string,
  ): NamedManifest | null | undefined {
    const { thing, manifests = [] } = this.#selection;
    if (thing?.noun === "revision" && thing.id !== revision) return undefined;
    if (manifests.length === 0) return thing?.noun === "revision" ? null : undefined;
    if (typeof digest !== "string") return undefined;
    const named = (this.#byParent.get(parent) ?? []).filter(
      (each) => this.#digestOf(each, repository) === digest,
    );
    for (const { name } of named) this.#committed.add(name);
    return named[0];
  }

  #digestOf(named: NamedManifest, repository: string): string | null {
    const digests = this.#digests.get(repository) ?? new Map<NamedManifest, string | null>();
    const known = digests.get(named);
    const digest = known === undefined ? manifestDigest(named.manifest, repository) : known;
    this.#digests.set(repository, digests.set(named, digest));
    return digest;
  }
}

/** The hand-outs of an object's key, and what was declared and found of what it holds. */
function isOfSealing({ kind, body }: Entry, id: string): boolean {
  return (kind === "upload.key-released" || kind.startsWith("object.")) && body["object"] === id;
}

/** Whether a manifest lists the object. */
export function holds(manifest: unknown, object: string): boolean {
  const files = isRecord(manifest) ? manifest["files"] : null;
  return (
    Array.isArray(files) &&
    files.some((file: unknown) => isRecord(file) && file["object"] === object)
  );
}

/** The members that a sentence names, in the order in which it does. */
const told = [
  "release",
  "rotation",
  "shredding",
  "object",
  "repository",
  "revision",
  "parent",
  "run",
  "checkpoint",
  "bases",
  "lineage",
  "bundle",
  "key",
  "trust",
  "classification",
  "eccn",
  "license",
  "licenses",
  "grant",
  "movement",
  "what",
  "hold",
  "scope",
  "person",
  "workload",
  "entity",
  "principal",
  "way",
  "bytes",
  "reason",
  "cause",
  "count",
  "unproved",
  "requireProved",
  "rewrapped",
  "restorableUntil",
] as const;

/** One line of a custody story: where and when, what happened, and to what. */
export function tell({ index, time, kind, body }: Entry): string {
  const [noun = "", verb = ""] = kind.split(".");
  const parts = told.flatMap((name) => {
    const value = body[name];
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0))
      return [];
    return [`${name} ${shown(value)}`];
  });
  const decision = isRecord(body["decision"]) ? body["decision"] : {};
  if (typeof decision["verdict"] === "string") parts.push(`verdict ${decision["verdict"]}`);
  if (Array.isArray(body["objects"])) parts.push(counted(body["objects"].length, "object"));
  for (const amount of [body["files"], body["objects"]] as readonly unknown[])
    if (isRecord(amount) && typeof amount["count"] === "number")
      parts.push(
        `${counted(amount["count"], "file")}, ${counted(String(amount["bytes"]), "byte")}`,
      );
  if (typeof body["by"] === "string") parts.push(`by ${body["by"]}`);
  return oneLine(
    `${index}  ${time}  ${noun} ${verb}${parts.length === 0 ? "" : `: ${parts.join("; ")}`}`,
  );
}

/** The text as a single line: who writes a ledger, or a manifest, writes its texts, and could begin a line that no entry tells. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, "\ufffd");
}

/** A base is shown as it is named elsewhere; everything else that is no text, as JSON. */
function shown(value: Canonical): string {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return JSON.stringify(value);
  const bases = value.map((each) => {
    const { repository, revision } = isRecord(each) ? each : {};
    const isBase = typeof repository === "string" && typeof revision === "string";
    return isBase ? revisionKey(repository, revision) : null;
  });
  return bases.includes(null) ? JSON.stringify(value) : bases.join(", ");
}
