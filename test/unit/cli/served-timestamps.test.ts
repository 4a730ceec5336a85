import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { servedTimestamps } from "../../../src/cli/served-timestamps.ts";

type Stamp = {
  readonly size: number;
  readonly checkpoint: string;
  readonly timestamp: string | null;
};
const stampOf = (size: number): Stamp => ({
  size,
  checkpoint: `checkpoint ${size}`,
  timestamp: Buffer.from(`stamp ${size}`).toString("base64"),
});
const sizes = [0, 3, 4, 9, 12];

let server: Server;
let address: URL;
let asked: string[] = [];
/** What the vault answers to each page, by its number. */
let answer: (page: number, honest: readonly Stamp[]) => unknown;
let status: (page: number) => number;

beforeAll(async () => {
  server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "", "http://vault.example");
    asked.push(searchParams.toString());
    const [after, limit] = [searchParams.get("after"), Number(searchParams.get("limit"))];
    const larger = sizes.filter((size) => after === null || size > Number(after));
    const page = asked.length - 1;
    response.statusCode = status(page);
    response.end(JSON.stringify(answer(page, larger.slice(0, limit).map(stampOf))));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  address = new URL(`http://127.0.0.1:${port}/v1/ledger/checkpoints`);
});
beforeEach(() => {
  asked = [];
  answer = (_, honest) => ({ checkpoints: honest });
  status = () => 200;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const placeHere = () => servedTimestamps(address, { pageSize: 2, retryAfterMs: [] });

test("the stamps that a vault hands out are all read, page by page, each with its checkpoint", async () => {
  const place = placeHere();
  const read: string[] = [];
  for await (const name of place.names()) {
    const size = Number.parseInt(name, 10);
    const [checkpoint, response] = [await place.checkpoint(size), await place.response(size)];
    read.push(`${name}: ${checkpoint.toString()}, ${response.toString()}`);
  }
  expect(read).toEqual(sizes.map((size) => `${size}.tsr: checkpoint ${size}, stamp ${size}`));
  expect(asked).toEqual(["", "&after=3", "&after=9"].map((more) => `only=stamped&limit=2${more}`));
  // One that is not of the page at hand is asked for, and one that is not there is empty.
  expect((await place.response(0)).toString()).toBe("stamp 0");
  expect(await place.checkpoint(5)).toHaveLength(0);
});

async function namesOf(): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const name of placeHere().names()) names.push(name);
  return names;
}

test.each<[string, () => void]>([
  ["no vault", () => (status = () => 404)],
  ["a vault that the caller may not ask", () => (status = () => 403)],
  ["something that cannot serve", () => (status = () => 503)],
  ["something else", () => (answer = () => "hello")],
  ["a vault that hands out what is not stamped", () => (answer = () => unstamped)],
])("stamps are untold where the address is of %s", async (_, arrange) => {
  arrange();
  await expect(namesOf()).rejects.toMatchObject({ code: "not_found" });
});
const unstamped = { checkpoints: [{ ...stampOf(1), timestamp: null }] };

test.each<[string, () => void]>([
  ["does not come", () => (status = (page) => (page === 0 ? 200 : 503))],
  ["is no page", () => (answer = (page, checkpoints) => (page === 0 ? { checkpoints } : "hello"))],
  ["does not go on", () => (answer = () => ({ checkpoints: [stampOf(0), stampOf(3)] }))],
])("stamps of which a later page %s are not taken for all", async (_, arrange) => {
  arrange();
  await expect(namesOf()).rejects.toMatchObject({ code: "ledger_unavailable" });
});
