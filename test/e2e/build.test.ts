import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { temporaryFolder } from "./command.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

test("what is built seals and opens in threads of its own, which find their program beside it", async () => {
  await using folder = await temporaryFolder();
  const dist = join(folder.path, "dist");
  const config = join(folder.path, "tsconfig.json");
  const extended = join(root, "tsconfig.build.json");
  // Of what the package is built from, the files that are looked at here, by the same settings; types are checked elsewhere.
  const files = ["file.ts", "pool-worker.ts"].map((name) => join(root, "src/floe", name));
  const compilerOptions = { outDir: dist, rootDir: join(root, "src"), noCheck: true };
  const typeRoots = [join(root, "node_modules/@types")];
  await writeFile(
    config,
    JSON.stringify({
      extends: extended,
      compilerOptions: { ...compilerOptions, typeRoots },
      include: [],
      files,
    }),
  );
  await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", config]);
  await writeFile(join(folder.path, "package.json"), '{"type":"module"}');
  const plain = join(folder.path, "plain");
  await writeFile(plain, "weights");
  const program = join(folder.path, "program.js");
  await writeFile(
    program,
    `import { readFileSync } from "node:fs";
    import { openFile, sealFile } from "./dist/floe/file.js";
    import { SegmentPool } from "./dist/floe/pool.js";
    import { Secret } from "./dist/crypto/secret.js";
    const [plain, sealed, opened] = ${JSON.stringify([plain, `${plain}.sealed`, `${plain}.opened`])};
    await using pool = new SegmentPool({ threads: 1 });
    const sealing = { pool, key: new Secret(Buffer.alloc(32, 7)), aad: Buffer.from("aad") };
    await sealFile({ ...sealing, from: plain, to: sealed });
    await openFile({ ...sealing, from: sealed, to: opened });
    process.stdout.write(readFileSync(opened, "utf8"));`,
  );
  const { stdout } = await run(process.execPath, [program]);
  expect(stdout).toBe("weights");
}, 180_000);
