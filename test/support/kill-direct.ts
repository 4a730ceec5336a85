import { plaintextPartsOf } from "../../src/floe/layout.ts";
import { beginParted, type ObjectAddress } from "../../src/vault/parted.ts";
import { proveDeclared } from "../../src/vault/prove-declared.ts";
import { openUpload } from "../../src/vault/upload.ts";
import { model, sha256 } from "./actors.ts";
import { type DirectClient, sealerOf, sendPart } from "./direct-file.ts";
import { commitFile, complete, type Resuming } from "./kill-parts.ts";

/** Two parts, the second a small one. */
const { partBytes } = plaintextPartsOf(2 ** 24);
const whole = Buffer.alloc(partBytes + 1_000, 6);
const file = { path: "direct.bin", sizeBytes: whole.length, sha256: sha256(whole) } as const;
const order = [2, 1] as const;

/** A file that goes past the vault, a commit that names it, and the read that proves it; each thing that the vault or the store acknowledged is said. */
export async function uploadDirectly(
  client: DirectClient,
  say: (line: string) => void,
): Promise<void> {
  const { vault, caller } = client;
  const { upload } = await openUpload(vault, caller, model);
  const begun = await beginParted(vault, caller, { upload, ...file });
  const { object } = begun.object;
  const address = { upload, object };
  using sealer = await sealerOf(vault, caller, { ...address, whole }, (key) =>
    say(`handed ${key}`),
  );
  for (const part of order) {
    await sendPart(client, { ...address, whole }, { sealer, part });
    say(`part ${object} ${part}`);
  }
  const sealed = await complete(vault, caller, address);
  say(`sealed ${object}`);
  const revision = await commitFile(vault, caller, { upload, file: sealed });
  say(`committed ${revision}`);
  const failures: unknown[] = [];
  const signal = new AbortController().signal;
  await proveDeclared(vault, { onFailure: (error) => failures.push(error), signal });
  if (failures.length > 0) throw new AggregateError(failures, "the file was not read");
  say(`proved ${object}`);
}

/** How one who comes back goes on with that file: with the key that is handed out once more. */
export function resumingDirectly(client: DirectClient): Resuming {
  const send = async (address: ObjectAddress, part: number) => {
    const left = { ...address, whole };
    using sealer = await sealerOf(client.vault, client.caller, left);
    await sendPart(client, left, { sealer, part });
  };
  return { order, sha256: file.sha256, send };
}

type Told = { readonly kind: string; readonly body: Readonly<Record<string, unknown>> };

/** Throws where a key left, or a file was proved, and the ledger does not say so. */
export function assertSaid(entries: readonly Told[], said: readonly string[]): void {
  const told = (kind: string, member: string, id: string) =>
    entries.some((entry) => entry.kind === kind && entry.body[member] === id);
  for (const line of said) {
    const [what, id = ""] = line.split(" ");
    if (what === "handed" && !told("upload.key-released", "key", id))
      throw new Error(`the key ${id} left without its record`);
    if (what === "sealed" && told("object.refuted", "object", id))
      throw new Error(`the acknowledged file ${id} was refuted`);
    if (what === "proved" && !told("object.proved", "object", id))
      throw new Error(`the proof of file ${id} is lost`);
  }
}
