import { type Command, InvalidArgumentError } from "commander";
import { SegmentPool } from "../floe/pool.ts";
import { threadsFor } from "../floe/threads.ts";
import { parseAnswer } from "./answers.ts";
import { ask, type Client, filesRoute, put, route } from "./client.ts";
import { type RepositoryName, remote, repositoryName, repositoryRoute } from "./command.ts";
import { type Context, openSession, type RemoteOptions, type Session } from "./context.ts";
import { counted } from "./counted.ts";
import type { DirectUpload } from "./direct-parts.ts";
import { readJsonFile } from "./facts.ts";
import { Failure, Problem } from "./failure.ts";
import { withLedgerKey, withMlDsaKey } from "./ledger-key.ts";
import { inParallel } from "./parallel.ts";
import { type Progress, sizeText } from "./progress.ts";
import { attachBundle, readBundle } from "./signature.ts";
import { DigestedFile, findSources, type Source } from "./sources.ts";
import { handOutKey } from "./upload-key.ts";
import { sendParted } from "./upload-parts.ts";
import { type CommittedFile, type Plan, planUpload } from "./upload-plan.ts";

const usualParallel = 4;
const mostParallel = 32;

type UploadOptions = RemoteOptions & {
  readonly message: string;
  /** 40 hex digits, or `none`; absent: the head. */
  readonly parent?: string;
  readonly replaceAll?: boolean;
  /** A JSON file of what the revision was made from. */
  readonly lineage?: string;
  /** A file that holds an OpenSSF Model Signing bundle. */
  readonly modelSignature?: string;
  /** How many files or parts are on their way at once. */
  readonly parallel?: number;
  /** Seal nothing here, and put nothing into the object store itself. */
  readonly throughVault?: boolean;
  /** Begin a new upload, whatever an earlier run has sent. */
  readonly fresh?: boolean;
  readonly ledgerKey?: string;
  readonly mlDsaKey?: string;
};

/** A commit is JSON of 1 MiB at the most, with its files in it. */
const longestCommittedBundle = 500_000;

export function uploadCommand(program: Command, context: Context): void {
  withMlDsaKey(
    withLedgerKey(
      remote(program, "upload", "seal files into a repository and commit them as a revision"),
    ),
  )
    .argument("<repository>", "namespace/name", repositoryName)
    .argument("<file-or-folder...>", "a folder's files keep their paths inside it")
    .option("--message <text>", "what the revision is", "")
    .option(
      "--parent <revision>",
      "the revision that this one follows, or none (the head)",
      revisionOrNone,
    )
    .option("--replace-all", "do not keep the parent's other files")
    .option(
      "--lineage <file>",
      "what it was made from: a JSON object of bases, run, code and datasets, - for standard input",
    )
    .option("--model-signature <file>", "an OpenSSF model signature over the revision's files")
    .option("--parallel <n>", `how many files or parts are sent at once (${usualParallel})`, lanes)
    .option("--through-vault", "put nothing into the object store itself")
    .option("--fresh", "begin anew, and leave alone what an interrupted run has sent")
    .action(
      async (repository: RepositoryName, given: readonly string[], options: UploadOptions) => {
        const session = await openSession(context, options);
        const keys = await handOutKey(session, options);
        const sources = await findSources(given, session.output.note);
        const { lineage: file, modelSignature } = options;
        const lineage = file === undefined ? null : await readJsonFile(file);
        const bundle = modelSignature === undefined ? null : await readBundle(modelSignature);
        const made = { lineage, bundle };
        const result = await upload(session, { repository, sources, options, made, keys });
        session.output.result(result, () => summary(result));
      },
    );
}

type Wanted = {
  readonly repository: RepositoryName;
  readonly sources: readonly Source[];
  readonly options: Pick<
    UploadOptions,
    "message" | "parent" | "replaceAll" | "parallel" | "fresh" | "throughVault"
  >;
  /** What goes with the commit; a bundle that is too long for one is attached after it. */
  readonly made: { readonly lineage: unknown; readonly bundle: Buffer | null };
  /** Gives what the receipts of keys that are handed out are held to. */
  readonly keys: DirectUpload["ledgerKey"];
};

