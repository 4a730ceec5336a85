import { readFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { attach } from "./attach.ts";

export type Address = {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** PEM files; null serves plain HTTP. */
  readonly tls: { readonly certificateFile: string; readonly keyFile: string } | null;
};

export type Listening = {
  readonly url: string;
  /** Accepts nothing more, lets what is under way finish, and cuts off what is left after so many seconds. */
  drain(seconds: number): Promise<void>;
};

/** Serves an app. Throws where the address cannot be had or the TLS files cannot be read. */
export async function listen(
  app: RequestListener,
  { host, port, tls }: Address,
): Promise<Listening> {
  const server =
    tls === null
      ? createServer(app)
      : createTlsServer(
          {
            cert: await readFile(tls.certificateFile),
            key: await readFile(tls.keyFile),
            minVersion: "TLSv1.2",
          },
          app,
        );
  // A checkpoint of a terabyte takes its time; whoever falls silent in the middle of one is cut off by the routes themselves.
  server.requestTimeout = 0;
  server.headersTimeout = 30_000;
  // Longer than load balancers keep an idle connection (a minute, as a rule): whoever closes first must not be the one who is asked next.
  server.keepAliveTimeout = 75_000;
  attach(server, app);
  const { promise, resolve: listening, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, host, listening);
  await promise;
  server.off("error", reject);
  return {
    url: urlOf(server, tls === null ? "http" : "https"),
    drain: async (seconds) => await drain(server, seconds),
  };
}

function urlOf(server: Server, scheme: "http" | "https"): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `${scheme}://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

async function drain(server: Server, seconds: number): Promise<void> {
  const { promise, resolve: closed } = Promise.withResolvers<void>();
  server.close(() => closed());
  server.closeIdleConnections();
  const late = setTimeout(() => server.closeAllConnections(), seconds * 1_000);
  await promise;
  clearTimeout(late);
}
