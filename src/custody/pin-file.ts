import { stat } from "node:fs/promises";
import { readKeyFile, unusable } from "./soft-file.ts";

export type Pin = {
  /** A string, since pkcs11js takes no bytes; nothing keeps it. */
  readonly pin: string;
  /** Another one once the file changed. */
  readonly version: string;
};

/** A token's PIN, without the line's end behind it. Throws `configuration_invalid` where the file is missing, empty, or can be read by others. */
export async function readPin(file: string): Promise<Pin> {
  const bytes = await readKeyFile(file);
  if (bytes === null) throw unusable(file, "is missing");
  const pin = bytes.toString("utf8").replace(/\r?\n$/, "");
  bytes.fill(0);
  if (pin === "") throw unusable(file, "is empty");
  const { mtimeMs, ino, size } = await stat(file);
  return { pin, version: `${ino}-${mtimeMs}-${size}` };
}
