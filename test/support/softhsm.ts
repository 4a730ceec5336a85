import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Where SoftHSM and its tool lie; both come from Debian's packages. */
export type SoftHsm = { readonly library: string; readonly tool: string };
export type SoftHsmAbsent = { readonly absent: string };

export type TestToken = {
  readonly label: string;
  readonly pinFile: string;
  /** Takes the token's files away, as if it were pulled, and brings them back. */
  readonly remove: () => Promise<void>;
  readonly insert: () => Promise<void>;
  /** Writes another PIN into the file. */
  readonly writePin: (pin: string) => Promise<void>;
};

export const pin = "1234-test";

const installed: readonly SoftHsm[] = [
  "/usr/lib/softhsm",
  "/usr/lib64/softhsm",
  "/usr/local/lib/softhsm",
  "/opt/homebrew/lib/softhsm",
  ...["x86_64", "aarch64"].map((processor) => `/usr/lib/${processor}-linux-gnu/softhsm`),
].map((folder) => ({ library: join(folder, "libsofthsm2.so"), tool: "softhsm2-util" }));

/** What is installed; otherwise Debian's packages unpacked into `folder`, which needs no root. */
export function findSoftHsm(folder: string): SoftHsm | SoftHsmAbsent {
  const found = installed.find(({ library }) => existsSync(library));
  if (found !== undefined) return found;
  const packages = ["softhsm2", "softhsm2-common", "libsofthsm2"];
  for (const [command, args] of [
    ["apt-get", ["download", ...packages]],
    ["sh", ["-c", 'for each in ./*.deb; do dpkg-deb -x "$each" . || exit 1; done']],
  ] as const) {
    const ran = spawnSync(command, args, { cwd: folder, encoding: "utf8", timeout: 120_000 });
    if (ran.status !== 0) {
      const why = ran.error?.message ?? ran.stderr.trim().split("\n").at(-1) ?? "";
      return { absent: `SoftHSM is not installed, and Debian's package is not to be had: ${why}` };
    }
  }
  const unpacked = installed.find(({ library }) => existsSync(join(folder, library)));
  return unpacked === undefined
    ? { absent: "Debian's package of SoftHSM has no library for this processor" }
    : {
        library: join(folder, unpacked.library),
        tool: join(folder, "usr", "bin", "softhsm2-util"),
      };
}

/**
 * Writes the configuration of SoftHSM into `folder` and gives its path. The library reads it by SOFTHSM2_CONF from the process's real
 * environment, which a test under Jest cannot change: `start-real-services.ts` does.
 */
export async function configureSoftHsm(folder: string): Promise<string> {
  const tokens = join(folder, "tokens");
  await mkdir(tokens, { mode: 0o700 });
  const file = join(folder, "softhsm2.conf");
  await writeFile(file, `directories.tokendir = ${tokens}\nlog.level = ERROR\n`);
  return file;
}

/** Makes a token with a PIN, and a file that holds it. The PIN of the file is given to SoftHSM's tool, the token being one of the tests. */
export async function makeToken({ library, tool }: SoftHsm, label: string): Promise<TestToken> {
  const folder = dirname(process.env["SOFTHSM2_CONF"] ?? "");
  const tokens = join(folder, "tokens");
  const before = await readdir(tokens);
  const args = ["--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "so-pin"];
  const ran = spawnSync(tool, ["--module", library, ...args], { encoding: "utf8" });
  if (ran.status !== 0) throw new Error(`softhsm2-util: ${ran.stderr}`);
  const own = (await readdir(tokens)).find((each) => !before.includes(each)) ?? "";
  const pinFile = join(folder, `${label}.pin`);
  const writePin = (text: string) => writeFile(pinFile, `${text}\n`, { mode: 0o600 });
  await writePin(pin);
  return {
    label,
    pinFile,
    writePin,
    remove: () => rename(join(tokens, own), join(folder, own)),
    insert: () => rename(join(folder, own), join(tokens, own)),
  };
}

/** What the set-up of the service tests found. */
export function preparedSoftHsm(): SoftHsm | SoftHsmAbsent {
  const { WEIGHTVAULT_TEST_SOFTHSM: found = '{"absent":"the service tests were not set up"}' } =
    process.env;
  return JSON.parse(found) as SoftHsm | SoftHsmAbsent;
}
