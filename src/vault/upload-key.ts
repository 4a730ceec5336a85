import { createHash, randomUUID } from "node:crypto";
import { type Enclosure, enclose, isRecipientKey, kemId, uploadInfo } from "../crypto/enclosure.ts";
import type { Secret } from "../crypto/secret.ts";
import type { Wrap } from "../custody/custodian.ts";
import { Refusal } from "../errors.ts";
import { Sealer } from "../floe/seal.ts";
import type { Caller } from "../identity/authenticate.ts";
import { parseEntry } from "../ledger/entry.ts";
import type { Place } from "../ledger/ledger.ts";
import { historyOf, type Submitted } from "../ledger/outbox.ts";
import { makeReceipt, type Receipt } from "../ledger/receipt.ts";
import { submit } from "../ledger/submit.ts";
import { recordAs } from "./caller.ts";
import { aadOf, objectContext, objectKey, unwrapKey } from "./object.ts";
import { assertOpen, type ObjectAddress, type PartedRow, partedOf } from "./parted.ts";
import { lockOpen } from "./put-part.ts";
import { actedBy } from "./row.ts";
import { assertNotShredded } from "./shredded.ts";
import { lockUpload } from "./upload.ts";
import type { Tx, Vault } from "./vault.ts";

/** A file's data key, enclosed for whoever seals it, with the header that its segments are sealed under. */
export type UploadKey = {
  /** Names this hand-out. */
  readonly key: string;
  readonly header: Buffer;
  readonly enclosure: Enclosure & { readonly kem: number };
  readonly receipt: Receipt;
};

/**
 * Hands the data key of a begun file to the principal who uploads it, to seal its parts and put them into the store past the vault. The first hand-out makes that key, and later ones
 * are held to it: no key leaves here under which the vault itself has sealed, whatever the rows say of the object. The order is a release's:
 * the hand-out commits as `upload.key-released`; a signed checkpoint covers that entry, whatever less releases wait for; the file and its upload are
 * found open once more; the custodian unwraps; they are found open again; the answer leaves. Whatever fails on the way, no key leaves. Each call is a hand-out with
 * an entry of its own, always to the same principal. Throws `invalid_recipient_key`, `direct_unavailable` where the store takes nothing past
 * the vault or parts came through it before, `conflict` once the file is being completed, `upload_closed`, `shredded`, `ledger_unavailable` and `record_tampered`.
 */
export async function releaseUploadKey(
  vault: Vault,
  caller: Caller,
  { recipientKey, ...address }: ObjectAddress & { readonly recipientKey: Buffer },
): Promise<UploadKey> {
  if (!(await isRecipientKey(recipientKey)))
    throw new Refusal("invalid_recipient_key", "the recipient key is not a point of P-256");
  await vault.ledger.assertRoom();
  const { db } = vault.database;
  const found = await partedOf(db, caller, address);
  await assertAddressed(vault, found.id);
  const key = randomUUID();
  const made = (await historyOf(db, found.id)).length === 0 ? await makeKey(vault, found) : null;
  const submission = await recordAs(vault, caller, async (tx) => {
    const locked = await lockSealable(tx, vault, caller, address);
    const row = locked.handOuts.length === 0 ? await putKey(tx, locked, made) : locked;
    return await submit(tx, {
      kind: "upload.key-released",
      subject: row.id,
      time: vault.now(),
      body: {
        upload: row.upload,
        object: row.id,
        repository: row.repository,
        key,
        bytes: row.size_bytes.toString(),
        sha256: row.sha256.toString("hex"),
        headerSha256: digestOf(row.header),
        kem: kemId,
        recipientKeySha256: digestOf(recipientKey),
        ...actedBy(caller),
      },
    });
  });
  const place = await settle(vault, { submission, key, principal: caller.principal });
  const again = async () =>
    await recordAs(vault, caller, async (tx) => await lockSealable(tx, vault, caller, address));
  const row = await again();
  using dataKey = await unwrapKey(vault, row, row.repository);
  assertMadeWith(row, dataKey);
  const enclosure = await enclose(recipientKey, uploadInfo(place.leaf), [dataKey]);
  const receipt = await makeReceipt(db, place);
  // The custodian may have been slow.
  await again();
  return { key, header: row.header, enclosure: { ...enclosure, kem: kemId }, receipt };
}

type MadeKey = Wrap & { readonly header: Buffer };

/** A fresh data key with its header, which nobody has sealed under. */
async function makeKey(
  { custodian }: Pick<Vault, "custodian">,
  { id, repository }: Pick<PartedRow, "id" | "repository">,
): Promise<MadeKey> {
  const { dataKey, wrapped, keyId } = await custodian.generate(objectContext(id, repository));
  using key = dataKey;
  using sealer = new Sealer({ key, aad: aadOf(id) });
  return { wrapped, keyId, header: sealer.header };
}

