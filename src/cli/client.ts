import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  request as requestHttp,
} from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import type { Secret } from "../crypto/secret.ts";
import { counted } from "./counted.ts";
import { Failure, Problem } from "./failure.ts";

/** How the vault's HTTP interface is reached. */
export type Client = {
  /** What `/v1/` stands below. */
  readonly url: URL;
  readonly token: Secret | null;
  /** How long a connection may be silent. */
  readonly timeoutMs: number;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  readonly agent: HttpAgent;
};

export type Body = {
  readonly type: string;
  readonly sizeBytes: number;
  readonly source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
};

type Asked = {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
};

/** An answer is read whole, so a server that sends without end must not fill the memory. */
const answerLimitBytes = 256 * 2 ** 20;

/** One agent for all requests; its idle connections do not keep the process alive. */
export function createClient(options: Omit<Client, "agent">): Client {
  const agent = options.url.protocol === "https:" ? HttpsAgent : HttpAgent;
  return { ...options, agent: new agent({ keepAlive: true }) };
}

/** A path with its parts encoded, so that none of them can name another route. */
export function route(texts: TemplateStringsArray, ...parts: readonly string[]): string {
  return texts.reduce((path, text, at) => `${path}${encodePart(parts[at - 1] ?? "")}${text}`);
}

/** A file's path keeps its slashes. */
export function filesRoute(base: string, path: string): string {
  return `${base}/files/${path.split("/").map(encodePart).join("/")}`;
}

