import { writeFileSync } from "node:fs";

/**
 * Loaded before a command: writes the most memory that the process held, in bytes, into a file when it ends. It samples, since the system's
 * own maximum counts the parent's memory at the moment of the fork.
 */
let peakBytes = 0;
const sample = () => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
};

setInterval(sample, 10).unref();
process.on("exit", () => {
  sample();
  const file = process.env["PEAK_MEMORY_FILE"];
  if (file !== undefined) writeFileSync(file, String(peakBytes));
});
