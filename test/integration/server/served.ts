import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api } from "../../support/api.ts";
import {
  type ApiActor,
  type ApiCast,
  addActor,
  castOver,
  classifiedRepository,
  downloadOver,
  uploadOver,
} from "../../support/api-cast.ts";
import { cloneDatabase, hasPostgres } from "../../support/database.ts";
import type { ProcessSettings } from "../../support/server-process.ts";

export type Place = AsyncDisposable & {
  readonly folder: string;
  /** Settings of a server that lives there. */
  readonly env: ProcessSettings;
};

/** A data folder of the test's own, with the embedded database in it; `await using` removes it. */
export async function embeddedPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-served-"));
  return {
    folder,
    env: { WEIGHTVAULT_DATA: folder },
    [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true, force: true }),
  };
}

/** The same beside a PostgreSQL database of the test's own where the run has one, since a new embedded one takes its time. */
export async function anyPlace(): Promise<Place> {
  const place = await embeddedPlace();
  if (!hasPostgres) return place;
  const { url, drop } = await cloneDatabase();
  return {
    ...place,
    env: { ...place.env, DATABASE_URL: url },
    [Symbol.asyncDispose]: async () => {
      await drop();
      await place[Symbol.asyncDispose]();
    },
  };
}

export async function bootstrapTokenIn(folder: string): Promise<string> {
  return (await readFile(join(folder, "bootstrap-token"), "utf8")).trim();
}

export type Told = ApiCast & { readonly reader: ApiActor; readonly bytes: Buffer };

/** The small whole story, over HTTP: bootstrap, an upload, its classification by two officers, a grant, and a release. */
export async function tell(url: string, bootstrapToken: string): Promise<Told> {
  const api = new Api(url, null);
  const cast = await castOver(api, bootstrapToken);
  const reader = await addActor(api.as(cast.first.token), "Rita Reader", ["reader"]);
  await classifiedRepository(api, cast, { name: "model", readers: [reader] });
  const bytes = Buffer.alloc(1_100_000, "weights ");
  const files = { "weights.bin": bytes };
  await uploadOver(api.as(cast.uploader.token), { name: "model", files });
  const got = await release(url, reader);
  if (!got.equals(bytes)) throw new Error("other bytes arrived");
  return { ...cast, reader, bytes };
}

/** The story's file as the reader gets it. */
export async function release(url: string, reader: Pick<ApiActor, "token">): Promise<Buffer> {
  const api = new Api(url, reader.token);
  return await downloadOver(api, { name: "model", path: "weights.bin" });
}
