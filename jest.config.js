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
  coverageProvider: "v8",
  testTimeout: 60_000,
};
