import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { encodeAddCheckpoint, sizeContentType } from "../../../src/merkle/add-checkpoint.ts";
import { parseCheckpoint, signCheckpoint } from "../../../src/merkle/checkpoint.ts";
import { type CosignerKey, verifyCosignature } from "../../../src/merkle/cosignature.ts";
import { parseNote } from "../../../src/merkle/note.ts";
import { WitnessState } from "../../../src/witness/state.ts";
import { Witness } from "../../../src/witness/witness.ts";
import { SignedLog } from "../../support/signed-log.ts";
import { startWitness, type TestWitness } from "../../support/witness.ts";
import { freshCosigner, freshSigner } from "../../unit/merkle/signed-texts.ts";

async function post({ url }: TestWitness, body: string | Buffer) {
  const answer = await fetch(`${url}/add-checkpoint`, {
    method: "POST",
    body: new Uint8Array(Buffer.from(body)),
  });
  return {
    status: answer.status,
    body: await answer.text(),
    type: answer.headers.get("content-type"),
  };
}

function verdict(checkpoint: string, lines: string, key: CosignerKey) {
  const note = parseNote(`${checkpoint}${lines}`);
  return note === null ? null : verifyCosignature(note, key);
}

test.each(["ed25519", "ml-dsa-44"] as const)(
  "a log that grows is cosigned at each size, and again at the same (%s)",
  async (algorithm) => {
    const log = new SignedLog();
    await using witness = await startWitness({ logs: [log.key], algorithm });
    let held = 0;
    for (const size of [0, 1, 2, 2, 3, 7, 8, 255, 256, 257, 300]) {
      const { status, body } = await post(witness, await log.growth(held, size));
      expect({ size, status }).toEqual({ size, status: 200 });
      expect(verdict(await log.checkpoint(size), body, witness.cosigner.key)).toEqual({
        verdict: "verified",
        timestamp: 1_795_400_000,
      });
      held = size;
    }
  },
);

test("another old size than the held one is answered with 409 and the held size, and cosigned by nobody", async () => {
  const log = new SignedLog();
  await using witness = await startWitness({ logs: [log.key] });
  await post(witness, await log.growth(0, 5));
  for (const [old, size] of [
    [0, 9],
    [4, 9],
    [6, 9],
    [0, 3],
    [3, 3],
    [0, 5],
  ] as const)
    expect(await post(witness, await log.growth(old, size))).toEqual({
      status: 409,
      body: "5\n",
      type: sizeContentType,
    });
});

test("a fork and a smaller tree are never cosigned", async () => {
  const log = new SignedLog();
  const fork = new SignedLog({ signer: log.signer, fork: "b", forksAt: 3 });
  await using witness = await startWitness({ logs: [log.key] });
  await post(witness, await log.growth(0, 5));
  expect(await post(witness, await fork.growth(5, 5))).toMatchObject({ status: 409, body: "5\n" });
  expect((await post(witness, await fork.growth(5, 9))).status).toBe(422);
  const honest = encodeAddCheckpoint({
    oldSize: 5,
    proof: await log.proof(5, 9),
    checkpoint: await fork.checkpoint(9),
  });
  expect((await post(witness, honest)).status).toBe(422);
  expect((await post(witness, (await log.growth(3, 3)).replace("old 3", "old 5"))).status).toBe(
    400,
  );
  expect(witness.answers.filter(({ suspicion }) => suspicion !== undefined)).toHaveLength(3);
  expect((await post(witness, await log.growth(5, 9))).status).toBe(200);
});

test("a proof that is missing, wrong, too long or not wanted is answered with 422", async () => {
  const log = new SignedLog();
  await using witness = await startWitness({ logs: [log.key] });
  const [one, two] = [await log.checkpoint(5), await log.checkpoint(9)];
  const hash = Buffer.alloc(32, 1);
  expect(
    await post(witness, encodeAddCheckpoint({ oldSize: 0, proof: [hash], checkpoint: one })),
  ).toMatchObject({ status: 422 });
  await post(witness, await log.growth(0, 5));
  const proof = await log.proof(5, 9);
  for (const wrong of [[], proof.slice(1), [...proof, hash], proof.with(0, hash)])
    expect(
      await post(witness, encodeAddCheckpoint({ oldSize: 5, proof: wrong, checkpoint: two })),
    ).toMatchObject({ status: 422 });
  expect(
    await post(witness, encodeAddCheckpoint({ oldSize: 5, proof: [hash], checkpoint: one })),
  ).toMatchObject({ status: 422 });
});

test("an unknown log is answered with 404, one whose key did not sign with 403", async () => {
  const [log, stranger] = [new SignedLog(), new SignedLog({ name: "other.example/ledger" })];
  const impostor = new SignedLog({ signer: freshSigner(log.key.name) });
  await using witness = await startWitness({ logs: [log.key] });
  expect((await post(witness, await stranger.growth(0, 1))).status).toBe(404);
  expect((await post(witness, await impostor.growth(0, 1))).status).toBe(403);
  const checkpoint = await log.checkpoint(1);
  const damaged = checkpoint.replace(/.(?=.{9}=*\n$)/, (at) => (at === "A" ? "B" : "A"));
  expect(damaged).not.toBe(checkpoint);
  const body = encodeAddCheckpoint({ oldSize: 0, proof: [], checkpoint: damaged });
  expect((await post(witness, body)).status).toBe(403);
  // Another log's key signs a checkpoint that names this log.
  const foreign = parseCheckpoint(parseNote(checkpoint)?.text ?? "");
  if (foreign === null) throw new Error("the checkpoint does not parse");
  const signed = await signCheckpoint(foreign, stranger.signer.signer);
  const stolen = encodeAddCheckpoint({ oldSize: 0, proof: [], checkpoint: signed });
  expect((await post(witness, stolen)).status).toBe(403);
});

