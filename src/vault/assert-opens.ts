import { Refusal } from "../errors.ts";
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
