import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findLocalKms } from "./local-kms.ts";
import { configureSoftHsm, findSoftHsm } from "./softhsm.ts";
import startServices from "./start-services.ts";

declare global {
  var weightvaultTestServices: string | undefined;
}

/**
 * What the service tests stand on beside PostgreSQL: SoftHSM and local-kms, found or got and said in the environment, with the reason where
 * one is not to be had.
 */
export default async function startRealServices(): Promise<void> {
  await startServices();
  const folder = await mkdtemp(join(tmpdir(), "weightvault-real-services-"));
  globalThis.weightvaultTestServices = folder;
  process.env["SOFTHSM2_CONF"] = await configureSoftHsm(folder);
  process.env["WEIGHTVAULT_TEST_SOFTHSM"] = JSON.stringify(findSoftHsm(folder));
  process.env["WEIGHTVAULT_TEST_LOCAL_KMS"] = JSON.stringify(findLocalKms(folder));
}
