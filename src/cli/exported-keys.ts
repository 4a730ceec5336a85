import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { readRegularFile } from "../ledger/source-file.ts";
import { type CosignerKey, encodeCosignerKey, parseCosignerKey } from "../merkle/cosignature.ts";
import { encodeVerificationKey, maximumNoteBytes } from "../merkle/note.ts";
import { successionOf } from "../merkle/rotation.ts";
import { Failure } from "./failure.ts";
import type { LedgerKey } from "./ledger-key.ts";
import { isCode } from "./paths.ts";
import { writeWhole } from "./whole-file.ts";

/** Where an export has the key that it was made under. */
export const keyFile = "verification-key";

/** Where it has an ML-DSA-44 key of the ledger: under the key's own id, so that the one that follows it stands beside it. */
export const mlDsaKeyFile = (keyId: string): string => `ml-dsa-44-key-${keyId}`;

/**
 * Keeps the keys that a ledger is exported with, for whoever compares them with those that they were handed: nothing that is verified rests on
 * them. A key that is there stays. Throws `integrity` where the folder has another ledger's key, or another one under an ML-DSA-44 key's id.
 */
export async function keepKeys(
  folder: string,
  key: LedgerKey,
  mlDsaKeys: readonly CosignerKey[],
): Promise<void> {
  await keepLedgerKey(join(folder, keyFile), key);
  for (const each of mlDsaKeys) {
    if (each.name !== key.key.name)
      throw new Failure("integrity", `the ML-DSA-44 key ${each.keyId} is of another ledger`);
    const file = join(folder, mlDsaKeyFile(each.keyId));
    const text = encodeCosignerKey(each);
    const present = await readOrNull(file);
    if (present === null) await writeWhole(file, Buffer.from(`${text}\n`, "utf8"));
    else if (present.toString("utf8").trim() !== text)
      throw new Failure("integrity", `${file} holds another key`);
  }
}

/** A key that rotations lead to from this one stays: it was there first, and whoever trusts it follows them. */
async function keepLedgerKey(file: string, { key, text, rotations }: LedgerKey): Promise<void> {
  const present = await readOrNull(file);
  if (present === null) return await writeWhole(file, Buffer.from(`${text}\n`, "utf8"));
  const kept = present.toString("utf8").trim();
  const { reigns } = successionOf(key, rotations);
  const isOurs = reigns.some(({ key: { name, publicKey } }) => {
    return kept === encodeVerificationKey(name, publicKey);
  });
  if (kept !== text && !isOurs)
    throw new Failure("integrity", `${file} holds another ledger's key`);
}

/** The ids of the ML-DSA-44 keys that an export has files of, as their names say; none where the folder cannot be read, which its next reader tells. */
export async function mlDsaKeyIdsIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.flatMap((name) => /^ml-dsa-44-key-([0-9a-f]{8})$/.exec(name)?.[1] ?? []).toSorted();
}

/** Which ML-DSA-44 keys an export names, for who has not demanded one: it is no more than a hint, since who wrote the folder wrote them. */
export async function mlDsaHint(
  folder: string,
  demanded: string | undefined,
): Promise<string | null> {
  const ids = demanded === undefined ? await mlDsaKeyIdsIn(folder) : [];
  const [keyId] = ids;
  if (keyId === undefined) return null;
  const [names, it] = ids.length === 1 ? ["an ML-DSA-44 key", "it"] : ["ML-DSA-44 keys", "one"];
  return `the folder names ${names} of the ledger (${ids.join(", ")}), which nothing was held to: compare ${it} with what you were handed, and demand it with --ml-dsa-key ${join(folder, mlDsaKeyFile(keyId))}`;
}

/** The ML-DSA-44 keys that a copy keeps. Throws `integrity` for a file that holds none, or one of another id. */
export async function mlDsaKeysIn(folder: string): Promise<readonly CosignerKey[]> {
  const keys: CosignerKey[] = [];
  for (const keyId of await mlDsaKeyIdsIn(folder)) {
    const file = join(folder, mlDsaKeyFile(keyId));
    const key = parseMlDsaKey((await readOrNull(file))?.toString("utf8") ?? "");
    if (key?.keyId !== keyId)
      throw new Failure("integrity", `${file} does not hold the ML-DSA-44 key of its name`);
    keys.push(key);
  }
  return keys;
}

/** Null for what is no key of ML-DSA-44. */
export function parseMlDsaKey(text: string): CosignerKey | null {
  const key = parseCosignerKey(text);
  return key?.algorithm === "ml-dsa-44" ? key : null;
}

/** What is there under the name and is no file is refused: a copy is not made over what it cannot be held against. */
export async function readOrNull(file: string): Promise<Buffer | null> {
  const found = await lstat(file).catch((error: unknown) => {
    if (isCode(error, "ENOENT")) return null;
    throw error;
  });
  if (found === null) return null;
  const bytes = found.isFile() ? await readRegularFile(file, maximumNoteBytes + 1) : null;
  if (bytes === null)
    throw new Failure("failed", `${file} is there already and is no regular file`);
  return bytes;
}
