import type { ChildProcess } from "node:child_process";
import { chmod, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import {
  type CosignerKey,
  parseCosignerKey,
  verifyCosignature,
} from "../../src/merkle/cosignature.ts";
import { encodeVerificationKey, parseNote } from "../../src/merkle/note.ts";
import { SignedLog } from "../support/signed-log.ts";
import { TestSigner } from "../support/test-signer.ts";
import { temporaryFolder, weightvault, weightvaultHere } from "./command.ts";

const name = "witness.example/w1";

function logKey({ key }: SignedLog): string {
  return encodeVerificationKey(key.name, key.publicKey);
}

function p256Key(): string {
  const { name: log, publicKey } = new TestSigner("ecdsa-p256");
  return encodeVerificationKey(log, publicKey);
}

async function init(folder: string, ...more: string[]) {
  return await weightvaultHere(["witness", "init", "--folder", folder, "--name", name, ...more]);
}

function serveArguments(folder: string, log: SignedLog, as = name): string[] {
  const listen = ["--listen", "127.0.0.1:0", "--log", logKey(log)];
  return ["witness", "serve", "--folder", folder, "--name", as, ...listen];
}

/** The real command as a process of its own, once it listens. */
async function startServe(folder: string, log: SignedLog) {
  const { promise: url, resolve } = Promise.withResolvers<string>();
  const started = Promise.withResolvers<ChildProcess>();
  const ended = weightvault(serveArguments(folder, log), {
    onStart: (child) => {
      started.resolve(child);
      child.stdout?.on("data", (bytes: Buffer) => {
        const found = /listens on (\S+)/.exec(bytes.toString("utf8"))?.[1];
        if (found !== undefined) resolve(found);
      });
    },
  });
  const child = await started.promise;
  return {
    child,
    ended,
    url: await Promise.race([url, ended.then(({ stderr }) => Promise.reject(new Error(stderr)))]),
  };
}

test.each(["ed25519", "ml-dsa-44"])(
  "init makes a key that only its owner reads, prints its public half, and never makes another over it (%s)",
  async (algorithm) => {
    await using folder = await temporaryFolder();
    const { code, stdout } = await init(folder.path, "--algorithm", algorithm);
    expect(code).toBe(0);
    expect(parseCosignerKey(stdout)).toMatchObject({ name, algorithm });
    const { mode } = await stat(join(folder.path, "witness-key.pem"));
    expect(mode & 0o777).toBe(0o600);
    expect(await init(folder.path)).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("`weightvault witness serve` prints its public key"),
    });
    expect(
      (await weightvaultHere(["witness", "init", "--folder", folder.path, "--name", "a b"])).code,
    ).toBe(1);
  },
);

/** A file that outgrows what the shell grants fails as on a full disk; code that Node keeps compiled would be cut off as well. */
async function initWithRoomFor(blocks: number, folder: string) {
  return await weightvault(["witness", "init", "--folder", folder, "--name", name], {
    env: { NODE_COMPILE_CACHE: undefined },
    limits: `ulimit -f ${blocks}`,
  });
}

test.each([0, 4, 12])(
  "an init that finds no room says so and names the file, and the next one makes the witness (%s blocks)",
  async (blocks) => {
    await using folder = await temporaryFolder();
    const [memory, key] = ["witness.sqlite", "witness-key.pem"].map((file) =>
      join(folder.path, file),
    );
    const cut = await initWithRoomFor(blocks, folder.path);
    expect(cut).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining(`${memory}`),
    });
    expect(cut.stderr).toMatch(/cannot be (opened|made): .*disk/);
    expect(await init(folder.path)).toMatchObject({ code: 0 });
    await rm(key ?? "");
    const cutAtKey = await initWithRoomFor(0, folder.path);
    expect(cutAtKey).toMatchObject({ code: 1, stdout: "" });
    expect(cutAtKey.stderr).toContain(`${key} cannot be written (EFBIG)`);
    expect((await readdir(folder.path)).toSorted()).toEqual(["witness.sqlite"]);
    const { code, stdout } = await init(folder.path);
    expect({ code, named: parseCosignerKey(stdout)?.name }).toEqual({ code: 0, named: name });
  },
);

