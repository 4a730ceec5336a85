import { rm } from "node:fs/promises";
import stopServices from "./stop-services.ts";

export default async function stopRealServices(): Promise<void> {
  const folder = globalThis.weightvaultTestServices;
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  await stopServices();
}
