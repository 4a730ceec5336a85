import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readRegularFile } from "../ledger/source-file.ts";
import type { Stamped, TimestampOptions } from "../ledger/verify-timestamps.ts";
import { maximumNoteBytes } from "../merkle/note.ts";
import { parseAnswer } from "./answers.ts";
import { ask, type Client } from "./client.ts";
import { Failure, Problem } from "./failure.ts";
import { isCode } from "./paths.ts";

/** A stamped checkpoint as an exported ledger keeps it. */
export type KeptTimestamp = {
  readonly size: number;
  readonly checkpoint: Buffer;
  readonly response: Buffer;
};

/** Its two files, by their paths in the ledger's folder. */
export function timestampFiles({
  size,
  checkpoint,
  response,
}: KeptTimestamp): readonly (readonly [path: string, bytes: Buffer])[] {
  return [
    [`timestamp/${size}.checkpoint`, checkpoint],
    [`timestamp/${size}.tsr`, response],
  ];
}

const longestResponseBytes = 64 * 1_024;
const longestCertificateBytes = 1_000_000;
/** A growth has at most 63 hashes and a checkpoint. */
const longestGrowthBytes = 2 * maximumNoteBytes;
/** A folder that is judged must not keep its judge busy for ever. */
const mostTimestamps = 10_000;

/** The server's newest timestamp; none where there is none yet. */
export async function fetchTimestamps(client: Client): Promise<readonly KeptTimestamp[]> {
  const answer = await ask(client, "GET", "/v1/ledger/timestamp").catch((thrown: unknown) => {
    if (thrown instanceof Problem && thrown.status === 404) return null;
    throw thrown;
  });
  if (answer === null) return [];
  const { size, checkpoint, response } = parseAnswer("timestamp", answer);
  const kept = Buffer.from(checkpoint, "utf8");
  return [{ size, checkpoint: kept, response: Buffer.from(response, "base64") }];
}

/** The timestamps of an exported ledger or an excerpt, with the certificates of a PEM file. Throws `failed` where one cannot be read. */
export async function readTimestamps(
  folder: string,
  certificate: string,
): Promise<TimestampOptions> {
  const pem = await read(certificate, longestCertificateBytes);
  const stamped: Stamped[] = [];
  for (const { size, checkpoint, response } of await timestampsIn(folder)) {
    const file = join(folder, growthPath(size));
    const growth = await readRegularFile(file, longestGrowthBytes).catch(() => null);
    stamped.push({ checkpoint, response, ...(growth === null ? {} : { growth }) });
  }
  return { certificates: pem.toString("latin1"), stamped };
}

/** Where an excerpt keeps how its checkpoint grew from a stamped one: the body of C2SP tlog-witness's `add-checkpoint`. */
export function growthPath(size: number): string {
  return `timestamp/${size}.growth`;
}

/** The timestamps that an exported ledger keeps, by their sizes. Throws `failed` where one cannot be read. */
export async function timestampsIn(folder: string): Promise<readonly KeptTimestamp[]> {
  const names = await readdir(join(folder, "timestamp")).catch((error: unknown) => {
    if (isCode(error, "ENOENT")) return [];
    throw new Failure("failed", `${folder} cannot be read`, { cause: error });
  });
  const sizes = names.flatMap((name) => /^([0-9]{1,16})\.tsr$/.exec(name)?.[1] ?? []);
  if (sizes.length > mostTimestamps)
    throw new Failure("failed", `${folder} has more than ${mostTimestamps} timestamps`);
  const kept: KeptTimestamp[] = [];
  for (const size of sizes.toSorted((one, two) => Number(one) - Number(two)))
    kept.push({
      size: Number(size),
      checkpoint: await read(join(folder, "timestamp", `${size}.checkpoint`), maximumNoteBytes + 1),
      response: await read(join(folder, "timestamp", `${size}.tsr`), longestResponseBytes),
    });
  return kept;
}

async function read(file: string, limitBytes: number): Promise<Buffer> {
  const bytes = await readRegularFile(file, limitBytes).catch((cause: unknown) => {
    throw new Failure("failed", `${file} cannot be read`, { cause });
  });
  if (bytes === null) throw new Failure("failed", `${file} is no file`);
  return bytes;
}
