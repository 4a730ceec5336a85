import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Resources } from "./resources.ts";

const sampleEveryMs = 200;
const kibibytesPerMebibyte = 1_024;

export type PeakMemory = {
  /** The most resident memory that the process has held so far, in MiB. */
  readonly readMib: () => Promise<number>;
};

/** On Linux the kernel keeps the peak and misses nothing (VmHWM). Elsewhere `ps` is asked again and again, and may miss a short one. */
export async function watchPeakMemory(resources: Resources, pid: number): Promise<PeakMemory> {
  if (process.platform === "linux")
    return { readMib: async () => (await readHighWater(pid)) / kibibytesPerMebibyte };
  let peakKib = 0;
  let isOver = false;
  const sample = async () => {
    peakKib = Math.max(peakKib, await residentKib(pid));
    return peakKib;
  };
  const sampling = (async () => {
    while (!isOver) {
      await sample().catch(() => {});
      await sleep(sampleEveryMs);
    }
  })();
  await resources.keep(async () => {
    isOver = true;
    await sampling;
  });
  return { readMib: async () => (await sample()) / kibibytesPerMebibyte };
}

async function readHighWater(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  if (kibibytes === undefined) throw new Error("the kernel does not tell the peak of a process");
  return Number(kibibytes);
}

async function residentKib(pid: number): Promise<number> {
  const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", String(pid)]);
  return Number(stdout.trim());
}
