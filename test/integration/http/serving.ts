import { createServer, type IncomingHttpHeaders, request, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { expect } from "@jest/globals";
import { pino } from "pino";
import type { Custodian } from "../../../src/custody/custodian.ts";
import type { Database } from "../../../src/database/open.ts";
import { isOutage } from "../../../src/database/transact.ts";
import { Refusal, type RefusalCode, refusals } from "../../../src/errors.ts";
import { createApp } from "../../../src/http/app.ts";
import { attach } from "../../../src/http/attach.ts";
import { matchTemplate, pathSegments, targetPath } from "../../../src/http/path.ts";
import { routes } from "../../../src/http/routes.ts";
import { type ModelSigners, noModelSigners } from "../../../src/lineage/signing-keys.ts";
import { type Cosigner, encodeCosignerKey } from "../../../src/merkle/cosignature.ts";
import type { BlobStore } from "../../../src/storage/blob-store.ts";
import { destinationNamed, destinations } from "../../../src/vault/destination.ts";
import { openMemory } from "../../support/database.ts";
import { type Faulty, withFaults } from "../../support/faults.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

export type LogLine = Readonly<Record<string, unknown>>;

export type Serving = TestVault & {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  readonly store: Faulty<BlobStore>;
  readonly custodian: Faulty<Custodian>;
  /** What the server logged, as parsed lines. */
  readonly lines: LogLine[];
  /** Says whether the server counts as draining. */
  readonly draining: { now: boolean };
};

/**
 * A vault that answers on a socket of its own, with faults to arm before its store and its custodian. `open` gives its database, which is
 * closed when it stops.
 */
export async function serve(
  limits: Parameters<typeof startVault>[0]["limits"] = {},
  {
    open = openMemory,
    trustedProxies = ["127.0.0.1"],
    ledgerPublic = "none",
    modelSigners = noModelSigners,
    storeOver = (same) => same,
    cosigners = [],
  }: {
    readonly open?: () => Promise<Database>;
    readonly trustedProxies?: readonly string[];
    readonly ledgerPublic?: "none" | "tiles" | "entries";
    readonly modelSigners?: ModelSigners;
    /** What stands over the disk store, below the faults. */
    readonly storeOver?: (store: BlobStore) => BlobStore;
    /** The ledger's own, beside its signer. */
    readonly cosigners?: readonly Cosigner[];
  } = {},
): Promise<Serving> {
  const database = await open();
  const faulty: { store: Faulty<BlobStore> | null; custodian: Faulty<Custodian> | null } = {
    store: null,
    custodian: null,
  };
  const started = await startVault({
    database,
    limits,
    modelSigners,
    cosigners,
    wrap: (adapters) => {
      faulty.store = withFaults(storeOver(adapters.store));
      faulty.custodian = withFaults(adapters.custodian);
      return { ...adapters, store: faulty.store.port, custodian: faulty.custodian.port };
    },
  });
  const { store, custodian } = faulty;
  if (store === null || custodian === null) throw new Error("the adapters were not wrapped");
  const lines: LogLine[] = [];
  const draining = { now: false };
  const sites = [
    { name: "local", country: "US", networks: ["127.0.0.0/8", "::1/128"] },
    { name: "abroad", country: "CN", networks: ["203.0.113.0/24"] },
  ];
  const app = createApp({
    vault: started.vault,
    verificationKey: started.verificationKey,
    origin: "test.example/ledger",
    mlDsaKeys: cosigners.map(({ key }) => encodeCosignerKey(key)),
    ledgerPublic,
    destinationOf: destinations(sites),
    destinationNamed: destinationNamed(sites),
    checks: { store: async () => await started.vault.store.check() },
    isDraining: () => draining.now,
    explain: (thrown) =>
      new Refusal(isOutage(thrown) ? "database_unavailable" : "internal", "unexpected", {
        cause: thrown,
      }),
    log: pino({ level: "info" }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
    trustedProxies,
  });
  const server = createServer(app);
  attach(server, app);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    ...started,
    url: `http://127.0.0.1:${port}`,
    port,
    server,
    store,
    custodian,
    lines,
    draining,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
      await started.stop();
      await database.close();
    },
  };
}

export type Asked = {
  readonly token?: string;
  readonly json?: unknown;
  readonly body?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
};

export type Answered = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** The JSON body. */
  readonly json: Readonly<Record<string, unknown>>;
};

/** Asks with a path that nobody normalises. A JSON answer must fit the schema that the table of routes declares for it. */
export async function ask(
  { port }: Pick<Serving, "port">,
  target: string,
  { token, json, body, headers = {} }: Asked = {},
): Promise<Answered> {
  const [method = "", path = ""] = target.split(/ (.*)/, 2);
  const sent = json === undefined ? body : JSON.stringify(json);
  return await new Promise((resolve, reject) => {
    const asking = request(
      {
        port,
        host: "127.0.0.1",
        method,
        path,
        agent: false,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(json === undefined ? {} : { "content-type": "application/json" }),
          ...(sent === undefined ? {} : { "content-length": Buffer.byteLength(sent) }),
          ...headers,
        },
      },
      (answer) => {
        const pieces: Buffer[] = [];
        answer.on("data", (piece: Buffer) => pieces.push(piece));
        answer.once("error", reject);
        answer.once("end", () => {
          const bytes = Buffer.concat(pieces);
          const type = answer.headers["content-type"] ?? "";
          const parsed =
            type.includes("json") && bytes.length > 0 ? JSON.parse(bytes.toString("utf8")) : {};
          const status = answer.statusCode ?? 0;
          if (status < 300 && type.includes("json")) assertDeclared(method, path, status, parsed);
          resolve({ status, headers: answer.headers, bytes, json: parsed });
        });
      },
    );
    asking.once("error", reject);
    asking.end(sent);
  });
}

function assertDeclared(method: string, path: string, status: number, json: unknown): void {
  const segments = pathSegments(targetPath(path));
  const route = routes.find(
    (each) => each.method === method.toLowerCase() && matchTemplate(each.path, segments) !== null,
  );
  const schema = route?.answers[status]?.json;
  if (schema === undefined) throw new Error(`${method} ${path} does not declare ${status}`);
  schema.parse(json);
}

/** Asserts a refusal with everything that every refusal has. */
export function expectProblem(answered: Answered, code: RefusalCode): void {
  const [status, title, remedy] = refusals[code];
  expect({ status: answered.status, ...answered.json }).toMatchObject({
    status,
    code,
    title,
    remedy,
    type: `urn:weightvault:problem:${code}`,
  });
  expect(answered.headers["content-type"]).toBe("application/problem+json");
  expect(answered.headers["x-request-id"]).toBe(answered.json["requestId"]);
  expect(remedy).toMatch(/^[A-Z].*\.$/s);
}

/** A raw connection: what is written to it reaches the server byte by byte. */
export async function dial({ port }: Pick<Serving, "port">): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1" });
  await new Promise<void>((resolve) => {
    socket.once("connect", resolve);
  });
  return socket;
}

/** Everything that the server says on a raw connection until it closes it. */
export async function hear(socket: Socket): Promise<string> {
  return await text(socket);
}

/** How many bytes of which kind lie in the store: blobs that are named and files that are still incoming. */
export async function stored({ folder }: Pick<Serving, "folder">): Promise<readonly string[]> {
  const { readdir } = await import("node:fs/promises");
  const entries = await readdir(`${folder}/store`, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}
