import { readFileSync, writeFileSync } from "node:fs";

// A registry that lacks the binaries of other platforms leaves them out of the lock, and `npm ci` then refuses it.
// This adds every optional dependency that the lock names but does not describe. Run it after each change of the lock.
const path = "package-lock.json";
const platforms = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
];
const processors = ["arm", "arm64", "ia32", "loong64", "ppc64", "riscv64", "s390x", "x64"];

const lock = JSON.parse(readFileSync(path, "utf8"));
const missing = Object.entries(lock.packages).flatMap(
  ([owner, { dev, optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(
        ([name]) =>
          !(`node_modules/${name}` in lock.packages) &&
          !(`${owner}/node_modules/${name}` in lock.packages),
      )
      .map(([name, version]) => ({ name, version, dev })),
);
for (const { name, version, dev } of missing) {
  const words = name.split(/[/-]/);
  const os = platforms.filter((platform) => words.includes(platform));
  const cpu = processors.filter((processor) => words.includes(processor));
  if (!/^\d/.test(version) || os.length !== 1)
    throw new Error(`cannot describe ${name}@${version}`);
  lock.packages[`node_modules/${name}`] = {
    version,
    ...(cpu.length === 0 ? {} : { cpu }),
    ...(dev === true ? { dev } : {}),
    optional: true,
    os,
  };
}
const sorted = Object.keys(lock.packages).sort((one, other) => one.localeCompare(other, "en"));
lock.packages = Object.fromEntries(sorted.map((name) => [name, lock.packages[name]]));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${missing.length} added\n`);
