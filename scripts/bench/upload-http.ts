import { createHash, randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { ask, type Client, filesRoute, put, route } from "../../src/cli/client.ts";
import { castActors, clientOf, repositoryAddress, textOf } from "./actors.ts";
import {
  type Figure,
  figure,
  gibibyte,
  interleave,
  type Measurement,
  mebibyte,
  rateOf,
  repeated,
  scaled,
} from "./measure.ts";
import { type Resources, startProgram, temporaryFolder } from "./resources.ts";
import { startVaultProcess } from "./vault-process.ts";

const rounds = 5;
const bareServer = fileURLToPath(new URL("./bare-server.ts", import.meta.url));

/** Sends one body and gives the SHA-256 that the server found. */
type Send = (sizeBytes: number) => Promise<string>;

/**
 * An upload to the real server, against a bare server that hashes and writes the same bytes. Both are processes of their own, and the
 * client is this process for both, so what it takes of the machine is the same on both sides. `upload-http-flushed` is the same upload
 * against a bare server that, as the vault does, answers only when the bytes are on disk.
 */
export async function uploadHttp(
  measurement: Measurement,
  resources: Resources,
): Promise<readonly Figure[]> {
  const sizeBytes = scaled(2 * gibibyte, measurement);
  const chunk = randomBytes(mebibyte);
  measurement.progress("  starting both servers");
  const bare = await startBareServer(resources);
  const vault = await startVault(resources);
  const sends = {
    plain: bareSend(bare, "/plain", chunk),
    vault: vaultSend(vault.researcher, vault.files, chunk),
    flushed: bareSend(bare, "/flushed", chunk),
  };
  const sha256 = await digestOf(chunk, sizeBytes);
  const timed = (send: Send) => async () => {
    let answered = "";
    const rate = await rateOf(sizeBytes, async () => {
      answered = await send(sizeBytes);
    });
    if (answered !== sha256) throw new Error("the server took other bytes than were sent");
    // Every round finds the disk idle and the memory that caches files as free as the others did: that changes times more than one thinks.
    await ask(bare, "DELETE", "/");
    await vault.deleteObjects();
    return rate;
  };
  const warmUpBytes = Math.min(sizeBytes, 128 * mebibyte);
  for (const send of Object.values(sends)) await send(warmUpBytes);
  const rates = await interleave(
    rounds,
    { plain: timed(sends.plain), vault: timed(sends.vault), flushed: timed(sends.flushed) },
    measurement,
  );
  return [
    figure("upload-http", "MiB/s", { value: rates.vault, baseline: rates.plain }),
    figure("upload-http-flushed", "MiB/s", { value: rates.vault, baseline: rates.flushed }),
  ];
}

async function startBareServer(resources: Resources): Promise<Client> {
  const { ready } = await startProgram(resources, {
    argv: [bareServer, await temporaryFolder(resources)],
    isReady: /listens on (\S+)\n/,
  });
  return clientOf(new URL(ready[1] ?? ""), null);
}

async function startVault(resources: Resources) {
  const vault = await startVaultProcess(resources, "postgres");
  const { researcher } = await castActors(vault);
  const opened = await ask(researcher, "POST", `${repositoryAddress}/uploads`);
  return {
    ...vault,
    researcher,
    files: `${repositoryAddress}${route`/uploads/${textOf(opened, "upload")}`}`,
  };
}

function bareSend(client: Client, path: string, chunk: Buffer): Send {
  return async (sizeBytes) =>
    textOf(await put(client, path, { sizeBytes, source: repeated(chunk, sizeBytes) }), "sha256");
}

function vaultSend(client: Client, upload: string, chunk: Buffer): Send {
  let files = 0;
  return async (sizeBytes) => {
    files += 1;
    const path = filesRoute(upload, `file-${files}.bin`);
    return textOf(
      await put(client, path, { sizeBytes, source: repeated(chunk, sizeBytes) }),
      "sha256",
    );
  };
}

async function digestOf(chunk: Buffer, sizeBytes: number): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of repeated(chunk, sizeBytes)) hash.update(part);
  return hash.digest("hex");
}
