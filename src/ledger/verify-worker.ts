import { parentPort } from "node:worker_threads";
import { BundleDigester, type BundleWork } from "./verify-digest.ts";

type Handed = BundleWork & {
  readonly bundle: Uint8Array<ArrayBuffer>;
  readonly leafTile: Uint8Array<ArrayBuffer> | null;
};

// The far side of `DigestPool`: takes bundles in order, and answers each with its digest and with the memory that it came in.
const digester = new BundleDigester();

parentPort?.on("message", (work: Handed) => {
  const digest = digester.digest(work);
  const { bundle, leafTile } = work;
  const spent = leafTile === null ? [bundle.buffer] : [bundle.buffer, leafTile.buffer];
  parentPort?.postMessage({ digest, spent }, spent);
});
