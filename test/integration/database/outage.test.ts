import { once } from "node:events";
import { createServer, connect as dial, type Server, type Socket } from "node:net";
import { expect, test } from "@jest/globals";
import { sql } from "kysely";
import { openPostgres } from "../../../src/database/open.ts";
import { isOutage, transact } from "../../../src/database/transact.ts";
import { describePostgres } from "../../support/database.ts";
import { startPostgres } from "../../support/postgres.ts";
import { until } from "../../support/until.ts";
import { openCloned } from "./cloned.ts";

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}

/** A loopback listener that hands each connection to `onConnection`, closed with all of them at the end of the block. */
async function listener(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    onConnection(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return {
    port: address.port,
    [Symbol.dispose]: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test("a server that accepts and never answers is an outage within the connection timeout", async () => {
  using silent = await listener(() => {});
  const database = openPostgres({
    url: `postgres://nobody@127.0.0.1:${silent.port}/nothing`,
    connectTimeoutMs: 200,
  });
  expect(isOutage(await failureOf(database.check()))).toBe(true);
  expect(isOutage(await failureOf(database.runScript("select 1")))).toBe(true);
  expect(isOutage(await failureOf(database.listen("news", () => {})))).toBe(true);
  await database.close();
});

test("a port where nobody listens is an outage", async () => {
  const closed = await listener(() => {});
  closed[Symbol.dispose]();
  const database = openPostgres({ url: `postgres://nobody@127.0.0.1:${closed.port}/nothing` });
  expect(isOutage(await failureOf(database.check()))).toBe(true);
  await database.close();
});

describePostgres("on PostgreSQL", () => {
  test("a server that stops while it is used is an outage, in a transaction and after it", async () => {
    const server = await startPostgres();
    const errors: unknown[] = [];
    const database = openPostgres({
      url: server.url("postgres"),
      onError: (error) => errors.push(error),
    });
    const interrupted = failureOf(
      transact(database.db, async (tx) => {
        await sql`select 1`.execute(tx);
        await server.stop();
        await until(() => errors.length > 0);
        await sql`select 1`.execute(tx);
      }),
    );
    expect(isOutage(await interrupted)).toBe(true);
    expect(isOutage(await failureOf(database.check()))).toBe(true);
    await database.close();
  });

  test("a statement that takes too long is an outage and leaves the database usable", async () => {
    await using cloned = await openCloned({ statementTimeoutMs: 200, poolSize: 1 });
    const { database } = cloned;
    const slow = sql`select pg_sleep(30)`.execute(database.db);
    const error = await failureOf(slow);
    expect(isOutage(error)).toBe(true);
    expect(error).toMatchObject({ code: "57014" });
    await database.check();
  });

  test("a server that falls silent is an outage, and its connection is not used again", async () => {
    await using cloned = await openCloned();
    const server = new URL(cloned.url);
    let isSilent = false;
    using proxy = await listener((socket) => {
      const upstream = dial(Number(server.port), server.hostname).on("error", () => {});
      socket.on("data", (bytes) => isSilent || upstream.write(bytes));
      upstream.on("data", (bytes) => isSilent || socket.write(bytes));
      socket.on("close", () => upstream.destroy());
    });
    const url = new URL(cloned.url);
    url.port = String(proxy.port);
    const database = openPostgres({ url: url.href, poolSize: 1, statementTimeoutMs: 100 });
    await database.check();
    isSilent = true;
    const failing = transact(database.db, async (tx) => {
      await sql`select 1`.execute(tx);
    });
    expect(isOutage(await failureOf(failing))).toBe(true);
    isSilent = false;
    await database.check();
    await database.close();
  });

  test("a listener whose connection breaks listens again and is told of the gap", async () => {
    await using cloned = await openCloned();
    const { database } = cloned;
    let heard = 0;
    const stop = await database.listen("ledger_pending", () => {
      heard += 1;
    });
    await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query ilike 'listen%'`.execute(database.db);
    await until(() => heard === 1);
    await database.notify("ledger_pending");
    await until(() => heard === 2);
    await stop();
  });
});
