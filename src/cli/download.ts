import { stat } from "node:fs/promises";
import type { Command } from "commander";
import { SegmentPool } from "../floe/pool.ts";
import { threadsFor } from "../floe/threads.ts";
import { type RepositoryName, remote, repositoryName } from "./command.ts";
import { type Context, openSession, type RemoteOptions, type Session } from "./context.ts";
import { Failure } from "./failure.ts";
import { type LedgerKey, ledgerKey } from "./ledger-key.ts";
import { type ObtainedRelease, obtain, type ReleasedFile } from "./obtain.ts";
import { destinationsOf, makeFolders, nameOnDisk } from "./paths.ts";
import { type Progress, sizeText } from "./progress.ts";
import { isThere, receive } from "./receive.ts";

type DownloadOptions = RemoteOptions & {
  readonly revision: string;
  readonly output: string;
  readonly ledgerKey?: string;
  readonly overwrite?: boolean;
};

export type DownloadRequest = {
  readonly repository: string;
  readonly revision: string;
  readonly paths: readonly string[] | null;
  readonly output: string;
  readonly mayReplace: boolean;
};

export type DownloadResult = {
  readonly repository: string;
  readonly revision: string;
  /** One, or more where the first expired before all files were fetched: each is a decision and an entry of its own. */
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

/** A release that is about to expire is not begun with. */
const expiryMarginMs = 5_000;

export function downloadCommand(program: Command, context: Context): void {
  remote(program, "download", "fetch files after an export decision, and open them here")
    .argument("<repository>", "namespace/name", repositoryName)
    .argument("[path...]", "files of the revision; all of them without any")
    .option("--revision <revision>", "a revision's 40 hex digits, or main", "main")
    .option("--output <folder>", "where the files go", ".")
    .option("--overwrite", "replace files that are there with other content")
    .option(
      "--ledger-key <key>",
      "the ledger's verification key, or a file with it [WEIGHTVAULT_LEDGER_KEY]",
    )
    .action(
      async (repository: RepositoryName, paths: readonly string[], options: DownloadOptions) => {
        const session = await openSession(context, options);
        const key = await ledgerKey(session, options.ledgerKey);
        const result = await download(session, key, {
          repository: `${repository.namespace}/${repository.name}`,
          revision: options.revision,
          paths: paths.length === 0 ? null : paths,
          output: options.output,
          mayReplace: options.overwrite === true,
        });
        session.output.result(result, () => summary(result));
      },
    );
}

/** Obtains releases until every wanted file lies verified below the output folder. A file that is there already is not fetched again. */
export async function download(
  session: Session,
  key: LedgerKey,
  { repository, revision, paths, output, mayReplace }: DownloadRequest,
): Promise<DownloadResult> {
  // A release that is delivered and then has no place costs a license's use and the grant's bytes all the same.
  await assertPlace(output, paths ?? [], mayReplace);
  const obtained: ObtainedRelease[] = [
    await obtain(session, { repository, revision, paths }, key.key),
  ];
  const [first] = obtained as [ObtainedRelease];
  const places = destinationsOf(
    output,
    first.files.map(({ path }) => path),
  );
  const kept = await keptOf(first.files, places, mayReplace);
  let wanted = first.files.filter(({ path }) => !kept.has(path));
  const targets = targetsOf(places);
  const wantedBytes = wanted.reduce((sum, { size }) => sum + size, 0);
  using progress = session.progress(wantedBytes);
  await using pool = new SegmentPool({ threads: threadsFor(wantedBytes) });
  for (let release = first; wanted.length > 0; ) {
    wanted = await fetchFiles({ session, progress, pool, release, output, targets }, wanted);
    if (wanted.length === 0) break;
    const rest = wanted.map(({ path }) => path);
    release = await obtain(session, { repository, revision: first.revision, paths: rest }, key.key);
    assertSameFiles(wanted, release.files);
    obtained.push(release);
    wanted = [...release.files];
  }
  return {
    repository,
    revision: first.revision,
    releases: obtained.map(({ release, index }) => ({ release, index })),
    ledgerKey: key.text,
    files: first.files.map(({ path, size, sha256 }) => ({
      path,
      size,
      sha256,
      file: places.get(path) ?? "",
      kept: kept.has(path),
    })),
  };
}

type Fetching = {
  readonly session: Session;
  readonly progress: Progress;
  readonly pool: SegmentPool;
  readonly release: ObtainedRelease;
  readonly output: string;
  readonly targets: ReadonlyMap<string, { readonly place: string; readonly partial: string }>;
};

/** Fetches at least one file, and goes on while the release stands. Gives the files that are left for another release. */
async function fetchFiles(
  { session, progress, pool, release, output, targets }: Fetching,
  files: readonly ReleasedFile[],
): Promise<ReleasedFile[]> {
  for (const [at, file] of files.entries()) {
    if (at > 0 && performance.now() > release.endsAtMs - expiryMarginMs) {
      const rest = files.slice(at);
      for (const { key } of rest) key.wipe();
      return rest;
    }
    const target = targets.get(file.path);
    if (target === undefined) throw new Error(`${file.path} has no place`);
    progress.label(file.path);
    await makeFolders(output, file.path);
    const { client } = session;
    await receive({ client, release: release.release, progress, pool }, file, target);
  }
  return [];
}

/** What can be known before the vault is asked: the output is no file, and no folder stands where a file that was named would go. */
async function assertPlace(
  output: string,
  paths: readonly string[],
  mayReplace: boolean,
): Promise<void> {
  const folder = await stat(output).catch(() => null);
  if (folder?.isDirectory() === false)
    throw new Failure("failed", `${output} is there and is no folder`);
  for (const [path, place] of destinationsOf(output, paths)) {
    const found = await stat(place).catch(() => null);
    if (found === null || (found.isFile() && mayReplace)) continue;
    if (!found.isFile())
      throw new Failure("failed", `${place} is there and is no file: ${path} cannot be written`);
  }
}

/** All that could stand in the way is looked at before the first byte is fetched. */
async function keptOf(
  files: readonly ReleasedFile[],
  places: ReadonlyMap<string, string>,
  mayReplace: boolean,
): Promise<ReadonlySet<string>> {
  const kept = new Set<string>();
  for (const file of files) {
    if (await isThere(file, places.get(file.path) ?? "", { mayReplace })) {
      kept.add(file.path);
      file.key.wipe();
    }
  }
  return kept;
}

/** A partial file never takes the name of another file of the revision. */
function targetsOf(places: ReadonlyMap<string, string>) {
  const taken = new Set([...places.values()].map((place) => nameOnDisk(place)));
  return new Map(
    [...places].map(([path, place]) => {
      let partial = `${place}.partial`;
      while (taken.has(nameOnDisk(partial))) partial += ".partial";
      taken.add(nameOnDisk(partial));
      return [path, { place, partial }];
    }),
  );
}

function assertSameFiles(wanted: readonly ReleasedFile[], released: readonly ReleasedFile[]): void {
  const known = new Map(wanted.map(({ path, sha256 }) => [path, sha256]));
  if (!released.every(({ path, sha256 }) => known.get(path) === sha256))
    throw new Failure("integrity", "a later release of the same revision names other files");
}

function summary({ revision, releases, files }: DownloadResult): string {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const entries = releases.map(({ release, index }) => `release ${release}, ledger entry ${index}`);
  return [
    ...files.map(({ file, kept }) => (kept ? `${file} (was there already)` : file)),
    `${files.length} files, ${sizeText(bytes)}, of revision ${revision}`,
    ...entries,
  ].join("\n");
}
