import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { Api } from "../support/api.ts";
import {
  type ApiCast,
  addActor,
  castOver,
  classifiedRepository,
  visitorFacts,
} from "../support/api-cast.ts";
import { cloneDatabase, hasPostgres } from "../support/database.ts";
import { aftermath } from "../support/kill-loop/aftermath.ts";
import { Checks, watching } from "../support/kill-loop/check.ts";
import { alternating, asLicensed, type Standing } from "../support/kill-loop/license.ts";
import { Random } from "../support/kill-loop/random.ts";
import { asking, streaming } from "../support/kill-loop/release.ts";
import { uploading } from "../support/kill-loop/upload.ts";
import { type Turn, takeTurns, World } from "../support/kill-loop/world.ts";
import {
  type ProcessSettings,
  type ServerProcess,
  spawnServer,
} from "../support/server-process.ts";

const seed = process.env["WEIGHTVAULT_TEST_KILL_SEED"] ?? randomBytes(6).toString("hex");
/** Of a server that was serving; those of one that was starting come on top. */
const kills = Number(process.env["WEIGHTVAULT_TEST_KILLS"] ?? 50);
const names = ["alpha", "beta"];
const engines = ["PGlite", ...(hasPostgres ? (["PostgreSQL"] as const) : [])] as const;

type Stage = {
  readonly world: World;
  readonly cast: ApiCast;
  readonly readers: Readonly<Record<"reader" | "streamer" | "visitor" | "checker", string>>;
  readonly license: string;
};

/** Officers, readers with grants, two classified repositories and a license for the visitor. */
async function setStage(api: Api, bootstrapToken: string): Promise<Stage> {
  const cast = await castOver(api, bootstrapToken);
  const officer = api.as(cast.first.token);
  const reader = await addActor(officer, "Rita Reader", ["reader"]);
  const streamer = await addActor(officer, "Sten Streamer", ["reader"]);
  const checker = await addActor(officer, "Cleo Checker", ["reader"]);
  const visitor = await addActor(officer, visitorFacts, ["reader"]);
  for (const name of names)
    await classifiedRepository(api, cast, { name, readers: [reader, streamer, checker, visitor] });
  const day = (offset: number) =>
    new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
  const license = await officer.text("license", "POST", "/v1/licenses", {
    number: "D000001",
    kind: "bis-license",
    validFrom: day(-3),
    validUntil: day(300),
    scope: {
      eccns: ["4E091"],
      repositories: null,
      destinations: [],
      nationalities: ["IN"],
      parties: { persons: [visitor.person], workloads: [], entities: [] },
      reasons: null,
    },
  });
  await api.as(cast.second.token).json("POST", `/v1/licenses/${license}/activate`);
  const verificationKey = await api.text("verificationKey", "GET", "/v1/ledger/key");
  return {
    world: new World(names, verificationKey),
    cast,
    license,
    readers: {
      reader: reader.token,
      streamer: streamer.token,
      checker: checker.token,
      visitor: visitor.token,
    },
  };
}

/** Everybody who uses the vault at the same time, by name. */
function clientsOf(
  { world, cast, readers, license }: Stage,
  random: (who: string) => Random,
): Map<string, Turn> {
  const standing: Standing = { state: "changing", version: 0 };
  return new Map([
    ["first uploader", uploading(world, random("first uploader"), cast.uploader.token)],
    ["second uploader", uploading(world, random("second uploader"), cast.uploader.token)],
    ["reader", asking(world, random("reader"), readers.reader)],
    ["streamer", streaming(world, random("streamer"), readers.streamer)],
    ["second streamer", streaming(world, random("second streamer"), readers.streamer)],
    ["officers", alternating(cast, { license, standing })],
    ["visitor", asLicensed(world, { random: random("visitor"), token: readers.visitor, standing })],
    ["witness", watching(world, cast.auditor.token)],
  ]);
}

type Loop = Stage & {
  readonly env: ProcessSettings;
  readonly randomOf: (who: string) => Random;
  readonly checks: Checks;
  readonly tell: (text: string) => void;
};

/**
 * One life of the server and its end. Some end while they start, some soon after, most when all that was promised was looked at. Gives
 * whether the server that was killed was serving.
 */
async function liveAndDie(loop: Loop, nth: number, random: Random): Promise<boolean> {
  const server = spawnServer(loop.env);
  const kind = nth % 5;
  try {
    if (kind === 0) {
      await sleep(random.below(1_500));
      return false;
    }
    const life = loop.world.open(await server.url);
    if (kind !== 1) await look(loop, life.api);
    loop.world.hunt();
    await loop.world.afterTurns(random.below(30));
    await sleep(random.below(50));
    return true;
  } finally {
    await kill(server, loop.world);
  }
}

async function look({ world, checks }: Loop, api: Api): Promise<void> {
  await checks.everyRevision(api);
  await checks.ledger(api);
  expect(world.violations).toEqual([]);
}

