import { availableParallelism } from "node:os";

const project = (displayName, ...folders) => ({
  displayName,
  transform: {},
  extensionsToTreatAsEsm: [".ts"],
  injectGlobals: false,
  testMatch: folders.map((folder) => `<rootDir>/test/${folder}/**/*.test.ts`),
});

export default {
  projects: [
    project("unit", "unit", "vectors"),
    {
      ...project("integration", "integration", "contract", "e2e"),
      globalSetup: "<rootDir>/test/support/start-services.ts",
      globalTeardown: "<rootDir>/test/support/stop-services.ts",
    },
    {
      ...project("services", "services"),
      globalSetup: "<rootDir>/test/support/start-real-services.ts",
      globalTeardown: "<rootDir>/test/support/stop-real-services.ts",
    },
  ],
  // Many tests wait for disks, servers and processes: one worker would leave a core of two idle.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  testSequencer: "<rootDir>/test/support/longest-first.js",
  coverageProvider: "v8",
  testTimeout: 180_000,
};