test("serve refuses a folder without its memory or its key, of another name, or whose key others may read", async () => {
  await using folder = await temporaryFolder();
  const log = new SignedLog();
  const refused = async (as = name) => {
    const { code, stderr } = await weightvaultHere(serveArguments(folder.path, log, as));
    return { code, stderr: stderr.split("\n")[0] };
  };
  expect(await refused()).toMatchObject({ code: 1, stderr: expect.stringContaining("no key") });
  await init(folder.path);
  expect(await refused("witness.example/w2")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(name),
  });
  await chmod(join(folder.path, "witness-key.pem"), 0o644);
  expect(await refused()).toMatchObject({ code: 1, stderr: expect.stringContaining("0600") });
  await chmod(join(folder.path, "witness-key.pem"), 0o600);
  await rm(join(folder.path, "witness.sqlite"));
  expect(await refused()).toMatchObject({ code: 1, stderr: expect.stringContaining("fork") });
  await writeFile(
    join(folder.path, "witness.sqlite"),
    "no database at all, and long enough for it".repeat(40),
  );
  expect(await refused()).toMatchObject({ code: 1 });
});

test.each([
  ["no log", ["--listen", "127.0.0.1:0"]],
  ["a log that is no key", ["--listen", "127.0.0.1:0", "--log", "none+00000000+AA=="]],
  ["a log that a P-256 key signs", ["--listen", "127.0.0.1:0", "--log", p256Key()]],
  ["no port", ["--listen", "127.0.0.1", "--log", logKey(new SignedLog())]],
  ["a port past 65535", ["--listen", "127.0.0.1:65536", "--log", logKey(new SignedLog())]],
])("serve with %s is a usage error", async (_, more) => {
  const { code } = await weightvaultHere([
    "witness",
    "serve",
    "--folder",
    "f",
    "--name",
    name,
    ...more,
  ]);
  expect(code).toBe(2);
});

test("a second process cannot serve the same folder", async () => {
  await using folder = await temporaryFolder();
  const log = new SignedLog();
  await init(folder.path);
  const first = await startServe(folder.path, log);
  try {
    const second = await weightvaultHere(serveArguments(folder.path, log));
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining("another process") });
  } finally {
    first.child.kill("SIGTERM");
    await first.ended;
  }
});

test("killed at any moment, it has never cosigned two trees that contradict each other, nor forgets one", async () => {
  await using folder = await temporaryFolder();
  const log = new SignedLog();
  const key = parseCosignerKey((await init(folder.path)).stdout);
  if (key === null) throw new Error("init printed no key");
  const cosigned: number[] = [];
  let held = 0;
  let next = 1;
  for (let life = 0; life < 4; life += 1) {
    const { child, ended, url } = await startServe(folder.path, log);
    held = await heldSize(url, log);
    expect(cosigned.every((size) => size <= held)).toBe(true);
    const killed = setTimeout(() => child.kill("SIGKILL"), 20 + life * 25);
    for (;;) {
      next = held + 1;
      const fork = new SignedLog({
        signer: log.signer,
        fork: `f${life}`,
        forksAt: Math.max(0, held - 1),
      });
      const asked = await Promise.allSettled([
        ask(url, await log.growth(held, next), key),
        held < 2 ? null : ask(url, await fork.growth(held, next), key),
      ]);
      const [honest, forked] = asked;
      if (forked.status === "fulfilled" && forked.value !== null)
        expect(forked.value.status).not.toBe(200);
      if (honest.status === "rejected") break;
      expect(honest.value.status).toBe(200);
      cosigned.push(next);
      held = next;
    }
    clearTimeout(killed);
    expect((await ended).signal).toBe("SIGKILL");
  }
  expect(cosigned.length).toBeGreaterThan(0);
  expect(cosigned).toEqual([...cosigned].toSorted((one, two) => one - two));
});

async function ask(url: string, body: string, key: CosignerKey) {
  const answer = await fetch(`${url}/add-checkpoint`, { method: "POST", body });
  const text = await answer.text();
  if (answer.status === 200) {
    const note = parseNote(`${body.slice(body.indexOf("\n\n") + 2)}${text}`);
    expect(note === null ? null : verifyCosignature(note, key).verdict).toBe("verified");
  }
  return { status: answer.status, text };
}

/** What the witness holds, from its 409; asked with a size that it cannot hold. */
async function heldSize(url: string, log: SignedLog): Promise<number> {
  const answer = await fetch(`${url}/add-checkpoint`, {
    method: "POST",
    body: (await log.growth(0, 9_999)).replace("old 0", "old 9999"),
  });
  expect(answer.status).toBe(409);
  return Number(await answer.text());
}
