import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

export type HttpDouble = {
  readonly url: string;
  /** `GET /v1/me`, in order. */
  readonly asked: string[];
} & AsyncDisposable;

/** A real HTTP server that answers as a test wants; `await using` stops it. */
export async function serveHttp(handle: Handler): Promise<HttpDouble> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method ?? ""} ${request.url ?? ""}`);
    const handled = async () => await handle(request, response);
    handled().catch((error: unknown) => {
      response.destroy(Error.isError(error) ? error : undefined);
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

export function answer(response: ServerResponse, status: number, value: unknown): void {
  const type = status < 400 ? "application/json" : "application/problem+json";
  response.writeHead(status, { "content-type": type }).end(JSON.stringify(value));
}

export function problem(
  response: ServerResponse,
  status: number,
  code: string,
  members: Readonly<Record<string, unknown>> = {},
): void {
  answer(response, status, {
    status,
    code,
    title: `The title of ${code}`,
    detail: `the detail of ${code}`,
    remedy: `The remedy of ${code}.`,
    requestId: "8d1d3f6e-0000-4000-8000-000000000000",
    ...members,
  });
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
