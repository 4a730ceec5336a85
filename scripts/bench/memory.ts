import { createHash, randomBytes } from "node:crypto";
import { ask, type Client, filesRoute, get, put, route } from "../../src/cli/client.ts";
import { newRecipientKeyPair } from "../../src/crypto/enclosure.ts";
import { objectBytes } from "../../src/floe/layout.ts";
import { castActors, memberOf, repository, repositoryAddress, textOf } from "./actors.ts";
import {
  type Figure,
  figure,
  gibibyte,
  type Measurement,
  mebibyte,
  repeated,
  scaled,
} from "./measure.ts";
import { watchPeakMemory } from "./peak-memory.ts";
import type { Resources } from "./resources.ts";
import { discardingVault, startVaultProcess } from "./vault-process.ts";

const limitMib = 400;

type SentFile = { readonly path: string; readonly size: number; readonly sha256: string };
type Traffic = { readonly files: number; readonly fileBytes: number };

/** The most memory that the server ever held while 20 GiB went up and came down, on PostgreSQL. */
export async function memory(
  measurement: Measurement,
  resources: Resources,
): Promise<readonly Figure[]> {
  const traffic = { files: 5, fileBytes: scaled(4 * gibibyte, measurement) };
  const { peakMib } = await peakUnder(traffic, "postgres", measurement, resources);
  return [figure("memory", "MiB", { value: peakMib, baseline: limitMib })];
}

/** The same while one file of 100 GiB goes up, into a store that counts its bytes and discards them. */
export async function memoryDiscarding(
  measurement: Measurement,
  resources: Resources,
): Promise<readonly Figure[]> {
  measurement.progress("  starting the server");
  const vault = await startVaultProcess(resources, "postgres", discardingVault);
  const peak = await watchPeakMemory(resources, vault.child.pid);
  const { researcher } = await castActors(vault);
  await sendFiles(researcher, { files: 1, fileBytes: scaled(100 * gibibyte, measurement) });
  return [figure("memory-discarding", "MiB", { value: await peak.readMib(), baseline: limitMib })];
}

/** The same on the embedded database, which lives in the server's process; the baseline is what the server took before the first byte. */
export async function memoryPglite(
  measurement: Measurement,
  resources: Resources,
): Promise<readonly Figure[]> {
  const traffic = { files: 2, fileBytes: scaled(gibibyte / 2, measurement) };
  const { peakMib, idleMib } = await peakUnder(traffic, "pglite", measurement, resources);
  return [figure("memory-pglite", "MiB", { value: peakMib, baseline: idleMib })];
}

async function peakUnder(
  traffic: Traffic,
  engine: "postgres" | "pglite",
  { progress }: Measurement,
  resources: Resources,
): Promise<{ readonly peakMib: number; readonly idleMib: number }> {
  progress("  starting the server");
  const vault = await startVaultProcess(resources, engine);
  const peak = await watchPeakMemory(resources, vault.child.pid);
  const { researcher } = await castActors(vault);
  const idleMib = await peak.readMib();
  const after = async (what: string) =>
    progress(`  ${what}: at most ${(await peak.readMib()).toFixed(0)} MiB so far`);
  const files = await sendFiles(researcher, traffic);
  await after(`${files.length} files went up`);
  for (const file of files) await readStream(researcher, file);
  await after("they came down decrypted");
  for (const file of files.slice(0, 1)) await readSealed(researcher, file);
  await after("one came down sealed");
  return { peakMib: await peak.readMib(), idleMib };
}

/** Uploads the files, one after the other, and commits them as one revision. */
async function sendFiles(client: Client, { files, fileBytes }: Traffic): Promise<SentFile[]> {
  const chunk = randomBytes(mebibyte);
  const opened = await ask(client, "POST", `${repositoryAddress}/uploads`);
  const upload = `${repositoryAddress}${route`/uploads/${textOf(opened, "upload")}`}`;
  const sent: SentFile[] = [];
  for (let at = 0; at < files; at += 1) {
    const path = `weights-${at}.bin`;
    const answer = await put(client, filesRoute(upload, path), {
      sizeBytes: fileBytes,
      source: repeated(chunk, fileBytes),
    });
    sent.push({ path, size: fileBytes, sha256: textOf(answer, "sha256") });
  }
  await ask(client, "POST", `${upload}/commit`, { parent: null, files: sent });
  return sent;
}

/** A figure of a server that gives out other bytes would be worth nothing, so what comes is held to the digest of what went. */
async function readStream(client: Client, { path, size, sha256 }: SentFile): Promise<void> {
  const response = await get(client, filesRoute(`${repositoryAddress}/revisions/main`, path));
  const hash = createHash("sha256");
  const receivedBytes = await drain(response as AsyncIterable<Buffer>, (chunk) =>
    hash.update(chunk),
  );
  if (receivedBytes !== size || hash.digest("hex") !== sha256)
    throw new Error(`${path} came down other than it went up`);
}

/** The sealed object of a file, after a release of its key; the key is left unopened. */
async function readSealed(client: Client, { path, size }: SentFile): Promise<void> {
  const { publicKey } = await newRecipientKeyPair();
  const released = await ask(client, "POST", "/v1/releases", {
    repository,
    revision: "main",
    paths: [path],
    recipientKey: publicKey.toString("base64url"),
  });
  const [object] = memberOf(released, "objects") as readonly unknown[];
  const response = await get(client, textOf(object, "url"));
  const receivedBytes = await drain(response as AsyncIterable<Buffer>, () => {});
  if (receivedBytes !== objectBytes(size)) throw new Error(`${path} is sealed in another size`);
}

async function drain(
  source: AsyncIterable<Buffer>,
  take: (chunk: Buffer) => unknown,
): Promise<number> {
  let receivedBytes = 0;
  for await (const chunk of source) {
    take(chunk);
    receivedBytes += chunk.length;
  }
  return receivedBytes;
}
