import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ask, type Client, filesRoute, get, put, route } from "../../src/cli/client.ts";
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
const bareServer = fileURLToPath(new URL("./bare-files.ts", import.meta.url));

/**
 * A decrypted download from the real server, every segment verified before a byte of it leaves and every release decided and recorded, against
 * a bare server that sends a file of the same size. Both are processes of their own, and the client is this process for both.
 */
export async function downloadHttp(
  measurement: Measurement,
  resources: Resources,
): Promise<readonly Figure[]> {
  const sizeBytes = scaled(2 * gibibyte, measurement);
  measurement.progress("  starting both servers");
  const bare = await startBareServer(resources, sizeBytes);
  const vault = await startVault(resources, sizeBytes);
  const timed = (client: Client, path: string) => async () =>
    await rateOf(sizeBytes, async () => await drain(client, path, sizeBytes));
  const subjects = {
    bare: timed(bare, "/"),
    vault: timed(vault, filesRoute(`${repositoryAddress}/revisions/main`, "weights.bin")),
  };
  for (const subject of Object.values(subjects)) await subject();
  const rates = await interleave(rounds, subjects, measurement);
  return [figure("download-http", "MiB/s", { value: rates.vault, baseline: rates.bare })];
}

async function startBareServer(resources: Resources, sizeBytes: number): Promise<Client> {
  const path = join(await temporaryFolder(resources), "file");
  {
    await using file = await open(path, "wx");
    for await (const chunk of repeated(randomBytes(mebibyte), sizeBytes))
      await file.writeFile(chunk);
  }
  const { ready } = await startProgram(resources, {
    argv: [bareServer, path],
    isReady: /listens on (\S+)\n/,
  });
  return clientOf(new URL(ready[1] ?? ""), null);
}

/** The researcher of a server with one committed file. */
async function startVault(resources: Resources, sizeBytes: number): Promise<Client> {
  const { researcher } = await castActors(await startVaultProcess(resources, "postgres"));
  const opened = await ask(researcher, "POST", `${repositoryAddress}/uploads`);
  const upload = `${repositoryAddress}${route`/uploads/${textOf(opened, "upload")}`}`;
  const path = "weights.bin";
  const source = repeated(randomBytes(mebibyte), sizeBytes);
  const sha256 = textOf(
    await put(researcher, filesRoute(upload, path), { sizeBytes, source }),
    "sha256",
  );
  const files = [{ path, size: sizeBytes, sha256 }];
  await ask(researcher, "POST", `${upload}/commit`, { parent: null, files });
  return researcher;
}

async function drain(client: Client, path: string, sizeBytes: number): Promise<void> {
  const response = await get(client, path);
  let receivedBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) receivedBytes += chunk.length;
  if (receivedBytes !== sizeBytes) throw new Error("the server sent another number of bytes");
}
