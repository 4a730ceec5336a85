import { once } from "node:events";
import { readdir, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { Api } from "../../support/api.ts";
import { type ServerProcess, spawnServer } from "../../support/server-process.ts";
import { until } from "../../support/until.ts";
import { anyPlace, bootstrapTokenIn, release, tell } from "./served.ts";

const half = Buffer.alloc(600_000, "first half ");
const rest = Buffer.alloc(600_000, "second half ");

/** A connection on which one request follows another, and what came back on it. */
class Line {
  readonly #socket: Socket;
  #heard = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#heard += chunk.toString("latin1");
    });
    socket.on("error", () => {});
  }

  static async to(url: string): Promise<Line> {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    await once(socket, "connect");
    return new Line(socket);
  }

  say(...parts: readonly (string | Buffer)[]): void {
    for (const part of parts) this.#socket.write(part);
  }

  /** Waits for an answer to begin with this status line, and forgets everything up to it. */
  async hear(status: string): Promise<string> {
    const line = `HTTP/1.1 ${status}`;
    await until(() => this.#heard.includes(line));
    this.#heard = this.#heard.slice(this.#heard.indexOf(line) + line.length);
    return this.#heard;
  }

  async hearText(text: string): Promise<void> {
    await until(() => this.#heard.includes(text));
  }
}

/** A server with an upload under way: half of it has come, and the server has asked for it. */
async function uploading(server: ServerProcess, folder: string) {
  const url = await server.url;
  const told = await tell(url, await bootstrapTokenIn(folder));
  const uploader = new Api(url, told.uploader.token);
  const at = "/v1/repositories/lab/model";
  const upload = await uploader.text("upload", "POST", `${at}/uploads`);
  const line = await Line.to(url);
  line.say(
    `PUT ${at}/uploads/${upload}/files/late.bin HTTP/1.1\r\nHost: vault\r\nAuthorization: Bearer ${told.uploader.token}\r\n`,
    `Content-Length: ${half.length + rest.length}\r\nExpect: 100-continue\r\n\r\n`,
  );
  await line.hear("100 Continue");
  line.say(half);
  return { ...told, url, line, at: `${at}/uploads/${upload}` };
}

async function isRefused(url: string): Promise<boolean> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once("connect", () => resolve(false));
  socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
  return await promise.finally(() => socket.destroy());
}

test("SIGTERM drains: the upload under way finishes, readyz turns red, new connections are refused, the exit code is 0", async () => {
  await using place = await anyPlace();
  const server = spawnServer(place.env);
  const { url, line, at, uploader, reader, bytes } = await uploading(server, place.folder);
  server.child.kill("SIGTERM");
  await until(async () => await isRefused(url));
  expect(server.child.exitCode).toBeNull();

  line.say(rest);
  await line.hear("201 Created");
  line.say("GET /readyz HTTP/1.1\r\nHost: vault\r\n\r\n");
  const head = await line.hear("503 Service Unavailable");
  await line.hearText("shutting_down");
  expect(head.toLowerCase()).toContain("connection: close");
  expect(await server.gone).toEqual({ code: 0, signal: null });

  // What was answered with 201 at the last moment is there to be committed.
  const next = spawnServer(place.env);
  const api = new Api(await next.url, uploader.token);
  const kept = await api.json("GET", at.slice(0));
  expect(kept["files"]).toMatchObject([{ path: "late.bin", size: half.length + rest.length }]);
  expect(await release(await next.url, reader)).toEqual(bytes);
  expect(await next.end("SIGTERM")).toEqual({ code: 0, signal: null });
});

test("an upload that does not end within the drain time is cut off, keeps nothing, and the exit code is 0 still", async () => {
  await using place = await anyPlace();
  const server = spawnServer({ ...place.env, WEIGHTVAULT_DRAIN_SECONDS: "1" });
  const { at, uploader } = await uploading(server, place.folder);
  const beginning = performance.now();
  expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null });
  expect(performance.now() - beginning).toBeGreaterThan(900);

  const next = spawnServer(place.env);
  const kept = await new Api(await next.url, uploader.token).json("GET", at);
  expect(kept).toMatchObject({ state: "open", files: [] });
  await next.end("SIGTERM");
});

test("a server that is asked to stop the moment it listens, or before, still ends in order", async () => {
  await using place = await anyPlace();
  for (const waits of [true, false]) {
    const server = spawnServer({ ...place.env, WEIGHTVAULT_LOG_LEVEL: "info" });
    if (waits) await server.url;
    // Not before Node has read the program.
    else await until(async () => (await readdir(place.folder)).includes("lock.sqlite"));
    expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null });
    await rm(join(place.folder, "lock.sqlite"));
  }
});
