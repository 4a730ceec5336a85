import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Witness, WitnessAnswer } from "./witness.ts";

export type WitnessServerOptions = {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly onAnswer: (answer: WitnessAnswer) => void;
  readonly onFailure: (error: unknown) => void;
};

export type WitnessServer = {
  readonly url: string;
  /** Accepts nothing more, and resolves when what is under way was answered. */
  stop(): Promise<void>;
};

/** A checkpoint with 63 hashes and some dozens of signatures is far smaller. */
const longestRequestBytes = 64 * 1_024;
const limitMs = 10_000;

/** Serves `POST /add-checkpoint` and nothing else. Throws where the address cannot be had. */
export async function serveWitness(
  witness: Witness,
  { host, port, onAnswer, onFailure }: WitnessServerOptions,
): Promise<WitnessServer> {
  const server = createServer((request, response) => {
    answer(witness, request, response).then(
      (given) => given !== null && onAnswer(given),
      (error: unknown) => {
        onFailure(error);
        say(response, 500, "the witness cannot cosign now");
      },
    );
  });
  server.requestTimeout = limitMs;
  server.headersTimeout = limitMs;
  const { promise, resolve: listening, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, host, listening);
  await promise;
  server.off("error", reject);
  server.on("error", onFailure);
  return { url: urlOf(server), stop: async () => await stop(server) };
}

async function answer(
  witness: Witness,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<WitnessAnswer | null> {
  if (request.url !== "/add-checkpoint") return say(response, 404, "only /add-checkpoint is here");
  if (request.method !== "POST") {
    response.setHeader("Allow", "POST");
    return say(response, 405, "add-checkpoint takes a POST");
  }
  const body = await readBody(request);
  if (body === "cut") return null;
  if (body === "long") return say(response, 413, "the request is longer than 64 KiB");
  const given = await witness.addCheckpoint(body);
  response.setHeader("Content-Type", given.contentType);
  response.writeHead(given.status).end(given.body);
  return given;
}

/** `cut` where the client went away, `long` where it sends more than a checkpoint can be. */
async function readBody(request: IncomingMessage): Promise<Buffer | "cut" | "long"> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      const bytes = chunk as Buffer;
      sizeBytes += bytes.length;
      if (sizeBytes > longestRequestBytes) return "long";
      chunks.push(bytes);
    }
  } catch {
    return "cut";
  }
  return Buffer.concat(chunks);
}

/** Refuses before the protocol begins. The rest of the request is not read, so the connection ends. */
function say(response: ServerResponse, status: number, why: string): null {
  if (response.headersSent || response.destroyed) return null;
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.setHeader("Connection", "close");
  response.writeHead(status).end(`${why}\n`);
  return null;
}

function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

async function stop(server: Server): Promise<void> {
  const { promise, resolve: closed } = Promise.withResolvers<void>();
  server.close(() => closed());
  server.closeIdleConnections();
  await promise;
}
