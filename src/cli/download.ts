import { type Command, InvalidArgumentError } from "commander";
import { SegmentPool } from "../floe/pool.ts";
import { threadsFor } from "../floe/threads.ts";
import { type RepositoryName, remote, repositoryName, whole } from "./command.ts";
import { type Context, openSession, type RemoteOptions, type Session } from "./context.ts";
import { counted } from "./counted.ts";
import { Problem } from "./failure.ts";
import { lockFolder } from "./folder-lock.ts";
import { HeldRelease, type NamedFile } from "./held-release.ts";
import {
  demandingMlDsa,
  type LedgerKey,
  ledgerKey,
  withLedgerKey,
  withMlDsaKey,
} from "./ledger-key.ts";
import { type Listing, listFiles } from "./listing.ts";
import { type DirectWay, ObjectSource } from "./object-source.ts";
import { obtain } from "./obtain.ts";
import { assertPlaces, assertRoom, findThere, isFolder, targetsOf } from "./output-folder.ts";
import { PartialFile } from "./partial-file.ts";
import { keptBytes, type Target } from "./partial-state.ts";
import { chooseFiles, isPattern } from "./path-pattern.ts";
import { makeFolder, makeFolders } from "./paths.ts";
import { sizeText } from "./progress.ts";
import { Reception } from "./receive.ts";
import { transfer } from "./transfer.ts";

type DownloadOptions = RemoteOptions & {
  readonly revision: string;
  readonly output: string;
  readonly parallel: number;
  readonly retries: number;
  readonly throughVault?: boolean;
  readonly ledgerKey?: string;
  readonly mlDsaKey?: string;
  readonly overwrite?: boolean;
};

export type DownloadRequest = {
  readonly repository: string;
  /** 40 hex digits, or `main`. */
  readonly revision: string;
  /** Paths, folders and patterns of files; empty for all. */
  readonly chosen: readonly string[];
  readonly output: string;
  readonly mayReplace: boolean;
  readonly parallel: number;
  readonly retries: number;
  /** Whether objects may be read from the store itself, where the vault gives their addresses. */
  readonly mayBeDirect: boolean;
};

export type DownloadResult = {
  readonly repository: string;
  readonly revision: string;
  /** None where all was there already; more than one where the first ended before all files were fetched: each is a decision and an entry of its own. */
  readonly releases: readonly { readonly release: string; readonly index: number }[];
  readonly ledgerKey: string;
  readonly files: readonly {
    readonly path: string;
    readonly size: number;
    readonly sha256: string;
    readonly file: string;
    /** It was there before with the same bytes. */
    readonly kept: boolean;
  }[];
};

const mostParallel = 64;

export function downloadCommand(program: Command, context: Context): void {
  withMlDsaKey(
    withLedgerKey(
      remote(program, "download", "fetch files after an export decision, and open them here"),
    ),
  )
    .argument("<repository>", "namespace/name", repositoryName)
    .argument("[path...]", "files, folders or patterns (*, ?, **) of the revision; all without any")
    .option("--revision <revision>", "a revision's 40 hex digits, or main", "main")
    .option("--output <folder>", "where the files go", ".")
    .option("--overwrite", "replace files that are there with other content")
    .option("--parallel <count>", "how many ranges are read at once", parallel, 4)
    .option("--retries <count>", "how often a request that brings nothing is repeated", whole, 5)
    .option("--through-vault", "read nothing from the object store itself")
    .action(
      async (repository: RepositoryName, chosen: readonly string[], options: DownloadOptions) => {
        const session = await openSession(context, options);
        const key = await demandingMlDsa(await ledgerKey(session, options.ledgerKey), options);
        const result = await download(session, key, {
          repository: `${repository.namespace}/${repository.name}`,
          revision: options.revision,
          chosen,
          output: options.output,
          mayReplace: options.overwrite === true,
          parallel: options.parallel,
          retries: options.retries,
          mayBeDirect: options.throughVault !== true,
        });
        session.output.result(result, () => summary(result));
      },
    );
}

/**
 * Brings every chosen file to lie verified below the output folder. What is there already is not asked for, what a run before has begun is gone on with, and
 * one release serves all of the rest while it lasts. A failure or an interruption leaves whole files, and beginnings for a later run.
 */
export async function download(
  session: Session,
  key: LedgerKey,
  request: DownloadRequest,
): Promise<DownloadResult> {
  const { repository, output } = request;
  await using locks = new AsyncDisposableStack();
  const isThere = await isFolder(output);
  if (isThere) locks.use(await lockFolder(output));
  const found = await findFiles(session, key, request);
  using held = found.held;
  const { revision, files } = found;
  const targets = targetsOf(
    output,
    files.map(({ path }) => path),
    found.all,
  );
  const there = await findThere(files, targets, request.mayReplace);
  for (const path of there) held.finished(path);
  const wanted = files.filter(({ path }) => !there.has(path));
  await assertRoom(output, await missingBytes(wanted, targets));
  if (wanted.length > 0) {
    // A denial makes no folder and no partial file.
    await held.current();
    await makeFolder(output);
    if (!isThere) locks.use(await lockFolder(output));
    await fetchFiles(session, held, { request, targets, wanted });
  }
  return {
    repository,
    revision,
    releases: held.obtained.map(({ release, index }) => ({ release, index })),
    ledgerKey: key.text,
    files: files.map(({ path, size, sha256 }) => ({
      path,
      size,
      sha256,
      file: targets.get(path)?.place ?? "",
      kept: there.has(path),
    })),
  };
}

