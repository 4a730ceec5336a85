import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { CreateBucketCommand, ListBucketsCommand, S3Client } from "@aws-sdk/client-s3";
import { onFreePort } from "./free-port.ts";
import { buildGoProgram, type GoAbsent, type GoProgram } from "./go-program.ts";

const module = fileURLToPath(new URL("s3", import.meta.url));

/** versitygw, a server of S3 over a folder, built of its Go module. */
export function buildS3Server(): GoProgram | GoAbsent {
  return buildGoProgram(module, "github.com/versity/versitygw/cmd/versitygw");
}

export type S3Place = {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
};

export type S3Server = S3Place & {
  /** Ends the process; what it stored goes with it. */
  stop(): Promise<void>;
};

const region = "us-east-1";
const credentials = { accessKeyId: "weightvault", secretAccessKey: "weightvault-secret" };

/** A process of the server's own on a free loopback port, with an empty bucket. It keeps versions of the objects in buckets for which that is turned on, where it is asked to. */
export async function startS3Server(
  { binary }: GoProgram,
  { keepsVersions = false }: { readonly keepsVersions?: boolean } = {},
): Promise<S3Server> {
  return await onFreePort(async (port) => await startOn(port, { binary, keepsVersions }));
}

async function startOn(
  port: number,
  { binary, keepsVersions }: { readonly binary: string; readonly keepsVersions: boolean },
): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-s3-"));
  for (const each of ["meta", "data", "versions"]) await mkdir(join(folder, each));
  const endpoint = `http://127.0.0.1:${port}`;
  const child = spawn(
    binary,
    [
      "--port",
      `127.0.0.1:${port}`,
      "--quiet",
      "posix",
      "--sidecar",
      join(folder, "meta"),
      ...(keepsVersions ? ["--versioning-dir", join(folder, "versions")] : []),
      join(folder, "data"),
    ],
    {
      env: {
        PATH: process.env["PATH"] ?? "",
        ROOT_ACCESS_KEY: credentials.accessKeyId,
        ROOT_SECRET_KEY: credentials.secretAccessKey,
      },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString("utf8");
  });
  const gone = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
  });
  const stop = async () => {
    child.kill("SIGKILL");
    await gone;
    await rm(folder, { recursive: true, force: true });
  };
  const bucket = "weights";
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  try {
    await answers(client, () => ({ said, isGone: child.exitCode !== null }));
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  } catch (error) {
    await stop();
    throw error;
  } finally {
    client.destroy();
  }
  return { endpoint, bucket, region, credentials, stop };
}

async function answers(
  client: S3Client,
  stateOf: () => { readonly said: string; readonly isGone: boolean },
): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await client.send(new ListBucketsCommand({}));
      return;
    } catch (cause) {
      const { said, isGone } = stateOf();
      if (isGone || attempt === 100)
        throw new Error(`the S3 server does not serve: ${said}`, { cause });
      await sleep(100);
    }
  }
}
