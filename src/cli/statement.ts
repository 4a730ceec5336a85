import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { openRegularFile, readRegularFile } from "../ledger/source-file.ts";
import { verifyStatement } from "../lineage/prove.ts";
import { revisionPredicateType, type Statement } from "../lineage/statement.ts";
import type { VerificationKey } from "../merkle/note.ts";
import { ask, route } from "./client.ts";
import { local, noun, remote, uuid } from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { counted } from "./counted.ts";
import { Failure } from "./failure.ts";
import {
  demandedKey,
  demandingMlDsa,
  type LedgerKey,
  ledgerKey,
  withLedgerKey,
  withMlDsaKey,
} from "./ledger-key.ts";
import { manifestDigest } from "./manifest-digest.ts";
import { createOutput, details } from "./output.ts";
import { pathProblem } from "./paths.ts";
import { type RevisionName, revisionName, revisionRoute } from "./revision-name.ts";
import { writeWhole } from "./whole-file.ts";

type FetchOptions = RemoteOptions & {
  readonly ledgerKey?: string;
  readonly mlDsaKey?: string;
  readonly save?: string;
};
type VerifyOptions = {
  readonly json?: boolean;
  readonly ledgerKey?: string;
  readonly mlDsaKey?: string;
  readonly manifest?: string;
  readonly files?: string;
};

type ListedFile = { readonly path: string; readonly sha256: string };

const longestFileBytes = 256 * 2 ** 20;

export function statementCommands(program: Command, context: Context): void {
  const statement = noun(
    program,
    "statement",
    "in-toto statements about revisions and releases, signed with the ledger's key",
  );
  fetching(remote(statement, "revision", "a statement about a revision, verified here"))
    .argument("<revision>", "namespace/name@revision", revisionName)
    .action(async (named: RevisionName, options: FetchOptions) => {
      await fetchStatement(context, options, {
        path: `${revisionRoute(named)}/statement`,
        isAbout: (stated) => isAboutRevision(stated, named),
      });
    });
  fetching(remote(statement, "release", "a statement about a release's decision, verified here"))
    .argument("<id>", "the release's id", uuid)
    .action(async (id: string, options: FetchOptions) => {
      await fetchStatement(context, options, {
        path: route`/v1/releases/${id}/statement`,
        isAbout: ({ predicate }) => "release" in predicate && predicate.release === id,
      });
    });
  withMlDsaKey(
    withLedgerKey(
      local(statement, "verify", "verify a statement offline, with the ledger's key alone"),
    ),
  )
    .argument("<file>", "the envelope, as the server gave it")
    .option("--manifest <file>", "the revision as the server answers it, held to the statement")
    .option("--files <folder>", "hold the files in a folder to the statement, byte for byte")
    .action(async (file: string, options: VerifyOptions) => {
      const key = await demandingMlDsa(await demandedKey(context.env, options.ledgerKey), options);
      const proved = proveStatement(await readJson(file), key);
      const files = await listOf(proved, options.manifest);
      const { files: folder } = options;
      const checked = folder === undefined ? 0 : await checkFiles(folder, files);
      const others = folder === undefined ? 0 : await othersIn(folder, files ?? []);
      const output = createOutput(context, options.json === true);
      const { name: ledger } = key.key;
      output.result({ verified: true, ledger, checked, others, statement: proved }, () =>
        [
          summaryOf(proved, key.key),
          ...(checked === 0 ? [] : [`${counted(checked, "file")} checked`]),
          ...(others === 0
            ? []
            : [
                `${counted(others, "other file lies", "other files lie")} there, of which nothing is stated`,
              ]),
        ].join("\n"),
      );
    });
}

function fetching(command: Command): Command {
  return withMlDsaKey(withLedgerKey(command)).option(
    "--save <file>",
    "keep the envelope, for whoever is to verify it",
  );
}

async function fetchStatement(
  context: Context,
  options: FetchOptions,
  { path, isAbout }: { readonly path: string; readonly isAbout: (stated: Statement) => boolean },
): Promise<void> {
  const session = await openSession(context, options);
  const key = await demandingMlDsa(await ledgerKey(session, options.ledgerKey), options);
  const envelope = await ask(session.client, "GET", path);
  const proved = proveStatement(envelope, key);
  if (!isAbout(proved))
    throw new Failure("integrity", "the server states something else than was asked for");
  if (options.save !== undefined)
    await writeWhole(options.save, Buffer.from(`${JSON.stringify(envelope)}\n`));
  session.output.result(envelope, () => summaryOf(proved, key.key));
}

