import { sha256 } from "../actors.ts";
import type { Api } from "../api.ts";
import { fileAt, type Random, type SeededFile, seededFile } from "./random.ts";
import { expectStatus, type Turn, Violation, type World } from "./world.ts";

type Commit = {
  readonly name: string;
  readonly upload: string;
  readonly body: {
    readonly parent: string | null;
    readonly message: string;
    readonly files: readonly NamedFile[];
  };
};

type NamedFile = { readonly path: string; readonly size: number; readonly sha256: string };

const sizes = [0, 1, 70_000, 1_048_544, 1_300_000, 2_500_000] as const;

/** Uploads and commits without end; a commit whose answer was lost is asked for again in the next life. */
export function uploading(world: World, random: Random, token: string): Turn {
  let unanswered: Commit | null = null;
  return async ({ api }) => {
    const uploader = api.as(token);
    if (unanswered === null) {
      const name = random.pick(world.names);
      const prepared = await prepare(uploader, random, name);
      unanswered = prepared;
    }
    await commit(world, uploader, unanswered);
    unanswered = null;
    return true;
  };
}

async function prepare(uploader: Api, random: Random, name: string): Promise<Commit> {
  const at = `/v1/repositories/lab/${name}`;
  const { head } = await uploader.json("GET", at);
  const parent = typeof head === "string" ? head : null;
  const kept = parent === null ? [] : (await filesOf(uploader, name, parent)).slice(0, 1);
  const upload = await uploader.text("upload", "POST", `${at}/uploads`);
  const files = [...kept];
  for (let left = 1 + random.below(2); left > 0; left -= 1) {
    const seed = `f-${random.below(2 ** 40).toString(36)}`;
    files.push(
      await put(uploader, `${at}/uploads/${upload}`, seededFile(seed, random.pick(sizes))),
    );
  }
  const paths = files.map(({ path }) => path).sort();
  return { name, upload, body: { parent, message: JSON.stringify(paths), files } };
}

async function put(
  uploader: Api,
  at: string,
  { path, size, bytes }: SeededFile,
): Promise<NamedFile> {
  const content = bytes();
  const stored = await uploader.json("PUT", `${at}/files/${path}`, content);
  if (stored["sha256"] !== sha256(content) || stored["size"] !== size)
    throw new Violation(`${path} was taken as ${JSON.stringify(stored)}`);
  return { path, size, sha256: sha256(content) };
}

/** What is acknowledged can be read at once. */
async function commit(world: World, uploader: Api, { name, upload, body }: Commit): Promise<void> {
  const at = `/v1/repositories/lab/${name}`;
  const answer = await uploader.ask("POST", `${at}/uploads/${upload}/commit`, body);
  // Another commit may have come between.
  const made = expectStatus("a commit", answer, { status: 201, refusals: ["parent_moved"] });
  if (made === null) return;
  const revision = String(made["revision"]);
  world.acknowledged.get(name)?.add(revision);
  const read = await uploader.ask("GET", `${at}/revisions/${revision}`);
  if (read.status !== 200)
    throw new Violation(`the acknowledged ${revision} is answered with ${read.status}`);
}

async function filesOf(uploader: Api, name: string, revision: string): Promise<NamedFile[]> {
  const read = await uploader.json("GET", `/v1/repositories/lab/${name}/revisions/${revision}`);
  const files = read["files"] as readonly NamedFile[];
  return files.map(({ path, size, sha256: digest }) => ({ path, size, sha256: digest }));
}

/** The revision's files, which must be all that were committed and none of another. */
export function wholeFiles(
  revision: string,
  read: Readonly<Record<string, unknown>>,
): SeededFile[] {
  const files = read["files"] as readonly NamedFile[];
  const paths = JSON.stringify(files.map(({ path }) => path).sort());
  if (paths !== read["message"])
    throw new Violation(
      `${revision} has ${paths} and was committed with ${String(read["message"])}`,
    );
  return files.map(({ path, size }) => {
    const file = fileAt(path);
    if (file === null || file.size !== size)
      throw new Violation(`${revision} has ${path} with ${size} bytes`);
    return file;
  });
}
