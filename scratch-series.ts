import { mkdir, writeFile } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { dirname, join } from "node:path";
import { once } from "node:events";
import { filesOf, fixedSigner } from "./test/vectors/ledger/build.ts";
import { signCheckpoint } from "./src/merkle/checkpoint.ts";
import { Frontier, leafHash } from "./src/merkle/tree.ts";
const n = 200_000; const signer = fixedSigner(7);
const entries = Array.from({ length: n }, (_, at) => Buffer.from(`entry ${at}`));
for (const name of ["new", "old"]) {
  const folder = `/tmp/aud-scratch/${name}`;
  for (const [path, bytes] of await filesOf(entries, signer)) { await mkdir(dirname(join(folder, path)), { recursive: true }); await writeFile(join(folder, path), bytes); }
}
const [a, b] = ["new", "old"].map((name) => createWriteStream(`/tmp/aud-scratch/${name}/checkpoints.jsonl`));
const frontier = new Frontier();
for (let at = 0; at < n; at += 1) {
  frontier.append(leafHash(entries[at]));
  const checkpoint = await signCheckpoint({ origin: signer.name, size: at + 1, root: frontier.root() }, signer);
  const line = `${JSON.stringify({ checkpoint })}\n`;
  for (const s of [a, b]) if (!s.write(line)) await once(s, "drain");
}
a.end(); b.end(); console.log(signer.verificationKey);
