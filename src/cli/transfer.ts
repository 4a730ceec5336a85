import { exitOf } from "./exit.ts";
import { Failure } from "./failure.ts";
import type { NamedFile } from "./held-release.ts";
import { otherThanRecorded, type Reception, type Span } from "./receive.ts";

export type TransferOptions = {
  /** How many spans are received at once, of one file or of several. */
  readonly parallel: number;
  /** Opens what a file is received into. */
  readonly begin: (file: NamedFile) => Promise<Reception>;
  /** Called when a file has its name. */
  readonly done: (file: NamedFile) => void;
  /** Called when the first thing fails, so that the others end. */
  readonly stop: () => void;
  readonly note: (sentence: string) => void;
};

type Task = { readonly file: NamedFile; readonly reception: Reception; readonly span: Span | null };

/**
 * Receives all files, as many spans at once as told; memory is bounded by that many segments. Where something fails the others are ended, what was
 * verified of them is kept for a later run, and the first failure is thrown; of a file whose object is not the released one nothing is kept. A file that a
 * run before had begun and that comes out as another is received once more, from its beginning.
 */
export async function transfer(
  files: readonly NamedFile[],
  options: TransferOptions,
): Promise<void> {
  let wanted = files;
  while (wanted.length > 0) wanted = await round(wanted, options);
}

type Failed = { readonly error: unknown; readonly reception: Reception | null };

/** Gives the files that have to be received once more. */
async function round(
  files: readonly NamedFile[],
  options: TransferOptions,
): Promise<readonly NamedFile[]> {
  const open = new Set<Reception>();
  const again: NamedFile[] = [];
  const tasks = tasksOf(files, options, open);
  const failures: Failed[] = [];
  const work = async () => {
    let reception: Reception | null = null;
    try {
      for await (const task of tasks) {
        reception = task.reception;
        const isLast = task.span === null || (await reception.receive(task.span));
        if (!isLast) continue;
        open.delete(reception);
        if (await finish(reception)) options.done(task.file);
        else again.push(task.file);
        reception = null;
      }
    } catch (error) {
      failures.push({ error, reception });
      for (const each of open) each.fail(error);
      options.stop();
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, work));
  const [first] = failures;
  if (first === undefined) return again;
  await leave([...open], first, options);
  throw first.error;
}

/** The spans of all files in order. A file is opened when the one before has given all of its spans away. */
async function* tasksOf(
  files: readonly NamedFile[],
  { begin }: TransferOptions,
  open: Set<Reception>,
): AsyncGenerator<Task, void, undefined> {
  for (const file of files) {
    const reception = await begin(file);
    open.add(reception);
    let spans = 0;
    for (const span of reception.spans()) {
      spans += 1;
      yield { file, reception, span };
    }
    // All of it was there, but for its name.
    if (spans === 0) yield { file, reception, span: null };
  }
}

/** Whether the file has its name now; false where it has to begin anew. */
async function finish(reception: Reception): Promise<boolean> {
  using received = reception;
  const { resumedBytes } = received.partial;
  if (await received.partial.finish()) return true;
  if (resumedBytes > 0) return false;
  throw new Failure("integrity", otherThanRecorded(received.path));
}

async function leave(
  open: readonly Reception[],
  { error, reception }: Failed,
  { note }: TransferOptions,
): Promise<void> {
  let keptBytes = 0;
  for (const each of open) {
    using left = each;
    if (left === reception && exitOf(error) === "integrity") await left.partial.discard();
    else keptBytes += (await left.partial.keep()).verifiedBytes;
  }
  if (keptBytes > 0) note("what was verified is kept: the same command goes on from there");
}
