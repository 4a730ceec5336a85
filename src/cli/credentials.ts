import { readFile, stat } from "node:fs/promises";
import { Secret } from "../crypto/secret.ts";
import { Failure } from "./failure.ts";

export type Env = Readonly<Record<string, string | undefined>>;

const longestTokenBytes = 16_384;
const forGroupAndOthers = 0o077;

/**
 * The caller's token: of the file that is named, else WEIGHTVAULT_TOKEN, else the file in WEIGHTVAULT_TOKEN_FILE. Null where there is none.
 * Never from the command line itself, which every user of the machine can list.
 */
export async function findToken(
  env: Env,
  { file, note }: { readonly file: string | undefined; readonly note: (sentence: string) => void },
): Promise<Secret | null> {
  if (file !== undefined) return await readSecretFile(file, note);
  const [text, named] = [env["WEIGHTVAULT_TOKEN"], env["WEIGHTVAULT_TOKEN_FILE"]];
  if (text !== undefined && text !== "") return assertToken(Buffer.from(text), "WEIGHTVAULT_TOKEN");
  return named === undefined || named === "" ? null : await readSecretFile(named, note);
}

/** A token's text from a file, without the newline at its end. Says so where others may read the file. */
export async function readSecretFile(
  file: string,
  note: (sentence: string) => void,
): Promise<Secret> {
  try {
    const { mode, size } = await stat(file);
    if (size > longestTokenBytes) throw new Failure("failed", `${file} is too long for a token`);
    const token = assertToken(await readFile(file), file);
    // Only of what holds a token: whoever did it to a folder named by mistake would lock everybody out.
    if (process.platform !== "win32" && (mode & forGroupAndOthers) !== 0)
      note(`warning: other users may read ${file}; take that away with: chmod 600 ${file}`);
    return token;
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure("failed", `the token file ${file} cannot be read`, { cause });
  }
}

/** A token goes into a header: nothing in it may break out of the line. */
function assertToken(bytes: Buffer, from: string): Secret {
  const token = bytes.toString("latin1").trim();
  bytes.fill(0);
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Failure("failed", `${from} holds no token`);
  return new Secret(Buffer.from(token, "latin1"));
}
