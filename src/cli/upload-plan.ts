import { plaintextPartsOf } from "../floe/layout.ts";
import { type Answer, parseAnswer } from "./answers.ts";
import { ask } from "./client.ts";
import type { Session } from "./context.ts";
import { type Fingerprint, fingerprint } from "./fingerprint.ts";
import type { Source } from "./sources.ts";

export type CommittedFile = {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
};

/** A file to upload, and what has to be done for it. */
export type Planned =
  | { readonly way: "unchanged" | "sent"; readonly source: Source; readonly file: CommittedFile }
  | { readonly way: "whole"; readonly source: Source }
  | { readonly way: "parts"; readonly source: Source; readonly fingerprint: Fingerprint };

export type Plan = {
  /** An upload of an earlier run to go on with; null for a new one. */
  readonly upload: string | null;
  readonly files: readonly Planned[];
};

type OpenUpload = Answer<"uploads">["uploads"][number];

/**
 * What of the files is in the parent already, what an earlier run has sent, and how the others are sent: in one request what fits into one
 * part, by parts what does not. Nothing local is remembered: the server is asked for the caller's open uploads, and one is gone on with if all
 * that it holds is among these files.
 */
export async function planUpload(
  session: Session,
  {
    base,
    parent,
    sources,
    isFresh,
  }: {
    readonly base: string;
    readonly parent: readonly CommittedFile[];
    readonly sources: readonly Source[];
    readonly isFresh: boolean;
  },
): Promise<Plan> {
  const open = isFresh
    ? []
    : parseAnswer("uploads", await ask(session.client, "GET", `${base}/uploads`)).uploads;
  const known = new Set(
    [...parent, ...open.flatMap(({ files }) => files)].map(({ path, size }) => `${size} ${path}`),
  );
  const isRead = (source: Source) =>
    isParted(source) || known.has(`${source.sizeBytes} ${source.path}`);
  const fingerprints = await readAll(session, sources.filter(isRead));
  const digestOf = (source: Source) => fingerprints.get(source.path)?.sha256;
  const adopted = open.find((each) => isOfThese(each, sources, digestOf)) ?? null;
  const isIn = (files: readonly CommittedFile[], { path, size, sha256 }: CommittedFile) =>
    files.some((each) => each.path === path && each.size === size && each.sha256 === sha256);
  const files = sources.map((source): Planned => {
    const read = fingerprints.get(source.path);
    if (read !== undefined) {
      const file = { path: source.path, size: source.sizeBytes, sha256: read.sha256 };
      if (isIn(parent, file)) return { way: "unchanged", source, file };
      if (isIn(adopted?.files ?? [], file)) return { way: "sent", source, file };
    }
    if (read === undefined || !isParted(source)) return { way: "whole", source };
    return { way: "parts", source, fingerprint: read };
  });
  return { upload: adopted?.upload ?? null, files };
}

/** Whether an upload holds something, and nothing but what is to be uploaded now: another job's is left alone. */
function isOfThese(
  { files, objects }: OpenUpload,
  sources: readonly Source[],
  digestOf: (source: Source) => string | undefined,
): boolean {
  const holds = [...files, ...objects];
  return (
    holds.length > 0 &&
    holds.every(({ path, size, sha256 }) =>
      sources.some(
        (source) =>
          source.path === path && source.sizeBytes === size && digestOf(source) === sha256,
      ),
    )
  );
}

function isParted({ sizeBytes }: Source): boolean {
  return plaintextPartsOf(sizeBytes).parts > 1;
}

async function readAll(session: Session, sources: readonly Source[]) {
  const read = new Map<string, Fingerprint>();
  using progress = session.progress(sources.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  for (const source of sources) {
    progress.label(`reading ${source.path}`);
    read.set(
      source.path,
      await fingerprint(source, (bytes) => {
        session.client.signal.throwIfAborted();
        progress.add(bytes);
      }),
    );
  }
  return read;
}
