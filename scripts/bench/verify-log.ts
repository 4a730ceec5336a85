import { readFile } from "node:fs/promises";
import { boundGarbage, verifyingThreads } from "../../src/cli/ledger-source.ts";
import { checkIds } from "../../src/export-control/decision.ts";
import { folderSource } from "../../src/ledger/source-folder.ts";
import { verifyLedger } from "../../src/ledger/verify.ts";

// `node verify-log.ts <folder> <key>`: verifies the log once, and says how long that took and how much memory the process has held at most.
const [folder = "", verificationKey = ""] = process.argv.slice(2);
const startedAt = performance.now();
const report = await verifyLedger(folderSource(folder), {
  verificationKey,
  checkIds,
  threads: verifyingThreads,
  onProgress: boundGarbage(),
});
const seconds = (performance.now() - startedAt) / 1_000;
const { user, system } = process.cpuUsage();
const status = await readFile("/proc/self/status", "utf8").catch(() => "");
const highKib = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS);
const { verified, size, errors, notices } = report;
const peakMib = highKib / 1_024;
const cpuSeconds = (user + system) / 1_000_000;
process.stdout.write(
  `${JSON.stringify({ verified, size, errors, notices, seconds, cpuSeconds, peakMib })}\n`,
);
