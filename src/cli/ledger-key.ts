import type { Command } from "commander";
import { readRegularFile } from "../ledger/source-file.ts";
import { type CosignerKey, parseCosignerKey } from "../merkle/cosignature.ts";
import { parseVerificationKey, type VerificationKey } from "../merkle/note.ts";
import { type PlacedRotation, type SignedCheckpoint, successionOf } from "../merkle/rotation.ts";
import { parseAnswer } from "./answers.ts";
import { ask } from "./client.ts";
import type { Session } from "./context.ts";
import type { Env } from "./credentials.ts";
import { Failure, Problem } from "./failure.ts";
import { systemSentence } from "./system-error.ts";

/** The ledger's verification key, and the text that hands it around. `isPinned`: it came from the user, not from whom it judges. */
export type LedgerKey = {
  readonly key: VerificationKey;
  readonly text: string;
  readonly isPinned: boolean;
  /** The rotations of the key, as the ledger or its server tells them: they count as far as `key` and its neighbours have signed them. */
  readonly rotations: readonly PlacedRotation[];
  /** The ledger's ML-DSA-44 key, where the user demands its signature on every checkpoint that something rests on. */
  readonly mlDsaKey?: CosignerKey | null;
};

/** A checkpoint and what the key, and those that follow it or went before it, say of it. */
export function openSigned(
  bytes: string | Uint8Array,
  { key, rotations }: Pick<LedgerKey, "key" | "rotations">,
): SignedCheckpoint | null {
  return successionOf(key, rotations).open(bytes);
}

const longestKeyBytes = 10_000;

/** The key that the user names, as its text or as a file with it, or that WEIGHTVAULT_LEDGER_KEY holds. Null where there is none. */
export async function pinnedKey(env: Env, given: string | undefined): Promise<LedgerKey | null> {
  if (given === "")
    throw new Failure(
      "usage",
      "an empty text is no verification key: is it that of a shell variable that is not set?",
    );
  const named = given ?? env["WEIGHTVAULT_LEDGER_KEY"];
  if (named === undefined || named === "") return null;
  const direct = parseVerificationKey(named);
  if (direct !== null) return { key: direct, text: named.trim(), isPinned: true, rotations: [] };
  const message = `${JSON.stringify(named)} is neither a verification key nor a file that can be read`;
  const bytes = await readRegularFile(named, longestKeyBytes).catch((cause: unknown) => {
    throw new Failure("usage", message, { cause });
  });
  if (bytes === null) throw new Failure("usage", message);
  const text = bytes.toString("utf8");
  const key = parseVerificationKey(text);
  if (key === null)
    throw new Failure("usage", `${named} holds no verification key of Ed25519 or ECDSA P-256`);
  return { key, text: text.trim(), isPinned: true, rotations: [] };
}

/**
 * The ledger's own ML-DSA-44 key that the user names, as its text or as a file with it; null where none is named. Refuses (`usage`) a key of
 * another ledger's name, or of another algorithm.
 */
export async function pinnedMlDsaKey(
  given: string | undefined,
  ledger: Pick<VerificationKey, "name">,
): Promise<CosignerKey | null> {
  if (given === undefined) return null;
  const direct = parseCosignerKey(given);
  const key = direct ?? parseCosignerKey(await keyFile(given));
  if (key?.algorithm !== "ml-dsa-44")
    throw new Failure("usage", "--ml-dsa-key names no ML-DSA-44 key, and no file with one");
  if (key.name !== ledger.name)
    throw new Failure("usage", `--ml-dsa-key is of ${key.name}, and the ledger is ${ledger.name}`);
  return key;
}

async function keyFile(file: string): Promise<string> {
  const message = `--ml-dsa-key is neither an ML-DSA-44 key nor a file that can be read: ${JSON.stringify(file)}`;
  const bytes = await readRegularFile(file, longestKeyBytes).catch((cause: unknown) => {
    const reason = Error.isError(cause) ? systemSentence(cause) : null;
    throw new Failure("usage", reason === null ? message : `${message}; ${reason}`, { cause });
  });
  if (bytes === null) throw new Failure("usage", message);
  return bytes.toString("utf8");
}

/** The key with the ML-DSA-44 key that the user names beside it. Refuses as `pinnedMlDsaKey`. */
export async function demandingMlDsa(
  key: LedgerKey,
  { mlDsaKey }: { readonly mlDsaKey?: string },
): Promise<LedgerKey> {
  return { ...key, mlDsaKey: await pinnedMlDsaKey(mlDsaKey, key.key) };
}

/** The one spelling of the option that demands that key's signature. */
export function withMlDsaKey(command: Command): Command {
  return command.option(
    "--ml-dsa-key <key>",
    "the ledger's ML-DSA-44 key, or a file with it, which must have signed the checkpoint too",
  );
}

/** The one spelling of the option that pins the ledger's key, whatever the command. */
export function withLedgerKey(command: Command): Command {
  return command.option(
    "--ledger-key <key>",
    "the ledger's verification key, or a file with it [WEIGHTVAULT_LEDGER_KEY]",
  );
}

/** The pinned key, for what is judged offline: a key that lies beside it proves nothing. Refuses (`usage`) where none is named. */
export async function demandedKey(env: Env, given: string | undefined): Promise<LedgerKey> {
  const pinned = await pinnedKey(env, given);
  if (pinned !== null) return pinned;
  throw new Failure(
    "usage",
    "name the ledger's verification key with --ledger-key or WEIGHTVAULT_LEDGER_KEY",
  );
}

/** The pinned key, else the server's own, which says so on stderr: trusted on first use, it cannot show that the server lies. */
export async function ledgerKey(
  {
    client,
    env,
    output,
  }: Pick<Session, "client" | "env"> & { readonly output: Pick<Session["output"], "note"> },
  given: string | undefined,
): Promise<LedgerKey> {
  const pinned = await pinnedKey(env, given);
  const asked = ask({ ...client, token: null }, "GET", "/v1/ledger/key");
  if (pinned !== null) {
    // A server that does not say it knows one key alone.
    const told = await asked.catch((error: unknown) => {
      if (error instanceof Problem) return null;
      throw error;
    });
    return told === null ? pinned : { ...pinned, rotations: rotationsIn(told) };
  }
  const answer = await asked;
  const { verificationKey: text } = parseAnswer("ledgerKey", answer);
  const key = parseVerificationKey(text);
  if (key === null)
    throw new Failure("integrity", "the server's ledger key is none of Ed25519 or ECDSA P-256");
  output.note(
    `the ledger's key comes from the server and is trusted on first use; compare it with your auditor's and pin it:\n  WEIGHTVAULT_LEDGER_KEY='${text}'`,
  );
  return { key, text, isPinned: false, rotations: rotationsIn(answer) };
}

/** The key with the rotations that the server tells by now: a command may outlast one. What was known stays where it says nothing. */
export async function followRotations<Key extends Pick<LedgerKey, "key" | "rotations">>(
  client: Session["client"],
  key: Key,
): Promise<Key> {
  const told = await ask({ ...client, token: null }, "GET", "/v1/ledger/key").catch(() => null);
  try {
    return told === null ? key : { ...key, rotations: rotationsIn(told) };
  } catch {
    return key;
  }
}

/** Each rotation is the last entry that the key before it covered. */
export function rotationsIn(answer: unknown): readonly PlacedRotation[] {
  const { keys } = parseAnswer("ledgerKey", answer);
  return keys.flatMap(({ statement }, at) => {
    const lastSize = keys[at - 1]?.lastSize ?? null;
    return lastSize === null ? [] : [{ index: lastSize - 1, statement }];
  });
}
