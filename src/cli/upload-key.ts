import { createHash } from "node:crypto";
import {
  kemId,
  newRecipientKeyPair,
  type RecipientKeyPair,
  uploadInfo,
} from "../crypto/enclosure.ts";
import { isRefusal } from "../errors.ts";
import { objectAad } from "../floe/aad.ts";
import { Sealer } from "../floe/seal.ts";
import { type Answer, parseAnswer } from "./answers.ts";
import { ask, type Client } from "./client.ts";
import type { Session } from "./context.ts";
import { Failure } from "./failure.ts";
import {
  demandingMlDsa,
  type LedgerKey,
  ledgerKey,
  pinnedKey,
  pinnedMlDsaKey,
} from "./ledger-key.ts";
import { proveReceipt } from "./obtain.ts";
import type { ProvedEntry } from "./receipt.ts";

export type WantedKey = {
  /** Where the object's address stands. */
  readonly address: string;
  readonly object: string;
  readonly sizeBytes: number;
  /** Of the whole file, in hex. */
  readonly sha256: string;
};

/** The ledger's keys that a hand-out's receipt is held to. */
export type HandOutKey = Pick<LedgerKey, "key" | "rotations" | "mlDsaKey">;

/**
 * What gives the ledger's keys, asked for once. Those that the user names are read here, so that a wrong one stops the command before it sends anything. Without any, the
 * server is asked when a key is handed out and not before: nothing rests on what it says of itself, so nothing is said of it. Refuses (`usage`) as
 * `pinnedKey` and `pinnedMlDsaKey`.
 */
export async function handOutKey(
  { client, env, output }: Session,
  options: { readonly ledgerKey?: string; readonly mlDsaKey?: string },
): Promise<() => Promise<HandOutKey>> {
  const pinned = await pinnedKey(env, options.ledgerKey);
  if (pinned === null && options.mlDsaKey !== undefined) {
    const key = await demandingMlDsa(await ledgerKey({ client, env, output }, undefined), options);
    return async () => key;
  }
  // Refused here; what the server tells of the key is asked for when something rests on it.
  if (pinned !== null) await pinnedMlDsaKey(options.mlDsaKey, pinned.key);
  const quiet = { client, env, output: { note: () => {} } };
  let told: Promise<HandOutKey> | null = null;
  return async () => {
    told ??= ledgerKey(quiet, options.ledgerKey).then(
      async (key) => await demandingMlDsa(key, options),
    );
    return await told;
  };
}

/**
 * Asks for the data key of a begun file, to a key pair made for it, and gives what seals under it; disposing of that wipes the key. None of the answer is believed: the
 * receipt must prove the hand-out's entry in the ledger of those keys, the entry must be of this file and this recipient, the enclosure opens only under
 * it, and the header must be the key's. Throws `integrity` for anything else.
 */
export async function obtainSealer(
  client: Client,
  wanted: WantedKey,
  keys: () => Promise<HandOutKey>,
): Promise<Sealer> {
  const pair = await newRecipientKeyPair();
  const recipientKey = pair.publicKey.toString("base64url");
  const answer = parseAnswer(
    "uploadKey",
    await ask(client, "POST", `${wanted.address}/key`, { recipientKey }),
  );
  const proved = await proveReceipt(client, answer.receipt, await keys());
  assertHandedOut(proved, answer, { ...wanted, recipientKey: pair.publicKey });
  return await openSealer(answer, pair, { ...proved, object: wanted.object });
}

function assertHandedOut(
  { entry: { kind, body } }: ProvedEntry,
  { key }: Answer<"uploadKey">,
  wanted: WantedKey & { readonly recipientKey: Uint8Array },
): void {
  const recipient = createHash("sha256").update(wanted.recipientKey).digest("hex");
  const isIt =
    kind === "upload.key-released" &&
    body["key"] === key &&
    body["object"] === wanted.object &&
    body["sha256"] === wanted.sha256 &&
    body["bytes"] === String(wanted.sizeBytes) &&
    body["recipientKeySha256"] === recipient;
  if (!isIt)
    throw new Failure("integrity", "the ledger entry of the upload key is of another hand-out");
}

async function openSealer(
  { enclosure, header }: Answer<"uploadKey">,
  pair: RecipientKeyPair,
  { leaf, object }: { readonly leaf: Uint8Array; readonly object: string },
): Promise<Sealer> {
  if (enclosure.kem !== kemId)
    throw new Failure("integrity", "the key is enclosed in a way that this version does not know");
  const enc = Buffer.from(enclosure.enc, "base64url");
  const ciphertext = Buffer.from(enclosure.ciphertext, "base64url");
  using key = await pair.open({ enc, ciphertext }, uploadInfo(leaf));
  if (key === null)
    throw new Failure("integrity", "the enclosed key does not open under the hand-out's entry");
  const aad = objectAad(Buffer.from(object.replaceAll("-", ""), "hex"));
  try {
    return new Sealer({ key, aad, header: Buffer.from(header, "base64") });
  } catch (cause) {
    if (!isRefusal(cause)) throw cause;
    throw new Failure("integrity", "the header is not one that was made under the key", { cause });
  }
}
