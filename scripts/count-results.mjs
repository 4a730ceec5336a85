import { readFileSync } from "node:fs";

// Adds up Jest's result files and prints the closing line. Ends non-zero when anything failed, when a file is missing or when no test ran.
const [failedSteps, ...files] = process.argv.slice(2);
let passed = 0;
let failed = 0;
for (const file of files) {
  try {
    const results = JSON.parse(readFileSync(file, "utf8"));
    passed += results.numPassedTests;
    failed += results.numFailedTests + results.numRuntimeErrorTestSuites;
  } catch {
    process.stderr.write(`no test results in ${file}\n`);
    failed += 1;
  }
}
if (failedSteps !== "0" && failed === 0) failed = 1;
if (passed === 0) failed += 1;
process.exitCode = failed === 0 ? 0 : 1;
process.stdout.write(`${passed} passed, ${failed} failed\n`);
