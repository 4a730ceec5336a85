import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";

/** What a download is measured against: an HTTP server that sends one file, and no more. Argument: the file. */
const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("the file is needed");

async function send(response: ServerResponse, path: string): Promise<void> {
  response.setHeader("Content-Length", (await stat(path)).size);
  await pipeline(createReadStream(path), response);
}

const server = createServer((_, response) => {
  send(response, file).catch(() => response.destroy());
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.stderr.write(`the bare server listens on http://127.0.0.1:${port}\n`);
});
