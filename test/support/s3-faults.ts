import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What happens to one request on its way to the server. */
export type Fault =
  /** The server never sees it. */
  | { readonly kind: "refuse"; readonly status: number; readonly code: string }
  | { readonly kind: "cut-request" }
  /** The server does it, and the answer is lost. */
  | { readonly kind: "lose-answer" }
  /** The answer's body breaks off after so many bytes. */
  | { readonly kind: "cut-answer"; readonly afterBytes: number }
  | { readonly kind: "delay"; readonly milliseconds: number }
  /** One bit of the request's, or the answer's, body is another. */
  | { readonly kind: "flip-request"; readonly atByte: number }
  | { readonly kind: "flip-answer"; readonly atByte: number };

export type Asked = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
};

export type FaultyS3 = {
  readonly endpoint: string;
  /** Every request so far. */
  readonly asked: Asked[];
  /** Decides what happens to each request from here on; null lets it through. */
  fault: (asked: Asked) => Fault | null;
  stop(): Promise<void>;
};

/** Stands between a client and a real S3 server, and makes trouble where it is told to. Signatures hold, since the host header goes on. */
export async function startFaultyS3(upstream: string): Promise<FaultyS3> {
  const server = createServer((req, res) => void pass(faulty, upstream, { req, res }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const faulty: FaultyS3 = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    fault: () => null,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return faulty;
}

type Passing = { readonly req: IncomingMessage; readonly res: ServerResponse };

async function pass(faulty: FaultyS3, upstream: string, { req, res }: Passing): Promise<void> {
  const url = new URL(req.url ?? "/", upstream);
  const asked = { method: req.method ?? "", path: url.pathname, query: url.searchParams };
  faulty.asked.push(asked);
  const fault = faulty.fault(asked);
  if (fault?.kind === "cut-request") {
    req.once("data", () => req.destroy());
    if (req.headers["content-length"] === "0" || asked.method === "GET") req.destroy();
    return;
  }
  const body = await bodyOf(req);
  if (fault?.kind === "refuse") {
    res.writeHead(fault.status, { "content-type": "application/xml" });
    res.end(`<?xml version="1.0"?><Error><Code>${fault.code}</Code><Message>no</Message></Error>`);
    return;
  }
  if (fault?.kind === "delay")
    await new Promise((resolve) => setTimeout(resolve, fault.milliseconds));
  if (fault?.kind === "flip-request") flip(body, fault.atByte);
  const { hostname, port } = new URL(upstream);
  const forwarded = request(
    { hostname, port, method: req.method, path: req.url, headers: req.headers },
    (answer) => void answerWith(fault, answer, res),
  );
  forwarded.on("error", () => res.destroy());
  forwarded.end(body);
}

async function answerWith(
  fault: Fault | null,
  answer: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const body = await bodyOf(answer);
  if (fault?.kind === "lose-answer") {
    res.destroy();
    return;
  }
  if (fault?.kind === "flip-answer") flip(body, fault.atByte);
  res.writeHead(answer.statusCode ?? 500, answer.headers);
  if (fault?.kind === "cut-answer" && body.length > fault.afterBytes) {
    res.write(body.subarray(0, fault.afterBytes), () => setTimeout(() => res.destroy(), 20));
    return;
  }
  res.end(body);
}

function flip(body: Buffer, at: number): void {
  const byte = body[at];
  if (byte !== undefined) body[at] = byte ^ 1;
}

async function bodyOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch {
    // The client went away in the middle, which is its right.
  }
  return Buffer.concat(chunks);
}
