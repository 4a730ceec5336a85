import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readRegularFile } from "../ledger/source-file.ts";
import type { Stamped, TimestampOptions } from "../ledger/verify-timestamps.ts";
import { maximumNoteBytes } from "../merkle/note.ts";
import { parseAnswer } from "./answers.ts";
import { ask, type Client } from "./client.ts";
import { Failure, Problem } from "./failure.ts";
import { isCode } from "./paths.ts";

/** A stamped checkpoint as two files of an exported ledger, by their paths in its folder. */
export type TimestampFiles = readonly (readonly [path: string, bytes: Buffer])[];

const longestResponseBytes = 64 * 1_024;
const longestCertificateBytes = 1_000_000;
/** A folder that is judged must not keep its judge busy for ever. */
const mostTimestamps = 10_000;

/** The server's newest timestamp, as files; none where there is none yet. */
export async function fetchTimestamp(client: Client): Promise<TimestampFiles> {
  const answer = await ask(client, "GET", "/v1/ledger/timestamp").catch((thrown: unknown) => {
    if (thrown instanceof Problem && thrown.status === 404) return null;
    throw thrown;
  });
  if (answer === null) return [];
  const { size, checkpoint, response } = parseAnswer("timestamp", answer);
  return [
    [`timestamp/${size}.checkpoint`, Buffer.from(checkpoint, "utf8")],
    [`timestamp/${size}.tsr`, Buffer.from(response, "base64")],
  ];
}

/** The timestamps of an exported ledger, with the certificates of a PEM file. Throws `failed` where one cannot be read. */
export async function readTimestamps(
  folder: string,
  certificate: string,
): Promise<TimestampOptions> {
  const pem = await read(certificate, longestCertificateBytes);
  const names = await readdir(join(folder, "timestamp")).catch((error: unknown) => {
    if (isCode(error, "ENOENT")) return [];
    throw new Failure("failed", `${folder} cannot be read`, { cause: error });
  });
  const sizes = names.flatMap((name) => /^([0-9]{1,16})\.tsr$/.exec(name)?.[1] ?? []);
  if (sizes.length > mostTimestamps)
    throw new Failure("failed", `${folder} has more than ${mostTimestamps} timestamps`);
  const stamped: Stamped[] = [];
  for (const size of sizes.toSorted((one, two) => Number(one) - Number(two)))
    stamped.push({
      checkpoint: await read(join(folder, "timestamp", `${size}.checkpoint`), maximumNoteBytes + 1),
      response: await read(join(folder, "timestamp", `${size}.tsr`), longestResponseBytes),
    });
  return { certificates: pem.toString("latin1"), stamped };
}

async function read(file: string, limitBytes: number): Promise<Buffer> {
  const bytes = await readRegularFile(file, limitBytes).catch((cause: unknown) => {
    throw new Failure("failed", `${file} cannot be read`, { cause });
  });
  if (bytes === null) throw new Failure("failed", `${file} is no file`);
  return bytes;
}