/** Any revision will do for `main`, which only the server can say. */
function isAboutRevision(
  { predicate }: Statement,
  { repository: { namespace, name }, revision }: RevisionName,
): boolean {
  return (
    "name" in predicate.repository &&
    predicate.repository.name === `${namespace}/${name}` &&
    (revision === "main" || predicate.revision === revision)
  );
}

function proveStatement(envelope: unknown, { key, rotations, mlDsaKey }: LedgerKey): Statement {
  const result = verifyStatement(envelope, key, rotations, mlDsaKey);
  if ("refused" in result)
    throw new Failure("integrity", `the statement does not verify: ${result.refused}`);
  return result.statement;
}

/** What a statement says, for people. */
function summaryOf({ predicate, predicateType, subject }: Statement, key: VerificationKey): string {
  const { ledger, repository, ...stated } = predicate;
  return details({
    statement: predicateType,
    ledger: key.name,
    entry: ledger.index,
    repository: "name" in repository ? repository.name : repository.id,
    ...stated,
    subject:
      stated.subjects === "files"
        ? counted(subject.length, "file")
        : `the list ${subject[0]?.name}`,
  });
}

/** The files that a statement is about: its subjects, or those of the manifest that it names. Throws `integrity` for another manifest. */
async function listOf(
  { predicate, predicateType, subject }: Statement,
  manifestFile: string | undefined,
): Promise<readonly ListedFile[] | null> {
  if (manifestFile === undefined)
    return predicate.subjects === "list"
      ? null
      : subject.map(({ name, digest: { sha256 } }) => ({ path: name, sha256 }));
  if (predicateType !== revisionPredicateType)
    throw new Failure("usage", "--manifest goes with a statement about a revision");
  const manifest = await readJson(manifestFile);
  if (manifestDigest(manifest, predicate.repository.id) !== predicate.manifest.sha256)
    throw new Failure("integrity", `${manifestFile} is not the manifest that is stated`);
  // Its digest is the stated one, so it is a manifest, with files as every manifest has them.
  return (manifest as { readonly files: readonly ListedFile[] }).files;
}

/** Holds each named file in the folder to its digest. Throws `integrity` at the first that is not there or another one, `failed` where there is no folder. */
async function checkFiles(folder: string, files: readonly ListedFile[] | null): Promise<number> {
  if (files === null)
    throw new Failure("usage", "the statement names a list alone: give it with --manifest");
  if ((await stat(folder).catch(() => null))?.isDirectory() !== true)
    throw new Failure("failed", `${folder} is no folder with files to hold to the statement`);
  for (const { path, sha256 } of files) {
    if (pathProblem(path) !== null)
      throw new Failure(
        "integrity",
        `the statement names ${JSON.stringify(path)}, which is no path`,
      );
    const found = await digestOf(join(folder, path));
    if (found === sha256) continue;
    const says = found === null ? "is not there" : "has another SHA-256";
    throw new Failure("integrity", `${join(folder, path)} ${says}`);
  }
  return files.length;
}

/** How many files of a folder, links and all, are none of the stated: a loader may take one of them for the model's. */
async function othersIn(folder: string, files: readonly ListedFile[]): Promise<number> {
  const stated = new Set(files.map(({ path }) => join(folder, path)));
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found.filter(
    (each) => !each.isDirectory() && !stated.has(join(each.parentPath, each.name)),
  ).length;
}

async function digestOf(file: string): Promise<string | null> {
  await using handle = await openRegularFile(file);
  if (handle === null) return null;
  const digest = createHash("sha256");
  const stream = handle.createReadStream({ autoClose: false, highWaterMark: 2 ** 20 });
  for await (const chunk of stream as AsyncIterable<Buffer>) digest.update(chunk);
  return digest.digest("hex");
}

async function readJson(file: string): Promise<unknown> {
  const bytes = await readRegularFile(file, longestFileBytes).catch((cause: unknown) => {
    throw new Failure("usage", `${file} cannot be read`, { cause });
  });
  if (bytes === null) throw new Failure("usage", `${file} is no file`);
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new Failure("usage", `${file} is not JSON`, { cause });
  }
}
