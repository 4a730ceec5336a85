import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { expect, test } from "@jest/globals";
import { onFreePort } from "../support/free-port.ts";

async function listening(port: number): Promise<Server> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

test("a server whose port is taken in between is started again on another port", async () => {
  const servers: Server[] = [];
  try {
    const tried: number[] = [];
    const started = await onFreePort(async (port) => {
      tried.push(port);
      // Somebody else is faster, once.
      if (tried.length === 1) servers.push(await listening(port));
      const server = await listening(port);
      servers.push(server);
      return server;
    });
    expect(tried).toHaveLength(2);
    expect((started.address() as AddressInfo).port).toBe(tried[1]);
  } finally {
    for (const server of servers) server.close();
  }
});

test("a server that fails for another reason, or again and again, is not tried for ever", async () => {
  let starts = 0;
  const failing = (message: string) => async () => {
    starts += 1;
    throw new Error(message);
  };
  await expect(onFreePort(failing("no room on the disk"))).rejects.toThrow("no room on the disk");
  expect(starts).toBe(1);
  await expect(onFreePort(failing("could not bind: Address already in use"))).rejects.toThrow(
    "could not bind",
  );
  expect(starts).toBe(6);
});
