import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { buildGoProgram, reasonOf, runs } from "../go-program.ts";

export type ComposeLoader = {
  readonly name: string;
  /** The project of a Compose file as JSON. Throws what the loader says of a file that it does not accept. */
  readonly load: (file: string) => unknown;
  readonly remove: () => void;
};

/** Nothing on this machine can load a Compose file. */
export type ComposeAbsent = { readonly absent: string };

const program = fileURLToPath(new URL(".", import.meta.url));

/** `docker compose` where it is installed; otherwise its own loader, compose-go, built with Go in a temporary folder. */
export function findComposeLoader(): ComposeLoader | ComposeAbsent {
  if (runs("docker", ["compose", "version"])) {
    const load = (file: string) =>
      parsed("docker", ["compose", "-f", file, "config", "--format", "json"]);
    return { name: "docker compose", load, remove: () => {} };
  }
  const built = buildGoProgram(program);
  if ("absent" in built)
    return { absent: `\`docker compose\` is not installed, and ${built.absent}` };
  const load = (file: string) => parsed(built.binary, [file, dirname(file)]);
  return { name: "compose-go", load, remove: built.remove };
}

function parsed(command: string, args: readonly string[]): unknown {
  const ran = spawnSync(command, args, { encoding: "utf8", timeout: 60_000 });
  if (ran.status !== 0) throw new Error(reasonOf(ran));
  return JSON.parse(ran.stdout) as unknown;
}