type Found = {
  readonly revision: string;
  readonly files: readonly NamedFile[];
  /** The paths of the whole revision, as far as they are known. */
  readonly all: readonly string[];
  readonly held: HeldRelease;
};

/**
 * What is to be fetched, by the revision's own list. Who may not see that list may not see the repository either: a release is asked for all the same, so
 * that the decision is made, recorded and told.
 */
async function findFiles(
  { client }: Session,
  key: LedgerKey,
  { repository, revision, chosen, output }: DownloadRequest,
): Promise<Found> {
  const releaseOf = (revision: string) => async (paths: readonly string[]) =>
    await obtain({ client }, { repository, revision, paths }, key);
  const listing = await visible(listFiles(client, { repository, revision }));
  if (!(listing instanceof Problem)) {
    const files = chooseFiles(listing.files, chosen);
    return {
      revision: listing.revision,
      files,
      all: listing.files.map(({ path }) => path),
      held: new HeldRelease({ obtain: releaseOf(listing.revision) }, files),
    };
  }
  if (chosen.some(isPattern)) throw listing;
  await assertPlaces(output, chosen);
  const paths = chosen.length === 0 ? null : [...new Set(chosen)];
  const first = await obtain({ client }, { repository, revision, paths }, key);
  const held = new HeldRelease({ obtain: releaseOf(first.revision) }, first.files);
  held.adopt(first);
  return { revision: first.revision, files: first.files, all: [], held };
}

/** The list, or the refusal that hides it. */
async function visible(listing: Promise<Listing>): Promise<Listing | Problem> {
  try {
    return await listing;
  } catch (error) {
    if (error instanceof Problem && (error.status === 403 || error.status === 404)) return error;
    throw error;
  }
}

async function missingBytes(
  wanted: readonly NamedFile[],
  targets: ReadonlyMap<string, Target>,
): Promise<number> {
  let bytes = 0;
  for (const file of wanted)
    bytes += file.size - (await keptBytes(targetOf(targets, file), identityOf(file)));
  return bytes;
}

type Fetching = {
  readonly request: DownloadRequest;
  readonly targets: ReadonlyMap<string, Target>;
  readonly wanted: readonly NamedFile[];
};

async function fetchFiles(
  session: Session,
  held: HeldRelease,
  { request, targets, wanted }: Fetching,
): Promise<void> {
  const stopping = new AbortController();
  const { note } = session.output;
  const signal = AbortSignal.any([session.client.signal, stopping.signal]);
  const direct: DirectWay = { isOn: request.mayBeDirect, hasServed: false, stores: new Map() };
  const client = { ...session.client, signal };
  const shared = { client, held, direct, retries: request.retries, note };
  const wantedBytes = wanted.reduce((sum, { size }) => sum + size, 0);
  using progress = session.progress(wantedBytes);
  await using pool = new SegmentPool({ threads: threadsFor(wantedBytes) });
  const begin = async (named: NamedFile): Promise<Reception> => {
    const file = await held.begin(named.path);
    progress.label(file.path);
    let partial: PartialFile | null = null;
    try {
      await makeFolders(request.output, file.path);
      partial = await PartialFile.open(targetOf(targets, file), identityOf(file), note);
      if (partial.resumedBytes > 0) progress.skip(partial.resumedBytes);
      const source = new ObjectSource(shared, file);
      return new Reception({ file, source, partial, progress, pool });
    } catch (error) {
      file.key.wipe();
      await partial?.discard();
      throw error;
    }
  };
  await transfer(wanted, {
    parallel: request.parallel,
    begin,
    done: ({ path }) => held.finished(path),
    stop: () => stopping.abort(),
    note,
  });
}

function targetOf(targets: ReadonlyMap<string, Target>, { path }: NamedFile): Target {
  const target = targets.get(path);
  if (target === undefined) throw new Error(`${path} has no place`);
  return target;
}

function identityOf({ object, sha256, size }: NamedFile) {
  return { object, sha256, size };
}

function parallel(text: string): number {
  const count = whole(text);
  if (count < 1 || count > mostParallel)
    throw new InvalidArgumentError(`It must be from 1 to ${mostParallel}.`);
  return count;
}

function summary({ revision, releases, files }: DownloadResult): string {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const entries = releases.map(({ release, index }) => `release ${release}, ledger entry ${index}`);
  return [
    ...files.map(({ file, kept }) => (kept ? `${file} (was there already)` : file)),
    `${counted(files.length, "file")}, ${sizeText(bytes)}, of revision ${revision}`,
    ...(entries.length === 0 ? ["nothing was asked for"] : entries),
  ].join("\n");
}
