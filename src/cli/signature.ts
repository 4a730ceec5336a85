import { createHash } from "node:crypto";
import { type Command, InvalidArgumentError } from "commander";
import { readRegularFile } from "../ledger/source-file.ts";
import { longestBundleBytes } from "../lineage/model-signature.ts";
import { ask, type Client, get, post } from "./client.ts";
import { noun, recordOf, recordsIn, remote } from "./command.ts";
import { type Context, openSession, type RemoteOptions } from "./context.ts";
import { Failure } from "./failure.ts";
import { columns, details, table } from "./output.ts";
import { type RevisionName, revisionName, revisionRoute } from "./revision-name.ts";
import { writeWhole } from "./whole-file.ts";

export function signatureCommands(program: Command, context: Context): void {
  const signature = noun(program, "signature", "OpenSSF model signatures of a revision");

  remote(signature, "attach", "attach a bundle to a revision that you committed")
    .argument("<revision>", "namespace/name@revision", revisionName)
    .argument("<bundle>", "the bundle, as `model_signing sign` writes it")
    .action(async (named: RevisionName, file: string, options: RemoteOptions) => {
      const bundle = await readBundle(file);
      const { client, output } = await openSession(context, options);
      const answer = recordOf(await attachBundle(client, named, bundle));
      output.result(answer, () => details(answer));
    });

  remote(signature, "list", "the signatures of a revision, oldest first")
    .argument("<revision>", "namespace/name@revision", revisionName)
    .action(async (named: RevisionName, options: RemoteOptions) => {
      const { client, output } = await openSession(context, options);
      const answer = await ask(client, "GET", `${revisionRoute(named)}/signatures`);
      output.result(answer, () =>
        table(
          recordsIn(answer, "signatures"),
          columns("bundle", "key", "trust", "files", "attachedAt"),
        ),
      );
    });

  remote(signature, "save", "keep a bundle, for others' tools to verify")
    .argument("<revision>", "namespace/name@revision", revisionName)
    .argument("<bundle>", "the SHA-256 that the list names", digest)
    .argument("<file>", "where it goes")
    .action(async (named: RevisionName, bundle: string, file: string, options: RemoteOptions) => {
      const { client, output } = await openSession(context, options);
      const path = `${revisionRoute(named)}/signatures/${bundle}`;
      const bytes = await readBytes(client, path);
      if (createHash("sha256").update(bytes).digest("hex") !== bundle)
        throw new Failure("integrity", "the server sent another bundle than was asked for");
      await writeWhole(file, bytes);
      output.result({ bundle, file }, () => `${file} holds bundle ${bundle}`);
    });
}

/** Sends a bundle for a revision; gives the server's answer. */
export async function attachBundle(
  client: Client,
  named: RevisionName,
  bundle: Buffer,
): Promise<unknown> {
  return await post(client, `${revisionRoute(named)}/signatures`, bundle);
}

/** A bundle's bytes. Throws `usage` for what is no file, and for a longer one than a server takes. */
export async function readBundle(file: string): Promise<Buffer> {
  const bytes = await readRegularFile(file, longestBundleBytes + 1).catch((cause: unknown) => {
    throw new Failure("usage", `${file} cannot be read`, { cause });
  });
  if (bytes === null) throw new Failure("usage", `${file} is no file`);
  if (bytes.length > longestBundleBytes) throw new Failure("usage", `${file} is too long`);
  return bytes;
}

/** At most as much as a bundle has; what a longer answer begins with is not the bundle that was asked for. */
async function readBytes(client: Client, path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of (await get(client, path)) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > longestBundleBytes) break;
  }
  return Buffer.concat(chunks);
}

function digest(text: string): string {
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new InvalidArgumentError("It is 64 hex digits.");
  return text.toLowerCase();
}
