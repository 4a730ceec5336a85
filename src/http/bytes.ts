import type { IncomingMessage, ServerResponse } from "node:http";
import { Refusal } from "../errors.ts";

/** How long a refused upload is still read from, so that its client sees the answer. */
export const lingerMs = 2_000;
/** How long the other side may be silent in the middle of a body. */
const silenceMs = 120_000;
/** How long the whole of a small body may take: who sends a byte now and then is never silent. */
const smallBodyMs = 30_000;

/** Whether the request announced a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** Whether some of an announced body has not come yet. */
export function hasUnreadBody(req: IncomingMessage): boolean {
  return hasBody(req) && !req.complete;
}

/**
 * The request's body as it comes, asked for first where the client waits to be asked (`Expect: 100-continue`). Who stops reading leaves
 * the connection standing for an answer. Throws `upload_interrupted` when the client goes away or falls silent.
 */
export async function* receive(
  req: IncomingMessage,
  res: ServerResponse,
): AsyncGenerator<Buffer, void, undefined> {
  if (req.headers.expect?.toLowerCase() === "100-continue" && !res.headersSent) res.writeContinue();
  const silence = setTimeout(() => req.destroy(), silenceMs);
  try {
    const chunks = req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of chunks) {
      silence.refresh();
      yield chunk;
    }
  } catch (error) {
    throw new Refusal("upload_interrupted", "the connection ended before the body did", {
      cause: error,
    });
  } finally {
    clearTimeout(silence);
  }
  if (!req.complete)
    throw new Refusal("upload_interrupted", "the connection ended before the body did");
}

/**
 * The whole of a small body. Throws `payload_too_large`, before reading where the size was announced, and `request_timeout` when it has
 * not come within thirty seconds.
 */
export async function receiveAll(
  req: IncomingMessage,
  res: ServerResponse,
  limitBytes: number,
): Promise<Buffer> {
  if (Number(req.headers["content-length"] ?? 0) > limitBytes) throw tooLarge(limitBytes);
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Refusal("request_timeout", "the body did not come within thirty seconds")),
    smallBodyMs,
  );
  try {
    // What still comes after the deadline is read, up to the limit, until the refusal has ended the connection.
    return await Promise.race([collect(receive(req, res), limitBytes), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function collect(body: AsyncIterable<Buffer>, limitBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of body) {
    sizeBytes += piece.length;
    if (sizeBytes > limitBytes) throw tooLarge(limitBytes);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function tooLarge(limitBytes: number): Refusal {
  return new Refusal("payload_too_large", `the body may have ${limitBytes} bytes at the most`);
}

/**
 * Writes chunks as fast as the client takes them and ends the answer. Resolves to whether all went out; false when the client went
 * away. Either way the source is ended. Throws what the source throws.
 */
export async function transmit(
  res: ServerResponse,
  source: AsyncIterator<Uint8Array>,
  first: IteratorResult<Uint8Array>,
): Promise<boolean> {
  try {
    for (let next = first; next.done !== true; next = await source.next()) {
      if (res.destroyed) return false;
      if (!res.write(next.value)) await drained(res);
    }
    if (res.destroyed) return false;
    res.end();
    return true;
  } finally {
    await source.return?.();
  }
}

/** Resolves when the client has taken what was written, or is gone; one that takes nothing for long is cut off. */
async function drained(res: ServerResponse): Promise<void> {
  if (res.destroyed) return;
  await new Promise<void>((resolve) => {
    const silence = setTimeout(() => res.destroy(), silenceMs);
    const end = () => {
      clearTimeout(silence);
      res.off("drain", end).off("close", end);
      resolve();
    };
    res.once("drain", end).once("close", end);
  });
}
