import { urlSource } from "../../../src/ledger/source-url.ts";
import { type Report, verifyLedger } from "../../../src/ledger/verify.ts";
import type { Api } from "../api.ts";
import { downloadOver } from "../api-cast.ts";
import type { Random } from "./random.ts";
import { wholeFiles } from "./upload.ts";
import { type Turn, Violation, type World } from "./world.ts";

/** Keeps the newest checkpoint, as a witness does. */
export function watching(world: World, token: string): Turn {
  return async ({ api }) => {
    const sizeBefore = world.checkpoint?.size ?? 0;
    const answer = await api.as(token).fetch("GET", "/ledger/checkpoint");
    if (answer.status !== 200) throw new Violation(`the checkpoint is answered ${answer.status}`);
    world.sawCheckpoint(await answer.text(), sizeBefore);
    return true;
  };
}

const freshAtOnce = 3;

/** Holds a server to what the ones before it acknowledged: each revision is there, some are opened in each life, and all in the end. */
export class Checks {
  readonly #world: World;
  readonly #random: Random;
  readonly #reader: string;
  readonly #auditor: string;
  readonly #seen = new Map<string, Set<string>>();

  constructor(
    world: World,
    random: Random,
    { reader, auditor }: { readonly reader: string; readonly auditor: string },
  ) {
    this.#world = world;
    this.#random = random;
    this.#reader = reader;
    this.#auditor = auditor;
    for (const name of world.names) this.#seen.set(name, new Set());
  }

  get opened(): number {
    return [...this.#seen.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Every revision that was acknowledged or seen is there, and some new and old ones open whole; with `all` every one does. */
  async everyRevision(api: Api, { all = false } = {}): Promise<void> {
    for (const [name, seen] of this.#seen) await this.#repository(api, { name, seen, all });
  }

  async #repository(
    api: Api,
    {
      name,
      seen,
      all,
    }: { readonly name: string; readonly seen: Set<string>; readonly all: boolean },
  ): Promise<void> {
    const acknowledged = [...(this.#world.acknowledged.get(name) ?? [])];
    const reader = api.as(this.#reader);
    const visible = await listed(reader, name);
    const lost = [...acknowledged, ...seen].filter((revision) => !visible.includes(revision));
    if (lost.length > 0) throw new Violation(`${name} has lost ${lost.join(", ")}`);
    for (const revision of all ? visible : this.#some(visible, seen))
      await this.#open(reader, name, revision);
    for (const revision of visible) seen.add(revision);
  }

  /** A few of the new ones and one of the others: in the end all are opened. */
  #some(visible: readonly string[], seen: ReadonlySet<string>): readonly string[] {
    const fresh = visible.filter((revision) => !seen.has(revision));
    const chosen = seen.size === 0 ? [] : [this.#random.pick([...seen])];
    for (let left = freshAtOnce; left > 0 && fresh.length > 0; left -= 1)
      chosen.push(...fresh.splice(this.#random.below(fresh.length), 1));
    return chosen;
  }

  async #open(reader: Api, name: string, revision: string): Promise<void> {
    const read = await reader.json("GET", `/v1/repositories/lab/${name}/revisions/${revision}`);
    for (const { path, bytes } of wholeFiles(revision, read)) {
      const got = await downloadOver(reader, { name, path, revision });
      if (!got.equals(bytes())) throw new Violation(`${path} of ${revision} has other bytes`);
    }
  }

  /** The ledger, fetched whole over HTTP, verifies and has grown from what was seen of it, and holds the entry of everything received. */
  async ledger(api: Api): Promise<Report> {
    const received = [...this.#world.received];
    const older = this.#world.checkpoint;
    const allowed = new Set<unknown>();
    const source = urlSource({ url: new URL(`${api.url}/ledger/`), token: () => this.#auditor });
    const report = await verifyLedger(source, {
      verificationKey: this.#world.verificationKeyText,
      ...(older === null ? {} : { olderCheckpoint: older.note }),
      replay: ({ kind, body }) => {
        if (kind === "release.allowed") allowed.add(body["release"]);
        return null;
      },
    });
    const errors = report.findings.filter(({ severity }) => severity === "error");
    if (!report.verified)
      throw new Violation(`the ledger does not verify: ${JSON.stringify(errors.slice(0, 5))}`);
    const unrecorded = received.filter((release) => !allowed.has(release));
    if (unrecorded.length > 0) throw new Violation(`no entry allows ${unrecorded.join(", ")}`);
    return report;
  }
}

/** Every revision of a repository, newest first, page by page. */
async function listed(reader: Api, name: string): Promise<string[]> {
  const found: string[] = [];
  for (let before = ""; ; before = `&before=${found.at(-1)}`) {
    const path = `/v1/repositories/lab/${name}/revisions?limit=100${before}`;
    const { revisions } = await reader.json("GET", path);
    const page = (revisions as readonly { revision: string }[]).map(({ revision }) => revision);
    found.push(...page);
    if (page.length < 100) return found;
  }
}