test("bad input of all kinds is refused, and leaves the witness as it was", async () => {
  const log = new SignedLog();
  await using witness = await startWitness({ logs: [log.key] });
  const good = await log.growth(0, 5);
  for (const bad of [
    "",
    "old 0\n\n",
    good.slice(0, -1),
    good.replace("old 0", "old 00"),
    good.replaceAll("\n", "\r\n"),
    good.replace("\n5\n", "\n05\n"),
    Buffer.concat([Buffer.from(good), Buffer.of(0xff, 0x0a)]),
    await log.growth(0, 5).then((text) => text.replace("old 0", "old 6")),
  ])
    expect((await post(witness, bad)).status).toBe(400);
  expect((await post(witness, `${good}${"x".repeat(70_000)}`)).status).toBe(413);
  const get = await fetch(`${witness.url}/add-checkpoint`);
  expect([get.status, (await fetch(`${witness.url}/`)).status]).toEqual([405, 404]);
  expect((await post(witness, good)).status).toBe(200);
  expect(witness.failures).toEqual([]);
});

test("a client that goes away in the middle leaves no trace", async () => {
  const log = new SignedLog();
  await using witness = await startWitness({ logs: [log.key] });
  const { port } = new URL(witness.url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.write("POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nold 0\n");
  await new Promise((resolve) => {
    setTimeout(resolve, 50);
  });
  socket.destroy();
  expect((await post(witness, await log.growth(0, 1))).status).toBe(200);
  expect(witness.failures).toEqual([]);
});

test("of many who ask at once from one old size, trees are cosigned in one line of growth only", async () => {
  const log = new SignedLog();
  const fork = new SignedLog({ signer: log.signer, fork: "b", forksAt: 2 });
  await using witness = await startWitness({ logs: [log.key] });
  await post(witness, await log.growth(0, 2));
  const sizes = Array.from({ length: 20 }, (_, at) => 3 + at);
  const bodies = await Promise.all(
    sizes.flatMap((size) => [log.growth(2, size), fork.growth(2, size)]),
  );
  const answers = await Promise.all(bodies.map(async (body) => await post(witness, body)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(39);
});

test("a clock that steps back makes no cosignature older than one before", async () => {
  const log = new SignedLog();
  const clock = { at: new Date(1_795_400_000_000) };
  await using witness = await startWitness({ logs: [log.key], now: () => clock.at });
  await post(witness, await log.growth(0, 5));
  clock.at = new Date(1_795_300_000_000);
  const { body } = await post(witness, await log.growth(5, 6));
  expect(verdict(await log.checkpoint(6), body, witness.cosigner.key)).toMatchObject({
    timestamp: 1_795_400_000,
  });
});

test("two logs are witnessed apart, and one log under either of its keys", async () => {
  const [one, two] = [new SignedLog(), new SignedLog({ name: "other.example/ledger" })];
  const rotated = new SignedLog({ signer: freshSigner(one.key.name) });
  await using witness = await startWitness({ logs: [one.key, two.key, rotated.key] });
  expect((await post(witness, await one.growth(0, 5))).status).toBe(200);
  expect((await post(witness, await two.growth(0, 3))).status).toBe(200);
  expect((await post(witness, await rotated.growth(5, 7))).status).toBe(200);
});

test("the memory refuses a smaller tree, another of the same size, and to forget, whoever asks", async () => {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-witness-"));
  const file = join(folder, "witness.sqlite");
  expect(() => WitnessState.open(file)).toThrow(/missing/);
  const state = WitnessState.make(file, "w");
  try {
    const held = { size: 5, root: Buffer.alloc(32, 1), checkpoint: "c", cosignedAt: 10 };
    state.record("log", held);
    for (const worse of [{ size: 4 }, { root: Buffer.alloc(32, 2) }, { cosignedAt: 9 }])
      expect(() => state.record("log", { ...held, ...worse })).toThrow(/neither shrinks/);
    expect(state.held("log")).toEqual(held);
    expect(() => WitnessState.open(file)).toThrow(/another process/);
    state.close();
    expect(() => WitnessState.make(file, "v")).toThrow(/of the witness w/);
    const again = WitnessState.open(file);
    expect([again.name, again.held("log")]).toEqual(["w", held]);
    again.close();
  } finally {
    state.close();
    await rm(folder, { recursive: true });
  }
});

test("no request is held against the memory before the one ahead of it has its cosignature", async () => {
  const log = new SignedLog();
  const folder = await mkdtemp(join(tmpdir(), "weightvault-witness-"));
  const state = WitnessState.make(join(folder, "witness.sqlite"), "w");
  const cosigner = freshCosigner("w");
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const slow = {
    key: cosigner.key,
    sign: async (message: Uint8Array) => {
      await gate;
      return await cosigner.sign(message);
    },
  };
  const witness = new Witness({
    state,
    cosigner: slow,
    logs: [log.key],
    now: () => new Date(5_000),
  });
  try {
    const bodies = [
      Buffer.from(await log.growth(0, 3)),
      Buffer.from(await log.growth(3, 5)),
    ] as const;
    const first = witness.addCheckpoint(bodies[0]);
    const second = witness.addCheckpoint(bodies[1]);
    await new Promise(setImmediate);
    expect(state.held(log.key.name)?.size).toBe(3);
    open();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
    expect(state.held(log.key.name)?.size).toBe(5);
  } finally {
    state.close();
    await rm(folder, { recursive: true });
  }
});
