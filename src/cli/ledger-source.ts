import { lstat, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { isEveryCheck } from "../export-control/decision.ts";
import type { Entry } from "../ledger/entry.ts";
import type { TileSource } from "../ledger/source.ts";
import { readRegularFile } from "../ledger/source-file.ts";
import { folderSource } from "../ledger/source-folder.ts";
import { get, type UrlSourceOptions, urlSource } from "../ledger/source-url.ts";
import { type Report, verifyLedger } from "../ledger/verify.ts";
import type { EntryWatch } from "../ledger/verify-watch.ts";
import { maximumNoteBytes } from "../merkle/note.ts";
import type { PlacedRotation } from "../merkle/rotation.ts";
import type { Client } from "./client.ts";
import { type Context, serverUrl } from "./context.ts";
import { findToken } from "./credentials.ts";
import { Failure } from "./failure.ts";
import { type LedgerKey, rotationsIn } from "./ledger-key.ts";
import { createOutput } from "./output.ts";
import { servedTimestamps } from "./served-timestamps.ts";

const longestAnswerBytes = 2 ** 20;
/** What only an excerpt's folder has. */
const excerptFile = "excerpt.json";

/** Where a vault answers what it tells beside the ledger that it serves at an address; null where that is no vault's. */
function besideLedger(ledger: URL, what: string): URL | null {
  const [, before] = /^(.*\/)ledger\/?$/.exec(ledger.pathname) ?? [];
  if (before === undefined) return null;
  // A reference that begins with two slashes, as after an address that ends with one, would name another host, and the token with it.
  const address = new URL(ledger);
  address.pathname = `${before}v1/ledger/${what}`;
  address.search = "";
  address.hash = "";
  return address;
}

/** The rotations that the server of a ledger tells of its key; none where it is no vault's, or says nothing that can be read. */
async function toldRotations(
  ledger: URL,
  options: Pick<UrlSourceOptions, "timeoutMs" | "signal">,
): Promise<readonly PlacedRotation[]> {
  const address = besideLedger(ledger, "key");
  if (address === null) return [];
  try {
    const bytes = await get(address, { ...options, retryAfterMs: [] }, longestAnswerBytes);
    return bytes === null ? [] : rotationsIn(JSON.parse(bytes.toString("utf8")));
  } catch {
    return [];
  }
}

/** Whether a place is an address, and no folder. */
export function isAddress(place: string): boolean {
  return /^https?:\/\//.test(place);
}

/** A folder, or an address, whose reading the signal ends. A token of the environment goes to the server that it is for and to no other. */
export async function sourceOf(
  place: string,
  { env, stderr, stdout }: Context,
  options: { readonly tokenFile?: string },
  signal: AbortSignal | null = null,
): Promise<TileSource> {
  if (!isAddress(place)) {
    const found = await stat(place).catch(() => null);
    if (found?.isDirectory() === true) {
      await refuseExcerpt(place);
      return folderSource(place);
    }
    throw new Failure(
      "failed",
      `${JSON.stringify(place)} is neither a folder nor an address, which begins with https:// or http://`,
    );
  }
  const url = URL.parse(place);
  if (url === null)
    throw new Failure("usage", `${JSON.stringify(place)} is no address that can be read`);
  // A request to such an address is never made, and messages would tell its password.
  if (url.username !== "" || url.password !== "")
    throw new Failure(
      "usage",
      "the ledger's address must hold no user and no password: a token comes from a file (--token-file)",
    );
  const isNamed = options.tokenFile !== undefined;
  const isSent = isNamed || url.origin === serverUrl(env, undefined).origin;
  const { note } = createOutput({ stdout, stderr }, false);
  const found = isSent ? await findToken(env, { file: options.tokenFile, note }) : null;
  const token = () => found?.expose().toString("latin1") ?? null;
  const stamps = besideLedger(url, "checkpoints");
  const ended = signal === null ? {} : { signal };
  const rotations = async () => await toldRotations(url, ended);
  return {
    ...urlSource({ url, token, rotations, ...ended }),
    ...(stamps === null ? {} : { timestamps: servedTimestamps(stamps, { token, ...ended }) }),
  };
}

/** An excerpt has a ledger's checkpoint and not its tiles: who reads it as the whole would be told of damage that there is not. Throws `usage`. */
async function refuseExcerpt(folder: string): Promise<void> {
  if ((await lstat(join(folder, excerptFile)).catch(() => null)) === null) return;
  throw new Failure(
    "usage",
    `${folder} is an excerpt, and this needs the whole ledger: \`ledger export\` without a part gives it, and \`ledger verify\` takes an excerpt`,
  );
}

/** The ledger of the server that the client talks to. */
export function serverLedger({
  url,
  token,
  timeoutMs,
  signal,
}: Pick<Client, "url" | "token" | "timeoutMs" | "signal">): TileSource {
  const base = new URL(url);
  base.pathname = `${base.pathname.replace(/\/$/, "")}/ledger/`;
  return urlSource({
    url: base,
    timeoutMs,
    signal,
    rotations: async () => await toldRotations(base, { timeoutMs, signal }),
    token: () => token?.expose().toString("latin1") ?? null,
  });
}

/** A longer one is cut and so does not verify. The file may lie in the folder that is judged. */
export async function readCheckpoint(file: string): Promise<Buffer> {
  const bytes = await readRegularFile(file, maximumNoteBytes + 1).catch((cause: unknown) => {
    throw new Failure("failed", `the older checkpoint ${file} cannot be read`, { cause });
  });
  if (bytes === null) throw new Failure("failed", `the older checkpoint ${file} is no file`);
  return bytes;
}

/**
 * The threads that verify beside this one, which helps them where it has time: one for each further core, up to the two that keep up with it.
 * More would only take memory.
 */
export const verifyingThreads = Math.max(1, Math.min(2, availableParallelism() - 1));

/** Within these bounds the garbage of the bundles that are under way dies young, and takes no room that counts. */
const youngBytes = { least: 4 * 2 ** 20, most: 8 * 2 ** 20 };

/** How many bundles pass between two looks at it. */
const lookedAtEvery = 16;

/**
 * For `onProgress`: it keeps the memory in which V8 makes new things from growing to a hundred MiB, for the rest of the
 * process, and from staying so small that garbage is taken for lasting.
 */
export function boundGarbage(): () => void {
  let calls = 0;
  let isGrowing = true;
  return () => {
    calls += 1;
    if (calls % lookedAtEvery !== 0) return;
    const bytes = youngSpaceBytes();
    const mayGrow = bytes < (isGrowing ? youngBytes.most : youngBytes.least);
    if (mayGrow === isGrowing) return;
    isGrowing = mayGrow;
    setFlagsFromString(`--semi-space-growth-factor=${mayGrow ? 2 : 1}`);
  };
}

function youngSpaceBytes(): number {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
  return young?.space_size ?? 0;
}

/** Verifies the whole ledger, and shows every entry on the way, in order; a watch collects what they say of one another. */
export async function scanLedger(
  source: TileSource,
  { text }: Pick<LedgerKey, "text">,
  by: ((entry: Entry) => void) | { readonly watch: EntryWatch },
): Promise<Report> {
  const showing = (entry: Entry) => {
    if (typeof by === "function") by(entry);
    return null;
  };
  return await verifyLedger(source, {
    verificationKey: text,
    checkIds: isEveryCheck,
    threads: verifyingThreads,
    onProgress: boundGarbage(),
    ...(typeof by === "function" ? { replay: showing } : by),
  });
}
