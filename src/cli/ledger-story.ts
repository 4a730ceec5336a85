import type { Canonical } from "../crypto/canonical-json.ts";
import type { Entry, EntryBody } from "../ledger/entry.ts";
import { counted } from "./counted.ts";
import { Failure } from "./failure.ts";
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
  /** An object's revision, as the server answers it or as it was committed; releases and commits name revisions, not their objects. */
  readonly manifest?: unknown;
  /** Revisions whose entries belong to it too, as `revisionKey` names them: what an object's revision was made from. */
  readonly also?: ReadonlySet<string>;
};

/** How the entries of a revision name it. */
export function revisionKey(repository: string, revision: string): string {
  return `${repository}@${revision}`;
}

/**
 * Chooses entries as they come, in the order of the ledger: those about a thing, and what came of the releases among them. It holds the
 * releases that are open, and the principals and revisions of the thing alone.
 */
export class Story {
  readonly #selection: Selection;
  readonly #principals = new Set<string>();
  readonly #revisions = new Set<string>();
  readonly #open = new Set<string>();

  /** The revisions that the story is of, without those that were named to it. */
  readonly roots = new Set<string>();

  constructor(selection: Selection) {
    this.#selection = selection;
    for (const key of selection.also ?? []) this.#revisions.add(key);
    const { thing, manifest } = selection;
    if (thing?.noun === "object" && !holds(manifest, thing.id))
      throw new Failure("usage", "the revision that is named does not hold the object");
  }

  /** Whether the entry belongs to the story. Call it once for each entry, in order. */
  takes(entry: Entry): boolean {
    const isAbout = this.#follows(entry);
    const { from, until } = this.#selection;
    if (from !== null && entry.time < from) return false;
    return isAbout && (until === null || entry.time < until);
  }

  #follows(entry: Entry): boolean {
    const { thing } = this.#selection;
    if (thing === null) return true;
    const { kind, body } = entry;
    const { release } = body;
    if (kind.startsWith("release.") && typeof release === "string" && this.#open.has(release)) {
      this.#open.delete(release);
      return true;
    }
    const isOfRevision = thing.noun === "object" || thing.noun === "revision";
    const isAbout = isOfRevision
      ? this.#isOfRevision(entry) ||
        (thing.noun === "object" &&
          (isOfSealing(entry, thing.id) || this.#isOfShredding(entry, thing.id)))
      : this.#isAbout(entry);
    if (isAbout && kind === "release.allowed" && typeof release === "string")
      this.#open.add(release);
    return isAbout;
  }

  #isAbout({ kind, body }: Entry): boolean {
    const { thing } = this.#selection;
    if (thing === null) return true;
    const { noun, id } = thing;
    if (noun === "license" && Array.isArray(body["licenses"]) && body["licenses"].includes(id))
      return true;
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

  #isOfRevision({ kind, body }: Entry): boolean {
    const { repository, revision } = body;
    if (typeof repository !== "string" || typeof revision !== "string") return false;
    const key = revisionKey(repository, revision);
    if (kind === "revision.committed" && this.#isRoot(body)) {
      this.roots.add(key);
      this.#revisions.add(key);
    }
    return this.#revisions.has(key);
  }

  /** Whether the entry commits the revision that was asked for: by its id, or by the digest of the manifest that was given, whoever named it. */
  #isRoot({ repository, revision, manifest: digest }: EntryBody): boolean {
    const { thing, manifest } = this.#selection;
    if (thing?.noun === "revision" && thing.id !== revision) return false;
    if (manifest === undefined) return thing?.noun === "revision";
    return typeof repository === "string" && manifestDigest(manifest, repository) === digest;
  }
}

/** The hand-outs of an object's key, and what was declared and found of what it holds. */
function isOfSealing({ kind, body }: Entry, id: string): boolean {
  return (kind === "upload.key-released" || kind.startsWith("object.")) && body["object"] === id;
}

function holds(manifest: unknown, object: string): boolean {
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
  return `${index}  ${time}  ${noun} ${verb}${parts.length === 0 ? "" : `: ${parts.join("; ")}`}`;
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
