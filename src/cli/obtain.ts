import {
  kemId,
  newRecipientKeyPair,
  type RecipientKeyPair,
  releaseInfo,
} from "../crypto/enclosure.ts";
import { Secret } from "../crypto/secret.ts";
import { type Answer, parseAnswer } from "./answers.ts";
import { ask } from "./client.ts";
import type { Session } from "./context.ts";
import { Failure } from "./failure.ts";
import { followRotations, type LedgerKey } from "./ledger-key.ts";
import {
  assertAllows,
  fetchReceipt,
  type ProvedEntry,
  type Receipt,
  verifyReceipt,
} from "./receipt.ts";

export type WantedRelease = {
  readonly repository: string;
  /** 40 hex digits, or `main`. */
  readonly revision: string;
  /** Null for all files. */
  readonly paths: readonly string[] | null;
};

export type ReleasedFile = Answer<"release">["objects"][number] & {
  /** The object's data key, 32 bytes; wiped by whoever opens the file. */
  readonly key: Secret;
};

export type ObtainedRelease = {
  readonly release: string;
  readonly revision: string;
  /** When it ends at the latest, on this process's monotonic clock (`performance.now()`, milliseconds). */
  readonly endsAtMs: number;
  readonly index: number;
  readonly files: readonly ReleasedFile[];
};

const dataKeyBytes = 32;

/**
 * Asks for a release to a key pair made for it, and believes none of the answer: the receipt must prove the entry in the ledger of that key,
 * the entry must be of this release and no other, and the enclosure opens only under that entry. Throws `integrity` for anything else.
 */
export async function obtain(
  { client }: Pick<Session, "client">,
  wanted: WantedRelease,
  key: Pick<LedgerKey, "key" | "rotations" | "mlDsaKey">,
): Promise<ObtainedRelease> {
  const pair = await newRecipientKeyPair();
  const askedAtMs = performance.now();
  const answer = parseAnswer(
    "release",
    await ask(client, "POST", "/v1/releases", {
      ...wanted,
      recipientKey: pair.publicKey.toString("base64url"),
    }),
  );
  assertWanted(wanted, answer);
  const receipt = answer.receipt ?? (await laterReceipt(client, answer));
  const proved = await proveReceipt(client, receipt, key);
  assertAllows(proved.entry, { ...answer, recipientKey: pair.publicKey });
  return {
    release: answer.release,
    revision: answer.revision,
    endsAtMs: askedAtMs + lifetimeMs(answer, proved),
    index: receipt.index,
    files: await openKeys(answer, pair, proved),
  };
}

/** A receipt that does not verify may be under a key that followed while the command ran. Throws as `verifyReceipt`. */
export async function proveReceipt(
  client: Session["client"],
  receipt: Receipt,
  { key, rotations, mlDsaKey = null }: Pick<LedgerKey, "key" | "rotations" | "mlDsaKey">,
): Promise<ProvedEntry> {
  const demanded = { isNew: true, mlDsaKey };
  try {
    return verifyReceipt(receipt, key, rotations, demanded);
  } catch {
    const { rotations: told } = await followRotations(client, { key, rotations });
    return verifyReceipt(receipt, key, told, demanded);
  }
}

/** Both times are the vault's, so that a wrong clock on this side neither shortens nor lengthens the release. */
function lifetimeMs({ expiresAt }: Answer<"release">, { entry }: ProvedEntry): number {
  return Date.parse(expiresAt) - Date.parse(entry.time);
}

/** Opens the enclosure under the proved entry and gives each file its own key. Throws `integrity`. */
export async function openKeys(
  { enclosure, objects }: Pick<Answer<"release">, "enclosure" | "objects">,
  pair: RecipientKeyPair,
  { leaf }: Pick<ProvedEntry, "leaf">,
): Promise<ReleasedFile[]> {
  if (enclosure.kem !== kemId)
    throw new Failure(
      "integrity",
      "the keys are enclosed in a way that this version does not know",
    );
  const enc = Buffer.from(enclosure.enc, "base64url");
  const ciphertext = Buffer.from(enclosure.ciphertext, "base64url");
  using keys = await pair.open({ enc, ciphertext }, releaseInfo(leaf));
  if (keys === null)
    throw new Failure("integrity", "the enclosed keys do not open under the release's entry");
  const bytes = keys.expose();
  if (bytes.length !== objects.length * dataKeyBytes)
    throw new Failure("integrity", "the enclosure does not hold one key for each file");
  return objects.map((object, at) => {
    const start = at * dataKeyBytes;
    return { ...object, key: new Secret(Buffer.from(bytes.subarray(start, start + dataKeyBytes))) };
  });
}

function assertWanted({ revision, paths }: WantedRelease, answer: Answer<"release">): void {
  if (revision !== "main" && revision !== answer.revision)
    throw new Failure("integrity", "the server released another revision than was asked for");
  if (paths === null) return;
  const wanted = [...new Set(paths)].sort().join("\n");
  const given = answer.objects.map(({ path }) => path).sort();
  if (wanted !== given.join("\n"))
    throw new Failure("integrity", "the server released other files than were asked for");
}

/** A vault that releases before the checkpoint is signed proves its entry a little later; it must be the entry that it named. */
async function laterReceipt(
  client: Session["client"],
  { release, entry }: Answer<"release">,
): Promise<Receipt> {
  const receipt = await fetchReceipt(client, release);
  if (entry !== undefined && (entry.index !== receipt.index || entry.bytes !== receipt.entry))
    throw new Failure("integrity", "the receipt is of another entry than the release named");
  return receipt;
}