/**
 * Sends what the parent does not have and no earlier run has sent, each file held to its SHA-256, and commits. Where nothing differs from the
 * parent and no lineage is given, there is no new revision. An interruption or an outage leaves what came with the server, for the same command to go on with; any
 * other failure gives the upload up. Either leaves the repository as it was. Throws `integrity` for a digest that is not ours.
 */
export async function upload(
  session: Session,
  { repository, sources, options, made, keys }: Wanted,
) {
  const { lineage, bundle } = made;
  const isSmall = (bundle?.length ?? 0) <= longestCommittedBundle;
  const { client } = session;
  const base = repositoryRoute(repository);
  const parent = await parentOf(client, base, options.parent);
  const before = parent === null ? [] : await filesOf(client, base, parent);
  const isFresh = options.fresh === true;
  const plan = await planUpload(session, { base, parent: before, sources, isFresh });
  const paths = new Set(sources.map(({ path }) => path));
  const kept = options.replaceAll === true ? [] : before.filter(({ path }) => !paths.has(path));
  const unchanged = plan.files.filter(({ way }) => way === "unchanged").length;
  const result = { repository: `${repository.namespace}/${repository.name}`, parent, unchanged };
  const isSame = unchanged === sources.length && kept.length + unchanged === before.length;
  if (parent !== null && isSame && lineage === null) {
    if (bundle !== null) await attachBundle(client, { repository, revision: parent }, bundle);
    return { ...result, revision: parent, files: [], kept: kept.length };
  }
  const id =
    plan.upload ?? parseAnswer("upload", await ask(client, "POST", `${base}/uploads`)).upload;
  const at = `${base}${route`/uploads/${id}`}`;
  try {
    const parallel = options.parallel ?? usualParallel;
    const mayBeDirect = options.throughVault !== true;
    const given = await sendAll(session, { at, plan, parallel, mayBeDirect, keys });
    const files = [...kept, ...given];
    const committed = await ask(client, "POST", `${at}/commit`, {
      parent,
      message: options.message,
      files,
      ...(lineage === null ? {} : { lineage }),
      ...(bundle === null || !isSmall ? {} : { modelSignature: bundle.toString("utf8") }),
    });
    const { revision } = parseAnswer("commit", committed);
    if (bundle !== null && !isSmall) await attachBundle(client, { repository, revision }, bundle);
    const sent = given.filter((_, index) => plan.files[index]?.way !== "unchanged");
    return { ...result, revision, files: sent, kept: kept.length };
  } catch (error) {
    if (mayGoOn(client, error))
      session.output.note("what came is kept: the same command goes on from there");
    else await giveUp(client, at);
    throw error;
  }
}

type Sending = {
  readonly at: string;
  readonly plan: Plan;
  readonly parallel: number;
  readonly mayBeDirect: boolean;
  readonly keys: DirectUpload["ledgerKey"];
};

