import { readRegularFile } from "../ledger/source-file.ts";
import { ask, type Client, query } from "./client.ts";
import { recordsIn, repositoryName, repositoryRoute } from "./command.ts";
import { Failure } from "./failure.ts";
import { holds, type NamedManifest, type StoryNoun } from "./ledger-story.ts";
import { Pages } from "./pages.ts";

export type ManifestOptions = {
  readonly manifest?: readonly string[];
  readonly in?: readonly string[];
};

const longestManifestBytes = 256 * 2 ** 20;

/**
 * The revisions that hold an object, or the one that is asked for, from files or from the server. Throws `usage` where an object is asked for without any, and
 * where a revision is asked for with more than one.
 */
export async function manifestsOf(
  { noun, id }: { readonly noun: StoryNoun; readonly id: string },
  { manifest: files = [], in: places = [] }: ManifestOptions,
  client: Client | null,
): Promise<readonly NamedManifest[]> {
  const count = files.length + places.length;
  if (noun !== "object" && (noun !== "revision" || count === 0)) return [];
  if (noun === "revision" && count > 1)
    throw new Failure(
      "usage",
      "a revision has one manifest: name it once, with --in or --manifest",
    );
  const given: NamedManifest[] = [];
  for (const place of places) {
    if (client === null)
      throw new Failure(
        "usage",
        "--in asks the server, and a copy is read here: give the revision as JSON, with --manifest",
      );
    const [, repository = "", revision] = /^([^@]+)(?:@([^@]+))?$/.exec(place) ?? [];
    const address = `${repositoryRoute(repositoryName(repository))}/revisions`;
    const fetched = async (name: string): Promise<NamedManifest> => ({
      name: `${repository}@${name}`,
      manifest: await ask(client, "GET", `${address}/${encodeURIComponent(name)}`),
    });
    if (revision !== undefined) given.push(await fetched(revision));
    else if (noun === "object") given.push(...(await holding(client, address, { id, fetched })));
    else throw new Failure("usage", `${JSON.stringify(place)} names no revision`);
  }
  for (const file of files) given.push({ name: file, manifest: await readManifest(file) });
  if (given.length === 0) throw unnamed();
  return given;
}

function unnamed(): Failure {
  return new Failure(
    "usage",
    "an object's releases are of its revisions: say which hold it, with --in namespace/name@revision or, offline, --manifest",
  );
}

const pageSize = 200;

/** All revisions of a repository that hold an object. Throws `notFound` where none does. */
async function holding(
  client: Client,
  address: string,
  {
    id,
    fetched,
  }: { readonly id: string; readonly fetched: (revision: string) => Promise<NamedManifest> },
): Promise<readonly NamedManifest[]> {
  const given: NamedManifest[] = [];
  const pages = new Pages("revisions");
  let before: string | null = null;
  do {
    const asked = query({ limit: `${pageSize}`, before: before ?? undefined });
    const revisions = recordsIn(await ask(client, "GET", `${address}${asked}`), "revisions");
    const names = revisions
      .map(({ revision }) => revision)
      .filter((name) => typeof name === "string");
    if (names.length < revisions.length)
      throw new Failure("failed", "the server's list of revisions names one by no text");
    const last = revisions.length < pageSize ? null : (names.at(-1) ?? null);
    before = pages.next(names, last);
    for (const revision of names) {
      const each = await fetched(revision);
      if (holds(each.manifest, id)) given.push(each);
    }
  } while (before !== null);
  if (given.length > 0) return given;
  throw new Failure("notFound", "no revision of the repository holds the object");
}

async function readManifest(file: string): Promise<unknown> {
  const bytes = await readRegularFile(file, longestManifestBytes);
  if (bytes === null) throw new Failure("failed", `${file} is no file`);
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new Failure("failed", `${file} is not JSON`, { cause });
  }
}