/** Throws where the server was gone before, or where it logged an error of its own. */
async function kill(server: ServerProcess, world: World | null): Promise<void> {
  world?.close();
  const { signal } = await server.end("SIGKILL");
  const errors = server.said().match(/^\{"level":(50|60).*$/gm) ?? [];
  // A release that waited too long for its entry was refused, as it should be.
  const troubles = errors.filter((line) => !line.includes('"code":"ledger_unavailable"'));
  if (signal !== "SIGKILL" || troubles.length > 0)
    throw new Error(`the server had trouble before it was killed: ${server.said()}`);
}

/** Lets everybody at one server after the other, and kills each. */
async function killAgainAndAgain(loop: Loop): Promise<void> {
  const { world, randomOf } = loop;
  const clients = [...clientsOf(loop, randomOf)].map(async ([who, turn]) => {
    await takeTurns(world, { who, random: randomOf(`${who}'s pauses`), turn });
  });
  try {
    const random = randomOf("kills");
    for (let [nth, served] = [1, 0]; served < kills; nth += 1) {
      if (!(await liveAndDie(loop, nth, random))) continue;
      served += 1;
      if (served % 10 === 0)
        loop.tell(
          `${served} kills while it served and ${nth - served} while it started, turns ${turnsOf(world)}`,
        );
    }
  } finally {
    world.end();
    await Promise.all(clients);
  }
  expect(world.violations).toEqual([]);
  // A loop in which nothing happened proves nothing.
  for (const who of ["first uploader", "reader", "streamer", "officers", "witness"])
    expect([who, (world.turns.get(who) ?? 0) > kills / 10]).toEqual([who, true]);
  // Half of the time the license is suspended, and it may be while the keys are on their way.
  expect(world.turns.get("licensed") ?? 0).toBeGreaterThan(0);
}

const turnsOf = ({ turns, cut }: World) =>
  `${JSON.stringify(Object.fromEntries(turns))}, cut short ${JSON.stringify(Object.fromEntries(cut))}`;

/** A last server, which nobody kills: everything is opened once more, and then what a sweep in ten days leaves is counted. */
async function takeStock({ env, checks }: Loop): Promise<string> {
  const server = spawnServer(env);
  try {
    const api = new Api(await server.url, null);
    await checks.everyRevision(api, { all: true });
    await checks.ledger(api);
  } finally {
    expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null });
  }
  const after = await aftermath(env);
  expect(after).toMatchObject({ open: 0, unended: 0, errors: 0, incoming: 0 });
  expect(after.license.used).toBe(after.license.counted);
  expect(after.objects.kept).toBe(after.objects.named);
  expect(after.objects.stored).toBe(after.objects.named);
  return JSON.stringify(after);
}

async function prepare(env: ProcessSettings, folder: string): Promise<Stage> {
  const server = spawnServer(env);
  try {
    const api = new Api(await server.url, null);
    const bootstrapToken = await readFile(join(folder, "bootstrap-token"), "utf8");
    return await setStage(api, bootstrapToken.trim());
  } finally {
    await kill(server, null);
  }
}

/** The whole loop on one engine. */
async function killOn(engine: (typeof engines)[number]): Promise<void> {
  const beginning = performance.now();
  const tell = (text: string) => {
    const seconds = Math.round((performance.now() - beginning) / 1_000);
    process.stderr.write(`${engine}, after ${seconds} s: ${text}\n`);
  };
  tell(`WEIGHTVAULT_TEST_KILL_SEED=${seed}`);
  const folder = await mkdtemp(join(tmpdir(), "weightvault-kill-loop-"));
  const clone = engine === "PostgreSQL" ? await cloneDatabase() : null;
  const env = {
    WEIGHTVAULT_DATA: folder,
    WEIGHTVAULT_LOG_LEVEL: "error",
    WEIGHTVAULT_RELEASE_WAIT_MS: "20000",
    ...(clone === null ? {} : { DATABASE_URL: clone.url }),
  };
  try {
    const randomOf = (who: string) => new Random(`${seed} ${engine} ${who}`);
    const stage = await prepare(env, folder);
    const { world, readers, cast } = stage;
    const tokens = { reader: readers.checker, auditor: cast.auditor.token };
    const loop = {
      ...stage,
      env,
      randomOf,
      tell,
      checks: new Checks(world, randomOf("checks"), tokens),
    };
    await killAgainAndAgain(loop);
    const after = await takeStock(loop);
    tell(`${loop.checks.opened} revisions, turns ${turnsOf(world)}, in the end ${after}`);
  } finally {
    await clone?.drop();
    await rm(folder, { recursive: true, force: true });
  }
}

// Both engines at once, in one test: Jest takes a file's code for ended when the first of its concurrent tests is.
test("killed at random moments under load, the server loses nothing it acknowledged and releases nothing unrecorded", async () => {
  const ended = await Promise.allSettled(engines.map(killOn));
  expect(ended.flatMap((each) => (each.status === "rejected" ? [each.reason] : []))).toEqual([]);
}, 3_000_000);
