import { createHash } from "node:crypto";
import { newRecipientKeyPair, uploadInfo } from "../../src/crypto/enclosure.ts";
import { plaintextPartsOf } from "../../src/floe/layout.ts";
import { Sealer } from "../../src/floe/seal.ts";
import type { Caller } from "../../src/identity/authenticate.ts";
import { leafHash } from "../../src/merkle/tree.ts";
import { locatePart } from "../../src/vault/locate-part.ts";
import { aadOf } from "../../src/vault/object.ts";
import type { ObjectAddress } from "../../src/vault/parted.ts";
import { releaseUploadKey } from "../../src/vault/upload-key.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { sha256 } from "./actors.ts";
import type { AddressedStore } from "./addressed-store.ts";

/** A file that was begun, and the bytes that its client has of it: at most 160 GB, so that its parts have one length. */
export type DirectFile = ObjectAddress & { readonly whole: Buffer };

const { partBytes, segments } = plaintextPartsOf(2 ** 24);

/** How many parts a file of those bytes has. */
export function partsOf({ whole }: Pick<DirectFile, "whole">): number {
  return Math.max(1, Math.ceil(whole.length / partBytes));
}

/** What a client seals the file's parts with: under its key, which the vault hands out once more and records. `onKey` hears of each hand-out by its id. */
export async function sealerOf(
  vault: Vault,
  caller: Caller,
  file: DirectFile,
  onKey: (handOut: string) => void = () => {},
): Promise<Sealer> {
  const pair = await newRecipientKeyPair();
  const { upload, object } = file;
  const recipientKey = pair.publicKey;
  const handed = await releaseUploadKey(vault, caller, { upload, object, recipientKey });
  const leaf = leafHash(Buffer.from(handed.receipt.entry, "base64"));
  using key = await pair.open(handed.enclosure, uploadInfo(leaf));
  if (key === null) throw new Error("the enclosure does not open");
  onKey(handed.key);
  return new Sealer({ key, aad: aadOf(object), header: handed.header });
}

/** Seals a part and puts it into the store at an address of its own, past the vault. */
export async function sendPart(
  { vault, caller, addressed }: DirectClient,
  file: DirectFile,
  { sealer, part }: { readonly sealer: Sealer; readonly part: number },
): Promise<void> {
  const { upload, object, whole } = file;
  const bytes = whole.subarray((part - 1) * partBytes, part * partBytes);
  using stream = sealer.stream((part - 1) * segments);
  const head = part === 1 ? [sealer.header] : [];
  const pieces = stream.write(bytes);
  const end = part === partsOf(file) ? stream.finish() : stream.finishPart();
  const sealed = Buffer.concat([...head, ...pieces, ...end]);
  const located = await locatePart(vault, caller, {
    upload,
    object,
    part,
    sizeBytes: bytes.length,
    sha256: sha256(bytes),
    sealedSha256: createHash("sha256").update(sealed).digest("hex"),
  });
  const status = await addressed.put(located.url.expose().toString("utf8"), sealed);
  if (status !== 200) throw new Error(`the store answered ${status}`);
}

export type DirectClient = {
  readonly vault: Vault;
  readonly caller: Caller;
  readonly addressed: AddressedStore;
};
