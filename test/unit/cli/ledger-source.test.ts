import { createServer } from "node:http";
import { PassThrough } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { expect, test } from "@jest/globals";
import { type Context, serverUrl } from "../../../src/cli/context.ts";
import { serverLedger, sourceOf } from "../../../src/cli/ledger-source.ts";
import { nothingSigned, signRotation } from "../../../src/merkle/rotation.ts";
import { fixedSigner } from "../../vectors/ledger/build.ts";

test("a server's ledger tells the rotations that its key's answer names, and none where that is too long or no answer", async () => {
  const [first, second] = [fixedSigner(7), fixedSigner(8)];
  const statement = await signRotation(first, second, nothingSigned);
  const keys = [
    { lastSize: 9, statement: null },
    { lastSize: null, statement },
  ];
  let answer = JSON.stringify({ verificationKey: second.verificationKey, keys });
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const url = new URL(`http://127.0.0.1:${address.port}/vault`);
    const { rotations } = serverLedger({
      url,
      token: null,
      timeoutMs: 5_000,
      signal: new AbortController().signal,
    });
    expect(await rotations?.()).toEqual([{ index: 8, statement }]);
    expect(asked).toEqual(["/vault/v1/ledger/key"]);
    answer = answer.replace("{", `{"padding":"${"x".repeat(2 ** 21)}",`);
    expect(await rotations?.()).toEqual([]);
    answer = "hello";
    expect(await rotations?.()).toEqual([]);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

test("an interruption ends the reading of a server that answers nothing, and it is not asked again", async () => {
  const interrupted = new AbortController();
  const asked: string[] = [];
  const server = createServer((request) => {
    asked.push(request.url ?? "");
    if (asked.length === 3) interrupted.abort();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const url = new URL(`http://127.0.0.1:${address.port}/`);
    const { signal } = interrupted;
    const source = serverLedger({ url, token: null, timeoutMs: 600_000, signal });
    const broken = {
      status: "rejected",
      reason: expect.objectContaining({
        code: "ledger_unavailable",
        message: "The reading of the ledger was interrupted.",
      }),
    };
    const readings = [source.checkpoint(), source.tile("tile/0/000")];
    const told = Promise.resolve(source.rotations?.());
    const [checkpoint, tile, rotations] = await Promise.allSettled([...readings, told]);
    expect([checkpoint, tile]).toEqual([broken, broken]);
    expect(rotations).toEqual({ status: "fulfilled", value: [] });
    expect(asked.toSorted()).toEqual([
      "/ledger/checkpoint",
      "/ledger/tile/0/000",
      "/v1/ledger/key",
    ]);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

test("the token goes to no other host where an address has a slash too many", async () => {
  const asked: string[] = [];
  const server = createServer(({ url, headers: { authorization } }, response) => {
    asked.push(`${url} ${authorization}`);
    response.end(JSON.stringify({ checkpoints: [] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const url = `http://127.0.0.1:${address.port}//`;
    const token = `wv_${"a".repeat(43)}`;
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const env = { WEIGHTVAULT_URL: url, WEIGHTVAULT_TOKEN: token };
    const context = { env, stdout, stderr } as unknown as Context;
    const { timestamps } = await sourceOf(`${url}ledger/?a=b`, context, {});
    const names: string[] = [];
    for await (const name of timestamps?.names() ?? []) names.push(name);
    expect(asked).toEqual([`//v1/ledger/checkpoints?only=stamped&limit=64 Bearer ${token}`]);
    expect(serverUrl(env, undefined).pathname).toBe("/");
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** Makes garbage of a short ledger's size, in a heap of its own, and tells the most that the space of young things took. */
const program = (address: string) => `
  import { getHeapSpaceStatistics } from "node:v8";
  import { parentPort } from "node:worker_threads";
  const { boundGarbage } = await import(${JSON.stringify(address)});
  const look = boundGarbage();
  const kept = [];
  let mostBytes = 0;
  for (let bundle = 0; bundle < 800; bundle += 1) {
    kept.push(Array.from({ length: 2_000 }, (_, number) => ({ bundle, number })));
    if (kept.length > 40) kept.shift();
    look({ verified: bundle * 256, size: 800 * 256 });
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
    mostBytes = Math.max(mostBytes, young.space_size);
  }
  parentPort.postMessage(mostBytes);
`;

test("the memory in which new things are made stays bounded from a ledger's first bundles on, however short it is", async () => {
  const address = new URL("../../../src/cli/ledger-source.ts", import.meta.url).href;
  const code = `data:text/javascript,${encodeURIComponent(program(address))}`;
  const worker = new Worker(new URL(code));
  try {
    const mostBytes = await new Promise((resolve, reject) => {
      worker.on("message", resolve);
      worker.on("error", reject);
    });
    expect(mostBytes).toBeGreaterThan(0);
    expect(mostBytes).toBeLessThan(32 * 2 ** 20);
  } finally {
    await worker.terminate();
    setFlagsFromString("--semi-space-growth-factor=2");
  }
});