/** Puts the fresh key in the place of the one that the file was begun with. Throws `direct_unavailable` where parts came through the vault already, under that one. */
async function putKey<Row extends PartedRow>(tx: Tx, row: Row, made: MadeKey | null): Promise<Row> {
  if (made === null) throw new Refusal("record_tampered", "the file's hand-outs are gone");
  const { wrapped: wrapped_key, keyId: custodian_key, header } = made;
  const fresh = { wrapped_key, custodian_key, header };
  const held = await tx
    .selectFrom("object_part")
    .select("part")
    .where("object", "=", row.id)
    .limit(1)
    .executeTakeFirst();
  if (held !== undefined)
    throw new Refusal("direct_unavailable", "parts of the file came through the vault already");
  await tx.updateTable("object").set(fresh).where("id", "=", row.id).execute();
  return { ...row, ...fresh };
}

const tampered = "the file's key is not the one that its first hand-out made";

/** Holds an unwrapped key to the header of the file's first hand-out: only the key that was made with it opens that. Throws `record_tampered`. */
function assertMadeWith({ id, header }: Pick<PartedRow, "id" | "header">, key: Secret): void {
  try {
    new Sealer({ key, aad: aadOf(id), header })[Symbol.dispose]();
  } catch (cause) {
    throw new Refusal("record_tampered", tampered, { cause });
  }
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The hand-outs of an object's key, oldest first. Throws `record_tampered` where one was to another principal: rows were moved behind the vault. */
export async function handOutsOf(
  db: Parameters<typeof historyOf>[0],
  { object, principal }: { readonly object: string; readonly principal: string },
): Promise<readonly Submitted[]> {
  const history = await historyOf(db, object);
  if (history.some(({ kind }) => kind !== "upload.key-released"))
    throw new Refusal("upload_closed", "the file is complete");
  if (history.every(({ body }) => body["by"] === principal)) return history;
  throw new Refusal("record_tampered", "the file's key was handed to another principal");
}

/** Refuses to seal a file whose key was handed out after its completion began, by whoever took that for dead. The upload is locked. Throws `conflict`. */
export async function assertNoneSince(
  tx: Tx,
  of: { readonly object: string; readonly principal: string },
  seen: readonly Submitted[],
): Promise<void> {
  if ((await handOutsOf(tx, of)).length === seen.length) return;
  throw new Refusal("conflict", "the file's key was handed out meanwhile: complete it again");
}

export type Sealable = PartedRow & { readonly handOuts: readonly Submitted[] };

/** Locks a file that may still be sealed by its caller: its upload open, its parts not put together, its key handed to nobody else, its header the first hand-out's. */
export async function lockSealable(
  tx: Tx,
  vault: Pick<Vault, "now">,
  caller: Caller,
  address: ObjectAddress,
): Promise<Sealable> {
  const now = vault.now();
  await lockUpload(tx, caller, address.upload);
  const row = await partedOf(tx, caller, address);
  await assertNotShredded(tx, row.repository, () => [row.id]);
  assertOpen(row, now);
  await lockOpen(tx, row.id, now);
  const handOuts = await handOutsOf(tx, { object: row.id, principal: caller.principal });
  const [first] = handOuts;
  if (first !== undefined && first.body["headerSha256"] !== digestOf(row.header))
    throw new Refusal("record_tampered", tampered);
  return { ...row, handOuts };
}

/** A key is of use only where parts can go past the vault. */
async function assertAddressed({ store }: Pick<Vault, "store">, object: string): Promise<void> {
  const address = await store.locate(objectKey(object), 1);
  if (address === null)
    throw new Refusal("direct_unavailable", "the vault's store gives no addresses out");
  address.url.wipe();
}

type Settling = {
  readonly submission: bigint;
  readonly key: string;
  readonly principal: string;
};

/** Waits for the entry as far as a release of the same vault waits, and for a signed checkpoint at the least. */
async function settle(
  { ledger, limits }: Pick<Vault, "ledger" | "limits">,
  { submission, key, principal }: Settling,
): Promise<Place> {
  const { releaseAfter, releaseWaitMs: timeoutMs } = limits;
  const after = releaseAfter === "entry" ? "checkpoint" : releaseAfter;
  const place = await ledger.settle(submission, { after, timeoutMs });
  const entry = parseEntry(place.bytes);
  const isIt =
    entry?.kind === "upload.key-released" &&
    entry.body["key"] === key &&
    entry.body["by"] === principal;
  if (isIt) return place;
  throw new Refusal(
    "record_tampered",
    "the ledger holds another entry in place of this hand-out's",
  );
}