/** `?name=value` for the values that are given. */
export function query(values: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(values).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`;
}

/** Asks and gives the JSON of the answer, null where there is no content. Throws `Problem`, and `Failure` where no server answers. */
export async function ask(
  client: Client,
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  value?: unknown,
): Promise<unknown> {
  if (value === undefined) return await readJson(client, await exchange(client, { method, path }));
  const bytes = Buffer.from(JSON.stringify(value), "utf8");
  const body = { type: "application/json", sizeBytes: bytes.length, source: [bytes] };
  return await readJson(client, await exchange(client, { method, path, body }));
}

/** Sends a file, or a part of one, with its length declared, its SHA-256 too where it is known, in bounded memory, and gives the JSON of the answer. */
export async function put(
  client: Client,
  path: string,
  { sizeBytes, source, sha256 }: Pick<Body, "sizeBytes" | "source"> & { readonly sha256?: string },
): Promise<unknown> {
  const body = { type: "application/octet-stream", sizeBytes, source };
  const headers: Record<string, string> =
    sha256 === undefined
      ? {}
      : { "content-digest": `sha-256=:${Buffer.from(sha256, "hex").toString("base64")}:` };
  return await readJson(client, await exchange(client, { method: "PUT", path, headers, body }));
}

/** Sends bytes to a place outside the vault, with just the headers that it was made for. What it answers is of no use to anybody. Throws as `ask`. */
export async function putAt(
  client: Client,
  path: string,
  {
    headers,
    ...body
  }: Pick<Body, "sizeBytes" | "source"> & { readonly headers: Readonly<Record<string, string>> },
): Promise<void> {
  const type = "application/octet-stream";
  const asked = { method: "PUT", path, headers, body: { type, ...body } };
  const exchanged = await exchange(client, asked);
  if (!isOk(exchanged.response)) await readJson(client, exchanged);
  await readText(exchanged.response).catch((error: unknown) => {
    throw asFailure(client, error);
  });
}

/** The same of bytes at hand, to be added to what is there. */
export async function post(client: Client, path: string, bytes: Buffer): Promise<unknown> {
  const body = { type: "application/octet-stream", sizeBytes: bytes.length, source: [bytes] };
  return await readJson(client, await exchange(client, { method: "POST", path, body }));
}

/** The answer's bytes as they come; its head is checked, its body is the caller's to read. */
export async function get(client: Client, path: string): Promise<IncomingMessage> {
  const exchanged = await exchange(client, { method: "GET", path });
  if (!isOk(exchanged.response)) await readJson(client, exchanged);
  return exchanged.response;
}

/** Bytes `start` to `end` (exclusive) of something that has `totalBytes` in all. */
export type ByteRange = {
  readonly start: number;
  readonly end: number;
  readonly totalBytes: number;
};

/**
 * The answer with one range of bytes; its head is checked, its body is the caller's to read. Throws `integrity` where the server has another
 * number of bytes in all, and `unavailable` where it does not answer the range.
 */
export async function getRange(
  client: Client,
  path: string,
  { start, end, totalBytes }: ByteRange,
): Promise<IncomingMessage> {
  const headers = { range: `bytes=${start}-${end - 1}`, "accept-encoding": "identity" };
  const exchanged = await exchange(client, { method: "GET", path, headers });
  const { response } = exchanged;
  if (!isOk(response)) await readJson(client, exchanged);
  const { "content-range": given = "", "content-length": length } = response.headers;
  const [, from, to, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(given) ?? [];
  const isWhole = response.statusCode === 200 && start === 0 && end === totalBytes;
  if (!isWhole && response.statusCode !== 206)
    throw refused(response, "unavailable", "came whole where a range of it was asked for");
  if ((isWhole ? Number(length ?? totalBytes) : Number(total)) !== totalBytes)
    throw refused(response, "integrity", "has another size than the release states");
  if (!isWhole && (Number(from) !== start || Number(to) !== end - 1))
    throw refused(response, "unavailable", "came in another range than was asked for");
  return response;
}

function refused(
  response: IncomingMessage,
  exit: "integrity" | "unavailable",
  reason: string,
): Failure {
  response.destroy();
  return new Failure(exit, `the sealed object ${reason}`);
}

/** What a broken connection, or an interruption by the user, is told as. */
export function asFailure({ signal, url }: Pick<Client, "signal" | "url">, error: unknown): Error {
  if (error instanceof Failure || error instanceof Problem) return error;
  if (signal.aborted) return new Failure("failed", "interrupted");
  const reason = Error.isError(error) ? error.message || codeOf(error) : String(error);
  return new Failure("unavailable", `the server at ${url.origin} cannot be reached: ${reason}`, {
    cause: error,
  });
}

type Exchanged = { readonly request: ClientRequest; readonly response: IncomingMessage };

async function exchange(
  client: Client,
  { method, path, headers, body }: Asked,
): Promise<Exchanged> {
  const { url, token, timeoutMs, signal, agent } = client;
  // Behind the host that it is for: a path that begins with two slashes would name another.
  const target = new URL(`${url.origin}${url.pathname.replace(/\/+$/, "")}${path}`);
  const request = (target.protocol === "https:" ? requestHttps : requestHttp)(target, {
    method,
    agent,
    signal,
    timeout: timeoutMs,
    headers: {
      accept: "application/json, application/problem+json, */*",
      ...headers,
      ...(token === null ? {} : { authorization: `Bearer ${token.expose().toString("latin1")}` }),
      ...(body === undefined
        ? {}
        : { "content-type": body.type, "content-length": String(body.sizeBytes) }),
    },
  });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request.once("response", resolve);
  request.on("error", (error) => reject(asFailure(client, error)));
  request.on("timeout", () => {
    const message = `the server at ${url.origin} was silent for ${counted(timeoutMs / 1_000, "second")}`;
    request.destroy(new Failure("unavailable", message));
  });
  send(request, body).catch((error: unknown) => {
    request.destroy();
    reject(error);
  });
  return { request, response: await promise };
}

/** Writes the body as fast as the server takes it, and stops where the server answers before its end. */
async function send(request: ClientRequest, body: Body | undefined): Promise<void> {
  let isOver = false;
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const end = () => {
    isOver = true;
    resolve();
  };
  request.once("response", end);
  request.once("close", end);
  for await (const chunk of body?.source ?? []) {
    if (isOver) return;
    if (request.write(chunk)) continue;
    const { promise: drained, resolve: onDrain } = Promise.withResolvers<void>();
    request.once("drain", onDrain);
    await Promise.race([drained, over]);
    request.off("drain", onDrain);
  }
  if (!isOver) request.end();
}

async function readJson(client: Client, { request, response }: Exchanged): Promise<unknown> {
  try {
    const text = await readText(response);
    if (isOk(response)) return text === "" ? null : parseJson(text);
    throw problemOf(response, text);
  } catch (error) {
    throw asFailure(client, error);
  } finally {
    // A refusal before the end of the body: the rest of it is not sent.
    if (!request.writableEnded) request.destroy();
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > answerLimitBytes) throw new Failure("failed", "the answer is too long");
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new Failure("failed", "the server's answer is not JSON; is WEIGHTVAULT_URL a vault?", {
      cause,
    });
  }
}

function problemOf({ statusCode = 0, headers }: IncomingMessage, text: string): Problem {
  const isProblem = /^application\/(problem\+)?json\b/.test(headers["content-type"] ?? "");
  try {
    const document: unknown = isProblem ? JSON.parse(text) : null;
    if (typeof document === "object" && document !== null)
      return new Problem(statusCode, { ...document });
  } catch {
    // Whatever answered, it was not the vault.
  }
  return new Problem(statusCode, { status: statusCode, title: `HTTP status ${statusCode}` });
}

/** A redirect is not followed: the token stays with the host that it is for. */
function isOk({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

function encodePart(part: string): string {
  if (part === "." || part === "..") throw new Failure("usage", `"${part}" is not a name`);
  return encodeURIComponent(part);
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : error.name;
}