/** The files as a commit names them, in the order of the plan. */
async function sendAll(
  session: Session,
  { at, plan, parallel, mayBeDirect, keys }: Sending,
): Promise<readonly CommittedFile[]> {
  const { client } = session;
  const totalBytes = plan.files.reduce((sum, { source }) => sum + source.sizeBytes, 0);
  using progress = session.progress(totalBytes);
  const done = new Map<string, CommittedFile>();
  for (const planned of plan.files) {
    if (planned.way !== "unchanged" && planned.way !== "sent") continue;
    progress.skip(planned.source.sizeBytes);
    done.set(planned.source.path, planned.file);
  }
  const whole = plan.files.filter(({ way }) => way === "whole");
  await inParallel(whole, { most: parallel, signal: client.signal }, async ({ source }, signal) => {
    progress.label(source.path);
    done.set(source.path, await sendWhole({ ...client, signal }, { at, source, progress }));
  });
  const greatest = Math.max(0, ...plan.files.map(({ source }) => source.sizeBytes));
  await using pool = new SegmentPool({ threads: threadsFor(greatest) });
  const direct: DirectUpload = {
    isOn: mayBeDirect,
    sealedFiles: 0,
    pool,
    ledgerKey: keys,
    stores: new Map(),
    note: session.output.note,
  };
  for (const planned of plan.files) {
    if (planned.way !== "parts") continue;
    const { source, fingerprint } = planned;
    progress.label(source.path);
    const file = { source, fingerprint, at, parallel, progress, direct };
    done.set(source.path, await sendParted(client, file));
  }
  const { sealedFiles: sealed } = direct;
  if (sealed > 0)
    session.output.note(
      `${sealed} of the files ${sealed === 1 ? "was" : "were"} sealed here: a release waits until the vault has read what it did not carry`,
    );
  return plan.files.flatMap(({ source }) => done.get(source.path) ?? []);
}

type Whole = { readonly at: string; readonly source: Source; readonly progress: Progress };

async function sendWhole(client: Client, { at, source, progress }: Whole): Promise<CommittedFile> {
  const file = new DigestedFile(source);
  const answer = parseAnswer(
    "file",
    await put(client, filesRoute(at, source.path), {
      sizeBytes: source.sizeBytes,
      source: file.read((bytes) => progress.add(bytes)),
    }),
  );
  const expected = { path: source.path, size: source.sizeBytes, sha256: file.sha256() };
  if (answer.sha256 !== expected.sha256 || answer.size !== expected.size)
    throw new Failure("integrity", `the server sealed other bytes than those of ${source.file}`);
  return expected;
}

/** Whether the same command could end well later: after an interruption, an outage, a token's end, or another commit's coming first. */
function mayGoOn({ signal }: Client, error: unknown): boolean {
  if (signal.aborted) return true;
  if (error instanceof Failure) return error.exit === "unavailable";
  if (!(error instanceof Problem)) return false;
  return (
    [401, 408, 429, 502, 503, 504, 507].includes(error.status) || error.code === "parent_moved"
  );
}

async function parentOf(
  client: Session["client"],
  base: string,
  given: string | undefined,
): Promise<string | null> {
  if (given !== undefined) return given === "none" ? null : given;
  return parseAnswer("repository", await ask(client, "GET", base)).head;
}

async function filesOf(
  client: Session["client"],
  base: string,
  revision: string,
): Promise<readonly CommittedFile[]> {
  const answer = await ask(client, "GET", `${base}${route`/revisions/${revision}`}`);
  return parseAnswer("revision", answer).files.map(({ path, size, sha256 }) => ({
    path,
    size,
    sha256,
  }));
}

/** As well as it goes: the server gives it up after its time anyway. It works after an interruption too. */
async function giveUp(client: Session["client"], at: string): Promise<void> {
  const patient = { ...client, timeoutMs: 5_000, signal: AbortSignal.timeout(5_000) };
  await ask(patient, "DELETE", at).catch(() => {});
}

function revisionOrNone(text: string): string {
  if (text !== "none" && !/^[0-9a-f]{40}$/.test(text))
    throw new InvalidArgumentError("A revision is 40 hex digits; none is for the first.");
  return text;
}

function lanes(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > mostParallel)
    throw new InvalidArgumentError(`It is a whole number from 1 to ${mostParallel}.`);
  return count;
}

function summary(result: Awaited<ReturnType<typeof upload>>): string {
  const { revision, parent, files, kept, unchanged } = result;
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const others = kept === 0 ? "" : `, ${kept} kept from the parent`;
  const same = unchanged === 0 ? "" : `, ${unchanged} unchanged`;
  if (revision === parent) return `revision ${revision}\nnothing to upload${same}${others}`;
  return `revision ${revision}\n${counted(files.length, "file")} uploaded, ${sizeText(bytes)}${same}${others}`;
}
