import { parentPort } from "node:worker_threads";
import { BundleDigester, type BundleWork } from "./verify-digest.ts";

// The far side of `DigestPool`: takes bundles in order, and answers each with its digest.
const digester = new BundleDigester();

parentPort?.on("message", (work: BundleWork) => {
  parentPort?.postMessage(digester.digest(work));
});
