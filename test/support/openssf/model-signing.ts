import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { reasonOf, runs } from "../go-program.ts";

/** OpenSSF Model Signing's own package, in Python. */
export type ModelSigning = {
  /** Runs a script with arguments after an import of the package. Gives what it printed; throws with what it said where it fails. */
  readonly run: (script: string, ...args: readonly string[]) => string;
};

export type ModelSigningAbsent = { readonly absent: string };

const requirements = fileURLToPath(new URL("requirements.txt", import.meta.url));
const probe = "import model_signing";

/** The package of an installed Python, or one that is installed into an environment of its own below the folder, from pip's caches where it can. */
export function findModelSigning(folder: string): ModelSigning | ModelSigningAbsent {
  const pythons = ["python3", "python"].filter((each) => runs(each, ["--version"]));
  const [python] = pythons;
  if (python === undefined) return { absent: "Python is not installed" };
  const ready = pythons.find((each) => runs(each, ["-c", probe]));
  if (ready !== undefined) return using(ready);
  const environment = join(folder, "python");
  const own = join(environment, "bin", "python");
  const steps: readonly (readonly [string, readonly string[]])[] = [
    [python, ["-m", "venv", environment]],
    [own, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]],
  ];
  for (const [command, args] of steps) {
    const ran = spawnSync(command, args, { encoding: "utf8", timeout: 300_000 });
    if (ran.status !== 0) return { absent: `model-signing is not installed: ${reasonOf(ran)}` };
  }
  return using(own);
}

function using(python: string): ModelSigning {
  return {
    run: (script, ...args) => {
      const program = `import sys, model_signing\n${script}`;
      const ran = spawnSync(python, ["-c", program, ...args], {
        encoding: "utf8",
        timeout: 60_000,
      });
      if (ran.status === 0) return ran.stdout;
      throw new Error(ran.error?.message ?? ran.stderr);
    },
  };
}
