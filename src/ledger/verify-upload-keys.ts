import type { Entry } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { bytesOf, isDigest, isStrings, objectOf } from "./verify-body.ts";
import { SeenIds } from "./verify-ids.ts";
import type { Repositories } from "./verify-repositories.ts";

/** An object whose data key was handed out, until a verifying read has ended. */
type Handed = {
  readonly repository: string;
  readonly upload: string;
  readonly principal: string;
  readonly sha256: string;
  /** Of the header that the key was made with. */
  readonly header: string;
  /** The newest hand-out of the key. */
  key: string;
  isDeclared: boolean;
};

/** The verifying read of it has ended. */
const read = 1;

/**
 * Follows data keys that were handed out to be sealed under: to one principal alone and not after the object was complete; a digest is declared by whom its key
 * was handed to, under that hand-out; a verifying read ends once, and what it refuted is not released. Of a release that names no list of its own
 * an entry does not tell whether the object is in it, so that one of the object alone tells itself.
 */
export class UploadKeys {
  readonly #findings: Findings;
  readonly #repositories: Repositories;
  readonly #handed = new Map<string, Handed>();
  readonly #ended = new SeenIds();
  /** Digests of the lists of releases of one refuted object alone. */
  readonly #listsRefuted = new Set<string>();

  constructor(findings: Findings, repositories: Repositories) {
    this.#findings = findings;
    this.#repositories = repositories;
  }

  /** Takes `upload.key-released`. */
  release(entry: Entry): void {
    const { index, body } = entry;
    const { upload, object, key, by, bytes, sha256, headerSha256: header } = body;
    const repository = this.#repositories.require(entry);
    if (repository === null) return;
    const isNamed =
      typeof upload === "string" && typeof object === "string" && typeof key === "string";
    const isOf = isDigest(sha256) && isDigest(header) && isDigest(body["recipientKeySha256"]);
    if (!isNamed || !isOf || bytesOf(bytes) === null)
      return this.#malformed(entry, "its upload, object, key, bytes, digest, header or recipient");
    const principal = typeof by === "string" ? by : "";
    const present = this.#handed.get(object);
    if (this.#ended.get(object) === read || present?.isDeclared === true)
      return this.#astray(
        `the key of object ${object} was handed out after it was complete`,
        index,
      );
    if (present === undefined) {
      const handed = { repository, upload, principal, sha256, header, key, isDeclared: false };
      this.#handed.set(object, handed);
      return;
    }
    if (present.principal !== principal)
      this.#astray(`the key of object ${object} was handed to two principals`, index);
    const isSame =
      present.repository === repository &&
      present.upload === upload &&
      present.sha256 === sha256 &&
      present.header === header;
    if (!isSame) this.#astray(`the key of object ${object} was handed out for another file`, index);
    present.key = key;
  }

  /** Takes `object.declared`. */
  declare(entry: Entry): void {
    const { index, body } = entry;
    const { object, key, by, sha256 } = body;
    if (typeof object !== "string" || typeof key !== "string")
      return this.#malformed(entry, "its object or its key");
    const handed = this.#handed.get(object);
    if (handed?.key !== key)
      return this.#impossible(
        `object ${object} was declared under a key that was not the last one handed out`,
        index,
      );
    if (handed.principal !== by || handed.sha256 !== sha256 || handed.isDeclared)
      this.#impossible(
        `object ${object} was declared again, by somebody else or with another digest than its key was handed out for`,
        index,
      );
    handed.isDeclared = true;
  }

  /** Takes `object.proved` and `object.refuted`. */
  find(entry: Entry): void {
    const { index, kind, body } = entry;
    const { object, sha256 } = body;
    if (typeof object !== "string") return this.#malformed(entry, "its object");
    const handed = this.#handed.get(object);
    if (handed?.isDeclared !== true)
      return this.#impossible(`${kind} is of object ${object}, which nobody declared`, index);
    this.#handed.delete(object);
    this.#ended.set(object, read);
    if (kind === "object.proved") {
      if (handed.sha256 !== sha256)
        this.#impossible(`object ${object} was proved to have another digest`, index);
      return;
    }
    const { found, lists } = body;
    if (typeof found !== "string" || !isStrings(lists))
      this.#malformed(entry, "what was found or its lists");
    else for (const digest of lists) this.#listsRefuted.add(digest);
    const message = `object ${object} does not hold what its uploader declared`;
    this.#findings.add("object_refuted", message, index);
  }

  /** Holds a `release.allowed` to what was refuted before it. */
  allow({ index, body }: Entry): void {
    if (this.#listsRefuted.size === 0) return;
    const { sha256 } = objectOf(body["objects"]) ?? {};
    if (typeof sha256 !== "string" || !this.#listsRefuted.has(sha256)) return;
    const { release } = body;
    const message = `release ${typeof release === "string" ? release : "of no name"} of an object that was refuted was allowed`;
    this.#findings.add("refuted_released", message, index);
  }

  #malformed({ index, kind }: Entry, what: string): void {
    this.#findings.add("body_malformed", `${kind} lacks ${what}`, index);
  }

  #impossible(message: string, index: number): void {
    this.#findings.add("change_impossible", message, index);
  }

  #astray(message: string, index: number): void {
    this.#findings.add("upload_key_released", message, index);
  }
}
