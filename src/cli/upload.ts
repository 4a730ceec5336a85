import { type Command, InvalidArgumentError } from "commander";
import { parseAnswer } from "./answers.ts";
import { ask, filesRoute, put, route } from "./client.ts";
import { type RepositoryName, remote, repositoryName, repositoryRoute } from "./command.ts";
import { type Context, openSession, type RemoteOptions, type Session } from "./context.ts";
import { readJsonFile } from "./facts.ts";
import { Failure } from "./failure.ts";
import { sizeText } from "./progress.ts";
import { attachBundle, readBundle } from "./signature.ts";
import { DigestedFile, findSources, type Source } from "./sources.ts";

type UploadOptions = RemoteOptions & {
  readonly message: string;
  /** 40 hex digits, or `none`; absent: the head. */
  readonly parent?: string;
  readonly replaceAll?: boolean;
  /** A JSON file of what the revision was made from. */
  readonly lineage?: string;
  /** A file that holds an OpenSSF Model Signing bundle. */
  readonly modelSignature?: string;
};

/** A commit is JSON of 1 MiB at the most, with its files in it. */
const longestCommittedBundle = 500_000;

type CommittedFile = { readonly path: string; readonly size: number; readonly sha256: string };

export function uploadCommand(program: Command, context: Context): void {
  remote(program, "upload", "seal files into a repository and commit them as a revision")
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
    .action(
      async (repository: RepositoryName, given: readonly string[], options: UploadOptions) => {
        const session = await openSession(context, options);
        const sources = await findSources(given, session.output.note);
        const { lineage: file, modelSignature } = options;
        const lineage = file === undefined ? null : await readJsonFile(file);
        const bundle = modelSignature === undefined ? null : await readBundle(modelSignature);
        const made = { lineage, bundle };
        const result = await upload(session, { repository, sources, options, made });
        session.output.result(result, () => summary(result));
      },
    );
}

/**
 * Opens an upload, sends each file while its SHA-256 is taken, holds the server to size and digest, and commits. A failure or an
 * interruption gives the upload up, and leaves the repository as it was. Throws `integrity` for a digest that is not ours.
 */
export async function upload(
  session: Session,
  {
    repository,
    sources,
    options,
    made = { lineage: null, bundle: null },
  }: {
    readonly repository: RepositoryName;
    readonly sources: readonly Source[];
    readonly options: Pick<UploadOptions, "message" | "parent" | "replaceAll">;
    /** What goes with the commit; a bundle that is too long for one is attached after it. */
    readonly made?: { readonly lineage: unknown; readonly bundle: Buffer | null };
  },
) {
  const { lineage, bundle } = made;
  const isSmall = (bundle?.length ?? 0) <= longestCommittedBundle;
  const { client } = session;
  const base = repositoryRoute(repository);
  const parent = await parentOf(client, base, options.parent);
  const kept =
    parent === null || options.replaceAll === true ? [] : await filesOf(client, base, parent);
  const opened = parseAnswer("upload", await ask(client, "POST", `${base}/uploads`));
  const at = `${base}${route`/uploads/${opened.upload}`}`;
  try {
    const sent = await sendAll(session, at, sources);
    const paths = new Set(sent.map(({ path }) => path));
    const files = [...kept.filter(({ path }) => !paths.has(path)), ...sent];
    const committed = await ask(client, "POST", `${at}/commit`, {
      parent,
      message: options.message,
      files,
      ...(lineage === null ? {} : { lineage }),
      ...(bundle === null || !isSmall ? {} : { modelSignature: bundle.toString("utf8") }),
    });
    const { revision } = parseAnswer("commit", committed);
    if (bundle !== null && !isSmall) await attachBundle(client, { repository, revision }, bundle);
    return {
      repository: `${repository.namespace}/${repository.name}`,
      revision,
      parent,
      files: sent,
      kept: files.length - sent.length,
    };
  } catch (error) {
    await giveUp(client, at);
    throw error;
  }
}

async function sendAll(session: Session, at: string, sources: readonly Source[]) {
  const sent: CommittedFile[] = [];
  using progress = session.progress(sources.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  for (const source of sources) {
    progress.label(source.path);
    const file = new DigestedFile(source);
    const answer = parseAnswer(
      "file",
      await put(session.client, filesRoute(at, source.path), {
        sizeBytes: source.sizeBytes,
        source: file.read((bytes) => progress.add(bytes)),
      }),
    );
    const expected = { path: source.path, size: source.sizeBytes, sha256: file.sha256() };
    if (answer.sha256 !== expected.sha256 || answer.size !== expected.size)
      throw new Failure("integrity", `the server sealed other bytes than those of ${source.file}`);
    sent.push(expected);
  }
  return sent;
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

function summary({ revision, files, kept }: Awaited<ReturnType<typeof upload>>): string {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const others = kept === 0 ? "" : `, ${kept} kept from the parent`;
  return `revision ${revision}\n${files.length} files uploaded, ${sizeText(bytes)}${others}`;
}
