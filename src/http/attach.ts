import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { Refusal } from "../errors.ts";
import { problemOf } from "./problem.ts";

/**
 * What only the server can do for the app that it serves: a client that asks first (`Expect: 100-continue`) is told to go on when its
 * body is read and not before, and what is no HTTP, or is cut off, is refused like everything else.
 */
export function attach(
  server: Server,
  app: (req: IncomingMessage, res: ServerResponse) => void,
): void {
  server.on("checkContinue", app);
  server.on("clientError", answerClientError);
}

/** A request that is cut off or is no HTTP never reaches a route. */
export function answerClientError(
  error: Error & { readonly code?: string },
  socket: Duplex & { readonly bytesWritten?: number },
): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const refusal =
    error.code === "HPE_INVALID_EOF_STATE"
      ? new Refusal("upload_interrupted", "the connection ended within the request")
      : new Refusal("malformed_http", "the request cannot be read as HTTP/1.1");
  const id = randomUUID();
  const body = JSON.stringify(problemOf(refusal, id));
  socket.end(
    [
      `HTTP/1.1 ${refusal.status} Bad Request`,
      "Content-Type: application/problem+json",
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-Id: ${id}`,
      "Cache-Control: no-store",
      "Connection: close",
      "",
      body,
    ].join("\r\n"),
    () => socket.destroy(),
  );
}
