import { once } from "node:events";
import { createServer } from "node:net";

const attempts = 5;

/**
 * Starts a server that must be told its port. Another process may take a free port before the server binds it, so one that fails with
 * words of an address in use is started again on another.
 */
export async function onFreePort<Server>(
  start: (port: number) => Promise<Server>,
): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      const isTaken = Error.isError(error) && /address already in use/i.test(error.message);
      if (!isTaken || attempt === attempts) throw error;
    }
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (typeof address !== "object" || address === null) throw new Error("the probe has no port");
  return address.port;
}
