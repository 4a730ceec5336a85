import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

/**
 * What an upload is measured against: an HTTP server that hashes with SHA-256 what is PUT and writes it to a file, and no more. Under
 * `/plain` it answers when the system has taken the bytes, under `/flushed` when they are on disk. DELETE removes the file, so that this
 * costs nobody's round. Argument: the folder for the file.
 */
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("the folder is needed");
const file = join(folder, "file");

async function take(request: IncomingMessage): Promise<string> {
  const hash = createHash("sha256");
  const hashing = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(request, hashing, createWriteStream(file, { flush: request.url === "/flushed" }));
  return hash.digest("hex");
}

async function answer(request: IncomingMessage): Promise<string> {
  if (request.method === "PUT") return JSON.stringify({ sha256: await take(request) });
  await rm(file, { force: true });
  return "{}";
}

const server = createServer((request, response) => {
  answer(request).then(
    (text) => response.setHeader("Content-Type", "application/json").end(text),
    () => response.destroy(),
  );
});
server.requestTimeout = 0;
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.stderr.write(`the bare server listens on http://127.0.0.1:${port}\n`);
});
