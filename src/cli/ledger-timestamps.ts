import { readRegularFile } from "../ledger/source-file.ts";
import {
  type KeptTimestamp,
  stampedSizesIn,
  timestampPath,
  timestampsOf,
} from "../ledger/source-timestamps.ts";
import type { TimestampOptions } from "../ledger/verify-timestamps.ts";
import { Failure } from "./failure.ts";

/** Its files, by their paths in the ledger's folder; the stamp comes last. */
export function timestampFiles({
  size,
  checkpoint,
  response,
}: KeptTimestamp): readonly (readonly [path: string, bytes: Buffer])[] {
  return [
    [timestampPath(size, "checkpoint"), checkpoint],
    [timestampPath(size, "tsr"), response],
  ];
}

const longestCertificateBytes = 1_000_000;

/**
 * The timestamps that an exported ledger, an excerpt or a published ledger has now, with the certificates of a PEM file: asked for before the checkpoint, which covers them then,
 * also where the vault goes on publishing. Throws `failed` where the file cannot be read.
 */
export async function readTimestamps(
  folder: string,
  certificate: string,
): Promise<TimestampOptions> {
  return {
    certificates: await readCertificates(certificate),
    stamped: timestampsOf(folder, await stampedSizesIn(folder)),
  };
}

/** The text of an authority's PEM file. Throws `failed` where it cannot be read, or has no certificate. */
export async function readCertificates(certificate: string): Promise<string> {
  const pem = await readRegularFile(certificate, longestCertificateBytes).catch(
    (cause: unknown) => {
      throw new Failure("failed", `${certificate} cannot be read`, { cause });
    },
  );
  if (pem === null) throw new Failure("failed", `${certificate} is no file`);
  const text = pem.toString("latin1");
  if (!text.includes("-----BEGIN CERTIFICATE-----"))
    throw new Failure("failed", `${certificate} holds no certificate in PEM`);
  return text;
}
