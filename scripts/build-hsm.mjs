import { spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// Builds pkcs11js, the one package here that needs a C++ compiler and Python. Its own script is refused at install, so that `npm ci` works on
// machines without them; whoever has an HSM runs `npm run hsm`. Nothing is fetched: the headers come with Node.
const root = fileURLToPath(new URL("..", import.meta.url));
const source = join(root, "node_modules", "pkcs11js");

function end(message, code) {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

/** The folder of a Node that has its headers: the platform's package beside the local Node, or the running one's own. */
function headers() {
  const platform = `node-${process.platform}-${process.arch}`;
  const places = [
    join(root, "node_modules", "node", "node_modules", platform),
    join(root, "node_modules", platform),
    dirname(dirname(realpathSync(process.execPath))),
  ];
  return places.find((place) => existsSync(join(place, "include", "node", "node_api.h")));
}

if (!existsSync(join(source, "binding.gyp")))
  end("pkcs11js is not installed: npm left it out as an optional dependency", 1);
const nodedir = headers();
if (nodedir === undefined) end("no headers of Node were found beside it: run `npm ci` first", 1);
const built = spawnSync("node-gyp", ["rebuild", `--nodedir=${nodedir}`], {
  cwd: source,
  stdio: ["ignore", "inherit", "inherit"],
  shell: process.platform === "win32",
});
if (built.error !== undefined)
  end(`node-gyp cannot be run (${built.error.message}): use \`npm run hsm\``, 1);
process.exitCode = built.status ?? 1;
