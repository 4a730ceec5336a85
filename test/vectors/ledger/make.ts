import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeAll, filesOf, fixedSigner } from "./build.ts";
import { story } from "./story.ts";

// Writes `small/`, the committed ledger: `node test/vectors/ledger/make.ts`. Key and entries are fixed, so are the bytes.
const signer = fixedSigner(7);
const files = await filesOf(encodeAll(story()), signer);
files.set("vkey", Buffer.from(`${signer.verificationKey}\n`));
for (const [path, bytes] of files) {
  const target = fileURLToPath(new URL(`small/${path}`, import.meta.url));
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, bytes);
}
