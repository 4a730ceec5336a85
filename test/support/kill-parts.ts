import { plaintextPartsOf } from "../../src/floe/layout.ts";
import type { Caller } from "../../src/identity/authenticate.ts";
import { completeParted } from "../../src/vault/complete-parted.ts";
import { listUploads } from "../../src/vault/list-uploads.ts";
import { beginParted, type ObjectAddress, readParted } from "../../src/vault/parted.ts";
import { putPart } from "../../src/vault/put-part.ts";
import { commitRevision } from "../../src/vault/revision.ts";
import { abortUpload, openUpload, type UploadedFile } from "../../src/vault/upload.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { chunked, model, sha256 } from "./actors.ts";

/** Two parts, the second a small one. */
const { partBytes } = plaintextPartsOf(2 ** 24);
const whole = Buffer.alloc(partBytes + 1_000, 5);
const file = { path: "by-parts.bin", sizeBytes: whole.length, sha256: sha256(whole) } as const;
/** The second first, so that what proves the whole is a read of it. */
const order = [2, 1] as const;
const waitMs = 60_000;

/** A file by parts, and a commit that names it; each part that the vault acknowledged is said. */
export async function uploadByParts(
  vault: Vault,
  caller: Caller,
  say: (line: string) => void,
): Promise<void> {
  const { upload } = await openUpload(vault, caller, model);
  const { object } = await beginParted(vault, caller, { upload, ...file });
  const address = { upload, object: object.object };
  for (const part of order) {
    await send(vault, caller, { address, part });
    say(`part ${address.object} ${part}`);
  }
  const sealed = await complete(vault, caller, address);
  say(`sealed ${address.object}`);
  const revision = await commitFile(vault, caller, { upload, file: sealed });
  say(`committed ${revision}`);
}

/** Commits an upload's one file onto the head. Gives the revision. */
export async function commitFile(
  vault: Vault,
  caller: Caller,
  { upload, file }: { readonly upload: string; readonly file: UploadedFile },
): Promise<string> {
  const { head } = await vault.database.db
    .selectFrom("repository")
    .select("head")
    .executeTakeFirstOrThrow();
  const request = { ...model, upload, parent: head, message: "", files: [file] };
  return (await commitRevision(vault, caller, request)).revision;
}

/** How one who comes back goes on with a file: which parts it has, and how one of them is sent again. */
export type Resuming = {
  readonly order: readonly number[];
  readonly sha256: string;
  readonly send: (address: ObjectAddress, part: number) => Promise<void>;
};

/** Of the file of `uploadByParts`. */
export function resumingByParts(vault: Vault, caller: Caller): Resuming {
  const resend = async (address: ObjectAddress, part: number) =>
    await send(vault, caller, { address, part });
  return { order, sha256: file.sha256, send: resend };
}

/**
 * What a client does that comes back: every upload that a killed process left is finished from what the server holds, and given up. Throws
 * where a part or a file that was acknowledged, as the lines of `said` tell, is not there any more.
 */
export async function finishWhatWasLeft(
  vault: Vault,
  caller: Caller,
  said: readonly string[],
  resuming: Resuming,
): Promise<void> {
  for (const { upload, objects, files } of await listUploads(vault, caller, model)) {
    for (const { object } of objects) {
      const address = { upload, object };
      const { held } = await readParted(vault, caller, address);
      const missing = resuming.order.filter((part) => held.every((each) => each.part !== part));
      const lost = missing.find((part) => said.includes(`part ${object} ${part}`));
      if (lost !== undefined) throw new Error(`the acknowledged part ${lost} is lost`);
      if (said.includes(`sealed ${object}`)) throw new Error("an acknowledged file is open again");
      for (const part of missing) await resuming.send(address, part);
      const sealed = await complete(vault, caller, address);
      if (sealed.sha256 !== resuming.sha256) throw new Error("what was finished is another file");
    }
    for (const { sha256: digest } of files)
      if (digest !== resuming.sha256) throw new Error("an upload holds another file than was sent");
    await abortUpload(vault, caller, upload);
  }
}

async function send(
  vault: Vault,
  caller: Caller,
  { address, part }: { readonly address: ObjectAddress; readonly part: number },
): Promise<void> {
  const bytes = whole.subarray((part - 1) * partBytes, part * partBytes);
  const source = chunked(bytes, 2 ** 20);
  const sizeBytes = bytes.length;
  await putPart(vault, caller, { ...address, part, sizeBytes, sha256: sha256(bytes), source });
}

export async function complete(
  vault: Vault,
  caller: Caller,
  address: ObjectAddress,
): Promise<UploadedFile> {
  const completed = await completeParted(vault, caller, address, waitMs);
  if (completed.state !== "sealed") throw new Error("the file was not proved in time");
  return completed.file;
}
