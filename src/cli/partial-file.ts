import { createHash, type Hash } from "node:crypto";
import { type FileHandle, lstat, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Failure } from "./failure.ts";
import {
  fill,
  type Identity,
  isOf,
  type Kept,
  readBytes,
  readState,
  resume,
  type Target,
} from "./partial-state.ts";
import { isCode } from "./paths.ts";

const keepEveryMs = 2_000;

/**
 * A file under way: written at any offsets, read back from disk and digested in order behind them. Only its owner may read it. What of its
 * beginning was digested is kept beside it with that digest, so that a later run goes on from there: it digests the same bytes again, and begins anew
 * where they are not the same. The digest of the whole, over what lies on the disk, decides before the file gets its name.
 */
export class PartialFile {
  readonly #file: FileHandle;
  readonly #target: Target;
  readonly #identity: Identity;
  readonly #digest: Hash;
  readonly #buffer = Buffer.allocUnsafeSlow(readBytes);
  /** What was written, by its start: runs that do not touch. */
  readonly #ahead = new Map<number, number>();
  #writtenBytes: number;
  #digestedBytes: number;
  #digesting: Promise<void> | null = null;
  #keptAtMs = performance.now();
  #keeping: Promise<void> | null = null;
  readonly resumedBytes: number;

  private constructor(
    file: FileHandle,
    { target, identity }: { readonly target: Target; readonly identity: Identity },
    { digest, bytes }: { readonly digest: Hash; readonly bytes: number },
  ) {
    this.#file = file;
    this.#target = target;
    this.#identity = identity;
    this.#digest = digest;
    this.#writtenBytes = bytes;
    this.#digestedBytes = bytes;
    this.resumedBytes = bytes;
  }

  /** Goes on with what a run before kept of this very file, or begins anew; says why where something there is of no use. */
  static async open(
    target: Target,
    identity: Identity,
    note: (sentence: string) => void,
  ): Promise<PartialFile> {
    const what = { target, identity };
    const state = await readState(target.state);
    if (state !== null && isOf(state, identity)) {
      const resumed = await resume(target.partial, state);
      if (resumed !== null)
        return new PartialFile(resumed.file, what, { ...resumed, bytes: state.verifiedBytes });
      note(`${target.partial} is not what was verified before: begun anew`);
    }
    // A file left by a process that was killed, or of another revision; a symbolic link in its place is removed and not followed.
    await removeBoth(target);
    const file = await open(target.partial, "wx+", 0o600);
    return new PartialFile(file, what, { digest: createHash("sha256"), bytes: 0 });
  }

  /** Writes verified plaintext at its place. Throws `failed` where the disk has no room, and keeps what is there. */
  async write(offset: number, pieces: readonly Uint8Array[]): Promise<void> {
    try {
      let at = offset;
      for (const piece of pieces) {
        for (let done = 0; done < piece.length; ) {
          const { bytesWritten } = await this.#file.write(piece, done, piece.length - done, at);
          done += bytesWritten;
          at += bytesWritten;
        }
      }
      if (at > offset) this.#ahead.set(offset, at);
    } catch (cause) {
      if (!["ENOSPC", "EDQUOT", "EFBIG"].some((code) => isCode(cause, code))) throw cause;
      const message = `there is no room for more of ${this.#target.place}: make room and run the command again`;
      throw new Failure("failed", message, { cause });
    }
    this.#advance();
    await this.#keepNowAndThen();
  }

  /** Digests the rest and gives the file its name if the digest is the recorded one. False where it is not: then nothing of it is left. */
  async finish(): Promise<boolean> {
    await this.#caughtUp();
    const isWhole = this.#digestedBytes === this.#identity.size;
    if (!isWhole || this.#digest.digest("hex") !== this.#identity.sha256) {
      await this.discard();
      return false;
    }
    const { partial, place, state } = this.#target;
    try {
      await this.#file.sync();
      const [mine, there] = [await this.#file.stat(), await lstat(partial).catch(() => null)];
      if (mine.ino !== there?.ino || mine.dev !== there.dev || mine.size !== this.#identity.size)
        throw new Failure("failed", `${partial} was changed by another process meanwhile`);
      await rename(partial, place);
    } finally {
      await this.#file.close();
    }
    await rm(state, { force: true });
    await syncFolder(dirname(place));
    return true;
  }

  /** Leaves what was verified for a later run; nothing where that is nothing. */
  async keep(): Promise<{ readonly verifiedBytes: number }> {
    await this.#caughtUp().catch(() => {});
    const verifiedBytes = this.#digestedBytes;
    if (verifiedBytes === 0) await this.discard();
    else {
      await this.#keepState().catch(() => {});
      await this.#file.close();
    }
    return { verifiedBytes };
  }

  async discard(): Promise<void> {
    await this.#digesting?.catch(() => {});
    await this.#file.close();
    await removeBoth(this.#target);
  }

  /** Digests what follows on what was digested, as far as it was written, one at a time. */
  #advance(): void {
    this.#join();
    if (this.#digesting !== null || this.#digestedBytes === this.#writtenBytes) return;
    this.#digesting = this.#digestOn().finally(() => {
      this.#digesting = null;
    });
    // Whoever waits for the end is told; nobody else waits.
    this.#digesting.catch(() => {});
  }

  #join(): void {
    for (;;) {
      const end = this.#ahead.get(this.#writtenBytes);
      if (end === undefined) return;
      this.#ahead.delete(this.#writtenBytes);
      this.#writtenBytes = end;
    }
  }

  async #digestOn(): Promise<void> {
    while (this.#digestedBytes < this.#writtenBytes) {
      const wanted = Math.min(readBytes, this.#writtenBytes - this.#digestedBytes);
      const filled = this.#buffer.subarray(0, wanted);
      if (!(await fill(this.#file, filled, this.#digestedBytes)))
        throw new Failure("failed", `${this.#target.partial} was cut short by another process`);
      this.#digest.update(filled);
      this.#digestedBytes += wanted;
    }
  }

  async #caughtUp(): Promise<void> {
    this.#advance();
    while (this.#digesting !== null) await this.#digesting;
  }

  async #keepNowAndThen(): Promise<void> {
    const now = performance.now();
    if (this.#digestedBytes === 0 || now - this.#keptAtMs < keepEveryMs) return;
    this.#keptAtMs = now;
    // What cannot be noted is only fetched again.
    this.#keeping ??= this.#keepState()
      .catch(() => {})
      .finally(() => {
        this.#keeping = null;
      });
    await this.#keeping;
  }

  /** Not synced: after a power failure the digest tells whether the bytes came to the disk. */
  async #keepState(): Promise<void> {
    const state: Kept = {
      ...this.#identity,
      verifiedBytes: this.#digestedBytes,
      verifiedSha256: this.#digest.copy().digest("hex"),
    };
    const fresh = `${this.#target.state}.new`;
    await rm(fresh, { force: true });
    {
      await using file = await open(fresh, "wx", 0o600);
      await file.writeFile(`${JSON.stringify(state)}\n`);
    }
    await rename(fresh, this.#target.state);
  }
}

async function removeBoth({ partial, state }: Target): Promise<void> {
  for (const file of [partial, state, `${state}.new`]) await rm(file, { force: true });
}

/** The new name is on disk too. Windows cannot open a folder, and needs no such call. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  await using handle = await open(folder, "r");
  await handle.sync();
}
