import { randomInt } from "node:crypto";
import { Refusal } from "../errors.ts";
import { segmentCapacityBytes, segmentCount } from "../floe/layout.ts";
import { objectKey, readPlaintext, unwrapKey } from "./object.ts";
import type { Vault } from "./vault.ts";

/** Reads header and last segment back and opens them with the key as the custodian unwraps it: what was stored can be opened later. */
export async function assertOpens(
  vault: Pick<Vault, "custodian" | "store">,
  object: Parameters<typeof readPlaintext>[1],
): Promise<void> {
  using key = await unwrapKey(vault, object, object.repository);
  const end = Number(object.size_bytes);
  const stored = { ...object, header: await readHeader(vault, object.id, object.header.length) };
  if (!stored.header.equals(object.header))
    throw new Refusal("object_corrupt", "the stored header is not the one that was written");
  let last = 0;
  for await (const bytes of readPlaintext(vault, stored, { key, start: Math.max(0, end - 1), end }))
    last += bytes.length;
  if (last !== Math.min(1, end))
    throw new Refusal("object_corrupt", "the stored object does not end as it was written");
}

const mostSampled = 16;

/**
 * Opens segments of an object that nobody of ours sealed, at places that whoever did could not know beforehand: garbage, another file's segments and
 * misplaced parts are found for little, and a few bad segments among many for nothing but a read of the whole. Throws `object_corrupt`.
 */
export async function assertSampled(
  vault: Pick<Vault, "custodian" | "store">,
  object: Parameters<typeof readPlaintext>[1],
): Promise<void> {
  const sizeBytes = Number(object.size_bytes);
  const segments = segmentCount(sizeBytes);
  const capacityBytes = segmentCapacityBytes();
  const places =
    segments <= mostSampled
      ? Array.from({ length: segments }, (_, at) => at)
      : Array.from({ length: mostSampled }, () => randomInt(segments));
  using key = await unwrapKey(vault, object, object.repository);
  for (const place of places) {
    const start = place * capacityBytes;
    const end = Math.min(start + 1, sizeBytes);
    for await (const _ of readPlaintext(vault, object, { key, start, end })) continue;
  }
}

async function readHeader(
  { store }: Pick<Vault, "store">,
  id: string,
  sizeBytes: number,
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of store.read(objectKey(id), { start: 0, end: sizeBytes }))
    pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}
