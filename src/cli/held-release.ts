import { Secret } from "../crypto/secret.ts";
import { Failure } from "./failure.ts";
import type { ObtainedRelease, ReleasedFile } from "./obtain.ts";

/** A file as a release, or a listing that was held against its revision, names it. */
export type NamedFile = Pick<ReleasedFile, "path" | "size" | "sha256" | "object">;

export type HeldOptions = {
  /** Obtains a release of these files of the one revision. */
  readonly obtain: (paths: readonly string[]) => Promise<ObtainedRelease>;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
};

/** A release that is about to expire is not begun with. */
const expiryMarginMs = 5_000;

/**
 * The release that files are fetched under now. One serves all files and ranges while it lasts; when its time is over or the vault stops it,
 * another is asked for, of what is still wanted and no more: a decision and an entry of its own. Disposing of it wipes all keys.
 */
export class HeldRelease implements Disposable {
  readonly #options: HeldOptions;
  readonly #wanted: Map<string, NamedFile>;
  readonly #obtained: ObtainedRelease[] = [];
  #current: Promise<ObtainedRelease> | null = null;
  /** The newest, while it is not taken for ended. */
  #last: ObtainedRelease | null = null;
  #begun = 0;

  constructor(options: HeldOptions, wanted: readonly NamedFile[]) {
    this.#options = options;
    this.#wanted = new Map(wanted.map((file) => [file.path, file]));
  }

  /** Every release so far, in order. */
  get obtained(): readonly ObtainedRelease[] {
    return this.#obtained;
  }

  /** Takes one that was obtained already. */
  adopt(release: ObtainedRelease): void {
    this.#last = release;
    this.#obtained.push(release);
    this.#current = Promise.resolve(release);
  }

  /** The release that stands now; the first is obtained when it is asked for. */
  async current(): Promise<ObtainedRelease> {
    this.#current ??= this.#obtain();
    return await this.#current;
  }

  /** A file to begin with: as the release that stands names it, with a key that is the caller's to wipe. */
  async begin(path: string): Promise<ReleasedFile> {
    const now = this.#options.now ?? (() => performance.now());
    let held = await this.current();
    while (held !== this.#last || (this.#begun > 0 && now() > held.endsAtMs - expiryMarginMs))
      held = await this.after(held);
    this.#begun += 1;
    const file = held.files.find((each) => each.path === path);
    if (file === undefined) throw new Failure("integrity", `the release does not name ${path}`);
    return { ...file, key: new Secret(Buffer.from(file.key.expose())) };
  }

  /** The one that follows a release that ended; where somebody has asked for it already, the same one. */
  async after(ended: ObtainedRelease): Promise<ObtainedRelease> {
    if (this.#last === ended) {
      this.#last = null;
      this.#begun = 0;
      for (const { key } of ended.files) key.wipe();
      this.#current = this.#obtain();
    }
    return await this.current();
  }

  /** A file that is not wanted any more. */
  finished(path: string): void {
    this.#wanted.delete(path);
  }

  [Symbol.dispose](): void {
    for (const { files } of this.#obtained) for (const { key } of files) key.wipe();
  }

  async #obtain(): Promise<ObtainedRelease> {
    const wanted = [...this.#wanted.values()];
    const release = await this.#options.obtain(wanted.map(({ path }) => path));
    this.#obtained.push(release);
    const released = new Map(release.files.map((file) => [file.path, file]));
    for (const file of wanted)
      if (!isSame(file, released.get(file.path)))
        throw new Failure(
          "integrity",
          `the release names another file as ${file.path} than the revision does`,
        );
    this.#last = release;
    return release;
  }
}

function isSame(one: NamedFile, other: NamedFile | undefined): boolean {
  return one.size === other?.size && one.sha256 === other.sha256 && one.object === other.object;
}
