import { type Answer, parseAnswer } from "../../../src/cli/answers.ts";
import { openKeys, type ReleasedFile } from "../../../src/cli/obtain.ts";
import { assertAllows, verifyReceipt } from "../../../src/cli/receipt.ts";
import { newRecipientKeyPair } from "../../../src/crypto/enclosure.ts";
import { objectAad } from "../../../src/floe/aad.ts";
import { open } from "../../../src/floe/open.ts";
import { type Api, Unexpected } from "../api.ts";
import { fileAt, type Random } from "./random.ts";
import { expectStatus, type Turn, Violation, type World } from "./world.ts";

/** Asks for enclosed keys without end, and opens what they are for. */
export function asking(world: World, random: Random, token: string): Turn {
  return async ({ api }) => {
    const wanted = world.someRevision(random);
    if (wanted === null) return false;
    const reader = api.as(token);
    const files = await enclosed(world, reader, { ...wanted, refusals: [] });
    if (files === null) return true;
    await openObject(reader, random.pick(files));
    for (const { key } of files) key.wipe();
    return true;
  };
}

type Wanted = {
  readonly name: string;
  readonly revision: string;
  readonly refusals: readonly string[];
};

/** The keys of a revision, each step of them proved; null where they are refused in one of these ways. */
export async function enclosed(
  world: World,
  reader: Api,
  { name, revision, refusals }: Wanted,
): Promise<readonly (ReleasedFile & { readonly release: string })[] | null> {
  const pair = await newRecipientKeyPair();
  const request = {
    repository: `lab/${name}`,
    revision,
    recipientKey: pair.publicKey.toString("base64url"),
  };
  const answer = await reader.ask("POST", "/v1/releases", request);
  const made = expectStatus("a request for keys", answer, { status: 201, refusals });
  if (made === null) return null;
  const released = parseAnswer("release", made);
  world.received.add(released.release);
  const proved = provedEntry(world, released);
  assertAllows(proved.entry, { ...released, recipientKey: pair.publicKey });
  const files = await openKeys(released, pair, proved);
  return files.map((file) => ({ ...file, release: released.release }));
}

function provedEntry(world: World, { release, receipt }: Answer<"release">) {
  if (receipt === null) throw new Violation(`the keys of ${release} came without a receipt`);
  return verifyReceipt(receipt, world.verificationKey);
}

async function openObject(
  reader: Api,
  { path, object, key, objectBytes, release }: ReleasedFile & { readonly release: string },
): Promise<void> {
  const answer = await reader.fetch("GET", `/v1/releases/${release}/objects/${object}`);
  if (answer.status !== 200) throw new Violation(`a sealed object of ${release}: ${answer.status}`);
  const sealed = Buffer.from(await answer.arrayBuffer());
  const pieces: Buffer[] = [];
  const aad = objectAad(Buffer.from(object.replaceAll("-", ""), "hex"));
  for await (const piece of open(once(sealed), { key, aad, objectBytes })) pieces.push(piece);
  if (fileAt(path)?.bytes().equals(Buffer.concat(pieces)) !== true)
    throw new Violation(`the keys of ${release} open other bytes`);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield bytes;
}

/** Streams files without end: whole, in ranges, and sometimes with no wish to hear the end. */
export function streaming(world: World, random: Random, token: string): Turn {
  return async ({ api }) => {
    const wanted = world.someRevision(random);
    if (wanted === null) return false;
    const reader = api.as(token);
    const at = `/v1/repositories/lab/${wanted.name}/revisions/${wanted.revision}`;
    const { files } = await reader.json("GET", at);
    const { path, size } = random.pick(files as readonly { path: string; size: number }[]);
    const start = random.below(size + 1);
    const end = start + random.below(size + 1 - start);
    const isRange = end > start && random.unit() < 0.6;
    await stream(world, reader, {
      at: `${at}/files/${path}`,
      expected:
        fileAt(path)
          ?.bytes()
          .subarray(isRange ? start : 0, isRange ? end : size) ?? null,
      range: isRange ? `bytes=${start}-${end - 1}` : null,
      leavesEarly: random.unit() < 0.2,
    });
    return true;
  };
}

type Streamed = {
  readonly at: string;
  readonly expected: Buffer | null;
  readonly range: string | null;
  readonly leavesEarly: boolean;
};

async function stream(world: World, reader: Api, streamed: Streamed): Promise<void> {
  const { at, expected, range, leavesEarly } = streamed;
  const answer = await reader.fetch("GET", at, range === null ? {} : { headers: { range } });
  if (answer.status !== (range === null ? 200 : 206)) {
    const json = JSON.parse(await answer.text()) as Readonly<Record<string, unknown>>;
    throw new Unexpected("a stream", { status: answer.status, headers: answer.headers, json });
  }
  const release = answer.headers.get("x-weightvault-release") ?? "";
  let came = 0;
  for await (const piece of answer.body ?? []) {
    if (expected?.subarray(came, came + piece.length).equals(piece) !== true)
      throw new Violation(`the stream of ${release} has other bytes from ${came} on`);
    if (came === 0) {
      world.received.add(release);
      await assertRecorded(world, reader, release);
    }
    came += piece.length;
    if (leavesEarly) return;
  }
  if (came !== expected?.length) throw new Violation(`the stream of ${release} ended at ${came}`);
}

/** Whoever holds a byte can have the receipt of its release: the entry is under a signed checkpoint by then. */
async function assertRecorded(world: World, reader: Api, release: string): Promise<void> {
  const answer = await reader.ask("GET", `/v1/releases/${release}/receipt`);
  if (answer.status !== 200)
    throw new Violation(
      `bytes of ${release} came before their entry: ${JSON.stringify(answer.json)}`,
    );
  const { entry } = verifyReceipt(parseAnswer("receipt", answer.json), world.verificationKey);
  if (entry.kind !== "release.allowed" || entry.body["release"] !== release)
    throw new Violation(`the receipt of ${release} is of ${entry.kind}`);
}
