import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, parseAnswer } from "./answers.ts";
import { asFailure, ask, type Client, put, route } from "./client.ts";
import { type DirectUpload, sendDirect } from "./direct-parts.ts";
import { Failure, Problem } from "./failure.ts";
import { type Fingerprint, readSource } from "./fingerprint.ts";
import { inParallel } from "./parallel.ts";
import type { Progress } from "./progress.ts";
import type { Source } from "./sources.ts";
import type { CommittedFile } from "./upload-plan.ts";

export type PartedFile = {
  readonly source: Source;
  readonly fingerprint: Fingerprint;
  /** Where the upload's address stands. */
  readonly at: string;
  readonly parallel: number;
  readonly progress: Progress;
  readonly direct: DirectUpload;
};

/** A store that loses parts is asked this often whether it holds all of them. */
const mostRounds = 3;
const mostAttempts = 4;
const firstPauseMs = 500;
const provingPauseMs = 1_000;

/**
 * Sends a file by parts, side by side and only those that are not held, and has it completed: sealed here and past the vault where its store
 * allows that, through the vault otherwise. Throws `integrity` where the server
 * sealed other bytes.
 */
export async function sendParted(client: Client, file: PartedFile): Promise<CommittedFile> {
  const { source, fingerprint, at, progress } = file;
  const begun = parseAnswer(
    "parted",
    await ask(client, "POST", `${at}/objects`, {
      path: source.path,
      size: source.sizeBytes,
      sha256: fingerprint.sha256,
    }),
  );
  if (begun.parts !== fingerprint.parts.length)
    throw new Failure("failed", "the server cuts the file into other parts than this command");
  const address = `${at}${route`/objects/${begun.object}`}`;
  const counted = new Set<number>();
  for (let round = 1; ; round += 1) {
    try {
      const state = parseAnswer("parted", await ask(client, "GET", address));
      if (state.state === "open") await sendMissing(client, { file, address, state, counted });
      return await complete(client, { address, file });
    } catch (error) {
      if (round === mostRounds || !isLoss(error)) throw error;
      progress.label(`${source.path}: the store lost parts, which are sent again`);
    }
  }
}

type Sending = {
  readonly file: PartedFile;
  readonly address: string;
  readonly state: Answer<"parted">;
  /** The parts whose bytes the progress has. */
  readonly counted: Set<number>;
};

async function sendMissing(client: Client, { file, address, state, counted }: Sending) {
  const { fingerprint, source, parallel, progress } = file;
  const held = new Map(state.held.map(({ part, sha256 }) => [part, sha256]));
  const all = fingerprint.parts.map((sha256, at) => {
    const start = at * state.partBytes;
    const end = Math.min(start + state.partBytes, source.sizeBytes);
    return { part: at + 1, sha256, start, end };
  });
  const isHeld = (each: (typeof all)[number]) => held.get(each.part) === each.sha256;
  for (const { part, start, end } of all.filter(isHeld)) {
    if (!counted.has(part)) progress.skip(end - start);
    counted.add(part);
  }
  const missing = all.filter((each) => !isHeld(each));
  if (await isSentDirect(client, { file, address, state, counted }, missing)) return;
  const left = missing.filter(({ part }) => !counted.has(part));
  await inParallel(left, { most: parallel, signal: client.signal }, async (each, signal) => {
    if (counted.delete(each.part)) progress.add(each.start - each.end);
    await sendPart({ ...client, signal }, { ...each, file, address });
    counted.add(each.part);
  });
}

/** Whether all that is missing went past the vault. */
async function isSentDirect(
  client: Client,
  { file, address, state, counted }: Sending,
  missing: readonly Pick<Part, "part" | "start" | "end">[],
): Promise<boolean> {
  const { direct, progress } = file;
  if (!direct.isOn) return false;
  for (const { part, start, end } of missing) if (counted.delete(part)) progress.add(start - end);
  return await sendDirect(client, {
    ...file,
    direct,
    address,
    object: state.object,
    missing: missing.map(({ part }) => part),
    onPut: (part) => counted.add(part),
  });
}

type Part = {
  readonly part: number;
  readonly sha256: string;
  readonly start: number;
  readonly end: number;
  readonly file: PartedFile;
  readonly address: string;
};

/** Sends one part, again after a pause where the server did not answer or could not serve. */
async function sendPart(client: Client, { file, address, part, ...piece }: Part): Promise<void> {
  const { source, progress, fingerprint } = file;
  const path = `${address}${route`/parts/${String(part)}`}`;
  for (let attempt = 1; ; attempt += 1) {
    let sentBytes = 0;
    async function* body() {
      for await (const chunk of readSource(source, { ...piece, ...fingerprint })) {
        sentBytes += chunk.length;
        progress.add(chunk.length);
        yield chunk;
      }
    }
    try {
      const { start, end, sha256 } = piece;
      const sent = { sizeBytes: end - start, source: body(), sha256 };
      parseAnswer("part", await put(client, path, sent));
      return;
    } catch (error) {
      progress.add(-sentBytes);
      if (attempt === mostAttempts || client.signal.aborted || !isPassing(error)) throw error;
      await pause(client, firstPauseMs * 2 ** (attempt - 1));
    }
  }
}

/** Asks until the server has proved the whole, however long that takes. */
async function complete(
  client: Client,
  { address, file }: { readonly address: string; readonly file: PartedFile },
): Promise<CommittedFile> {
  const { source, fingerprint, progress } = file;
  for (;;) {
    const answer = parseAnswer("completed", await ask(client, "POST", `${address}/complete`));
    if ("object" in answer) {
      const { path, size, sha256 } = answer;
      if (sha256 !== fingerprint.sha256 || size !== source.sizeBytes || path !== source.path)
        throw new Failure(
          "integrity",
          `the server sealed other bytes than those of ${source.file}`,
        );
      return { path, size, sha256 };
    }
    const share = Math.floor((answer.provedBytes / Math.max(1, source.sizeBytes)) * 100);
    progress.label(`${source.path}: the server proves it, ${share}%`);
    await pause(client, provingPauseMs);
  }
}

async function pause(client: Client, ms: number): Promise<void> {
  await sleep(ms, null, { signal: client.signal }).catch((error: unknown) => {
    throw asFailure(client, error);
  });
}

function isLoss(error: unknown): boolean {
  return error instanceof Problem && ["parts_missing", "multipart_gone"].includes(error.code);
}

function isPassing(error: unknown): boolean {
  if (error instanceof Failure) return error.exit === "unavailable";
  return error instanceof Problem && [408, 429, 502, 503, 504].includes(error.status);
}
