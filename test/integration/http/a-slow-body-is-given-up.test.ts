import type { Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { dial, hear, type Serving, serve } from "./serving.ts";

const body = JSON.stringify({ bootstrapToken: "x", person: { name: "Olive First" } });
let s: Serving;

beforeAll(async () => {
  s = await serve();
});
afterAll(async () => {
  await s.stop();
});
beforeEach(() => {
  jest.useFakeTimers({
    doNotFake: ["nextTick", "setImmediate", "queueMicrotask", "performance", "Date"],
  });
});
afterEach(() => {
  jest.useRealTimers();
});

/** A connection whose body is being read, and nothing of it has come. */
async function begin(): Promise<Socket> {
  const socket = await dial(s);
  socket.write(
    `POST /v1/bootstrap HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
  );
  const first = await new Promise<string>((resolve) => {
    socket.once("data", (bytes) => resolve(bytes.toString()));
  });
  expect(first).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  return socket;
}

/** Writes one byte and waits until the server has had the time to read it. */
async function drip(socket: Socket, byte: string): Promise<void> {
  socket.write(byte);
  for (let turn = 0; turn < 20; turn += 1)
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
}

test("a JSON body that drips for thirty seconds is refused, though its sender is never silent", async () => {
  const socket = await begin();
  const heard = hear(socket);
  let said = "";
  socket.on("data", (bytes) => {
    said += bytes.toString();
  });
  for (const byte of body.slice(0, 29)) {
    await drip(socket, byte);
    await jest.advanceTimersByTimeAsync(1_000);
  }
  expect(said).toBe("");
  await drip(socket, body[29] ?? "");
  await jest.advanceTimersByTimeAsync(1_000);
  await drip(socket, body[30] ?? "");
  // The connection stays for a moment, so that the answer is read.
  await jest.advanceTimersByTimeAsync(2_000);
  const answer = await heard;
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(answer).toMatch(/\r\nConnection: close\r\n/);
  expect(answer).toContain('"code":"request_timeout"');
});

test("a JSON body that is whole before thirty seconds is over is taken", async () => {
  const socket = await begin();
  const heard = hear(socket);
  await drip(socket, body.slice(0, 10));
  await jest.advanceTimersByTimeAsync(29_999);
  await drip(socket, body.slice(10));
  jest.useRealTimers();
  expect(await heard).toMatch(/^HTTP\/1\.1 401 [\s\S]*"code":"not_authenticated"/);
});
